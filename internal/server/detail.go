package server

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"peerscope/internal/topology"
	"peerscope/internal/view"
)

// edgeDetail is one edge with all that it is made of.
type edgeDetail struct {
	Schema  string           `json:"schema"`
	Level   string           `json:"level"`
	Window  topology.Window  `json:"window"`
	Edge    view.Edge        `json:"edge"`
	Ends    []view.Node      `json:"ends"`
	Parts   []*topology.Edge `json:"parts"`
	LeftOut int              `json:"parts_left_out,omitempty"`
	Nodes   []*topology.Node `json:"nodes"`
}

// nodeDetail is one node with all that it is made of.
type nodeDetail struct {
	Schema     string           `json:"schema"`
	Level      string           `json:"level"`
	Window     topology.Window  `json:"window"`
	Node       view.Node        `json:"node"`
	Parts      []*topology.Node `json:"parts"`
	LeftOut    int              `json:"parts_left_out,omitempty"`
	Edges      []view.Edge      `json:"edges"`
	Neighbours []view.Node      `json:"neighbours"`
}

// anyLevel is a level, or empty: it is looked for.
func (c *call) anyLevel() string { return c.p.word("level", "", view.Levels()) }

// edge answers with one edge.
func (s *Server) edge(c *call) error {
	past, level, id := c.past(), c.anyLevel(), c.r.PathValue("id")
	if c.p.wrong != nil {
		return c.p.wrong
	}
	x, err := s.span(c.r.Context(), past)
	if err != nil {
		return err
	}
	w, e, err := s.findEdge(c.r.Context(), x, level, id)
	if err != nil {
		return err
	}
	d := edgeDetail{Schema: "peerscope.edge/v1", Level: w.graph.Level, Window: w.m.Window, Edge: *e, Ends: []view.Node{}, Parts: []*topology.Edge{}, Nodes: []*topology.Node{}}
	first, second := endsOf(e)
	for _, id := range []string{first, second} {
		if n := w.nodes[id]; n != nil {
			d.Ends = append(d.Ends, *n)
		}
	}
	parts := w.parts[e.ID]
	d.LeftOut = max(0, len(parts)-mostPart)
	d.Parts = append(d.Parts, parts[:len(parts)-d.LeftOut]...)
	named := map[string]bool{}
	for _, p := range d.Parts {
		for _, ids := range [][]string{p.Ends, {p.Client, p.Server}, p.Candidates["client"], p.Candidates["server"], p.Candidates["first"], p.Candidates["second"],
			p.Holders["client"], p.Holders["server"], p.Holders["first"], p.Holders["second"]} {
			for _, id := range ids {
				named[id] = true
			}
		}
	}
	for i := range w.m.Nodes {
		if named[w.m.Nodes[i].ID] {
			d.Nodes = append(d.Nodes, &w.m.Nodes[i])
		}
	}
	return c.sendJSON(d)
}

func (c *call) sendJSON(v any) error {
	a, err := jsonAnswer(v)
	if err != nil {
		return err
	}
	a.send(c.w, c.r)
	return nil
}

// node answers with one node.
func (s *Server) node(c *call) error {
	past, level, id := c.past(), c.anyLevel(), c.r.PathValue("id")
	if c.p.wrong != nil {
		return c.p.wrong
	}
	x, err := s.span(c.r.Context(), past)
	if err != nil {
		return err
	}
	w, n, err := s.findNode(c.r.Context(), x, level, id)
	if err != nil {
		return err
	}
	d := nodeDetail{Schema: "peerscope.node/v1", Level: w.graph.Level, Window: w.m.Window, Node: *n, Parts: []*topology.Node{}, Edges: []view.Edge{}}
	for i := range w.m.Nodes {
		if p := &w.m.Nodes[i]; w.in[p.ID] == n.ID {
			d.Parts = append(d.Parts, p)
		}
	}
	d.LeftOut = max(0, len(d.Parts)-mostPart)
	d.Parts = d.Parts[:len(d.Parts)-d.LeftOut]
	for i := range w.graph.Edges {
		if a, b := endsOf(&w.graph.Edges[i]); a == n.ID || b == n.ID {
			d.Edges = append(d.Edges, w.graph.Edges[i])
		}
	}
	d.Neighbours = slices.DeleteFunc(named(d.Edges, w.nodes), func(o view.Node) bool { return o.ID == n.ID })
	return c.sendJSON(d)
}

// findNode looks at one level, or at all of them, for a node.
func (s *Server) findNode(ctx context.Context, x *span, level, id string) (*whole, *view.Node, error) {
	for _, l := range levelsFor(level) {
		w, err := s.whole(ctx, x, l)
		if err != nil {
			return nil, nil, err
		}
		if n := w.nodes[id]; n != nil {
			return w, n, nil
		}
	}
	return nil, nil, notFound(fmt.Sprintf("there was no node %.80q between %s and %s", id, x.m.Window.Start, x.m.Window.End))
}

// byName finds a node by its id, or by its name if that is one node's only.
func (w *whole) byName(parameter, text string) (*view.Node, *problem) {
	if n := w.nodes[text]; n != nil {
		return n, nil
	}
	var found []*view.Node
	for i := range w.graph.Nodes {
		if n := &w.graph.Nodes[i]; strings.EqualFold(n.Name, text) {
			found = append(found, n)
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	p := notFound(fmt.Sprintf("%s: there is no node %.80q at the level of a %s", parameter, text, w.graph.Level))
	if len(found) > 1 {
		ids := []string{}
		for _, n := range found[:min(len(found), 3)] {
			ids = append(ids, fmt.Sprintf("%.80s", n.ID))
		}
		p = badParameter(parameter, fmt.Sprintf("%d nodes are called %.80q: give an id, as %s", len(found), text, strings.Join(ids, ", ")))
	}
	p.Parameter = parameter
	return nil, p
}

// compareIDs sorts by id.
func compareIDs(a, b view.Edge) int { return cmp.Compare(a.ID, b.ID) }
