package server

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/topology"
)

// event is one of a stream.
type event struct{ id, kind, data string }

// listener is a client of a stream.
type listener struct {
	t      testing.TB
	lines  *bufio.Reader
	closer io.Closer
}

// open opens a stream of a server that runs.
func open(t testing.TB, server *httptest.Server, target, last string) *listener {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, server.URL+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(target, "level=process") { // others take gzip, as browsers do
		r.Header.Set("Accept-Encoding", "identity")
	}
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	a, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Body.Close() })
	if a.StatusCode != http.StatusOK || a.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s: %s, %s", target, a.Status, text(t, a))
	}
	return &listener{t, bufio.NewReaderSize(a.Body, 64<<10), a.Body}
}

func (l *listener) next() event {
	l.t.Helper()
	var e event
	for {
		line, err := l.lines.ReadString('\n')
		if err != nil {
			l.t.Fatalf("the stream ends: %v", err)
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "id":
			e.id = value
		case "event":
			e.kind = value
		case "data":
			e.data = value
		case "":
			if e.kind != "" {
				return e
			}
		}
	}
}

// sentGraph is a graph as a client has it.
type sentGraph map[string]any

// apply does what the contract says of a delta.
func (g sentGraph) apply(t testing.TB, data string) {
	t.Helper()
	var d map[string]any
	if err := json.Unmarshal([]byte(data), &d); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"nodes", "edges", "groups"} {
		list, _ := g[name].([]any)
		remove, _ := d["remove"].(map[string]any)[name].([]any)
		upsert, _ := d["upsert"].(map[string]any)[name].([]any)
		id := func(v any) string { return v.(map[string]any)["id"].(string) }
		for _, x := range upsert {
			remove = append(remove, id(x))
		}
		list = slices.DeleteFunc(list, func(x any) bool { return slices.Contains(remove, any(id(x))) })
		list = append(list, upsert...)
		slices.SortFunc(list, func(a, b any) int { return strings.Compare(id(a), id(b)) })
		g[name] = list
	}
	for name, v := range d {
		switch {
		case name == "upsert" || name == "remove" || name == "t":
		case v == nil:
			delete(g, name)
		default:
			g[name] = v
		}
	}
}

