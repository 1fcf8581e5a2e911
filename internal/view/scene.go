package view

import (
	"cmp"
	"slices"
	"time"

	"peerscope/internal/topology"
)

// scene is a map on its way to a picture.
type scene struct {
	m      *topology.Map // as it was given
	o      Options
	levels levels
	length time.Duration

	hidden  []Hidden
	total   Size
	matched Size
	used    map[string]bool // ids in the map of the ends of what was chosen

	nodes  map[string]*topology.Node // at the level: the ends of lines
	beside map[string]*topology.Node // at the level: what lines name besides
	lines  []*line                   // at the level, sorted by id
	known  map[string]*topology.Node // of the map, at its own level
	calls  map[string]string         // what people call nodes, those asked for so far
	buffer []byte                    // of the last sentence
}

// line is an edge at the level that is shown, and what is made of it on the way.
type line struct {
	topology.Edge
	verdict
	length  time.Duration // of the window that its figures are of
	far     bool          // an end is an address of the internet
	bundle  int           // how many edges it stands for, where that is not one
	change  string
	changes []string
}

// ends are the ids of a line's ends; of one with roles the client's is first.
func ends(e *topology.Edge) (first, second string, roles bool) {
	if len(e.Ends) == 2 {
		return e.Ends[0], e.Ends[1], false
	}
	return e.Client, e.Server, true
}

// newScene chooses from the map what was asked for, and brings it to the level.
func newScene(m *topology.Map, o Options) *scene {
	s := &scene{m: m, o: o, levels: levels{host: m.Host.Name}, length: o.Length, used: map[string]bool{},
		calls: map[string]string{}, nodes: map[string]*topology.Node{}, beside: map[string]*topology.Node{}, known: make(map[string]*topology.Node, len(m.Nodes))}
	if s.length <= 0 {
		s.length = m.Window.Length()
	}
	for i := range m.Nodes {
		s.known[m.Nodes[i].ID] = &m.Nodes[i]
	}
	chosen := s.choose()
	for i := range chosen.Edges {
		first, second, _ := ends(&chosen.Edges[i])
		s.used[first], s.used[second] = true, true
	}
	s.raise(chosen)
	return s
}

// raise brings what was chosen to the level, and judges it.
func (s *scene) raise(chosen *topology.Map) {
	levels := chain(s.o.Level)
	up := topology.GroupBy(chosen, func(n *topology.Node) (topology.Node, bool) { return s.levels.at(n, levels) })
	for i := range up.Nodes {
		n := up.Nodes[i]
		if s.known[n.ID] == nil { // made here; the map's order does not matter
			slices.Sort(n.Attributes.Members)
			slices.SortFunc(n.Attributes.Listens, compareListens)
			if members := n.Attributes.Members; len(members) == 1 { // it says more of itself than what several share
				a := s.known[members[0]].Attributes
				a.Members, a.Processes = members, n.Attributes.Processes
				n.Attributes = a
			}
		}
		s.nodes[n.ID] = &n
	}
	used := map[string]bool{}
	for i := range up.Edges {
		l := &line{Edge: up.Edges[i], length: s.length}
		first, second, _ := ends(&l.Edge)
		l.far = isFar(s.nodes[first]) || isFar(s.nodes[second])
		l.verdict = judge(&l.Edge, l.length, l.far)
		if s.o.OnlyProblems && !l.health.Problem() {
			continue
		}
		used[first], used[second] = true, true
		s.lines = append(s.lines, l)
	}
	for id := range s.nodes {
		if !used[id] && !s.showsIdle() { // a candidate, or another holder of a socket
			s.beside[id] = s.nodes[id]
			delete(s.nodes, id)
		}
	}
	s.matched = Size{Nodes: len(s.nodes), Edges: len(s.lines)}
}

func compareListens(a, b topology.Listen) int {
	return cmp.Or(cmp.Compare(a.Transport, b.Transport), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Address, b.Address), cmp.Compare(a.Path, b.Path),
		cmp.Compare(a.Backlog, b.Backlog), cmp.Compare(a.BacklogLimit, b.BacklogLimit))
}
