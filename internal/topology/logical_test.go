package topology_test

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// through is curl that gets to both web workers through each other: 1 to 3 via 2,
// and 1 to 2 via 3.
func through(active, closed uint64) *flow.Logical {
	edge := flow.LogicalEdge{Client: 1, Server: 3, Via: []flow.NodeRef{2}, ServerPort: 80, Active: active, Opened: active + closed, Closed: closed,
		Dialed: []netip.AddrPort{netip.MustParseAddrPort("10.0.0.9:80"), netip.MustParseAddrPort("10.0.0.1:80")}}
	edge.Pairing[flow.PairTiming], edge.Open[flow.PairTiming] = active+closed, active
	back := edge
	back.Server, back.Via = 2, []flow.NodeRef{3}
	return &flow.Logical{Proxies: []flow.Proxy{{Node: 2, Ground: flow.GroundForward, Unjoined: 4}}, Edges: []flow.LogicalEdge{edge, back}}
}

func TestMapHasLogicalEdgesBesideTheOthers(t *testing.T) {
	l := topology.NewLedger()
	l.Add(change(1, 10, 20))
	plain := l.Map(world(), topology.Facts{})
	if text, err := json.Marshal(plain); err != nil || strings.Contains(string(text), "logical") {
		t.Errorf("a map that was not asked for them has them: %s, %v", text, err)
	}
	m := l.Map(world(), topology.Facts{Logical: through(1, 2)})
	if diff := cmp.Diff(plain.Edges, m.Edges, cmpopts.IgnoreUnexported(topology.Edge{})); diff != "" {
		t.Errorf("edges (-without +with):\n%s", diff)
	}
	want := []topology.Logical{
		{ID: "l:", Client: "process:30@7", Server: "process:20@7", Via: []string{"process:21@7"}, ServerPort: 80, Dialed: []string{"10.0.0.1:80", "10.0.0.9:80"},
			Evidence: topology.LogicalEvidence{Pairing: map[string]uint64{"timing": 3}}, Connections: topology.LogicalConnections{Active: 1, Opened: 3, Closed: 2}},
		{ID: "l:", Client: "process:30@7", Server: "process:21@7", Via: []string{"process:20@7"}, ServerPort: 80, Dialed: []string{"10.0.0.1:80", "10.0.0.9:80"},
			Evidence: topology.LogicalEvidence{Pairing: map[string]uint64{"timing": 3}}, Connections: topology.LogicalConnections{Active: 1, Opened: 3, Closed: 2}},
	}
	short := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".ID" },
		cmp.Comparer(func(a, b string) bool { return a[:2] == b[:2] && (len(a) == 18 || len(b) == 18) }))
	sorted := cmpopts.SortSlices(func(a, b topology.Logical) bool { return a.Server < b.Server })
	if diff := cmp.Diff(want, m.Logical, cmpopts.IgnoreUnexported(topology.Logical{}), short, sorted); diff != "" {
		t.Errorf("logical (-want +got):\n%s", diff)
	}
	for _, n := range m.Nodes {
		if a := n.Attributes; (a.Proxy == "forward" && a.ProxyUnjoined == 4) != (n.ID == "process:20@7") {
			t.Errorf("%s: proxy %q, %d not joined", n.ID, a.Proxy, a.ProxyUnjoined)
		}
	}
}

func TestMergeAddsLogicalEdges(t *testing.T) {
	l := topology.NewLedger()
	at := func(active, closed uint64) *topology.Map {
		return l.Map(world(), topology.Facts{Logical: through(active, closed)})
	}
	a, b, c := at(3, 1), at(1, 2), at(0, 1)
	got := topology.Merge(topology.Merge(a, b), c)
	if diff := cmp.Diff(topology.Merge(a, topology.Merge(b, c)), got, cmp.AllowUnexported(topology.Logical{}, topology.Edge{})); diff != "" {
		t.Errorf("merging is not associative:\n%s", diff)
	}
	if c := got.Logical[0]; c.Connections != (topology.LogicalConnections{Opened: 8, Closed: 4}) || c.Evidence.Pairing["timing"] != 4 {
		t.Errorf("merged %+v", c)
	}
	plain := l.Map(world(), topology.Facts{})
	if topology.Merge(plain, plain).Logical != nil || topology.Merge(a, plain).Logical == nil {
		t.Error("merged: only a map that was asked for them has them")
	}
}

func TestGroupAndSelectLogicalEdges(t *testing.T) {
	l := topology.NewLedger()
	l.Add(change(1, 10, 20))
	m := l.Map(world(), topology.Facts{Logical: through(1, 0)})
	got := topology.Group(m, "unit").Logical
	if len(got) != 1 || got[0].Server != "unit:web.service" || got[0].Connections.Active != 2 || len(got[0].Via) != 1 {
		t.Errorf("grouped %+v", got)
	}
	// Curl calls the first worker, so what goes through that one is kept.
	one := topology.Select(m, func(n *topology.Node) bool { return n.ID == "process:20@7" })
	if len(one.Logical) != 1 || one.Logical[0].Server != "process:21@7" || len(one.Nodes) != 3 {
		t.Errorf("selected %+v and %d nodes", one.Logical, len(one.Nodes))
	}
	none := topology.Select(m, func(*topology.Node) bool { return false })
	if none.Logical == nil || len(none.Logical) != 0 {
		t.Errorf("selected %+v", none.Logical)
	}
}
