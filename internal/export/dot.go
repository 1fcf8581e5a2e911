package export

import (
	"fmt"
	"io"
	"strings"

	"peerscope/internal/screen"
	"peerscope/internal/topology"
)

// DOT writes m as a directed graph for Graphviz: boxes for the host and for the
// containers and units in it, one edge a line. Dashed edges have no exact peer
// evidence; edges whose roles are not known have heads at both ends; what goes
// through proxies is dashed, with an empty head.
func DOT(w io.Writer, m *topology.Map) error {
	g := newGraph(m, 0)
	var b strings.Builder
	b.WriteString("digraph peerscope {\n")
	if g.lonely > 0 {
		fmt.Fprintf(&b, "  // %s without edges left out\n", plural(uint64(g.lonely), "node"))
	}
	b.WriteString("  rankdir=LR;\n")
	b.WriteString("  fontname=\"sans-serif\";\n")
	b.WriteString("  node [shape=box, style=\"rounded\", fontname=\"sans-serif\"];\n")
	b.WriteString("  edge [fontname=\"sans-serif\", fontsize=10];\n")
	if len(g.inside)+len(g.boxes) > 0 {
		fmt.Fprintf(&b, "  subgraph cluster_host {\n    label=%s;\n    style=\"rounded\";\n", dotLabel(g.host))
		for _, d := range g.inside {
			g.dotNode(&b, "    ", d)
		}
		for i, x := range g.boxes {
			fmt.Fprintf(&b, "    subgraph cluster_%d {\n      label=%s;\n      style=\"rounded,dashed\";\n", i+1, dotLabel(x.title))
			for _, d := range x.nodes {
				g.dotNode(&b, "      ", d)
			}
			b.WriteString("    }\n")
		}
		b.WriteString("  }\n")
	}
	for _, d := range g.outside {
		g.dotNode(&b, "  ", d)
	}
	for _, e := range g.edges {
		g.dotEdge(&b, e)
	}
	for _, l := range g.logical {
		g.dotLogical(&b, l)
	}
	b.WriteString("}\n")
	return write(w, "dot", []byte(b.String()))
}

// dotNode draws processes as boxes, and what is no process in other shapes: an
// address is an ellipse, the kernel a hexagon, a data store a cylinder. Rounded
// corners are for boxes only.
func (g *graph) dotNode(b *strings.Builder, indent string, d *topology.Node) {
	shape := ""
	switch {
	case g.stores[d.ID]:
		shape = ", shape=cylinder, style=\"\""
	case isAddress(d):
		shape = ", shape=ellipse, style=\"\""
	case d.Kind == topology.KindKernel:
		shape = ", shape=hexagon, style=\"\""
	case d.Kind == topology.KindGroup:
		shape = ", peripheries=2"
	}
	fmt.Fprintf(b, "%s%s [label=%s%s, tooltip=%s];\n", indent, dotID(d.ID), dotLabel(g.title(d.ID)), shape, dotLabel(g.nodeTip(d)))
}

// nodeTip is what does not fit into the box of a node, one fact a line. SVG shows
// it where the pointer rests.
func (g *graph) nodeTip(d *topology.Node) string {
	parts := []string{g.names.label(d.ID).String()}
	a := &d.Attributes
	for _, p := range []struct{ name, value string }{
		{"executable", a.ExecutablePath}, {"command", a.CommandLine}, {"user", a.Owner}, {"netns", a.NetnsName},
	} {
		if p.value != "" {
			parts = append(parts, p.name+" "+g.names.style.clean(p.value))
		}
	}
	return strings.Join(parts, "\n")
}

// dotEdge draws width by bytes a second and colour by health; the style says how
// well the peer is known, and the label repeats in words what colour says.
func (g *graph) dotEdge(b *strings.Builder, e *topology.Edge) {
	first, second, roles := ends(e)
	text, problem := g.caption(e)
	if problem != "" {
		text += "\n✗ " + problem
	}
	style := "solid"
	if !hasExact(e) {
		style = "dashed"
	}
	extra := ""
	if !roles {
		extra = ", dir=both"
	}
	color := tint(e)
	font := ""
	if trouble(e) > 0 {
		font = fmt.Sprintf(", fontcolor=%q", color)
	}
	fmt.Fprintf(b, "  %s -> %s [label=%s, penwidth=%.1f, color=%q%s, style=%s%s, tooltip=%s];\n",
		dotID(first), dotID(second), dotLabel(text), g.width(e), color, font, style, extra, dotLabel(g.edgeTip(e)))
}

// edgeTip is the sentence of an edge, for who points at it.
func (g *graph) edgeTip(e *topology.Edge) string {
	n := g.names
	first, second, roles := ends(e)
	arrow := " → "
	if !roles {
		arrow = " ↔ "
	}
	t := n.traffic(e)
	parts := []string{
		n.label(first).String() + arrow + n.label(second).String() + ", " + n.protocol(e) + " " + n.port(e),
		"↑ " + t.up + "  ↓ " + t.down + "  connections " + t.conns + "  rtt " + t.rtt,
		"evidence " + weakest(e).String() + ": " + counted(e.Evidence.Peer, nil),
	}
	return strings.Join(append(parts, n.remarks(e)...), "\n")
}

// A replacer looks at every character once, so that no escape is escaped again.
var (
	dotIDs    = strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	dotLabels = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "&", "&amp;")
)

// dotID quotes a node id: only the quote ends a quoted string, and a backslash
// before it would take it along.
func dotID(s string) string { return `"` + dotIDs.Replace(screen.Clean(s, false)) + `"` }

// dotLabel quotes text that Graphviz reads for escapes and entities; \n in it is
// the end of a centred line.
func dotLabel(s string) string { return `"` + dotLabels.Replace(s) + `"` }
