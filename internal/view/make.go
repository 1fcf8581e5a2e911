package view

import (
	"cmp"
	"maps"
	"slices"

	"peerscope/internal/topology"
)

// Make is what is shown of one map. The map is not changed, and the graph shares
// parts of it: neither must be changed as long as the other is used.
func Make(m *topology.Map, o Options) *Graph {
	s := newScene(m, o.filled())
	g := s.frame()
	s.show(g)
	return g
}

// frame is a graph without what is in it.
func (s *scene) frame() *Graph {
	return &Graph{Schema: Schema, Host: s.m.Host, Window: s.m.Window, Capture: s.m.Capture, Level: s.o.Level,
		Levels: s.count(), Total: s.total, Matched: s.matched, Hidden: s.hidden, Nodes: []Node{}, Edges: []Edge{}, Groups: []Group{}}
}

// show puts the nodes and lines of a scene into a graph, as many as there is
// room for.
func (s *scene) show(g *Graph) {
	in := make(map[string]Group, len(s.nodes))
	for id, n := range s.nodes {
		in[id] = s.box(n)
	}
	g.Truncated = s.bundle(in)
	t := traffic(s.lines)
	g.Nodes = make([]Node, 0, len(s.nodes)) // both are large: never moved once they are written
	for _, id := range slices.Sorted(maps.Keys(s.nodes)) {
		shown := s.node(s.nodes[id], t[id])
		shown.Group = in[id].ID
		g.Nodes = append(g.Nodes, shown)
	}
	slices.SortFunc(s.lines, func(a, b *line) int { return cmp.Compare(a.ID, b.ID) })
	g.Edges = make([]Edge, 0, len(s.lines))
	for _, l := range s.lines {
		g.Edges = append(g.Edges, s.edge(l))
	}
	g.Groups = boxes(in, g.Nodes)
}

// around are the lines of one node.
type around struct {
	in, out []*line // that call it; that it calls
	with    []*line // without roles, and to itself
}

func (a *around) all() []*line {
	if a == nil {
		return nil
	}
	return slices.Concat(a.in, a.out, a.with)
}

// traffic sorts lines by their ends.
func traffic(lines []*line) map[string]*around {
	out := map[string]*around{}
	at := func(id string) *around {
		if out[id] == nil {
			out[id] = &around{}
		}
		return out[id]
	}
	for _, l := range lines {
		first, second, roles := ends(&l.Edge)
		switch {
		case first == second:
			at(first).with = append(at(first).with, l)
		case roles:
			at(first).out = append(at(first).out, l)
			at(second).in = append(at(second).in, l)
		default:
			at(first).with = append(at(first).with, l)
			at(second).with = append(at(second).with, l)
		}
	}
	return out
}
