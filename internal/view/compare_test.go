package view_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/topology"
	"peerscope/internal/view"
)

func TestCompare(t *testing.T) {
	type attributes = topology.Attributes
	app, web, db := process(1, "app", attributes{}), process(2, "web", attributes{}), process(3, "db", attributes{})
	again := process(11, "app", attributes{}) // the same program after a restart
	gone, came := process(4, "gone", attributes{}), process(5, "came", attributes{})
	a := mapOf([]topology.Node{app, web, db, gone}, call(app, web, 80), call(web, db, 5432), call(gone, web, 80, moved(77, 0)), talk(app, db, "udp", 40000, 9))
	b := mapOf([]topology.Node{again, web, db, came}, call(again, web, 80), call(web, db, 5432, failed(3)), call(came, db, 5432), talk(again, db, "udp", 50000, 9))
	g := view.Compare(a, b, view.Options{})
	got := map[string]string{}
	for _, n := range g.Nodes {
		got[n.Name] = n.Change
	}
	for _, e := range g.Edges {
		got[strings.Join(append([]string{e.Client, e.Server, e.Label}, e.Ends...), " ")] = e.Change + " " + strings.Join(e.Changes, "; ")
	}
	const app1, web1, db1, gone1, came1 = "program:/usr/bin/app", "program:/usr/bin/web", "program:/usr/bin/db", "program:/usr/bin/gone", "program:/usr/bin/came"
	want := map[string]string{
		"app": "same", "web": "changed", "db": "changed", "gone": "removed", "came": "added",
		app1 + " " + web1 + " 80":   "same ",
		web1 + " " + db1 + " 5432":  "changed connects fail now",
		gone1 + " " + web1 + " 80":  "removed ",
		came1 + " " + db1 + " 5432": "added ",
		"  udp " + app1 + " " + db1: "same ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what became of nodes and edges (-want +got):\n%s", diff)
	}
	for _, e := range g.Edges {
		if e.Change == view.Removed && (e.Bytes == nil || *e.Bytes.Tx != 77) {
			t.Errorf("what is gone has %v, want the figures that it had", e.Bytes)
		}
	}
	if g.Before == nil || g.Before.Total != (view.Size{Nodes: 4, Edges: 4}) || g.Total != (view.Size{Nodes: 4, Edges: 4}) || g.Matched != (view.Size{Nodes: 5, Edges: 5}) {
		t.Errorf("before %+v, total %+v, matched %+v; want 4 of each, and 5 together", g.Before, g.Total, g.Matched)
	}
}

func TestChangesInWords(t *testing.T) {
	app, db := process(1, "app", topology.Attributes{}), process(2, "db", topology.Attributes{})
	rtt := func(us uint64) func(*topology.Edge) {
		return func(e *topology.Edge) { e.RTT = &topology.Stat{Count: 1, Sum: us} }
	}
	speaks := func(name string) func(*topology.Edge) {
		return func(e *topology.Edge) {
			e.Protocols = []topology.Protocol{{Name: name, TLS: new(name == "http"), Connections: 1}}
		}
	}
	plain := func(*topology.Edge) {}
	tests := []struct {
		claim  string
		a, b   func(*topology.Edge)
		change string
	}{
		{"nothing", plain, plain, "same"},
		{"connects that fail no more", failed(2), plain, "changed: connects do not fail any more"},
		{"twice the time", rtt(1000), rtt(2000), "changed: round trips take 2.0 ms, before 1.0 ms"},
		{"twice a time that does not matter", rtt(100), rtt(300), "same"},
		{"a little slower", rtt(100_000), rtt(120_000), "same"},
		{"five times the bytes", moved(10_000, 0), moved(50_000, 0), "changed: moves 5.0 kB/s, before 1.0 kB/s"},
		{"four times the bytes", moved(10_000, 0), moved(40_000, 0), "same"},
		{"many times hardly anything", moved(1, 0), moved(1000, 0), "same"},
		{"evidence", plain, func(e *topology.Edge) { e.Evidence.Peer = map[string]uint64{"listener": 1} }, "changed: the ends are inferred, before exact"},
		{"protocols", speaks("redis"), speaks("http"), "changed: speaks http with TLS, before redis without TLS"},
		{"a protocol that was not known is no change", plain, speaks("http"), "same"},
		{"what was asked for", plain, func(e *topology.Edge) { e.Dialed = []string{"10.0.0.1:80"} }, "changed: clients ask for other addresses"},
	}
	for _, tt := range tests {
		nodes := []topology.Node{app, db}
		g := view.Compare(mapOf(nodes, call(app, db, 1, tt.a)), mapOf(nodes, call(app, db, 1, tt.b)), view.Options{Level: view.LevelProcess})
		e := g.Edges[0]
		got := e.Change
		if len(e.Changes) > 0 {
			got += ": " + strings.Join(e.Changes, "; ")
		}
		if got != tt.change {
			t.Errorf("%s: %q, want %q", tt.claim, got, tt.change)
		}
	}
}

