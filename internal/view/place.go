package view

import (
	"slices"
	"strings"

	"peerscope/internal/layout"
	"peerscope/internal/topology"
)

// Place gives the nodes and boxes of a graph their coordinates: those of prev
// where it has them. A box that could not grow goes on in another one, whose id
// and name end in a number.
func (g *Graph) Place(prev *layout.Places, o layout.Options) *layout.Places {
	p := layout.Place(prev, g.toPlace(), o)
	g.placeBy(p)
	return p
}

// toPlace is what a layout needs to know.
func (g *Graph) toPlace() layout.Graph {
	out := layout.Graph{Nodes: make([]layout.Node, 0, len(g.Nodes)), Edges: make([]layout.Edge, 0, len(g.Edges))}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		outside := n.Kind == topology.KindAddress && n.Group == "" && !n.Unknown && !n.Attributes.AddressLocal
		out.Nodes = append(out.Nodes, layout.Node{ID: n.ID, Group: n.Group, External: n.Role == RoleExternal || outside, Store: n.Role == RoleDatastore})
	}
	for i := range g.Edges {
		e := &g.Edges[i]
		l := layout.Edge{Roles: len(e.Ends) == 0}
		l.From, l.To = e.ends()
		if e.Bytes != nil {
			l.Weight = float64(valueOf(e.Bytes.Tx)) + float64(valueOf(e.Bytes.Rx))
		}
		out.Edges = append(out.Edges, l)
	}
	return out
}

// ends are the client and the server, or the first and the second.
func (e *Edge) ends() (first, second string) {
	if len(e.Ends) == 2 {
		return e.Ends[0], e.Ends[1]
	}
	return e.Client, e.Server
}

func (g *Graph) placeBy(p *layout.Places) {
	router := p.Router()
	for i := range g.Edges {
		first, second := g.Edges[i].ends()
		for _, at := range router.Way(first, second) {
			g.Edges[i].Route = append(g.Edges[i].Route, [2]float64{at.X, at.Y})
		}
	}
	names := make(map[string]Group, len(g.Groups))
	for _, b := range g.Groups {
		b.Nodes = nil
		names[b.ID] = b
	}
	boxes := map[string]*Group{}
	g.Groups = g.Groups[:0]
	var out []Group
	for _, b := range p.Boxes() {
		if of, ok := names[b.Group]; ok {
			of.Name += strings.TrimPrefix(b.ID, b.Group)
			of.ID, of.X, of.Y, of.W, of.H = b.ID, new(b.X), new(b.Y), b.W, b.H
			out = append(out, of)
		}
	}
	for i := range out {
		boxes[out[i].ID] = &out[i]
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		at, ok := p.Of(n.ID)
		if !ok {
			continue
		}
		n.X, n.Y, n.W, n.H, n.Rank, n.Group = new(at.X), new(at.Y), at.W, at.H, new(at.Rank), at.Box
		if b := boxes[n.Group]; b != nil {
			b.Nodes = append(b.Nodes, n.ID)
		}
	}
	// A box around nobody who is there is not shown: its nodes are pinned elsewhere.
	g.Groups = slices.DeleteFunc(out, func(b Group) bool { return len(b.Nodes) == 0 })
}
