package view

import (
	"strconv"

	"peerscope/internal/filter"
	"peerscope/internal/topology"
)

// key tells edges of one level apart, as cheaply as can be.
type key struct {
	first, second, transport, at string
}

// choose keeps the edges that the filter wants and no rule hides, and counts
// what is left out.
func (s *scene) choose() *topology.Map {
	levels := chain(s.o.Level)
	at := make(map[string]string, len(s.m.Nodes)) // node id -> id at the level
	for i := range s.m.Nodes {
		at[s.m.Nodes[i].ID] = s.levels.id(&s.m.Nodes[i], levels)
	}
	var scene *filter.Scene
	if s.o.Filter != nil {
		scene = filter.NewScene(s.m)
	}
	all, rules := map[key]bool{}, rules()
	hidden := make([]map[key]bool, len(rules))
	talking := map[string]bool{}
	chosen := topology.SelectEdges(s.m, func(e *topology.Edge) bool {
		k, p := s.pair(e, at)
		all[k] = true
		talking[k.first], talking[k.second] = true, true
		if scene != nil && !s.o.Filter.Match(scene, e) {
			return false
		}
		if s.o.ShowNoise {
			return true
		}
		r := noise(rules, &p)
		if r >= 0 {
			if hidden[r] == nil {
				hidden[r] = map[key]bool{}
			}
			hidden[r][k] = true
		}
		return r < 0
	})
	s.hidden = []Hidden{}
	for i, r := range rules {
		if len(hidden[i]) > 0 {
			s.hidden = append(s.hidden, Hidden{Rule: r.id, Text: r.text, Edges: len(hidden[i])})
		}
	}
	for i := range chosen.Edges {
		if !s.portsMatter() {
			chosen.Edges[i].EndPorts = nil
		}
	}
	idle := s.idle(chosen, at, talking)
	s.total = Size{Nodes: len(talking) + idle, Edges: len(all)}
	return chosen
}

// portsMatter: of two ends one port is the client's, and another one each time.
// Above single processes what differs in that only is one edge.
func (s *scene) portsMatter() bool { return s.o.Level == LevelProcess }

// idle counts the nodes that wait for peers and nobody talks to. They are chosen
// too where everything is wanted.
func (s *scene) idle(chosen *topology.Map, at map[string]string, talking map[string]bool) int {
	there, ids := map[string]bool{}, map[string]bool{}
	for i := range chosen.Nodes { // a candidate is there, and nobody talks to it for certain
		there[chosen.Nodes[i].ID] = true
	}
	for i := range s.m.Nodes {
		n := &s.m.Nodes[i]
		if len(n.Attributes.Listens) == 0 || talking[at[n.ID]] {
			continue
		}
		ids[at[n.ID]] = true
		if s.showsIdle() && !there[n.ID] {
			chosen.Nodes = append(chosen.Nodes, *n)
		}
	}
	if len(ids) > 0 && !s.o.ShowIdle && s.o.Filter == nil {
		s.hidden = append(s.hidden, Hidden{Rule: RuleIdle, Text: "what waits for peers and nobody calls", Nodes: len(ids)})
	}
	return len(ids)
}

// showsIdle: nodes without edges are wanted, and nothing else chooses among edges.
func (s *scene) showsIdle() bool { return s.o.ShowIdle && s.o.Filter == nil && !s.o.OnlyProblems }

// pair is an edge with its ends, and what it is at the level.
func (s *scene) pair(e *topology.Edge, at map[string]string) (key, pair) {
	first, second, roles := ends(e)
	p := pair{edge: e, a: s.known[first], b: s.known[second], roles: roles}
	k := key{first: at[first], second: at[second], transport: e.Transport, at: e.Path}
	if e.ServerPort != 0 {
		k.at = strconv.Itoa(int(e.ServerPort))
	}
	if !roles {
		var ports [2]uint16
		copy(ports[:], e.EndPorts)
		if k.second < k.first {
			k.first, k.second = k.second, k.first
			ports[0], ports[1] = ports[1], ports[0]
		}
		if k.at = "-" + e.Path; s.portsMatter() {
			k.at = "-" + strconv.Itoa(int(ports[0])) + "-" + strconv.Itoa(int(ports[1])) + e.Path
		}
	}
	return k, p
}

// count counts the nodes of what was chosen at each level.
func (s *scene) count() map[string]int {
	out := map[string]int{}
	for _, level := range Levels() {
		levels, ids := chain(level), map[string]bool{}
		for id := range s.used {
			if n := s.known[id]; n != nil {
				ids[s.levels.id(n, levels)] = true
			}
		}
		out[level] = len(ids)
	}
	return out
}
