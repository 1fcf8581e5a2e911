package topology_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// directory is what an engine would know: processes 1 to n, their edges.
type directory struct {
	nodes []flow.Node
	edges []flow.Edge
}

func (d directory) Node(r flow.NodeRef) flow.Node { return d.nodes[r-1] }
func (d directory) Edge(r flow.EdgeRef) flow.Edge { return d.edges[r-1] }

func process(pid int32, exe, unit string) flow.Node {
	return flow.Node{Kind: flow.NodeProcess, Process: flow.Process{Key: flow.ProcessKey{PID: pid, Start: 7}, Name: exe, Executable: "/bin/" + exe, Unit: unit}}
}

func known(v uint64) flow.Amount { return flow.Amount{Value: v, Known: true} }

// world has two web workers of one unit, a client, and an edge without roles.
func world() directory {
	tcp := flow.EdgeKey{Transport: flow.TCP, RoleKnown: true, PortB: 80}
	edge := func(a, b flow.NodeRef) flow.Edge {
		k := tcp
		k.A, k.B = a, b
		return flow.Edge{EdgeKey: k}
	}
	return directory{
		nodes: []flow.Node{process(30, "curl", ""), process(20, "web", "web.service"), process(21, "web", "web.service")},
		edges: []flow.Edge{edge(1, 2), edge(1, 3), {EdgeKey: flow.EdgeKey{Transport: flow.TCP, A: 1, B: 2, PortA: 4000, PortB: 90}}},
	}
}

func change(edge flow.EdgeRef, toB, toA uint64) *flow.Change {
	return &flow.Change{Edge: edge, Peer: flow.PeerTuple, Role: flow.RoleSynByte, Active: 1, Opened: true,
		Bytes: flow.Traffic{ToB: known(toB), ToA: known(toA)}, RTT: 10}
}

func TestOppositeSidesAreNeverSummed(t *testing.T) {
	l := topology.NewLedger()
	c := change(1, 10, 20)
	c.SideA = flow.Traffic{ToB: known(10), ToA: known(20)}
	c.SideB = flow.Traffic{ToB: known(11), ToA: known(21)}
	l.Add(c)
	l.Add(c)
	e := l.Map(world(), topology.Facts{}).Edges[0]
	want := &topology.Sides{
		Client: &topology.Bytes{ToServer: new(uint64(20)), ToClient: new(uint64(40))},
		Server: &topology.Bytes{ToServer: new(uint64(22)), ToClient: new(uint64(42))},
	}
	if d := cmp.Diff(want, e.Sides); d != "" {
		t.Errorf("sides (-want +got):\n%s", d)
	}
	if *e.Bytes.ToServer != 20 || *e.Bytes.ToClient != 40 {
		t.Errorf("bytes %d and %d, want the client's 20 and 40", *e.Bytes.ToServer, *e.Bytes.ToClient)
	}
}

func TestUnknownRoleKeepsDirectionsByTheOrderOfItsEnds(t *testing.T) {
	l := topology.NewLedger()
	c := change(3, 10, 20) // from curl (pid 30) to web (pid 20), whose id sorts first
	c.Role = flow.RoleUnknown
	l.Add(c)
	e := l.Map(world(), topology.Facts{}).Edges[0]
	if e.Ends[0] != "process:20@7" || e.EndPorts[0] != 90 || *e.Bytes.FirstToSecond != 20 || *e.Bytes.SecondToFirst != 10 || e.Client != "" {
		t.Errorf("edge %+v, bytes %d/%d", e, *e.Bytes.FirstToSecond, *e.Bytes.SecondToFirst)
	}
}

func TestWhatIsUnknownIsAbsentAndWhatIsMixedIsInexact(t *testing.T) {
	l := topology.NewLedger()
	c := change(1, 10, 0)
	c.Bytes.ToA = flow.Amount{}
	l.Add(c)
	e := l.Map(world(), topology.Facts{}).Edges[0]
	if e.Bytes.ToClient != nil || e.Inexact != nil {
		t.Errorf("to client %v, inexact %v; want neither", e.Bytes.ToClient, e.Inexact)
	}
	l.Add(change(1, 1, 2))
	e = l.Map(world(), topology.Facts{}).Edges[0]
	if *e.Bytes.ToClient != 2 || cmp.Diff([]string{"bytes.to_client"}, e.Inexact) != "" {
		t.Errorf("to client %d, inexact %v", *e.Bytes.ToClient, e.Inexact)
	}
}

