package view_test

import (
	"fmt"
	"strings"
	"testing"

	"peerscope/internal/layout"
	"peerscope/internal/topology"
	"peerscope/internal/view"
)

// positions are those of all nodes of a graph that has a layout.
func positions(t *testing.T, g *view.Graph) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, n := range g.Nodes {
		if n.X == nil || n.Y == nil || n.Rank == nil || n.W <= 0 || n.H <= 0 {
			t.Fatalf("%s has no place", n.ID)
		}
		out[n.ID] = fmt.Sprint(*n.X, " ", *n.Y)
	}
	for _, b := range g.Groups {
		if b.X == nil || len(b.Nodes) == 0 {
			t.Errorf("box %s has no place or no nodes", b.ID)
		}
		for _, n := range g.Nodes {
			within := *n.X >= *b.X && *n.Y >= *b.Y && *n.X+n.W <= *b.X+b.W && *n.Y+n.H <= *b.Y+b.H
			if within != (n.Group == b.ID) {
				t.Errorf("%s of box %q is within %s: %v", n.ID, n.Group, b.ID, within)
			}
		}
	}
	return out
}

func TestPlacerMovesNobody(t *testing.T) {
	p := view.NewPlacer(4)
	options := []view.Options{{Limit: 20}, {Level: view.LevelProcess, Group: view.GroupNamespace}, {Limit: 20, Level: view.LevelContainer, OnlyProblems: true}}
	last := make([]map[string]string, len(options))
	whole := random(1, 50, 200)
	for step := range uint64(30) {
		m := shuffled(whole, step)
		m.Edges = m.Edges[:20+10*(step%15)]
		for i, o := range options {
			g := p.Make(m, nil, o, layout.Options{})
			now := positions(t, g)
			for id, at := range now {
				if was, ok := last[i][id]; ok && was != at {
					t.Errorf("step %d, view %d: %s moved from %s to %s", step, i, id, was, at)
				}
			}
			last[i] = now
		}
	}
}

func TestPlacerShowsMomentsOfOneTimeAlike(t *testing.T) {
	p := view.NewPlacer(4)
	around := random(2, 60, 300)
	o := view.Options{Limit: 10, ShowNoise: true}
	at, bundledOnce, aloneOnce := map[string]string{}, map[string]bool{}, map[string]bool{}
	for step := range uint64(10) {
		m := shuffled(around, step)
		m.Edges = m.Edges[:120]
		g := p.Make(m, around, o, layout.Options{})
		for id, now := range positions(t, g) {
			if was, ok := at[id]; ok && was != now {
				t.Errorf("step %d: %s moved from %s to %s", step, id, was, now)
			}
			at[id] = now
		}
		for _, n := range g.Nodes {
			if n.Kind != view.KindBundle {
				aloneOnce[n.ID] = true
			}
			for _, id := range n.Members {
				bundledOnce[id] = bundledOnce[id] || n.Kind == view.KindBundle
			}
		}
		if got, want := sumsShown(g), sumsOf(m); got != want {
			t.Errorf("step %d: shown are %+v, the map has %+v", step, got, want)
		}
	}
	both := 0
	for id := range aloneOnce {
		if bundledOnce[id] {
			both++
		}
	}
	if both > bundlesOfOne(o.Limit) {
		t.Errorf("%d nodes are now in a bundle and now not, want only such as were alone in theirs", both)
	}
}

func TestPlacerForgetsWhatWasNotLookedAt(t *testing.T) {
	m := random(3, 30, 60)
	p := view.NewPlacer(2)
	pins := func(n *view.Node) layout.Options {
		return layout.Options{Pins: map[string]layout.Point{n.ID: {X: -999, Y: 7}}}
	}
	first := p.Make(m, nil, view.Options{}, layout.Options{})
	if g := p.Make(m, nil, view.Options{Filter: parsed(t, "")}, pins(&first.Nodes[0])); *g.Nodes[0].X != -999 {
		t.Errorf("a pinned node is at %v", *g.Nodes[0].X)
	}
	less := *m
	less.Edges = m.Edges[:20]
	for _, o := range []view.Options{{Limit: 1}, {Limit: 2}} {
		p.Make(m, nil, o, layout.Options{})
	}
	anew := view.NewPlacer(1).Make(&less, nil, view.Options{}, layout.Options{})
	again := p.Make(&less, nil, view.Options{}, layout.Options{})
	if a, b := text(t, anew), text(t, again); a != b {
		t.Error("a view that was forgotten does not begin anew")
	}
}

func TestFullBoxGoesOnInAnother(t *testing.T) {
	blue := topology.Attributes{NetnsName: "blue"}
	red := topology.Attributes{NetnsName: "red"}
	a, b, c := process(1, "a", blue), process(2, "b", blue), process(3, "c", red)
	in, out := address("203.0.113.1", false), address("203.0.113.2", false)
	nodes := []topology.Node{a, b, c, in, out}
	edges := []topology.Edge{call(in, a, 80), call(b, out, 80), call(a, b, 80), call(a, c, 80)}
	p := view.NewPlacer(1)
	o := view.Options{Level: view.LevelProcess, Group: view.GroupNamespace}
	positions(t, p.Make(mapOf(nodes, edges...), nil, o, layout.Options{}))
	for i := range int32(20) {
		n := process(10+i, fmt.Sprint("w", i), blue)
		nodes, edges = append(nodes, n), append(edges, call(a, n, 90))
	}
	g := p.Make(mapOf(nodes, edges...), nil, o, layout.Options{})
	positions(t, g)
	var names []string
	for _, b := range g.Groups {
		names = append(names, b.Name)
	}
	if got, want := strings.Join(names, " "), "blue blue#2 red"; got != want {
		t.Errorf("boxes are %q, want %q", got, want)
	}
}
