package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"peerscope/internal/topology"
)

// noon is when the tests take place.
var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// shop is a small system: nginx with two workers calls app.py, which calls redis
// and fails to reach 10.0.0.9; a client outside calls nginx; two ends of which
// nobody knows who called.
func shop(from, to time.Time, bytes uint64) *topology.Map {
	process := func(pid int32, name, unit string) topology.Node {
		return topology.Node{ID: fmt.Sprintf("process:%d@77", pid), Kind: topology.KindProcess, Name: name, Attributes: topology.Attributes{
			PID: pid, ExecutableName: name, ExecutablePath: "/usr/bin/" + name, CommandLine: name + " --serve", Owner: "www", Unit: unit,
			Created: "2026-01-01T00:00:00.000Z", Listens: []topology.Listen{{Transport: "tcp", Address: "0.0.0.0", Port: 80}}}}
	}
	m := &topology.Map{Schema: topology.Schema, Host: topology.Host{Name: "web-1"}, Window: topology.Window{Start: stamp(from), End: stamp(to)},
		Capture: topology.Capture{Source: "ebpf", Rung: "1", Degraded: []topology.Degraded{{Code: "no_x", Reason: "x is missing", Fix: "get x"}}, Lost: map[string]uint64{"late": 0}},
		Nodes: []topology.Node{
			{ID: "address:10.0.0.9", Kind: topology.KindAddress, Name: "10.0.0.9", Attributes: topology.Attributes{PeerAddress: "10.0.0.9"}},
			{ID: "address:203.0.113.7", Kind: topology.KindAddress, Name: "203.0.113.7", Attributes: topology.Attributes{PeerAddress: "203.0.113.7"}},
			process(10, "nginx", "nginx.service"), process(11, "nginx", "nginx.service"), process(20, "app.py", "app.service"), process(30, "redis-server", "redis.service")}}
	edge := func(client, server, transport string, port uint16, path string, change func(*topology.Edge)) {
		at := path
		if port != 0 {
			at = fmt.Sprint(port)
		}
		e := topology.Edge{ID: topology.EdgeID(client, server, transport, at), Client: client, Server: server, Transport: transport, ServerPort: port, Path: path,
			Evidence:    topology.Evidence{Peer: map[string]uint64{"sequence": 2}, Role: map[string]uint64{"handshake": 2}},
			Connections: topology.Connections{Active: 1, Opened: 1, Closed: 1}, Bytes: &topology.Bytes{ToServer: new(bytes), ToClient: new(3 * bytes)},
			Retransmits: &topology.Bytes{ToServer: new(uint64(1))}, Connect: &topology.Stat{Count: 1, Sum: 90, Min: 90, Max: 90},
			RTT: &topology.Stat{Count: 2, Sum: 300, Min: 100, Max: 200, Buckets: topology.Buckets{{UpTo: 100, Count: 1}, {UpTo: 200, Count: 1}}}}
		change(&e)
		m.Edges = append(m.Edges, e)
	}
	none := func(*topology.Edge) {}
	edge("address:203.0.113.7", "process:10@77", "tcp", 80, "", func(e *topology.Edge) { e.Evidence.Peer = map[string]uint64{"none": 2} })
	edge("process:10@77", "process:20@77", "tcp", 9000, "", none)
	edge("process:11@77", "process:20@77", "tcp", 9000, "", none)
	edge("process:20@77", "process:30@77", "unix", 0, "/run/redis.sock", func(e *topology.Edge) { e.RTT = nil })
	edge("process:20@77", "address:10.0.0.9", "tcp", 5432, "", func(e *topology.Edge) {
		e.Connections, e.Errors, e.Bytes, e.RTT = topology.Connections{Failed: 4}, map[string]uint64{"ECONNREFUSED": 4}, nil, nil
	})
	edge("", "", "udp", 0, "", func(e *topology.Edge) {
		e.Client, e.Server, e.Ends, e.EndPorts, e.ServerPort = "", "", []string{"address:203.0.113.7", "process:30@77"}, []uint16{4000, 4001}, 0
		e.Evidence.Role = map[string]uint64{"none": 1}
		e.Bytes, e.RTT = &topology.Bytes{FirstToSecond: new(bytes)}, nil
		e.ID = topology.EdgeID(e.Ends[0], e.Ends[1], "udp", "4000-4001")
	})
	sortMap(m)
	return m
}

