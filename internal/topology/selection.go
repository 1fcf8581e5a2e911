package topology

import "slices"

// Select keeps the edges of which an end is wanted, with every node they name.
// A candidate or another holder of an end counts as that end.
func Select(m *Map, wanted func(*Node) bool) *Map {
	chosen := map[string]bool{}
	for i := range m.Nodes {
		if wanted(&m.Nodes[i]) {
			chosen[m.Nodes[i].ID] = true
		}
	}
	return SelectEdges(m, func(e *Edge) bool {
		return slices.ContainsFunc(e.nodes(), func(id string) bool { return chosen[id] })
	})
}

// SelectEdges keeps the edges that are wanted, with every node they name.
func SelectEdges(m *Map, wanted func(*Edge) bool) *Map {
	out := *m
	out.Edges, out.Nodes = make([]Edge, 0, len(m.Edges)), make([]Node, 0, len(m.Nodes))
	named := make(map[string]bool, len(m.Nodes))
	for i := range m.Edges {
		e := &m.Edges[i]
		if !wanted(e) {
			continue
		}
		out.Edges = append(out.Edges, *e)
		for _, id := range e.nodes() {
			named[id] = true
		}
	}
	out.Logical = selectLogical(m.Logical, out.Edges, named)
	for _, n := range m.Nodes {
		if named[n.ID] {
			out.Nodes = append(out.Nodes, n)
		}
	}
	return &out
}

// nodes are the ids of all nodes that an edge names.
func (e *Edge) nodes() []string {
	ids := slices.Clone(e.Ends)
	if e.Ends == nil {
		ids = append(ids, e.Client, e.Server)
	}
	for _, sets := range [...]map[string][]string{e.Candidates, e.Holders} {
		for _, list := range sets {
			ids = append(ids, list...)
		}
	}
	return ids
}
