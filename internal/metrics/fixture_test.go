package metrics

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"peerscope/internal/topology"
)

// at is a moment of the world that tests live in, seconds after it began.
func at(s int) time.Time {
	return time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC).Add(time.Duration(s) * time.Second)
}

func stamp(t time.Time) string { return t.Format("2006-01-02T15:04:05.000Z") }

func windowOf(from, to int, nodes []topology.Node, edges ...topology.Edge) *topology.Map {
	return &topology.Map{Schema: topology.Schema, Host: topology.Host{Name: "web-1", ID: "0123"}, Nodes: nodes, Edges: edges,
		Window: topology.Window{Start: stamp(at(from)), End: stamp(at(to))}}
}

// program is a process that was started at a second of the world.
func program(pid int, name string, started int) topology.Node {
	return topology.Node{ID: fmt.Sprintf("process:%d@1", pid), Kind: topology.KindProcess, Name: name,
		Attributes: topology.Attributes{PID: int32(pid), Created: stamp(at(started))}}
}

func address(a string) topology.Node {
	return topology.Node{ID: "address:" + a, Kind: topology.KindAddress, Name: a, Attributes: topology.Attributes{PeerAddress: a}}
}

// calls is an edge with something of everything.
func calls(client, server topology.Node, port uint16) topology.Edge {
	return topology.Edge{ID: fmt.Sprint(client.ID, server.ID, port), Client: client.ID, Server: server.ID, Transport: "tcp", ServerPort: port,
		Evidence:    topology.Evidence{Peer: map[string]uint64{"sequence": 3}},
		Connections: topology.Connections{Active: 2, Opened: 3, Closed: 1, Failed: 4}, Errors: map[string]uint64{"ECONNREFUSED": 3},
		Bytes: both(100, 2000), Retransmits: both(1, 0), Sides: &topology.Sides{Client: both(100, 2000), Server: both(100, 2000)},
		RTT:       &topology.Stat{Count: 3, Sum: 5300, Min: 150, Max: 5000, Buckets: topology.Buckets{{UpTo: 200, Count: 2}, {UpTo: 5000, Count: 1}}},
		Connect:   &topology.Stat{Count: 2, Sum: 400, Min: 190, Max: 200, Buckets: topology.Buckets{{UpTo: 200, Count: 2}}},
		Protocols: []topology.Protocol{{Connections: 3}}}
}

func both(to, back uint64) *topology.Bytes { return &topology.Bytes{ToServer: &to, ToClient: &back} }

// world makes windows of a host on which processes come and go.
type world struct {
	r     *rand.Rand
	now   int
	next  int
	alive []topology.Node
}

func newWorld(seed uint64) *world { return &world{r: rand.New(rand.NewPCG(seed, 7))} }

// window is the next one, of 1 to 20 seconds.
func (w *world) window() *topology.Map {
	start := w.now
	w.now += 1 + w.r.IntN(20)
	if w.r.IntN(12) == 0 {
		w.now += w.r.IntN(3000) // nothing was running, or nobody looked
		start = w.now - 10
	}
	w.alive = slices.DeleteFunc(w.alive, func(topology.Node) bool { return w.r.IntN(8) == 0 })
	for range w.r.IntN(6) {
		w.next++
		n := program(w.next, fmt.Sprint("p", w.r.IntN(12)), start-w.r.IntN(60))
		if w.r.IntN(10) == 0 {
			n.Attributes.Created = ""
		}
		w.alive = append(w.alive, n)
	}
	nodes := slices.Clone(w.alive)
	for range 8 {
		n := address(fmt.Sprintf("10.0.0.%d", w.r.IntN(60)))
		n.Attributes.AddressLocal = w.r.IntN(5) == 0
		if !slices.ContainsFunc(nodes, func(o topology.Node) bool { return o.ID == n.ID }) {
			nodes = append(nodes, n)
		}
	}
	m := windowOf(start, w.now, nodes)
	for range w.r.IntN(40) {
		m.Edges = append(m.Edges, w.edge(nodes))
	}
	return m
}

