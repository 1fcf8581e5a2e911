package export

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"peerscope/internal/screen"
	"peerscope/internal/topology"
)

// treeColumns are the columns below a process. When the terminal is narrow they
// go in this order: RTT, connections, protocol, both bytes, note; the other end
// and its port stay, and so does the mark of a problem before it.
func treeColumns() []column {
	return []column{
		{ease: 24, floor: 23},
		{gap: 2, ease: 12, floor: 10, optional: true},
		{gap: 2, ease: 8, floor: 8, drop: 3, optional: true},
		{gap: 2, drop: 5}, // the sign of the figure after it
		{gap: 1, right: true, drop: 5},
		{gap: 2, drop: 5},
		{gap: 1, right: true, drop: 5},
		{gap: 2, right: true, drop: 2, optional: true},
		{gap: 2, right: true, drop: 1, optional: true},
		{gap: 2, ease: 16, floor: 14, drop: 6, optional: true, blunt: true},
	}
}

// Tree writes m for people, one branch a process: what it calls and who calls
// it. An edge between two processes stands below both.
func Tree(w io.Writer, m *topology.Map, style Style) error {
	n := newNames(m, style)
	g := grid{style: style, columns: treeColumns()}
	g.rows = n.treeRows(m)
	body, width := g.lines()
	if len(m.Edges) == 0 {
		body = append([]string{""}, n.nothing(m)...)
	} else {
		body = append(body, "")
		if lines := n.logical(m); lines != nil {
			body = append(append(body, lines...), "")
		}
		if k := len(idleListeners(m)); k > 0 {
			body = append(body, n.paragraph(plural(uint64(k), "listener")+" idle", "", muted)...)
		}
		body = append(body, n.legend(m, true)...)
	}
	lines := append(n.header(m, width), body...)
	lines = append(lines, n.unseen(m)...)
	return write(w, "tree", []byte(strings.Join(lines, "\n")+"\n"))
}

// header is the host on the left and how it was observed on the right, above
// the right edge of the columns; on lines of their own where that is too wide.
func (n *names) header(m *topology.Map, width int) []string {
	host, between := n.host(m), n.style.glyphs().dot+" "
	facts := strings.Join(n.facts(m), between)
	need := screen.Width(host) + 2 + screen.Width(facts)
	if limit := n.style.Width; limit > 0 && need > limit {
		lines := []string{n.style.line([]span{{host, strong}})}
		for _, l := range screen.Wrap(n.facts(m), between, limit) {
			lines = append(lines, n.style.line([]span{{l, muted}}))
		}
		return lines
	}
	pad := strings.Repeat(" ", max(width-need, 0)+2)
	return []string{n.style.line([]span{{host, strong}, {pad, plain}, {facts, muted}})}
}

// treeRows are the lines of all branches; those of clumps of several are one
// step further in.
func (n *names) treeRows(m *topology.Map) []row {
	g := n.style.glyphs()
	// The last of its siblings ends the line that the others hang on.
	fork := func(i, of int) (branch, below string) {
		if i == of-1 {
			return g.last, g.blank
		}
		return g.branch, g.bar
	}
	var rows []row
	all := n.clumps(m)
	for i, c := range all {
		at, below := fork(i, len(all))
		if len(c.branches) == 1 {
			rows = n.branchRows(rows, c.branches[0], at, below, true)
			continue
		}
		rows = append(rows, row{line: []span{{at, muted}, {c.owner, strong},
			{g.dot + " " + plural(c.processes(), "process"), muted}}})
		for j, b := range c.branches {
			at, deeper := fork(j, len(c.branches))
			rows = n.branchRows(rows, b, below+at, below+deeper, false)
		}
	}
	return rows
}

