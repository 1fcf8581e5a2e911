package server

import (
	"context"
	"fmt"
	"time"

	"peerscope/internal/filter"
	"peerscope/internal/topology"
	"peerscope/internal/view"
)

// look is what of a time is looked at, and how.
type look struct {
	past
	level, group string
	filter       *filter.Expr
	problems     bool
	noise        bool
	limit        int
}

// key names how something is looked at, whenever that is.
func (l *look) key() string {
	f := ""
	if l.filter != nil {
		f = l.filter.String()
	}
	return fmt.Sprintf("%s %s %t %t %d %s", l.level, l.group, l.problems, l.noise, l.limit, f)
}

func (l *look) options(length time.Duration) view.Options {
	return view.Options{Level: l.level, Group: l.group, Filter: l.filter, OnlyProblems: l.problems, ShowNoise: l.noise, Limit: l.limit, Length: length}
}

// defaultLength is how long a window is where nobody says.
const defaultLength = time.Minute

func (c *call) past() past {
	return past{until: c.p.moment("at"), length: c.p.length("window", defaultLength, maxWindow)}
}

// look reads the parameters of everything that shows a graph.
func (c *call) look() look {
	return look{past: c.past(), level: c.p.word("level", view.LevelProgram, view.Levels()), group: c.p.word("group", view.GroupHost, view.Groups()),
		filter: c.p.filter("filter"), problems: c.p.yes("problems"), noise: c.p.yes("noise"), limit: c.p.number("limit", view.DefaultLimit, 0, maxLimit)}
}

// graph answers with a picture.
func (s *Server) graph(c *call) error {
	l := c.look()
	before := c.p.values.Get("before")
	var other past
	if before != "" {
		other = c.timeRange("before", before, l.length)
	}
	if c.p.wrong != nil {
		return c.p.wrong
	}
	x, err := s.span(c.r.Context(), l.past)
	if err != nil {
		return err
	}
	var earlier *span
	if before != "" {
		if earlier, err = s.span(c.r.Context(), other); err != nil {
			return err
		}
	}
	a, err := s.picture(c.r.Context(), x, earlier, l)
	if err != nil {
		return err
	}
	a.answer.send(c.w, c.r)
	return nil
}

// picture is a graph with its places, and as it is sent.
type picture struct {
	graph  *view.Graph
	answer *answer
}

// picture makes the graph of a span once for all who look at it like this.
func (s *Server) picture(ctx context.Context, x, earlier *span, l look) (*picture, error) {
	key := "g" + x.key + " " + l.key()
	if earlier != nil {
		key += " " + earlier.key
	}
	if x.m.Window.Length() == 0 { // nothing is there yet, at another time each time
		key += x.m.Window.End
	}
	return cached(ctx, s.cache, key, func(ctx context.Context) (*picture, int64, error) {
		p, err := s.draw(ctx, x, earlier, l)
		if err != nil {
			return nil, 0, err
		}
		return p, 3 * p.answer.cost(), nil
	})
}

func (s *Server) draw(ctx context.Context, x, earlier *span, l look) (*picture, error) {
	o := l.options(x.observed)
	place := s.pictures.of(l.key())
	place.mu.Lock() // pictures of one kind are made one after the other, each with the places of the last
	defer place.mu.Unlock()
	if err := ctx.Err(); err != nil { // nobody waits for it any more
		return nil, err
	}
	o.Keep = place.shown
	var g *view.Graph
	if earlier != nil {
		g = view.Compare(earlier.m, x.m, o)
	} else {
		g = view.Make(x.m, o)
	}
	place.arrange(g)
	if x.live {
		place.date(g)
	}
	a, err := jsonAnswer(g)
	if err != nil {
		return nil, err
	}
	return &picture{g, a}, nil
}

// whole is everything of a span at one level, and what it is made of.
type whole struct {
	graph *view.Graph
	m     *topology.Map
	nodes map[string]*view.Node // by id
	edges map[string]*view.Edge
	in    map[string]string           // node of the map -> node of the graph
	parts map[string][]*topology.Edge // of an edge of the graph
}

// whole is made once for all who ask for a part of it.
func (s *Server) whole(ctx context.Context, x *span, level string) (*whole, error) {
	return cached(ctx, s.cache, "w"+x.key+" "+level+x.m.Window.End, func(ctx context.Context) (*whole, int64, error) {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		w := newWhole(x.m, view.Make(x.m, view.Options{Level: level, ShowNoise: true, Length: x.observed}))
		return w, 2 * cost(x.m), nil
	})
}

func newWhole(m *topology.Map, g *view.Graph) *whole {
	w := &whole{graph: g, m: m, nodes: make(map[string]*view.Node, len(g.Nodes)), edges: make(map[string]*view.Edge, len(g.Edges)),
		in: make(map[string]string, len(m.Nodes)), parts: make(map[string][]*topology.Edge, len(g.Edges))}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		w.nodes[n.ID] = n
		for _, id := range n.Members {
			w.in[id] = n.ID
		}
	}
	for i := range g.Edges {
		w.edges[g.Edges[i].ID] = &g.Edges[i]
	}
	for i := range m.Nodes {
		if id := m.Nodes[i].ID; w.in[id] == "" {
			w.in[id] = id // it is no group
		}
	}
	for i := range m.Edges {
		e := &m.Edges[i]
		id := e.ID
		if w.edges[id] == nil {
			id = topology.Moved(*e, w.in).ID
		}
		w.parts[id] = append(w.parts[id], e)
	}
	return w
}

// findEdge looks at one level, or at all of them, for an edge.
func (s *Server) findEdge(ctx context.Context, x *span, level, id string) (*whole, *view.Edge, error) {
	for _, l := range levelsFor(level) {
		w, err := s.whole(ctx, x, l)
		if err != nil {
			return nil, nil, err
		}
		if e := w.edges[id]; e != nil {
			return w, e, nil
		}
	}
	return nil, nil, notFound(fmt.Sprintf("there was no edge %.80q between %s and %s: the window may be too short, or it is a bundle, which has no id of its own", id, x.m.Window.Start, x.m.Window.End))
}

// levelsFor are where an id is looked for, the likeliest first.
func levelsFor(level string) []string {
	if level != "" {
		return []string{level}
	}
	return []string{view.LevelProgram, view.LevelProcess, view.LevelContainer, view.LevelPod, view.LevelWorkload, view.LevelNamespace, view.LevelHost}
}
