package export

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"peerscope/internal/topology"
)

// What goes through proxies stands below the edges, each line with the sign of an
// inference: it is made of connections that the edges above have counted.

// logicalColumns are those of the lines below table and tree.
func logicalColumns() []column {
	return []column{
		{},
		{gap: 1, ease: 16, floor: 14},
		{gap: 1},
		{gap: 1, ease: 17, floor: 14},
		{gap: 2},
		{gap: 2, right: true, drop: 2},
		{gap: 2, ease: 16, floor: 12, blunt: true},
		{gap: 2, drop: 1, blunt: true, ease: 8, floor: 8},
	}
}

// logical are the lines about proxies, none if the map was not asked for them.
func (n *names) logical(m *topology.Map) []string {
	if m.Logical == nil {
		return nil
	}
	if len(m.Logical) == 0 {
		return n.paragraph("Through proxies: nothing that could be inferred.", "", muted)
	}
	list := slices.Clone(m.Logical)
	slices.SortFunc(list, func(a, b topology.Logical) int {
		return strings.Compare(n.label(a.Client).String()+"\x00"+a.ID, n.label(b.Client).String()+"\x00"+b.ID)
	})
	g := grid{style: n.style, columns: logicalColumns()}
	glyphs := n.style.glyphs()
	for i := range list {
		l := &list[i]
		g.rows = append(g.rows, row{cells: []cell{
			{label: label{text: glyphs.inferred}, tone: warn},
			n.end(l.Client, certain),
			{label: label{text: glyphs.arrow}, tone: muted},
			n.end(l.Server, certain),
			text(fmt.Sprint(l.ServerPort)),
			text(n.logicalConns(l) + " conn"),
			text("via " + n.list(l.Via, ", ")),
			{label: label{text: strings.Join(slices.Sorted(maps.Keys(l.Evidence.Pairing)), ", ")}, tone: muted},
		}})
	}
	lines, _ := g.lines()
	return append(n.paragraph("Through proxies, inferred and counted above:", "", muted), lines...)
}

// logicalConns are its connections as traffic writes them.
func (n *names) logicalConns(l *topology.Logical) string {
	if c := &l.Connections; c.Active == 0 {
		return "(" + countText(max(c.Opened, c.Closed)) + ")"
	}
	return countText(l.Connections.Active)
}

// logicalText is the label of such a line in a drawing.
func (g *graph) logicalText(l *topology.Logical) string {
	return fmt.Sprintf("~ %d via %s", l.ServerPort, g.names.list(l.Via, ", "))
}

// dotLogical draws it dashed and without weight: the drawing is laid out by edges.
func (g *graph) dotLogical(b *strings.Builder, l *topology.Logical) {
	fmt.Fprintf(b, "  %s -> %s [label=%s, color=\"#7A8693\", style=dashed, arrowhead=empty, constraint=false];\n",
		dotID(l.Client), dotID(l.Server), dotLabel(g.logicalText(l)))
}
