package tui

import (
	"slices"

	tea "charm.land/bubbletea/v2"

	"peerscope/internal/filter"
	"peerscope/internal/topology"
	"peerscope/internal/view"
)

// shot is a look at a map as it was asked for.
type shot struct {
	generation int
	m          *topology.Map
	tick       int
	graph      *view.Graph
	ends       [][2]*view.Node   // of the graph's edges, in their order
	owners     map[string]string // edge id to row id, of all that is remembered; nil: not asked for
	blame      string            // of a filter that nothing matches: what to leave out
	left       int               // and how many edges there are then
}

// look asks for a picture of the map that is shown. Only one is made at a time;
// what changed meanwhile is seen by the next.
func (md *model) look() tea.Cmd {
	if md.shown == nil {
		return nil
	}
	if md.looking {
		md.again = true
		return nil
	}
	md.looking, md.again = true, false
	s := &shot{generation: md.generation, m: md.shown, tick: md.now}
	var whole *topology.Map
	if md.renew {
		whole = md.memory.whole(md.shown)
	}
	o := md.options()
	return func() tea.Msg {
		s.graph = view.Make(s.m, o)
		s.ends = endsOf(s.graph)
		if whole != nil {
			s.owners = owners(view.Make(whole, o), whole)
		}
		if o.Filter != nil && len(s.graph.Edges) == 0 {
			s.blame, s.left = o.Filter.Blame(s.m)
		}
		return s
	}
}

// endsOf are the nodes of each edge of a graph, client and server first; nil: the
// graph does not have it.
func endsOf(g *view.Graph) [][2]*view.Node {
	nodes := make(map[string]*view.Node, len(g.Nodes))
	for i := range g.Nodes {
		nodes[g.Nodes[i].ID] = &g.Nodes[i]
	}
	ends := make([][2]*view.Node, len(g.Edges))
	for i := range g.Edges {
		first, second := g.Edges[i].Client, g.Edges[i].Server
		if e := g.Edges[i].Ends; len(e) == 2 {
			first, second = e[0], e[1]
		}
		ends[i] = [2]*view.Node{nodes[first], nodes[second]}
	}
	return ends
}

func (md *model) options() view.Options {
	return view.Options{Level: view.Levels()[md.level], Group: view.GroupNone, Filter: md.filter, ShowNoise: md.noise}
}

// takeShot makes rows of a picture, if it is still of what is wanted.
func (md *model) takeShot(s *shot) tea.Cmd {
	md.looking = false
	if s.generation == md.generation {
		if s.owners != nil {
			md.rebuild(s)
		}
		md.shot = s
		md.settle(s)
	}
	if md.again || s.generation != md.generation {
		return md.look()
	}
	return nil
}

// changed is called when other rows are wanted: another level, filter or noise.
func (md *model) changed() tea.Cmd {
	md.generation++
	md.renew = true
	return md.look()
}

// rebuild makes the rows anew, with what their edges did before.
func (md *model) rebuild(s *shot) {
	md.renew = false
	md.rows, md.below = map[string]*row{}, map[string][]*row{}
	for i := range s.graph.Edges {
		id := s.graph.Edges[i].ID
		md.rows[id] = &row{id: id}
	}
	for edge, id := range s.owners {
		r, t := md.rows[id], md.memory.trails[edge]
		if r == nil || t == nil {
			continue
		}
		r.trail.join(t, s.tick)
		if r.born == 0 || t.first < r.born {
			r.born = t.first
		}
	}
}

// settle takes the newest figures into the rows. What is not there any more fades
// before it goes.
func (md *model) settle(s *shot) {
	md.sums = sums{}
	brief := s.m.Window.Length() < briefest
	for i := range s.graph.Edges {
		e := &s.graph.Edges[i]
		r := md.rows[e.ID]
		if r == nil {
			r = &row{id: e.ID}
			md.rows[e.ID] = r
		}
		r.take(e, s.ends[i], s.tick)
		md.sums.take(r)
		if r.trail.last < s.tick || s.owners == nil {
			r.trail.put(s.tick, r.sample(brief))
		}
	}
	for id, r := range md.rows {
		if r.gone(s.tick) > fading {
			delete(md.rows, id)
			delete(md.opened, id)
		}
	}
	md.below = map[string][]*row{}
	md.arrange()
}

// children are the map's own edges that a row stands for.
func (md *model) children(r *row) []*row {
	if rows, ok := md.below[r.id]; ok {
		return rows
	}
	var rows []*row
	if md.shot != nil && view.Levels()[md.level] != view.LevelProcess {
		edges := md.members(r)
		ids := make(map[string]bool, len(edges))
		for _, e := range edges {
			ids[e.ID] = true
		}
		part := topology.SelectEdges(md.shot.m, func(e *topology.Edge) bool { return ids[e.ID] })
		g := view.Make(part, view.Options{Level: view.LevelProcess, Group: view.GroupNone, ShowNoise: true})
		ends := endsOf(g)
		for i := range g.Edges {
			c := &row{id: r.id + "/" + g.Edges[i].ID, parent: r.id}
			c.take(&g.Edges[i], ends[i], md.now)
			if t := md.memory.trails[g.Edges[i].ID]; t != nil {
				c.trail, c.born = *t, t.first
			}
			rows = append(rows, c)
		}
		slices.SortFunc(rows, func(a, b *row) int { return md.compare(a.rank(md.order, md.addresses), b.rank(md.order, md.addresses)) })
	}
	md.below[r.id] = rows
	return rows
}

// members are the map's own edges that a row stands for, as they are in the map
// that is shown.
func (md *model) members(r *row) []*topology.Edge {
	if md.shot == nil || r.Edge == nil {
		return nil
	}
	ported := md.level == 0 || r.parent != ""
	want := jointOfRow(r.Edge, ported)
	into := map[string]string{}
	for _, n := range r.ends {
		if n != nil {
			for _, id := range n.Members {
				into[id] = n.ID
			}
		}
	}
	var scene *filter.Scene
	var out []*topology.Edge
	m := md.shot.m
	for i := range m.Edges {
		e := &m.Edges[i]
		if e.Transport != want.transport || jointOf(e, into, ported) != want {
			continue
		}
		if md.filter != nil {
			if scene == nil {
				scene = filter.NewScene(m)
			}
			if !md.filter.Match(scene, e) {
				continue
			}
		}
		out = append(out, e)
	}
	return out
}
