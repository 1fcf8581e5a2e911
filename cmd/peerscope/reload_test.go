package main

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/protobuf/proto"

	"peerscope/internal/capture/capturetest"
)

// reloading is a `peerscope serve` of one network namespace and a file that is
// changed.
type reloading struct {
	*serving
	ns   *capturetest.Namespace
	file string
}

func startReloading(t *testing.T, text string) *reloading {
	t.Helper()
	capturetest.RequireRoot(t)
	r := &reloading{ns: capturetest.NewNamespace(t)}
	dir := t.TempDir()
	t.Cleanup(r.ns.Name(t, dir, "ns"))
	r.file = filepath.Join(dir, "c.yaml")
	writeText(t, r.file, text)
	r.serving = startServe(t, "--config", r.file, "--netns", filepath.Join(dir, "ns"), "--source", "netlink", "--no-history")
	r.until("the first window", func() bool { return r.status().Ticks > 0 })
	return r
}

func (r *reloading) status() agentStatus {
	r.t.Helper()
	var st statusAnswer
	r.get("/api/v1/status", &st)
	return st.Self
}

// hangup has the file read again, and waits until it says something that it did
// not say before.
func (r *reloading) hangup(text, says string) {
	r.t.Helper()
	writeText(r.t, r.file, text)
	before := strings.Count(r.said.String(), says)
	if err := r.c.Process.Signal(syscall.SIGHUP); err != nil {
		r.t.Fatal(err)
	}
	r.until(says, func() bool { return strings.Count(r.said.String(), says) > before })
}

// healthy fails the test if it says that it is not.
func (r *reloading) healthy() {
	r.t.Helper()
	var text string
	r.get("/healthz", &text)
}

// TestServeReloads: a changed filter is taken over by SIGHUP, a wrong file is
// refused and changes nothing.
func TestServeReloads(t *testing.T) {
	r := startReloading(t, "filter: to:port:1\n")
	for _, step := range []struct{ text, says, want string }{
		{"filter: to:port:2\n", "was taken over", "to:port:2"},
		{"filtre: to:port:3\n", `unknown key \"filtre\", did you mean \"filter\"?`, "to:port:2"},
		{"filter: to:prot:3\n", `unknown key \"prot\"`, "to:port:2"},
	} {
		r.hangup(step.text, step.says)
		if got := r.status().Filter; got != step.want {
			t.Errorf("after %q the filter is %q, want %q", step.text, got, step.want)
		}
	}
	r.stop()
}

// TestServeReloadsTheFilterOfMetrics: what is asked for afterwards is by the new
// one, and what was counted stays.
func TestServeReloadsTheFilterOfMetrics(t *testing.T) {
	const series = "exporters: {series: {min_age: 0s}}\n"
	r := startReloading(t, "window: 1s\nfilter: to:port:7001\n"+series)
	one, two := capturetest.Listen(t, r.ns, "127.0.0.1:7001"), capturetest.Listen(t, r.ns, "127.0.0.1:7002")
	opened := func() [2]int {
		var text string
		r.get("/metrics", &text)
		var n [2]int
		for i, port := range []string{"7001", "7002"} {
			for line := range strings.Lines(text) {
				if strings.Contains(line, `port="`+port+`"`) {
					n[i] += sumOf(line, "peerscope_edge_connections_opened_total")
				}
			}
		}
		return n
	}
	for i, step := range []struct {
		filter string
		want   [2]int
	}{{"to:port:7001", [2]int{5, 0}}, {"to:port:7002", [2]int{5, 7}}, {"to:port:7001", [2]int{10, 7}}} {
		if i > 0 {
			r.hangup("window: 1s\nfilter: "+step.filter+"\n"+series, "was taken over")
		}
		connectTimes(t, r.ns, one, 5)
		connectTimes(t, r.ns, two, 7)
		ticks := r.status().Ticks
		r.until("windows with them", func() bool { return r.status().Ticks >= ticks+2 })
		if got := opened(); got != step.want {
			t.Errorf("step %d, filter %s: opened %v, want %v", i, step.filter, got, step.want)
		}
	}
	r.stop()
}