func sortMap(m *topology.Map) {
	slices.SortFunc(m.Edges, func(a, b topology.Edge) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(m.Nodes, func(a, b topology.Node) int { return strings.Compare(a.ID, b.ID) })
}

// tester has a server without an address, at noon.
func tester(t testing.TB, change func(*Config)) *Server {
	t.Helper()
	c := Config{Version: "test", Formats: []string{"json", "csv", "dot", "mermaid"}, Render: func(w io.Writer, format string, m *topology.Map) error {
		_, err := fmt.Fprintf(w, "%s of %d edges\n", format, len(m.Edges))
		return err
	}}
	if change != nil {
		change(&c)
	}
	c = c.filled()
	door, err := newDoor(&c)
	if err != nil {
		t.Fatal(err)
	}
	files, err := readFiles(c.Web)
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(c, door, files)
	s.now = func() time.Time { return noon }
	s.started = noon.Add(-time.Hour)
	return s
}

// ticking publishes ticks of the shop, of one second each, up to noon.
func ticking(t testing.TB, s *Server, ticks int) {
	t.Helper()
	for i := ticks; i > 0; i-- {
		from := noon.Add(-time.Duration(i) * time.Second)
		s.Publish(shop(from, from.Add(time.Second), 1000))
	}
}

// get asks and gives the answer.
func get(t testing.TB, s *Server, target string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.Host = "127.0.0.1:4180"
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.guard(s.mux()).ServeHTTP(w, r)
	return w.Result()
}

// into reads an answer that must have that status.
func into[T any](t testing.TB, r *http.Response, status int) T {
	t.Helper()
	var v T
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if r.StatusCode != status {
		t.Fatalf("status %d, want %d: %s", r.StatusCode, status, b)
	}
	if err := json.NewDecoder(bytes.NewReader(b)).Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	return v
}

func text(t testing.TB, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// memoryHistory is a history of windows of ten seconds, in memory.
type memoryHistory struct {
	windows []*topology.Map
	asked   int
}

func (h *memoryHistory) in(from, to time.Time) []*topology.Map {
	var out []*topology.Map
	for _, m := range h.windows {
		if start, end, _ := m.Window.Bounds(); start.Before(to) && end.After(from) {
			out = append(out, m)
		}
	}
	return out
}

func (h *memoryHistory) Range(_ context.Context, from, to time.Time) (*topology.Map, []topology.Span, error) {
	h.asked++
	return topology.MergeAll(h.in(from, to)), nil, nil
}

func (h *memoryHistory) Series(_ context.Context, edges []string, from, to time.Time, step time.Duration) (*topology.Series, error) {
	s := &topology.Series{StepMS: step.Milliseconds(), Columns: map[string][]*float64{}}
	for at := from; at.Before(to); at = at.Add(step) {
		var sum *float64
		if in := topology.MergeAll(h.in(at, at.Add(step))); in != nil {
			sum = new(float64)
			for i := range in.Edges {
				if v, ok := in.Edges[i].Measure("tx", in.Window.Length()); ok && (edges == nil || strings.Contains(strings.Join(edges, " "), in.Edges[i].ID)) {
					*sum += v
				}
			}
		}
		s.Times = append(s.Times, at.UnixMilli())
		s.Columns["tx"] = append(s.Columns["tx"], sum)
	}
	return s, nil
}

func (h *memoryHistory) Events(_ context.Context, from, to time.Time) ([]topology.Event, error) {
	var out []topology.Event
	for _, m := range h.in(from, to) {
		_, end, _ := m.Window.Bounds()
		if end.Before(to) {
			out = append(out, topology.Event{Time: end.UnixMilli(), Kind: topology.EventLost, Text: "of the history"})
		}
	}
	return out, nil
}

func (h *memoryHistory) Bounds() (oldest, newest time.Time) {
	if len(h.windows) == 0 {
		return
	}
	oldest, _, _ = h.windows[0].Window.Bounds()
	_, newest, _ = h.windows[len(h.windows)-1].Window.Bounds()
	return oldest, newest
}

// remembering has windows of ten seconds in [from, to).
func remembering(from, to time.Time) *memoryHistory {
	h := &memoryHistory{}
	for at := from; at.Before(to); at = at.Add(10 * time.Second) {
		h.windows = append(h.windows, shop(at, at.Add(10*time.Second), 10_000))
	}
	return h
}
