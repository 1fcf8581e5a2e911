package view

import (
	"cmp"
	"maps"
	"slices"

	"peerscope/internal/topology"
)

// box is what a node stands in; without an id in none. No node is in a box of
// its own kind.
func (s *scene) box(n *topology.Node) Group {
	a := &n.Attributes
	switch kind := s.o.Group; {
	case kind == GroupHost && s.o.Level != LevelHost:
		if name := s.levels.hostOf(n); name != "" {
			return Group{ID: clean("host:" + name), Name: clean(name), Kind: kind}
		}
	case kind == GroupNamespace && s.o.Level != LevelNamespace:
		switch {
		case a.Namespace != "":
			return Group{ID: clean("namespace:" + a.Namespace), Name: clean(a.Namespace), Kind: kind}
		case a.NetnsName != "":
			return Group{ID: clean("netns:" + a.NetnsName), Name: clean(a.NetnsName), Kind: kind}
		}
	case kind == GroupContainer && (s.o.Level == LevelProcess || s.o.Level == LevelProgram):
		if id, name := container(n); id != "" {
			return Group{ID: clean(id), Name: clean(name), Kind: kind}
		}
	}
	return Group{}
}

// boxes are those of the nodes that are shown.
func boxes(of map[string]Group, nodes []Node) []Group {
	all := map[string]*Group{}
	for i := range nodes { // sorted by id, and so are the members
		g := of[nodes[i].ID]
		if g.ID == "" {
			continue
		}
		if all[g.ID] == nil {
			all[g.ID] = &g
		}
		all[g.ID].Nodes = append(all[g.ID].Nodes, nodes[i].ID)
	}
	out := make([]Group, 0, len(all))
	for _, id := range slices.SortedFunc(maps.Keys(all), cmp.Compare) {
		out = append(out, *all[id])
	}
	return out
}
