package history

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"peerscope/internal/topology"
)

// world makes the windows of a host in which most edges stay, a third is idle at
// a time, and some come and go.
type world struct {
	rand  *rand.Rand
	edges []*link
	nodes []topology.Node // of the edges, sorted; nil: not known
	next  int
	churn float64 // edges that are replaced in a window, on average
}

// link is an edge of the world that lasts.
type link struct {
	client, server topology.Node
	edge           topology.Edge
	rate           float64 // bytes a second
	rtt            float64 // microseconds
	active         uint64
}

func newWorld(seed uint64, edges int, churn float64) *world {
	w := &world{rand: rand.New(rand.NewPCG(seed, 1)), churn: churn}
	for range edges {
		w.edges = append(w.edges, w.link())
	}
	return w
}

var t0 = time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)

// process is process n: the same whoever it talks to.
func (w *world) process(n int) topology.Node {
	words := []string{"nginx", "app", "worker", "redis-server", "postgres", "envoy", "java", "cron"}
	name := words[n%len(words)]
	return topology.Node{ID: fmt.Sprintf("process:%d@%d", 1000+n, 88_000+n*13), Kind: topology.KindProcess, Name: name, Attributes: topology.Attributes{
		PID: int32(1000 + n), ExecutableName: name, ExecutablePath: "/usr/lib/" + name + "/bin/" + name, Owner: "www-data", ParentPID: 1,
		CommandLine: fmt.Sprintf("/usr/lib/%s/bin/%s --config /etc/%s/%d.conf --listen 10.0.0.%d", name, name, name, n, n%250),
		Cgroup:      fmt.Sprintf("/system.slice/%s-%d.service", name, n), Unit: fmt.Sprintf("%s-%d.service", name, n),
		Created: t0.Add(-time.Duration(n) * time.Second).Format(time.RFC3339Nano), NetnsInode: 4026531840,
		Listens: []topology.Listen{{Transport: "tcp", Address: "0.0.0.0", Port: uint16(1000 + n), BacklogLimit: 511}}}}
}

func (w *world) link() *link {
	n := w.next
	w.next++
	l := &link{client: w.process(n % (1 + n/2) * 3), server: w.process(1 + n/7*3),
		rate: 100 * float64(uint64(1)<<w.rand.IntN(16)), rtt: 30 * float64(uint64(1)<<w.rand.IntN(10)), active: 1 + uint64(w.rand.IntN(4))}
	if n%17 == 0 {
		l.client = topology.Node{ID: fmt.Sprintf("address:203.0.113.%d", n%256), Kind: topology.KindAddress, Name: fmt.Sprintf("203.0.113.%d", n%256)}
	}
	e := &l.edge
	switch {
	case n%13 == 5:
		e.Ends = []string{l.client.ID, l.server.ID}
		slices.Sort(e.Ends)
		e.Transport = "unix"
		e.ID = topology.EdgeID(e.Ends[0], e.Ends[1], "unix", "n"+strconv.Itoa(n))
	case n%11 == 3:
		e.Client, e.Server, e.Transport, e.Path = l.client.ID, l.server.ID, "unix", fmt.Sprintf("/run/app/%d.sock", n)
		e.ID = topology.EdgeID(e.Client, e.Server, e.Transport, e.Path)
	default:
		e.Client, e.Server, e.Transport, e.ServerPort = l.client.ID, l.server.ID, "tcp", uint16(2000+n%50_000)
		e.ID = topology.EdgeID(e.Client, e.Server, e.Transport, strconv.Itoa(int(e.ServerPort)))
	}
	if n%9 == 2 {
		e.Dialed = []string{fmt.Sprintf("10.96.%d.7:80", n%200)}
		e.Services = []string{"shop/web"}
	}
	if n%29 == 4 {
		e.Holders = map[string][]string{"server": {l.server.ID}}
	}
	return l
}

// window is the map of the next window.
func (w *world) window(start time.Time, length time.Duration) *topology.Map {
	if w.rand.Float64() < w.churn {
		w.replace(1)
	}
	m := &topology.Map{Schema: topology.Schema, Host: topology.Host{Name: "web-1", ID: "abc", BootID: "def", Kernel: "6.18"},
		Window: topology.Window{Start: stamp(start), End: stamp(start.Add(length))},
		Capture: topology.Capture{Source: "ebpf", Rung: "1", Lost: map[string]uint64{"ring_full": uint64(w.rand.IntN(3)), "late": 0},
			Degraded: []topology.Degraded{{Code: "no_conntrack", Reason: "conntrack cannot be read", Fix: "run as root"}}}}
	m.Capture.Totals.Kernel, m.Capture.Totals.Told = 1000, 900+uint64(w.rand.IntN(101))
	m.Capture.Completeness = new(float64(m.Capture.Totals.Told*10) / 10_000)
	if w.nodes == nil {
		w.settle()
	}
	m.Nodes = slices.Clone(w.nodes)
	m.Edges = make([]topology.Edge, 0, len(w.edges))
	for _, l := range w.edges {
		m.Edges = append(m.Edges, w.edge(l, length))
	}
	return m
}

