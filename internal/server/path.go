package server

import (
	"slices"
	"strings"

	"peerscope/internal/topology"
	"peerscope/internal/view"
)

const (
	mostPaths = 20
	// mostSteps of a search: in a dense graph there are more ways than anybody
	// can count.
	mostSearched = 20_000
)

// paths are ways from one node to another.
type paths struct {
	Schema   string          `json:"schema"`
	Level    string          `json:"level"`
	Window   topology.Window `json:"window"`
	From     string          `json:"from"`
	To       string          `json:"to"`
	Reversed bool            `json:"reversed,omitempty"`
	Paths    []way           `json:"paths"`
	More     bool            `json:"more,omitempty"`
	Nodes    []view.Node     `json:"nodes"`
	Edges    []view.Edge     `json:"edges"`
}

type way struct {
	Nodes []string `json:"nodes"`
	Edges []string `json:"edges"`
}

// path answers with the ways between two nodes.
func (s *Server) path(c *call) error {
	from, to := c.p.need("from", "the id or the name of a node", 4096), c.p.need("to", "the id or the name of a node", 4096)
	l := look{past: c.past(), level: c.p.word("level", view.LevelProgram, view.Levels()), filter: c.p.filter("filter")}
	hops := c.p.number("hops", 6, 1, 10)
	if c.p.wrong != nil {
		return c.p.wrong
	}
	x, err := s.span(c.r.Context(), l.past)
	if err != nil {
		return err
	}
	var w *whole
	if l.filter == nil {
		w, err = s.whole(c.r.Context(), x, l.level)
	} else {
		w = newWhole(x.m, view.Make(x.m, view.Options{Level: l.level, ShowNoise: true, Filter: l.filter, Length: x.observed}))
	}
	if err != nil {
		return err
	}
	a, p := w.byName("from", from)
	if p != nil {
		return p
	}
	b, p := w.byName("to", to)
	if p != nil {
		return p
	}
	return c.sendJSON(w.paths(a.ID, b.ID, hops))
}

// paths finds the ways; where there is none, those in the other direction; and
// then those over edges of which nobody knows who called.
func (w *whole) paths(from, to string, hops int) *paths {
	out := &paths{Schema: "peerscope.path/v1", Level: w.graph.Level, Window: w.m.Window, From: from, To: to, Paths: []way{}, Edges: []view.Edge{}}
	var found []way
	more := false
	for _, certain := range []bool{true, false} {
		next := w.calls(certain)
		if found, more = search(next, from, to, hops); len(found) > 0 {
			break
		}
		if found, more = search(next, to, from, hops); len(found) > 0 && from != to {
			out.Reversed = true
			break
		}
	}
	out.Paths, out.More = append(out.Paths, found...), more
	seen := map[string]bool{}
	for _, p := range found {
		for _, id := range p.Edges {
			if !seen[id] {
				seen[id] = true
				out.Edges = append(out.Edges, *w.edges[id])
			}
		}
	}
	slices.SortFunc(out.Edges, compareIDs)
	out.Nodes = named(out.Edges, w.nodes)
	return out
}

// step is a call from one node to another.
type step struct{ node, edge string }

// calls are whom each node calls, over the edge with the most bytes. An edge of
// which nobody knows who called leads both ways, unless it must be certain.
func (w *whole) calls(certain bool) map[string][]step {
	best := map[[2]string]*view.Edge{}
	lead := func(a, b string, e *view.Edge) {
		key := [2]string{a, b}
		if old := best[key]; old == nil || compareKnown(bytesOf(e), bytesOf(old)) == 1 || bytesOf(old) == nil && bytesOf(e) != nil {
			best[key] = e
		}
	}
	for i := range w.graph.Edges {
		e := &w.graph.Edges[i]
		if certain && len(e.Ends) == 2 {
			continue
		}
		a, b := endsOf(e)
		lead(a, b, e)
		if len(e.Ends) == 2 {
			lead(b, a, e)
		}
	}
	out := map[string][]step{}
	for key, e := range best {
		if key[0] != key[1] {
			out[key[0]] = append(out[key[0]], step{key[1], e.ID})
		}
	}
	for id := range out {
		slices.SortFunc(out[id], func(a, b step) int { return strings.Compare(a.node, b.node) })
	}
	return out
}

// search goes on from all ways of one length to those one longer, so that the
// shortest come first.
func search(next map[string][]step, from, to string, hops int) (found []way, more bool) {
	ways := []way{{Nodes: []string{from}}}
	searched := 0
	for range hops {
		var longer []way
		for _, p := range ways {
			for _, s := range next[p.Nodes[len(p.Nodes)-1]] {
				if searched++; searched > mostSearched {
					return found, true
				}
				if slices.Contains(p.Nodes, s.node) {
					continue
				}
				q := way{append(slices.Clone(p.Nodes), s.node), append(slices.Clone(p.Edges), s.edge)}
				switch {
				case s.node != to:
					longer = append(longer, q)
				case len(found) == mostPaths:
					return found, true
				default:
					found = append(found, q)
				}
			}
		}
		ways = longer
	}
	return found, false
}
