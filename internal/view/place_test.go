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

func TestFullBoxGoesOnInAnother(t *testing.T) {
	blue := topology.Attributes{NetnsName: "blue"}
	red := topology.Attributes{NetnsName: "red"}
	a, b, c := process(1, "a", blue), process(2, "b", blue), process(3, "c", red)
	in, out := address("203.0.113.1", false), address("203.0.113.2", false)
	nodes := []topology.Node{a, b, c, in, out}
	edges := []topology.Edge{call(in, a, 80), call(b, out, 80), call(a, b, 80), call(a, c, 80)}
	o := view.Options{Level: view.LevelProcess, Group: view.GroupNamespace}
	g := view.Make(mapOf(nodes, edges...), o)
	places := g.Place(nil, layout.Options{})
	positions(t, g)
	for i := range int32(20) {
		n := process(10+i, fmt.Sprint("w", i), blue)
		nodes, edges = append(nodes, n), append(edges, call(a, n, 90))
	}
	g = view.Make(mapOf(nodes, edges...), o)
	g.Place(places, layout.Options{})
	positions(t, g)
	var names []string
	for _, b := range g.Groups {
		names = append(names, b.Name)
	}
	if got, want := strings.Join(names, " "), "blue blue#2 red"; got != want {
		t.Errorf("boxes are %q, want %q", got, want)
	}
}