// branchRows are the head of a branch and its edges. The mark of a problem stands
// in a column of its own, so that the eye finds it going down the edge.
func (n *names) branchRows(rows []row, b *branch, at, below string, withOwner bool) []row {
	rows = append(rows, row{line: n.fitHead(at, n.headSpans(b, withOwner))})
	g := n.style.glyphs()
	sign := [...]string{accepts: g.accepts, initiates: g.initiates, roleless: g.both}
	width := max(screen.Width(g.initiates), screen.Width(g.accepts))
	if slices.ContainsFunc(b.leaves, func(l leaf) bool { return l.direction == roleless }) {
		width = max(width, screen.Width(g.both))
	}
	for _, l := range b.leaves {
		mark := span{" ", plain}
		if trouble(l.edge) > 0 {
			mark = span{g.cross, bad}
		}
		other := n.end(l.other, l.doubt)
		way := sign[l.direction] + strings.Repeat(" ", width-screen.Width(sign[l.direction])+1)
		other.lead = append([]span{{below, muted}, mark, {" " + way, muted}}, other.lead...)
		t := n.traffic(l.edge)
		rows = append(rows, row{cells: []cell{
			other,
			text(n.port(l.edge)),
			text(n.protocol(l.edge)),
			{label: label{text: g.up}, tone: muted},
			text(t.up),
			{label: label{text: g.down}, tone: muted},
			text(t.down),
			text(t.conns + " conn"), // the tree has no titles
			known(t.rtt),
			n.treeNote(l),
		}})
	}
	return rows
}

// treeNote adds to the note what the table has a column for: below an end that was
// inferred the other's name has no sign, though the edge is as doubtful.
func (n *names) treeNote(l leaf) cell {
	if weakest(l.edge) == inferred && l.own == guessed {
		return n.note(l.edge, "inferred here")
	}
	return n.note(l.edge)
}

// known leaves a figure that is not known empty: the tree is read by words.
func known(figure string) cell {
	if figure == none {
		return cell{}
	}
	return text(figure)
}

// headSpans are the parts of the head of a branch, in the order of their
// importance: name, pid, where it runs, its command line.
func (n *names) headSpans(b *branch, withOwner bool) []span {
	a := &b.node.Attributes
	spans := []span{{n.name(b.node), strong}}
	switch {
	case b.node.Kind == topology.KindGroup:
		spans = append(spans, span{fmt.Sprintf("%s%d", n.style.glyphs().times, groupSize(b.node)), plain})
	case a.PID != 0 && !nameless(b.node):
		spans = append(spans, span{fmt.Sprintf("pid %d", a.PID), plain})
	}
	if at := n.places[b.node.ID]; at != "" {
		spans = append(spans, span{n.style.clean(at), plain})
	}
	if a.Exited {
		spans = append(spans, span{"exited", plain})
	}
	if b.node.Kind == topology.KindGroup && (a.ContainerID != "" || a.ContainerName != "") {
		spans = append(spans, span{"[container]", muted})
	} else if o, ok := n.owner(b.node); ok && withOwner {
		spans = append(spans, span{"[" + o.String() + "]", muted})
	}
	if c := n.style.clean(a.CommandLine); c != "" && c != n.name(b.node) && c != n.style.clean(a.ExecutablePath) {
		spans = append(spans, span{c, muted})
	}
	return spans
}

// fitHead puts the parts of a head on one line. What does not fit is left out
// from the end; the last part that fits in part is cut. Without a limit only the
// command line is cut, which may be as long as a page.
func (n *names) fitHead(at string, parts []span) []span {
	const least = 12 // cells of a cut part that still say something
	limit := n.style.Width
	if limit <= 0 {
		limit = 2 * softWidth
	}
	ellipsis := n.style.glyphs().ellipsis
	line := []span{{at, muted}}
	room := limit - screen.Width(at)
	for i, p := range parts {
		if i > 0 {
			room -= 2
		}
		if w := screen.Width(p.text); w > room {
			if n.style.Width <= 0 && i < len(parts)-1 {
				room = w // only command lines are cut where there is no limit
			} else if i > 0 && room < least {
				break
			}
			p.text = screen.Truncate(p.text, room, ellipsis)
		}
		room -= screen.Width(p.text)
		if i > 0 {
			line = append(line, span{"  ", plain})
		}
		line = append(line, p)
	}
	return line
}
