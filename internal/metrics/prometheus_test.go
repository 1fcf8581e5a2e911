package metrics

import (
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"peerscope/internal/topology"
)

var update = flag.Bool("update", false, "rewrite golden files")

// shop is a small host with something of everything.
func shop(t *testing.T, c SeriesConfig) *Accumulator {
	t.Helper()
	nginx, app, redis, curl := program(1, "nginx", -100), program(2, "app.py", -100), program(3, "redis-server", -100), program(4, "curl", 9)
	nginx.Attributes.Unit, redis.Attributes.ContainerName = "nginx.service", "cache"
	app.Attributes.Deployment, app.Attributes.Namespace, app.Attributes.PodContainer = "shop", "prod", "main"
	out := address("203.0.113.9")
	unix := topology.Edge{Client: app.ID, Server: redis.ID, Transport: "unix", Path: "/run/redis.sock", Connections: topology.Connections{Active: 1}}
	pair := topology.Edge{Ends: []string{nginx.ID, nginx.ID}, Transport: "unix", Connections: topology.Connections{Active: 2}}
	m := windowOf(0, 10, []topology.Node{nginx, app, redis, curl, out}, calls(nginx, app, 9000), calls(curl, nginx, 80), calls(out, nginx, 443), unix, pair)
	m.Capture = topology.Capture{Lost: map[string]uint64{"ring_full": 2, "late": 0}, Completeness: new(0.9999),
		Degraded: []topology.Degraded{{Code: "no_conntrack"}}, Unattributed: topology.Unattributed{Bytes: 7}}
	a := NewAccumulator(c)
	add(t, a, m)
	return a
}

func selfForTests() Self {
	return Self{Version: "1.0", Revision: "abc", Exports: map[string]Exported{"otlp": {Sent: 5, Failed: 1, Dropped: 2}},
		History: &History{Bytes: 4096, Oldest: at(0)}, BPF: map[string]time.Duration{"set_state": 1500 * time.Millisecond}}
}

// scrape asks as a scraper does.
func scrape(t testing.TB, h http.Handler, accept string) (header http.Header, body string) {
	t.Helper()
	r := httptest.NewRequest("GET", "/metrics", nil)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Header(), w.Body.String()
}

// own leaves out what is not of this package: the runtime's metrics, and the
// version of Go.
func own(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		if strings.Contains(line, "peerscope_") && !strings.HasPrefix(line, "peerscope_build_info{") || strings.Contains(line, "traces_") {
			out.WriteString(line)
		}
	}
	return out.String()
}

