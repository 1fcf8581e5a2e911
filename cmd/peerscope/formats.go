package main

import (
	"io"
	"slices"

	"peerscope/internal/export"
	"peerscope/internal/screen"
	"peerscope/internal/server"
	"peerscope/internal/topology"
	"peerscope/internal/view"
)

// mapFormats are all in which a map can be printed.
func mapFormats() []string { return append(export.Formats(), server.GraphFormats()...) }

// render writes a map in a format of mapFormats.
func render(w io.Writer, format string, m *topology.Map, style export.Style) error {
	if !slices.Contains(server.GraphFormats(), format) {
		return export.Render(w, format, m, style)
	}
	g := view.Make(m, view.Options{Level: view.LevelProcess, Group: view.GroupNone, ShowNoise: true, ShowIdle: true})
	cleanGraph(g)
	return server.WriteGraph(w, format, g)
}

// cleanGraph makes all text of processes in a graph fit for terminals.
func cleanGraph(g *view.Graph) {
	clean := func(texts ...*string) {
		for _, t := range texts {
			*t = screen.Clean(*t, false)
		}
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		clean(&n.ID, &n.Name, &n.Place)
	}
	for i := range g.Edges {
		e := &g.Edges[i]
		e.Ends = slices.Clone(e.Ends)
		clean(&e.Client, &e.Server, &e.Label, &e.Path)
		for k := range e.Ends {
			clean(&e.Ends[k])
		}
		for k := range e.Reasons {
			clean(&e.Reasons[k])
		}
	}
}