// TestCompareLosesNothing: what is gone, new and the same is all there is,
// whatever is bundled.
func TestCompareLosesNothing(t *testing.T) {
	for seed := range uint64(2) {
		a, b := random(seed, 30, 80), random(seed+100, 30, 80)
		for _, o := range everyOption() {
			g := view.Compare(a, b, o)
			stands(t, g, o)
			whole := view.Make(a, view.Options{Level: o.Level, ShowNoise: true})
			before := map[string]uint64{}
			for _, e := range whole.Edges {
				before[e.ID] = e.Connections.Opened
			}
			after := view.Make(b, view.Options{Level: o.Level, ShowNoise: true})
			var want uint64
			for _, e := range after.Edges {
				want += e.Connections.Opened
				delete(before, e.ID)
			}
			for _, n := range before {
				want += n
			}
			if o.Limit > 0 {
				one, all := byChange(g), byChange(view.Compare(a, b, view.Options{Level: o.Level, ShowNoise: true}))
				if diff := cmp.Diff(all, one); diff != "" {
					t.Errorf("seed %d, %+v: edges by what became of them (-all +bundled):\n%s", seed, o, diff)
				}
			}
			if got := sumsShown(g).Opened; got != want {
				t.Errorf("seed %d, %+v: %d connections opened, want %d", seed, o, got, want)
			}
			if o.Limit == 20 {
				if again := text(t, view.Compare(shuffled(a, 1), shuffled(b, 2), o)); again != text(t, g) {
					t.Errorf("seed %d, %+v: another comparison of the same maps:\n%s", seed, o, cmp.Diff(text(t, g), again))
				}
			}
		}
	}
}

// byChange counts edges by what became of them.
func byChange(g *view.Graph) map[string]int {
	out := map[string]int{}
	for _, e := range g.Edges {
		out[e.Change] += max(e.Bundle, 1)
	}
	return out
}

func TestCompareOnlyProblems(t *testing.T) {
	app, db, web := process(1, "app", topology.Attributes{}), process(2, "db", topology.Attributes{}), process(3, "web", topology.Attributes{})
	nodes := []topology.Node{app, db, web}
	a := mapOf(nodes, call(app, db, 1, failed(1)), call(app, web, 2), call(web, db, 3))
	b := mapOf(nodes, call(app, db, 1), call(app, web, 2), call(web, db, 3, failed(1)))
	g := view.Compare(a, b, view.Options{OnlyProblems: true})
	var got []string
	for _, e := range g.Edges {
		got = append(got, e.Label+" "+e.Change)
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"1 changed", "3 changed"}, got); diff != "" {
		t.Errorf("edges that are or were a problem (-want +got):\n%s", diff)
	}
}

func TestCompareWithItself(t *testing.T) {
	for name, m := range worlds(t) {
		for _, level := range view.Levels() {
			g := view.Compare(m, m, view.Options{Level: level, ShowNoise: true})
			for _, e := range g.Edges {
				if e.Change != view.Same {
					t.Errorf("%s, %s: edge %s is %s %q, want the same", name, level, e.Label, e.Change, e.Changes)
				}
			}
			for _, n := range g.Nodes {
				if n.Change != view.Same {
					t.Errorf("%s, %s: node %s is %s, want the same", name, level, n.Name, n.Change)
				}
			}
		}
	}
}