// settle sorts the edges and their nodes, after some were replaced.
func (w *world) settle() {
	slices.SortFunc(w.edges, func(a, b *link) int { return strings.Compare(a.edge.ID, b.edge.ID) })
	w.edges = slices.CompactFunc(w.edges, func(a, b *link) bool { return a.edge.ID == b.edge.ID })
	nodes := map[string]topology.Node{}
	for _, l := range w.edges {
		nodes[l.client.ID], nodes[l.server.ID] = l.client, l.server
	}
	w.nodes = slices.SortedFunc(maps.Values(nodes), func(a, b topology.Node) int { return strings.Compare(a.ID, b.ID) })
}

// replace lets edges go and others come.
func (w *world) replace(n int) {
	for range n {
		w.edges[w.rand.IntN(len(w.edges))] = w.link()
		w.nodes = nil
	}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// edge is what an edge did in one window; a third of them nothing.
func (w *world) edge(l *link, length time.Duration) topology.Edge {
	e := l.edge
	n := func(mean float64) uint64 { return uint64(mean * (0.5 + w.rand.Float64())) }
	idle := w.rand.IntN(3) == 0
	tx, rx := uint64(0), uint64(0)
	c := &e.Connections
	c.Active = l.active
	if !idle {
		tx, rx = n(l.rate*length.Seconds()), n(l.rate*8*length.Seconds())
		count := uint64(1 + w.rand.IntN(6))
		if w.rand.IntN(4) == 0 {
			c.Opened, c.Closed = count, count
		}
		low := n(l.rtt)
		e.RTT = w.stat(count, low, l.rtt)
		if c.Opened > 0 {
			e.Connect = w.stat(c.Opened, low, l.rtt)
		}
	}
	if w.rand.IntN(100) == 0 {
		c.Failed = 1 + uint64(w.rand.IntN(5))
		e.Errors = map[string]uint64{"ECONNREFUSED": c.Failed}
	}
	if w.rand.IntN(50) == 0 {
		c.Active, c.Pending = 0, 1
		e.Inexact = []string{"bytes.to_client"}
	}
	b := topology.Bytes{ToServer: &tx, ToClient: &rx}
	if e.Ends != nil {
		b = topology.Bytes{FirstToSecond: &tx, SecondToFirst: &rx}
	}
	side := b
	if e.Transport != "udp" {
		e.Bytes = &b
		retransmits := topology.Bytes{ToServer: new(uint64(0)), ToClient: new(uint64(w.rand.IntN(20) / 19))}
		if e.Ends == nil {
			e.Retransmits = &retransmits
			e.Sides = &topology.Sides{Client: &side, Server: &side}
		} else {
			e.Sides = &topology.Sides{First: &side}
		}
	}
	word, role := "sequence", "handshake"
	if len(e.Ends) > 0 {
		word, role = "kernel", "none"
	}
	open := topology.Evidence{Peer: map[string]uint64{}, Role: map[string]uint64{}}
	e.Evidence = topology.Evidence{Peer: map[string]uint64{}, Role: map[string]uint64{}}
	if n := c.Active + c.Pending; n > 0 {
		open.Peer[word], open.Role["syn-byte"] = n, n
		e.Evidence.Peer[word], e.Evidence.Role["syn-byte"] = n, n
	}
	if n := c.Closed + c.Failed; n > 0 {
		e.Evidence.Peer[word] += n
		e.Evidence.Role[role] += n
	}
	e.SetOpen(open)
	if n := c.Active + c.Closed; n > 0 {
		e.Protocols = []topology.Protocol{{Connections: n}}
	}
	return e
}

// stat are so many samples from low on.
func (w *world) stat(count, low uint64, spread float64) *topology.Stat {
	s := &topology.Stat{Min: low}
	var buckets [len(topology.BucketBounds) + 1]uint64
	for range count {
		v := low + uint64(spread*w.rand.Float64())
		s.Count++
		s.Sum += v
		s.Max = max(s.Max, v)
		buckets[topology.BucketOf(v)]++
	}
	for i, n := range buckets {
		if n > 0 {
			upTo := uint64(topology.Unbounded)
			if i < len(topology.BucketBounds) {
				upTo = topology.BucketBounds[i]
			}
			s.Buckets = append(s.Buckets, topology.Bucket{UpTo: upTo, Count: n})
		}
	}
	return s
}

// equal compares maps, also in what they do not print.
func equal(t *testing.T, what string, got, want *topology.Map) {
	t.Helper()
	type edge struct {
		topology.Edge
		Open topology.Evidence
	}
	opened := func(m *topology.Map) (out []edge) {
		for _, e := range m.Edges {
			out = append(out, edge{e, e.Open()})
		}
		return out
	}
	o := cmp.Options{cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(topology.Edge{}, topology.Logical{}),
		cmpopts.SortSlices(func(a, b topology.Protocol) bool { return a.Name < b.Name })}
	if d := cmp.Diff(want, got, o); d != "" {
		t.Fatalf("%s: (-want +got)\n%s", what, d)
	}
	if d := cmp.Diff(opened(want), opened(got), o); d != "" {
		t.Fatalf("%s, with what is open: (-want +got)\n%s", what, d)
	}
}

func mergeAll(maps []*topology.Map) *topology.Map {
	m := maps[0]
	for _, next := range maps[1:] {
		m = topology.Merge(m, next)
	}
	return m
}

func open(t testing.TB, dir string, o Options) *Store {
	t.Helper()
	o.NoSync = true
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func add(t testing.TB, s *Store, maps ...*topology.Map) {
	t.Helper()
	for _, m := range maps {
		if err := s.Add(m); err != nil {
			t.Fatal(err)
		}
	}
}
