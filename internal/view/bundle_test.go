package view_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/topology"
	"peerscope/internal/view"
)

// busy is a web server with many clients outside, a few programs that it calls,
// and one small client whose connects fail.
func busy() *topology.Map {
	web, db := process(1, "web", topology.Attributes{}), process(2, "db", topology.Attributes{})
	nodes := []topology.Node{web, db}
	edges := []topology.Edge{call(web, db, 5432, moved(1e6, 1e6))}
	for i := range 20 {
		n := address(fmt.Sprintf("203.0.113.%d", i+1), false)
		nodes, edges = append(nodes, n), append(edges, call(n, web, 443, moved(uint64(1000*(i+1)), 10)))
	}
	for i := range int32(5) {
		n := process(10+i, fmt.Sprint("helper", i), topology.Attributes{})
		nodes, edges = append(nodes, n), append(edges, call(web, n, uint16(9000+i), moved(uint64(i+1), 0)))
	}
	broken := process(30, "broken", topology.Attributes{})
	nodes, edges = append(nodes, broken), append(edges, call(broken, db, 5432, failed(1)))
	return mapOf(nodes, edges...)
}

func names(g *view.Graph) []string {
	var out []string
	for _, n := range g.Nodes {
		name := n.Name
		if n.Kind == view.KindBundle {
			name = n.ID + " " + n.Name + " " + n.Subtitle + " " + n.Role
		}
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

func TestBundles(t *testing.T) {
	g := view.Make(busy(), view.Options{Limit: 5})
	want := []string{"203.0.113.19", "203.0.113.20", "broken", "bundle:clients:external +18 more external addresses external",
		"bundle:servers:host:web-1 +5 more programs server", "db", "web"}
	if diff := cmp.Diff(want, names(g)); diff != "" {
		t.Errorf("nodes (-want +got):\n%s", diff)
	}
	if g.Truncated == nil || *g.Truncated != (view.Size{Nodes: 23, Edges: 23}) {
		t.Errorf("truncated %v, want 23 nodes and 23 edges", g.Truncated)
	}
	for _, e := range g.Edges {
		if e.Client == "bundle:clients:external" && (e.Bundle != 18 || *e.Bytes.Tx != 171_000 || e.ServerPort != 443 || e.Label != "443 18 edges") {
			t.Errorf("edge of the bundle: %s", mustJSON(t, e))
		}
		if e.Server == "bundle:servers:host:web-1" && (e.Bundle != 5 || *e.Bytes.Tx != 15 || e.ServerPort != 0 || e.Label != "5 edges") {
			t.Errorf("edge to the bundle: %s", mustJSON(t, e))
		}
	}
	for _, n := range g.Nodes {
		if n.ID == "bundle:servers:host:web-1" && (n.Group != "host:web-1" || n.Processes != 5 || len(n.PIDs) != 0) {
			t.Errorf("the bundle of processes is %s", mustJSON(t, n))
		}
	}
}

func TestNoBundleWhereThereIsRoom(t *testing.T) {
	whole := busy()
	m := *whole
	m.Edges = slices.DeleteFunc(slices.Clone(whole.Edges), func(e topology.Edge) bool { return e.ServerPort == 443 })
	for _, limit := range []int{8, 7} { // the one that is left over is no bundle
		if g := view.Make(&m, view.Options{Limit: limit}); g.Truncated != nil || len(g.Nodes) != 8 {
			t.Errorf("limit %d: %d nodes, truncated %v; want all 8", limit, len(g.Nodes), g.Truncated)
		}
	}
}

func TestFewExternalAddressesWhateverRoomThereIs(t *testing.T) {
	g := view.Make(busy(), view.Options{Limit: 60})
	external, bundled := 0, 0
	for _, n := range g.Nodes {
		if n.Kind == view.KindBundle {
			bundled += len(n.Members)
		} else if n.Role == view.RoleExternal {
			external++
		}
	}
	if external != 10 || bundled != 10 || len(g.Nodes) != 19 {
		t.Errorf("%d external addresses and %d in bundles, %d nodes in all; want 10, 10 and 19", external, bundled, len(g.Nodes))
	}
}

func TestWhoWasShownStays(t *testing.T) {
	m := busy()
	shown := func(o view.Options) bool { return slices.Contains(names(view.Make(m, o)), "203.0.113.12") }
	if shown(view.Options{Limit: 5}) {
		t.Error("203.0.113.12 moves 12 kB and is shown, before two that move 19 and 20")
	}
	if !shown(view.Options{Limit: 5, Keep: map[string]bool{"address:203.0.113.12": true}}) {
		t.Error("203.0.113.12 was shown before, and is not shown beside two that move less than twice as much")
	}
	if shown(view.Options{Limit: 5, Keep: map[string]bool{"address:203.0.113.3": true}}) {
		t.Error("203.0.113.12 is shown as another one was shown before")
	}
}

func TestBundleIsAsBadAsTheWorstInIt(t *testing.T) {
	web := process(1, "web", topology.Attributes{})
	nodes, edges := []topology.Node{web}, []topology.Edge{}
	for i := range 200 {
		n := address(fmt.Sprintf("203.0.113.%d", i), false)
		with := func(*topology.Edge) {}
		if i == 7 {
			with = func(e *topology.Edge) { e.Connections.Failed, e.Connections.Opened = 2, 50 }
		}
		nodes, edges = append(nodes, n), append(edges, call(n, web, 443, with))
	}
	g := view.Make(mapOf(nodes, edges...), view.Options{Limit: 1})
	if len(g.Edges) != 1 {
		t.Fatalf("%d edges, want one bundle", len(g.Edges))
	}
	for _, e := range g.Edges {
		if e.Bundle != 200 || (e.Health != view.Bad || e.Reasons[0] != "one of them: 0.2 connects/s fail, 3.8 % of those tried") {
			t.Errorf("bundle is %s %q, want bad with the reason of the worst", e.Health, e.Reasons)
		}
	}
}

func TestBundleOfFarAddressesIsJudgedAsFar(t *testing.T) {
	web := process(1, "web", topology.Attributes{})
	nodes, edges := []topology.Node{web}, []topology.Edge{}
	for i := range 20 { // near and far ones, the far first and last
		n := address(fmt.Sprintf("10.0.%d.1", i), false)
		if i%3 != 1 {
			n = address(fmt.Sprintf("203.0.113.%d", i), false)
		}
		nodes, edges = append(nodes, n), append(edges, call(n, web, 443, func(e *topology.Edge) {
			if e.RTT = (&topology.Stat{Count: 1, Sum: 9_000}); i%3 != 1 {
				e.RTT.Sum = 90_000
			}
		}))
	}
	for _, e := range view.Make(mapOf(nodes, edges...), view.Options{Limit: 1}).Edges {
		if e.Health != view.OK {
			t.Errorf("edge of %d is %s %q, want ok", e.Bundle, e.Health, e.Reasons)
		}
	}
}