// TestServeReloadsKeepWhatTakesARestart: it holds as it was, also for its health,
// and is named in the log and the status.
func TestServeReloadsKeepWhatTakesARestart(t *testing.T) {
	r := startReloading(t, "window: 60s\n")
	r.hangup("window: 1s\nlisten: 127.0.0.1:1\nfilter: to:port:2\n", "takes a restart")
	if said := r.said.String(); !strings.Contains(said, `keys=window`) || strings.Contains(said, "the configuration was taken over") {
		t.Errorf("--listen is a flag, and window takes a restart; it says\n%s", said)
	}
	// Three of the windows that the file now has.
	time.Sleep(3500 * time.Millisecond)
	r.healthy()
	if st := r.status(); st.Window != "1m" || st.Filter != "to:port:2" || strings.Join(st.Restart, " ") != "window" {
		t.Errorf("window %s, filter %s, takes a restart: %v", st.Window, st.Filter, st.Restart)
	}
	r.hangup("window: 60s\n", "the configuration was taken over")
	if st := r.status(); st.Filter != "" || len(st.Restart) > 0 {
		t.Errorf("with the old file again: filter %s, takes a restart: %v", st.Filter, st.Restart)
	}
	r.stop()
}

// increases is a receiver of OTLP that adds up what was opened.
type increases struct {
	mu      sync.Mutex
	opened  int64
	tenants map[string]int // requests
}

func (i *increases) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body := io.Reader(req.Body)
	if req.Header.Get("Content-Encoding") == "gzip" {
		body, _ = gzip.NewReader(body)
	}
	b, _ := io.ReadAll(body)
	var m collector.ExportMetricsServiceRequest
	if err := proto.Unmarshal(b, &m); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.tenants[req.Header.Get("X-Tenant")]++
	for _, r := range m.ResourceMetrics {
		for _, s := range r.ScopeMetrics {
			for _, metric := range s.Metrics {
				if metric.Name == "peerscope.edge.connections.opened" {
					for _, p := range metric.GetSum().DataPoints {
						i.opened += p.GetAsInt()
					}
				}
			}
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func (i *increases) got(tenant string) (opened int64, requests int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.opened, i.tenants[tenant]
}

// TestServeReloadsTellNothingTwice: whatever becomes of the exporter, a receiver of
// increases has what happened, once, and its counters do not go back.
func TestServeReloadsTellNothingTwice(t *testing.T) {
	receiver := &increases{tenants: map[string]int{}}
	s := httptest.NewServer(receiver)
	defer s.Close()
	file := func(headers string) string {
		return "window: 1s\nexporters:\n  otlp: {interval: 1s, temporality: delta, endpoint: '" + s.URL + "', headers: {x-tenant: " + headers + "}}\n"
	}
	r := startReloading(t, file("a"))
	l := capturetest.Listen(t, r.ns, "127.0.0.1:7001")
	sent, want := uint64(0), int64(0)
	for _, step := range []struct{ what, text, tenant string }{
		{"at first", "", "a"},
		{"the same again", file("a"), "a"},
		{"another header", file("b"), "b"},
		{"none", "window: 1s\n", ""},
		{"the first header", file("a"), "a"},
	} {
		if step.text != "" {
			r.hangup(step.text, "the configuration was taken over")
		}
		connectTimes(t, r.ns, l, 6)
		want += 6
		if step.tenant == "" {
			continue
		}
		_, before := receiver.got(step.tenant)
		r.until(step.what+": requests with what was opened", func() bool {
			opened, requests := receiver.got(step.tenant)
			return opened >= want && requests >= before+6
		})
		if opened, _ := receiver.got(step.tenant); opened != want {
			t.Fatalf("%s: %d were opened, the receiver has %d", step.what, want, opened)
		}
		sinks := r.status().Sinks
		if len(sinks) != 1 || sinks[0].Taken < sent || sinks[0].Failed > 0 {
			t.Fatalf("%s: %d batches were taken before, now %+v", step.what, sent, sinks)
		}
		sent = sinks[0].Taken
	}
	r.stop()
	if opened, _ := receiver.got("a"); opened != want {
		t.Errorf("at the end: %d were opened, the receiver has %d", want, opened)
	}
}