func TestTextOfAScrape(t *testing.T) {
	c := DefaultSeries()
	c.ServiceGraph, c.Paths = true, true
	for name, accept := range map[string]string{"scrape.txt": "text/plain", "scrape.openmetrics": "application/openmetrics-text;version=1.0.0"} {
		_, body := scrape(t, Handler(DefaultPrometheus(), shop(t, c), selfForTests), accept)
		golden := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(golden, []byte(own(body)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), own(body)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

// TestFormats: the answer is in the format that was asked for.
func TestFormats(t *testing.T) {
	h := Handler(DefaultPrometheus(), shop(t, DefaultSeries()), selfForTests)
	for accept, want := range map[string]string{
		"":    "text/plain; version=0.0.4",
		"*/*": "text/plain; version=0.0.4",
		"application/openmetrics-text;version=1.0.0,text/plain;q=0.5":                                                 "application/openmetrics-text; version=1.0.0",
		"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,text/plain;q=0.3": "text/plain; version=0.0.4",
	} {
		header, body := scrape(t, h, accept)
		if got := header.Get("Content-Type"); !strings.HasPrefix(got, want) {
			t.Errorf("%q is answered by %q, want %q", accept, got, want)
		}
		if open := strings.HasPrefix(want, "application/openmetrics"); open != strings.HasSuffix(body, "# EOF\n") {
			t.Errorf("%q ends with %q", accept, body[len(body)-20:])
		}
	}
}

// TestWriterAgreesWithTheLibrary: what the library reads of a scrape, and writes
// again, is the same text.
func TestWriterAgreesWithTheLibrary(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3} {
		c := DefaultSeries()
		c.ServiceGraph = true
		a, w := NewAccumulator(c), newWorld(seed)
		for range 40 {
			add(t, a, w.window())
		}
		_, text := scrape(t, Handler(DefaultPrometheus(), a, selfForTests), "text/plain")
		families := parse(t, text)
		var again strings.Builder
		enc := expfmt.NewEncoder(&again, expfmt.NewFormat(expfmt.TypeTextPlain))
		for _, name := range sortedKeys(families) {
			if err := enc.Encode(families[name]); err != nil {
				t.Fatal(err)
			}
		}
		order := func(text string) []string {
			var lines []string
			for line := range strings.Lines(text) {
				name, number, _ := strings.Cut(line, " ")
				if n, err := strconv.ParseFloat(strings.TrimSpace(number), 64); err == nil {
					number = fmt.Sprint(n)
				}
				head, labels, _ := strings.Cut(strings.TrimSuffix(name, "}"), "{")
				parts := strings.Split(labels, ",") // no value of this world has a comma
				slices.Sort(parts)
				lines = append(lines, head+" "+strings.Join(parts, ",")+" "+number)
			}
			slices.Sort(lines)
			return lines
		}
		if d := cmp.Diff(order(own(text)), order(own(again.String()))); d != "" {
			t.Errorf("(-written +library):\n%s", d)
		}
	}
}

func TestScrapeIsCompressed(t *testing.T) {
	r := httptest.NewRequest("GET", "/metrics", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	w := httptest.NewRecorder()
	Handler(DefaultPrometheus(), shop(t, DefaultSeries()), nil).ServeHTTP(w, r)
	z, err := gzip.NewReader(w.Body)
	if err != nil || w.Header().Get("Content-Encoding") != "gzip" {
		t.Fatalf("%v, headers %v", err, w.Header())
	}
	if text, err := io.ReadAll(z); err != nil || !strings.Contains(string(text), "peerscope_edge_bytes_total{") {
		t.Errorf("%v: %.200s", err, text)
	}
}

// parse reads a scrape as Prometheus's library does.
func parse(t *testing.T, text string) map[string]*dto.MetricFamily {
	t.Helper()
	p := expfmt.NewTextParser(model.UTF8Validation)
	out, err := p.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestScrapeOfHostileNames: whatever processes are called, a scrape can be read
// and no two series are the same.
func TestScrapeOfHostileNames(t *testing.T) {
	names := []string{"a\nb", `a"b`, `a\`, "\xff\xfe", "~other", "\u202eevil", strings.Repeat("é", 500), "", "{}", "x\x00", strings.Repeat("é", 501)}
	var nodes []topology.Node
	for i, name := range names {
		n := program(i+1, name, -100)
		n.Attributes.Namespace, n.Attributes.Deployment, n.Attributes.ContainerName = name, name, name
		nodes = append(nodes, n)
		ext := address(fmt.Sprintf("10.0.0.%d", i))
		ext.Name, ext.Attributes.PodName = name, name
		nodes = append(nodes, ext)
	}
	m := windowOf(0, 10, nodes)
	for _, a := range nodes {
		for _, b := range nodes {
			m.Edges = append(m.Edges, calls(a, b, 80), topology.Edge{Ends: []string{a.ID, b.ID}, Transport: "udp", Bytes: &topology.Bytes{FirstToSecond: new(uint64(1))}})
		}
	}
	for _, addresses := range []string{AddressesNone, AddressesServers, AddressesAll} {
		c := DefaultSeries()
		c.ServiceGraph, c.MaxExternalNames, c.Addresses = true, 5, addresses
		a := NewAccumulator(c)
		add(t, a, m)
		_, text := scrape(t, Handler(DefaultPrometheus(), a, nil), "text/plain")
		families := parse(t, text)
		seen := map[string]bool{}
		for line := range strings.Lines(text) {
			series := line[:strings.LastIndex(line, " ")]
			if seen[series] && line[0] != '#' {
				t.Fatalf("twice: %s", series)
			}
			seen[series] = true
		}
		var bytes float64
		for _, x := range families["peerscope_edge_bytes_total"].Metric {
			bytes += x.GetCounter().GetValue()
		}
		if want := float64(len(nodes) * len(nodes) * 2100); bytes != want {
			t.Errorf("%v bytes, want %v", bytes, want)
		}
	}
}

// TestHistogramsOfAScrape: coarse, full and none have the same count and sum,
// and each bucket has what is not above its bound.
func TestHistogramsOfAScrape(t *testing.T) {
	a := shop(t, DefaultSeries())
	for buckets, want := range map[string]map[float64]uint64{
		"full":   {0.0001: 0, 0.0002: 2, 0.002: 2, 0.005: 3, 100: 3},
		"coarse": {0.0001: 0, 0.0005: 2, 0.001: 2, 0.005: 3, 10: 3},
		"none":   {},
	} {
		_, text := scrape(t, Handler(PrometheusConfig{Buckets: buckets}, a, nil), "text/plain")
		for _, m := range parse(t, text)["peerscope_edge_tcp_rtt_seconds"].Metric {
			h := m.GetHistogram()
			if h.GetSampleCount() != 3 || h.GetSampleSum() != 0.0053 {
				t.Errorf("%s: count %d, sum %v", buckets, h.GetSampleCount(), h.GetSampleSum())
			}
			got, last := map[float64]uint64{}, uint64(0)
			for _, b := range h.Bucket {
				if _, ok := want[b.GetUpperBound()]; ok {
					got[b.GetUpperBound()] = b.GetCumulativeCount()
				}
				if b.GetCumulativeCount() < last {
					t.Errorf("%s: fewer up to %v", buckets, b.GetUpperBound())
				}
				if last = b.GetCumulativeCount(); math.IsInf(b.GetUpperBound(), 1) && last != 3 {
					t.Errorf("%s: %d in all", buckets, last)
				}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s (-want +got):\n%s", buckets, d)
			}
		}
	}
	if err := (PrometheusConfig{Buckets: "fine"}).Validate(); err == nil || err.Error() != `buckets is "fine": it is one of full, coarse, none` {
		t.Error(err)
	}
}

// TestPromtoolHasNoComplaints: Prometheus's own judge of metrics.
func TestPromtoolHasNoComplaints(t *testing.T) {
	needs(t, "promtool")
	c := DefaultSeries()
	c.PID, c.Addresses = true, AddressesAll
	_, text := scrape(t, Handler(DefaultPrometheus(), shop(t, c), selfForTests), "text/plain")
	cmd := exec.Command("promtool", "check", "metrics")
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

// needs skips a test for want of a program, or fails it where none may be.
func needs(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("PEERSCOPE_REQUIRE_PRIVILEGED") == "1" {
			t.Fatalf("%s is not installed (Debian: apt-get install prometheus)", program)
		}
		t.Skipf("%s is not installed (Debian: apt-get install prometheus)", program)
	}
}

// BenchmarkScrape is one of 5,000 edges between programs.
func BenchmarkScrape(b *testing.B) {
	a := NewAccumulator(DefaultSeries())
	if err := a.Add(large(5000)); err != nil {
		b.Fatal(err)
	}
	for _, buckets := range []string{"none", "coarse", "full"} {
		for _, encoding := range []string{"identity", "gzip"} {
			b.Run(buckets+"/"+encoding, func(b *testing.B) {
				h := Handler(PrometheusConfig{Buckets: buckets}, a, nil)
				b.ReportAllocs()
				size := 0
				for b.Loop() {
					r := httptest.NewRequest("GET", "/metrics", nil)
					r.Header.Set("Accept-Encoding", encoding)
					w := &discard{header: http.Header{}}
					h.ServeHTTP(w, r)
					size = w.n
				}
				b.ReportMetric(float64(size)/1e6, "MB")
			})
		}
	}
}

type discard struct {
	header http.Header
	n      int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Write(b []byte) (int, error) { d.n += len(b); return len(b), nil }
