package receivers

import (
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"peerscope/internal/metrics"
)

// TestPrometheusHasWhatMapsSay: a real Prometheus scrapes, in OpenMetrics as it
// asks for, and every query of the dashboards has an answer.
func TestPrometheusHasWhatMapsSay(t *testing.T) {
	program, err := exec.LookPath("prometheus")
	if err != nil {
		const message = "prometheus is not installed (Debian: apt-get install prometheus)"
		if os.Getenv("PEERSCOPE_REQUIRE_PRIVILEGED") == "1" {
			t.Fatal(message)
		}
		t.Skip(message)
	}
	a := accumulator()
	target := httptest.NewServer(metrics.Handler(metrics.DefaultPrometheus(), a, self))
	defer target.Close()
	windows := maps(t)
	half := len(windows) / 2
	for _, m := range windows[:half] {
		if err := a.Add(m); err != nil {
			t.Fatal(err)
		}
	}
	dir, listen := t.TempDir(), freePort(t)
	config := filepath.Join(dir, "prometheus.yaml")
	text := fmt.Sprintf("global: {scrape_interval: 1s}\nscrape_configs:\n- job_name: peerscope\n  static_configs: [{targets: [%q]}]\n", strings.TrimPrefix(target.URL, "http://"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, program, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+listen, "--log.level=warn")
	s := store{"http://" + listen}
	s.wait(t, "sum(up)", 1)
	s.wantSums(t, windows[:half])
	for _, m := range windows[half:] {
		if err := a.Add(m); err != nil {
			t.Fatal(err)
		}
	}
	s.wantSums(t, windows)
	s.wait(t, "peerscope_windows_total", float64(len(windows)))
	s.wantDashboards(t)
}
