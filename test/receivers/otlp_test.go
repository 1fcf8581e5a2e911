//go:build receivers

package receivers

import (
	"bufio"
	"context"
	"encoding/json"
	"math"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"peerscope/internal/metrics"
	"peerscope/internal/topology"
)

// part is a program that `make receivers` built.
func part(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("PEERSCOPE_RECEIVERS")
	if dir == "" {
		t.Fatal("run this by make receivers, which builds the parts")
	}
	return filepath.Join(dir, name)
}

// send exports windows until all are taken.
func send(t *testing.T, c metrics.OTLPConfig, windows []*topology.Map) {
	t.Helper()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	a := accumulator()
	o, err := metrics.NewOTLP(t.Context(), c, a, windows[0].Host, self)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- o.Run(ctx) }()
	for _, m := range windows {
		if err := a.Add(m); err != nil {
			t.Fatal(err)
		}
		o.Add(m)
	}
	cancel()
	if err := <-done; err != nil || o.Err() != nil {
		t.Fatalf("%v, %v, %+v", err, o.Err(), o.Stats())
	}
	if x := o.Stats(); x.Failed != 0 || x.Dropped != 0 {
		t.Errorf("%+v", x)
	}
}

func config(protocol, endpoint string) metrics.OTLPConfig {
	c := metrics.DefaultOTLP()
	c.Protocol, c.Endpoint, c.Compression, c.Queue, c.FlushTimeout = protocol, endpoint, "gzip", 100, time.Minute
	return c
}

// TestVictoriaMetricsHasWhatMapsSay: a store that takes OTLP and answers PromQL
// has the same names and sums as a scrape, and the dashboards work with it.
func TestVictoriaMetricsHasWhatMapsSay(t *testing.T) {
	listen := freePort(t)
	start(t, part(t, "victoria-metrics"), "-httpListenAddr="+listen, "-storageDataPath="+filepath.Join(t.TempDir(), "data"),
		"-opentelemetry.usePrometheusNaming", "-search.latencyOffset=0", "-search.maxStalenessInterval=10m", "-loggerLevel=WARN")
	s := store{"http://" + listen}
	ready(t, listen)
	windows := maps(t)
	c := config("http/protobuf", s.url+"/opentelemetry")
	c.Names = "prometheus"
	send(t, c, windows)
	s.wantSums(t, windows)
	s.wait(t, "max(peerscope_windows_total)", float64(len(windows)))
	s.wantDashboards(t)
}

// TestCollectorHasWhatMapsSay, by both protocols.
func TestCollectorHasWhatMapsSay(t *testing.T) {
	for _, protocol := range []string{"grpc", "http/protobuf"} {
		for _, temporality := range []string{"cumulative", "delta"} {
			t.Run(protocol+" "+temporality, func(t *testing.T) {
				listen := map[string]string{"grpc": freePort(t), "http/protobuf": freePort(t)}
				stdout := start(t, part(t, "collector"), "-grpc", listen["grpc"], "-http", listen["http/protobuf"])
				ready(t, listen[protocol])
				windows := maps(t)
				c := config(protocol, "http://"+listen[protocol])
				c.Temporality = temporality
				send(t, c, windows)
				wantCollected(t, stdout, windows)
			})
		}
	}
}

// ready waits until somebody listens.
func ready(t *testing.T, address string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return
		}
	}
	t.Fatalf("nobody listens at %s", address)
}

// wantCollected sums the points that the collector wrote down: the last of each
// cumulative one, all deltas.
func wantCollected(t *testing.T, file string, windows []*topology.Map) {
	t.Helper()
	points := map[string]float64{}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var request struct {
			ResourceMetrics []struct{ ScopeMetrics []struct{ Metrics []metric } }
		}
		if err := json.Unmarshal(lines.Bytes(), &request); err != nil {
			t.Fatal(err)
		}
		for _, r := range request.ResourceMetrics {
			for _, s := range r.ScopeMetrics {
				for i := range s.Metrics {
					s.Metrics[i].put(points)
				}
			}
		}
	}
	got := map[string]float64{}
	for key, n := range points {
		name, _, _ := strings.Cut(key, " ")
		got[name] += n
	}
	want := map[string]float64{}
	for query, n := range sums(windows) {
		name := strings.TrimSuffix(strings.TrimPrefix(query, "sum("), ")")
		name, _, _ = strings.Cut(name, "{")
		want[name] += n
	}
	for name, n := range want {
		name := strings.NewReplacer("_total", "", "_seconds", "", "_", ".").Replace(name)
		if math.Abs(got[name]-n) > 1e-9*n {
			t.Errorf("%s: the collector has %v, the maps have %v", name, got[name], n)
		}
	}
}

// metric is one of OTLP's JSON.
type metric struct {
	Name           string
	Sum, Histogram *struct {
		AggregationTemporality int
		DataPoints             []struct {
			Attributes json.RawMessage
			AsInt      string
			Count      string
			Sum        float64
		}
	}
}

func (m *metric) put(points map[string]float64) {
	add := func(key string, n float64, delta bool) {
		if delta {
			n += points[key]
		}
		points[key] = n
	}
	const deltas = 1
	if m.Sum != nil {
		for _, p := range m.Sum.DataPoints {
			n, _ := strconv.ParseFloat(p.AsInt, 64)
			add(m.Name+" "+string(p.Attributes), n, m.Sum.AggregationTemporality == deltas)
		}
	}
	if m.Histogram != nil {
		for _, p := range m.Histogram.DataPoints {
			n, _ := strconv.ParseFloat(p.Count, 64)
			add(m.Name+".count "+string(p.Attributes), n, m.Histogram.AggregationTemporality == deltas)
			add(m.Name+".sum "+string(p.Attributes), p.Sum, m.Histogram.AggregationTemporality == deltas)
		}
	}
}
