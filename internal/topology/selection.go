package topology

import "slices"

// Select keeps the edges of which an end is wanted, with every node they name.
// A candidate or another holder of an end counts as that end.
func Select(m *Map, wanted func(*Node) bool) *Map {
	out := *m
	chosen := map[string]bool{}
	for i := range m.Nodes {
		if wanted(&m.Nodes[i]) {
			chosen[m.Nodes[i].ID] = true
		}
	}
	out.Edges, out.Nodes = []Edge{}, []Node{}
	named := map[string]bool{}
	for _, e := range m.Edges {
		ids := e.nodes()
		if !slices.ContainsFunc(ids, func(id string) bool { return chosen[id] }) {
			continue
		}
		out.Edges = append(out.Edges, e)
		for _, id := range ids {
			named[id] = true
		}
	}
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