func TestGroupAddsUpAndKeepsTheTotals(t *testing.T) {
	l := topology.NewLedger()
	l.Add(change(1, 10, 20))
	l.Add(change(2, 1, 2))
	m := l.Map(world(), topology.Facts{})
	for level, want := range map[string]struct {
		nodes, edges int
		server       string
	}{
		"process": {3, 2, "process:20@7"}, "exe": {2, 1, "exe:/bin/web"}, "unit": {2, 1, "unit:web.service"}, "pod": {3, 2, "process:20@7"}, "host": {1, 1, "host:"},
	} {
		if level == "host" {
			m.Host.Name = "h"
			want.server = "host:h"
		}
		g := topology.Group(m, level)
		var active, bytes uint64
		named := false
		for _, e := range g.Edges {
			active += e.Connections.Active
			bytes += *e.Bytes.ToServer
			named = named || e.Server == want.server
		}
		if len(g.Nodes) != want.nodes || len(g.Edges) != want.edges || active != 2 || bytes != 11 || !named {
			t.Errorf("%s: %d nodes, %d edges, %d active, %d bytes, %s named %v", level, len(g.Nodes), len(g.Edges), active, bytes, want.server, named)
		}
	}
	if len(m.Nodes) != 3 || len(m.Edges) != 2 {
		t.Error("grouping changed the map that it was given")
	}
}

func TestMergeIsAssociative(t *testing.T) {
	l := topology.NewLedger()
	var windows []*topology.Map
	for i := range uint64(3) {
		l.Add(change(1, i, 2*i))
		if i == 1 {
			l.Add(&flow.Change{Edge: 2, Peer: flow.PeerNone, Role: flow.RoleHandshake, Ended: true, Failed: true, Errno: "ECONNREFUSED"})
		}
		windows = append(windows, l.Map(world(), topology.Facts{Window: flow.Window{Start: flow.Time(i) * 1e9, End: flow.Time(i+1) * 1e9}}))
		l.Reset()
	}
	a, b, c := windows[0], windows[1], windows[2]
	left, right := topology.Merge(topology.Merge(a, b), c), topology.Merge(a, topology.Merge(b, c))
	if d := cmp.Diff(left, right, cmpopts.IgnoreUnexported(topology.Edge{})); d != "" {
		t.Errorf("(-left +right):\n%s", d)
	}
	for _, e := range left.Edges {
		switch {
		case e.Server == "process:20@7" && (e.Connections.Active != 3 || e.Connections.Opened != 3 || *e.Bytes.ToClient != 6 || e.Evidence.Peer["tuple"] != 3):
			t.Errorf("merged edge %+v", e)
		case e.Server == "process:21@7" && (e.Connections.Failed != 1 || e.Errors["ECONNREFUSED"] != 1):
			t.Errorf("merged failure %+v", e)
		}
	}
}

func TestSelectKeepsTheOtherEnd(t *testing.T) {
	l := topology.NewLedger()
	l.Add(change(1, 10, 20))
	l.Add(change(2, 1, 2))
	m := topology.Select(l.Map(world(), topology.Facts{}), func(n *topology.Node) bool { return n.Attributes.PID == 21 })
	if len(m.Edges) != 1 || len(m.Nodes) != 2 || m.Edges[0].Client != "process:30@7" {
		t.Errorf("%d edges, %d nodes: %+v", len(m.Edges), len(m.Nodes), m.Edges)
	}
}

func TestEdgeIDDependsOnWhatMakesTheEdgeOnly(t *testing.T) {
	a := topology.EdgeID("x", "y", "tcp", "80")
	if a != topology.EdgeID("x", "y", "tcp", "80") {
		t.Error("the same edge has two ids")
	}
	for _, b := range []string{topology.EdgeID("y", "x", "tcp", "80"), topology.EdgeID("x", "y", "udp", "80"), topology.EdgeID("x", "y", "tcp", "81"), topology.EdgeID("xy", "", "tcp", "80")} {
		if a == b {
			t.Errorf("two edges have the id %s", a)
		}
	}
}