func graphOf(t testing.TB, data string) sentGraph {
	t.Helper()
	var g sentGraph
	if err := json.Unmarshal([]byte(data), &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// running is a server that answers, and a way to publish ticks one by one, after
// noon.
func running(t testing.TB, change func(*Config)) (*Server, *httptest.Server, func(change func(*topology.Map))) {
	t.Helper()
	s := tester(t, change)
	h := httptest.NewServer(s.guard(s.mux()))
	t.Cleanup(h.Close)
	t.Cleanup(func() { s.hub.close("the test ends") })
	n := 0
	return s, h, func(change func(*topology.Map)) {
		from := noon.Add(time.Duration(n) * time.Second)
		n++
		m := shop(from, from.Add(time.Second), uint64(1000*n))
		if change != nil {
			change(m)
		}
		s.Publish(m)
		<-s.tick
		s.after()
	}
}

// without leaves a node that calls and its edges out of a map.
func without(m *topology.Map, client string) {
	m.Edges = slices.DeleteFunc(m.Edges, func(e topology.Edge) bool { return e.Client == client || slices.Contains(e.Ends, client) })
	m.Nodes = slices.DeleteFunc(m.Nodes, func(n topology.Node) bool { return n.ID == client })
}

// TestDeltasMakeTheGraph: a client that applies them has what one that asks
// anew gets.
func TestDeltasMakeTheGraph(t *testing.T) {
	compile := schemas(t)
	for _, query := range []string{"", "?level=process&window=1", "?limit=2&window=2", "?filter=redis&window=1s", "?level=process&window=1&group=none&noise=true"} {
		s, h, tick := running(t, nil)
		l := open(t, h, "/api/v1/graph/stream"+query, "")
		first := l.next()
		if first.kind != "snapshot" {
			t.Fatalf("%s: the first event is %q", query, first.kind)
		}
		g := graphOf(t, first.data)
		for i := range 6 {
			tick(func(m *topology.Map) {
				switch i {
				case 2:
					without(m, "address:203.0.113.7")
				case 3:
					m.Edges, m.Nodes = m.Edges[:0], m.Nodes[:0]
				case 4:
					m.Capture.Lost["late"] = 7
				}
			})
			e := l.next()
			if e.kind != "delta" {
				t.Fatalf("%s: event %d is %q", query, i, e.kind)
			}
			checkValue(t, compile("#/components/schemas/Delta"), e.data)
			g.apply(t, e.data)
			want := graphOf(t, text(t, get(t, s, "/api/v1/graph"+query)))
			if diff := cmp.Diff(want, g); diff != "" {
				t.Fatalf("%s: after delta %d (-asked +applied):\n%s", query, i, diff)
			}
		}
	}
}

// TestLastEventID: who comes back with an id that is known goes on with the next
// delta, else with everything.
func TestLastEventID(t *testing.T) {
	_, h, tick := running(t, nil)
	tick(nil)
	l := open(t, h, "/api/v1/graph/stream", "")
	first := l.next()
	tick(nil)
	second := l.next()
	tick(nil)
	third := l.next()
	for last, want := range map[string][]event{first.id: {second, third}, second.id: {third}} {
		back := open(t, h, "/api/v1/graph/stream", last)
		for _, w := range want {
			if got := back.next(); got != w {
				t.Errorf("after %s: %s %s, want %s %s", last, got.kind, got.id, w.kind, w.id)
			}
		}
	}
	for _, last := range []string{"x", "-1", "99999999999999999999", strings.Replace(first.id, "1-", "77-", 1), "1-00000000", "2", strings.Repeat("1", 5000)} {
		if got := open(t, h, "/api/v1/graph/stream", last).next(); got.kind != "snapshot" || got.id != third.id {
			t.Errorf("after %.20q: %s %s, want the snapshot %s", last, got.kind, got.id, third.id)
		}
	}
	// An id of another way to look is none here.
	if got := open(t, h, "/api/v1/graph/stream?level=process", second.id).next(); got.kind != "snapshot" {
		t.Errorf("after an id of another level: %s", got.kind)
	}
	// All gone for a while, and then back: what happened meanwhile is one delta.
	tick(nil)
	back := open(t, h, "/api/v1/graph/stream", third.id)
	if got := back.next(); got.kind != "delta" {
		t.Errorf("after a tick: %s", got.kind)
	}
}

// TestSlowReaderStopsNobody: a hundred clients, of which some never read.
// Publishing stays fast, those who read get every tick, and what waits for the
// others is bounded.
func TestSlowReaderStopsNobody(t *testing.T) {
	s, h, _ := running(t, func(c *Config) { c.Streams = 120 })
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go s.follow(ctx)
	s.Publish(shop(noon.Add(-time.Second), noon, 1))
	const slow, good, ticks = 10, 90, 60
	for range slow {
		c, err := net.Dial("tcp", h.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.(*net.TCPConn).SetReadBuffer(4096)
		fmt.Fprintf(c, "GET /api/v1/graph/stream?level=process HTTP/1.1\r\nHost: localhost\r\n\r\n")
	}
	var wait sync.WaitGroup
	seen := make([]int64, good)
	end := noon.Add(ticks * 20 * time.Millisecond).UnixMilli()
	readers := make([]*listener, good)
	for i := range good {
		l := open(t, h, "/api/v1/graph/stream?level=process", "")
		readers[i] = l
		wait.Go(func() {
			for seen[i] < end {
				e := l.next()
				var at struct {
					T      int64
					Window topology.Window
				}
				_ = json.Unmarshal([]byte(e.data), &at)
				if _, to, err := at.Window.Bounds(); err == nil {
					seen[i] = to.UnixMilli()
				}
			}
		})
	}
	waitFor(t, func() bool { return s.hub.count() == slow+good })
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var took []time.Duration
	for i := range ticks {
		from := noon.Add(time.Duration(i) * 20 * time.Millisecond)
		m := shop(from, from.Add(20*time.Millisecond), uint64(i))
		start := time.Now()
		s.Publish(m)
		took = append(took, time.Since(start))
		time.Sleep(10 * time.Millisecond)
	}
	wait.Wait()
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(readers)
	slices.Sort(took)
	// It takes microseconds; a machine that is busy may interrupt it. Who waits for a
	// client waits for as long as an event may take.
	if median, longest := took[ticks/2], took[ticks-1]; median > 5*time.Millisecond || longest > eventTime/2 {
		t.Errorf("publishing took %s, once %s", median, longest)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 64<<20 {
		t.Errorf("memory grew by %d MiB", grown>>20)
	}
	t.Logf("Publish took %s, once %s, memory grew by %d kB", took[ticks/2], took[ticks-1], (int64(after.HeapAlloc)-int64(before.HeapAlloc))/1000)
}

// TestWhoFallsBehindGetsEverything: a full queue is no backlog, but a snapshot.
func TestWhoFallsBehindGetsEverything(t *testing.T) {
	s, _, tick := running(t, nil)
	c := &call{p: &parameters{now: noon}}
	topic, slow, err := s.hub.join(context.Background(), c.look(), "")
	if err != nil {
		t.Fatal(err)
	}
	for range queued + 5 {
		tick(nil)
	}
	if len(slow.queue) != queued || len(slow.behind) != 1 {
		t.Fatalf("%d events wait, behind %d", len(slow.queue), len(slow.behind))
	}
	ctx, stop := context.WithCancel(context.Background())
	w := httptest.NewRecorder()
	c.r = httptest.NewRequest(http.MethodGet, "/", nil).WithContext(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.tellClient(c, topic, slow, &eventWriter{w: w, control: http.NewResponseController(w)})
	}()
	waitFor(t, func() bool { return len(slow.queue) == 0 && s.counters.resent.Load() > 0 })
	stop()
	<-done
	// Whatever it wrote before, its last event is the newest.
	events := strings.Split(strings.TrimSpace(w.Body.String()), "\n\n")
	if last := events[len(events)-1]; !strings.Contains(last, "event: snapshot") || !strings.HasPrefix(last, fmt.Sprintf("id: %d-", topic.seq)) {
		t.Errorf("the last event is %.60s, want the snapshot %d", last, topic.seq)
	}
	s.hub.leave(topic, slow)
}

// TestStreamIsWholeGzip: compressed it has all that it has plain, to its end, in a
// fraction of the bytes.
func TestStreamIsWholeGzip(t *testing.T) {
	s, h, tick := running(t, nil)
	tick(nil)
	ask := func(encoding string) *http.Response {
		r, err := http.NewRequest(http.MethodGet, h.URL+"/api/v1/graph/stream", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Encoding", encoding)
		a, err := h.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	plain, packed := ask("identity"), ask("gzip")
	if plain.Header.Get("Content-Encoding") != "" || packed.Header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("encodings %q and %q", plain.Header.Get("Content-Encoding"), packed.Header.Get("Content-Encoding"))
	}
	for range 5 {
		tick(nil)
		waitFor(t, func() bool { // both have read it
			for _, topic := range s.hub.topics {
				for c := range topic.clients {
					if len(c.queue) > 0 {
						return false
					}
				}
			}
			return true
		})
	}
	s.hub.close("the server ends")
	all := text(t, plain)
	raw, err := io.ReadAll(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := io.ReadAll(z)
	if err != nil || string(unpacked) != all || !strings.Contains(all, "event: bye") {
		t.Errorf("%v: %d bytes of gzip are %d, plain it is %d", err, len(raw), len(unpacked), len(all))
	}
	if len(raw) > len(all)/3 {
		t.Errorf("%d bytes plain are %d compressed", len(all), len(raw))
	}
}

func TestStreamsAreCounted(t *testing.T) {
	s, h, tick := running(t, func(c *Config) { c.Streams = 2 })
	if s.Watched() {
		t.Error("nobody looks, and it is watched")
	}
	tick(nil)
	a, b := open(t, h, "/api/v1/graph/stream", ""), open(t, h, "/api/v1/graph/stream?level=host", "")
	if !s.Watched() {
		t.Error("somebody looks, and it is not watched")
	}
	r, err := h.Client().Get(h.URL + "/api/v1/graph/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if p := into[problem](t, r, http.StatusServiceUnavailable); p.Code != codeTooMany || r.Header.Get("Retry-After") == "" {
		t.Errorf("a third stream of two: %+v", p)
	}
	a.closer.Close() // the connection is cut
	waitFor(t, func() bool { return s.hub.count() == 1 })
	s.hub.close("the server ends")
	for {
		if e := b.next(); e.kind == "bye" {
			if e.data != `{"reason":"the server ends"}` {
				t.Errorf("bye: %s", e.data)
			}
			break
		}
	}
	waitFor(t, func() bool { return s.hub.count() == 0 })
	if !s.Watched() {
		t.Error("who left just now does not count")
	}
	s.now = func() time.Time { return noon.Add(time.Minute) }
	if s.Watched() {
		t.Error("who left a minute ago counts")
	}
}

// waitFor waits a bounded time until something holds.
func waitFor(t testing.TB, holds func() bool) {
	t.Helper()
	for range 4000 {
		if holds() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("it did not come about within 20 s")
}