func (w *world) edge(nodes []topology.Node) topology.Edge {
	r := w.r
	maybe := func(most uint64) *uint64 {
		if r.IntN(4) == 0 {
			return nil
		}
		return new(r.Uint64N(most))
	}
	a, b := nodes[r.IntN(len(nodes))].ID, nodes[r.IntN(len(nodes))].ID
	e := topology.Edge{Transport: []string{"tcp", "udp", "unix"}[r.IntN(3)],
		Connections: topology.Connections{Active: r.Uint64N(5), Opened: r.Uint64N(9), Closed: r.Uint64N(9), Failed: r.Uint64N(3)}}
	if e.Connections.Failed > 0 && r.IntN(2) == 0 {
		e.Errors = map[string]uint64{[]string{"ECONNREFUSED", "ETIMEDOUT"}[r.IntN(2)]: 1 + r.Uint64N(e.Connections.Failed)}
	}
	if r.IntN(5) == 0 {
		e.Ends, e.EndPorts = []string{a, b}, []uint16{uint16(r.IntN(9)), 7}
		e.Bytes = &topology.Bytes{FirstToSecond: maybe(1000), SecondToFirst: maybe(1000)}
		e.Retransmits = &topology.Bytes{FirstToSecond: maybe(9)}
		e.Sides = &topology.Sides{First: e.Bytes}
	} else {
		e.Client, e.Server, e.ServerPort = a, b, uint16(80+r.IntN(3))
		e.Bytes, e.Retransmits = &topology.Bytes{ToServer: maybe(1000), ToClient: maybe(1000)}, &topology.Bytes{ToClient: maybe(9)}
	}
	for range r.IntN(4) {
		us := 1 + r.Uint64N(1<<r.IntN(30))
		s := &topology.Stat{Count: 1, Sum: us, Min: us, Max: us}
		if e.RTT == nil {
			e.RTT, e.Connect = s, s
			continue
		}
		// What Merge would make of two samples.
		i, j := topology.BucketOf(e.RTT.Min), topology.BucketOf(us)
		up := func(i int) uint64 {
			if i == len(topology.BucketBounds) {
				return topology.Unbounded
			}
			return topology.BucketBounds[i]
		}
		buckets := topology.Buckets{{UpTo: up(min(i, j)), Count: 1}, {UpTo: up(max(i, j)), Count: 1}}
		if i == j {
			buckets = topology.Buckets{{UpTo: up(i), Count: 2}}
		}
		e.RTT = &topology.Stat{Count: 2, Sum: e.RTT.Min + us, Min: min(e.RTT.Min, us), Max: max(e.RTT.Min, us), Buckets: buckets}
		break
	}
	return e
}

// sums are what all maps, or all series, say together.
type sums map[string]uint64

func (s sums) add(name string, n uint64) {
	if n > 0 {
		s[name] += n
	}
}

// ofMap adds what a map's edges say. Which direction is the first of an edge
// without roles depends on the series, so that both are one sum there.
func (s sums) ofMap(m *topology.Map) {
	for i := range m.Edges {
		e := &m.Edges[i]
		form := "edge"
		if len(e.Ends) > 0 {
			form = "pair"
		}
		for name, b := range map[string]*topology.Bytes{"bytes": e.Bytes, "retransmits": e.Retransmits} {
			for d, n := range map[string]*uint64{"to_server": b.ToServer, "to_client": b.ToClient, "either": b.FirstToSecond, "either ": b.SecondToFirst} {
				if n != nil {
					s.add(form+" "+name+" "+d[:6], *n)
				}
			}
		}
		s.add(form+" opened", e.Connections.Opened)
		s.add(form+" closed", e.Connections.Closed)
		s.add(form+" failed", e.Connections.Failed)
		for name, n := range e.Errors {
			s.add(form+" failed "+name, n)
		}
		for name, st := range map[string]*topology.Stat{"rtt": e.RTT, "connect": e.Connect} {
			if st == nil {
				continue
			}
			s.add(form+" "+name+" count", st.Count)
			s.add(form+" "+name+" sum", st.Sum)
			for _, b := range st.Distribution() {
				s.add(fmt.Sprint(form, " ", name, " ", b.UpTo), b.Count)
			}
		}
	}
}

// ofSeries adds what a series says.
func (s sums) ofSeries(id *identity, t *totals) {
	form := "edge"
	if id.pair {
		form = "pair"
	}
	for name, c := range map[string][2]count{"bytes": t.bytes, "retransmits": t.retransmits} {
		for i, d := range []string{"to_ser", "to_cli"} {
			if id.pair {
				d = "either"
			}
			s.add(form+" "+name+" "+d, c[i].n)
		}
	}
	s.add(form+" opened", t.opened)
	s.add(form+" closed", t.closed)
	s.add(form+" failed", t.failed)
	for _, e := range t.errors {
		s.add(form+" failed "+e.name, e.n)
	}
	for name, h := range map[string]*spread{"rtt": &t.rtt, "connect": &t.connect} {
		s.add(form+" "+name+" count", h.count)
		s.add(form+" "+name+" sum", h.sum)
		for i, n := range h.buckets {
			up := uint64(topology.Unbounded)
			if i < len(topology.BucketBounds) {
				up = topology.BucketBounds[i]
			}
			s.add(fmt.Sprint(form, " ", name, " ", up), n)
		}
	}
}

func (s sums) plus(o sums) sums {
	out := maps.Clone(s)
	for k, n := range o {
		out[k] += n
	}
	return out
}
