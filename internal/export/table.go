package export

import (
	"io"
	"slices"
	"strings"

	"peerscope/internal/screen"
	"peerscope/internal/topology"
)

// tableColumns are the columns of the table. The first, without a title, marks
// problems. When the terminal is narrow they go in this order: EVIDENCE, RTT,
// CONNS, PROTO, both bytes, NOTE; client, server and port stay.
func tableColumns(g glyphs) []column {
	up, down := g.up+" BYTES", g.down+" BYTES"
	return []column{
		{optional: true},
		{title: "CLIENT", gap: 1, ease: 16, floor: 14},
		{title: g.arrow, gap: 1},
		{title: "SERVER", gap: 1, ease: 17, floor: 14},
		{title: "PORT/PATH", gap: 2, ease: 12, floor: 10},
		{title: "PROTO", gap: 2, ease: 8, floor: 8, drop: 4},
		{title: "CONNS", gap: 2, right: true, drop: 3},
		{title: up, gap: 2, right: true, drop: 5},
		{title: down, gap: 2, right: true, drop: 5},
		{title: "RTT", gap: 2, right: true, drop: 2},
		{title: "EVIDENCE", gap: 2, drop: 1},
		{title: "NOTE", gap: 2, ease: 16, floor: 14, drop: 6, optional: true, blunt: true},
	}
}

// Table writes m for people, one edge a line: problems first, then by bytes.
// Below it stands how the map was taken and everything that could not be seen.
func Table(w io.Writer, m *topology.Map, style Style) error {
	n := newNames(m, style)
	var out strings.Builder
	if len(m.Edges) == 0 {
		for _, line := range n.nothing(m) {
			out.WriteString(line + "\n")
		}
	} else {
		edges := pointers(m)
		slices.SortFunc(edges, byTrouble)
		g := grid{style: style, columns: tableColumns(style.glyphs())}
		for _, e := range edges {
			g.rows = append(g.rows, row{cells: n.tableRow(e)})
		}
		lines, _ := g.lines()
		for _, line := range lines {
			out.WriteString(line + "\n")
		}
	}
	out.WriteString("\n")
	if lines := n.logical(m); lines != nil {
		out.WriteString(strings.Join(lines, "\n") + "\n\n")
	}
	for _, line := range n.tableFoot(m) {
		out.WriteString(line + "\n")
	}
	return write(w, "table", []byte(out.String()))
}

// tableRow are the cells of an edge, in the order of tableColumns.
func (n *names) tableRow(e *topology.Edge) []cell {
	g := n.style.glyphs()
	first, second, roles := ends(e)
	d1, d2 := doubts(e)
	arrow := g.arrow
	if !roles {
		arrow = g.both
	}
	mark := cell{}
	if trouble(e) > 0 {
		mark = cell{label: label{text: g.cross}, tone: bad}
	}
	t := n.traffic(e)
	q := weakest(e)
	return []cell{
		mark,
		n.end(first, d1),
		{label: label{text: arrow}, tone: muted},
		n.end(second, d2),
		text(n.port(e)),
		text(n.protocol(e)),
		text(t.conns),
		text(t.up),
		text(t.down),
		text(t.rtt),
		{label: label{text: q.String()}, tone: toneOf(q)},
		n.note(e),
	}
}

// end is the cell of one end, with the sign of its doubt: no name that was not
// seen for certain is shown without one.
func (n *names) end(id string, d doubt) cell {
	c := cell{label: n.label(id)}
	switch d {
	case guessed:
		c.lead, c.tone = []span{{n.style.glyphs().inferred, warn}}, warn
	case open:
		c.lead, c.tone = []span{{n.style.glyphs().unsure, warn}}, warn
	}
	return c
}

// note is the cell of problems and remarks, problems first: what is cut off at the
// end of a narrow line matters least.
func (n *names) note(e *topology.Edge, more ...string) cell {
	parts := append(n.remarks(e), more...)
	if p := n.problem(e); p != "" {
		return cell{label: label{text: strings.Join(append([]string{p}, parts...), "; ")}, tone: bad}
	}
	return text(strings.Join(parts, "; "))
}

// toneOf does not warn of unknown: that an address is outside is no fault.
func toneOf(q quality) tone {
	switch q {
	case inferred:
		return warn
	case unknown:
		return muted
	}
	return plain
}

// tableFoot says how the map was taken, what the signs mean, and what is missing.
func (n *names) tableFoot(m *topology.Map) []string {
	var lines []string
	facts := append([]string{n.host(m)}, n.facts(m)...)
	if k := len(idleListeners(m)); k > 0 && len(m.Edges) > 0 {
		facts = append(facts, plural(uint64(k), "listener")+" idle")
	}
	for _, l := range screen.Wrap(facts, n.style.glyphs().dot+" ", n.style.Width) {
		lines = append(lines, n.style.line([]span{{l, muted}}))
	}
	if len(m.Edges) > 0 {
		lines = append(lines, n.legend(m, false)...)
	}
	return append(lines, n.unseen(m)...)
}
