package export

import (
	"cmp"
	"slices"
	"strings"

	"peerscope/internal/screen"
)

// cell is one field of a row. The lead is never shortened; the label is, its
// tail only when there is no room for anything else.
type cell struct {
	lead []span
	label
	tone tone
}

func (c *cell) width() int {
	return widthOf(c.lead) + screen.Width(c.text) + screen.Width(c.tail) + screen.Width(c.at)
}

func text(s string) cell { return cell{label: label{text: s}} }

// column says how its cells behave when there is not enough room.
type column struct {
	title string
	right bool // aligned to the right
	gap   int  // cells between it and the column before it
	// ease and floor are the widths down to which it is shortened before another
	// column is dropped: ease for one that can be spared, floor for a vital one.
	// 0: never shortened.
	ease, floor int
	// drop is its place in the order of dropping, 1 first; columns of the same
	// place go together; 0: never dropped.
	drop int
	// optional columns are left out when no row has anything in them.
	optional bool
	// blunt text is shortened at its end: it is a sentence and no name.
	blunt bool
}

// row is a row of cells, one for every column of the grid, or a line of spans of
// its own when there are no cells.
type row struct {
	cells []cell
	line  []span
}

// grid lays rows out in columns within a width. Widths are in cells of a
// terminal throughout, never in bytes or characters.
type grid struct {
	style   Style
	columns []column
	rows    []row
}

// vital is the first place in the order of dropping of what people come for.
const vital = 5

// enough is how much a column of long cells gets above its floor before other
// columns have what they want.
const enough = 10

// softWidth bounds how far one long cell moves the columns beside it when the
// width is unlimited; longer ones stand out of their column.
const softWidth = 48

// placed is a column that is shown: which, and how wide.
type placed struct {
	*column
	index, width int
	natural      int // the widest cell, title included
	usual        int // what three of four cells fit in, if that is not too much
	soft         int // the widest cell that is not wider than softWidth
}

// measure finds out how wide the cells of a column are. used is false if there
// is nothing in any of them.
func (g *grid) measure(p *placed) (used bool) {
	var widths []int
	for _, r := range g.rows {
		if p.index >= len(r.cells) {
			continue
		}
		if w := r.cells[p.index].width(); w > 0 {
			widths = append(widths, w)
		}
		used = used || r.cells[p.index].label != label{}
	}
	slices.Sort(widths)
	p.natural = screen.Width(p.title)
	p.usual, p.soft = p.natural, p.natural
	if n := len(widths); n > 0 {
		p.natural = max(p.natural, widths[n-1])
		p.usual = max(p.usual, min(widths[(n-1)*3/4], p.floor+enough))
	}
	for _, w := range widths {
		if w <= softWidth {
			p.soft = max(p.soft, w)
		}
	}
	return used
}

// plan chooses columns and widths. First what is optional and empty goes, then
// columns in the order of drop until the floors fit; the room left over goes to
// the columns that are shortened: first so that most of their cells are whole,
// so that one long path does not cost every name its middle, then for the rest.
func (g *grid) plan() []placed {
	var shown []placed
	for i := range g.columns {
		c := &g.columns[i]
		p := placed{column: c, index: i}
		if g.measure(&p) || !c.optional {
			shown = append(shown, p)
		}
	}
	if g.style.Width <= 0 {
		for i := range shown {
			shown[i].width = shown[i].soft
		}
		return shown
	}
	for {
		next := 0
		for _, p := range shown {
			if p.drop > 0 && (next == 0 || p.drop < next) {
				next = p.drop
			}
		}
		if next == 0 || total(shown, next >= vital) <= g.style.Width {
			break
		}
		shown = slices.DeleteFunc(shown, func(p placed) bool { return p.drop == next })
	}
	// If the vital columns alone are too wide, share squeezes them and line cuts
	// what is left over: a line is never wider than the terminal.
	g.share(shown)
	return shown
}

// least is the width a column has at least, when others could be spared or when
// only vital ones are left.
func (p *placed) least(tight bool) int {
	switch {
	case p.floor == 0:
		return p.natural
	case tight:
		return min(p.floor, p.natural)
	}
	return min(p.ease, p.natural)
}

// total is the width of a line when every column has its least width.
func total(shown []placed, tight bool) int {
	n := 0
	for i := range shown {
		if i > 0 {
			n += shown[i].gap
		}
		n += shown[i].least(tight)
	}
	return n
}

// share gives every column its least width and the rest of the room to those
// that want more. If even the least is too much, the widest give way.
func (g *grid) share(shown []placed) {
	room := g.style.Width - total(shown, true)
	order := make([]*placed, len(shown))
	for i := range shown {
		shown[i].width = shown[i].least(true)
		order[i] = &shown[i]
	}
	for ; room < 0; room++ {
		widest := slices.MaxFunc(order, func(a, b *placed) int { return cmp.Compare(a.width, b.width) })
		if widest.width <= 1 {
			break
		}
		widest.width--
	}
	room = grow(order, room, func(p *placed) int { return p.usual })
	grow(order, room, func(p *placed) int { return p.natural })
}

// grow widens columns to what they want, the one that lacks the least first, so
// that as many as possible get it all. It returns the room that is left.
func grow(columns []*placed, room int, wants func(*placed) int) int {
	lack := func(p *placed) int { return max(wants(p)-p.width, 0) }
	slices.SortStableFunc(columns, func(a, b *placed) int { return cmp.Compare(lack(a), lack(b)) })
	for i, p := range columns {
		more := min(lack(p), max(room, 0)/(len(columns)-i))
		p.width += more
		room -= more
	}
	return room
}

// lines renders every row, and the titles first if any column has one. No line
// is wider than the style's width, none ends in spaces. The columns together are
// width wide.
func (g *grid) lines() (out []string, width int) {
	shown := g.plan()
	for i, p := range shown {
		if i > 0 {
			width += p.gap
		}
		width += p.width
	}
	if titles := g.titles(shown); titles != "" {
		out = append(out, titles)
	}
	for _, r := range g.rows {
		if r.cells == nil {
			out = append(out, g.style.line(r.line))
			continue
		}
		var spans []span
		for i, p := range shown {
			if i > 0 {
				spans = append(spans, span{strings.Repeat(" ", p.gap), plain})
			}
			spans = g.put(spans, &r.cells[p.index], &p)
		}
		out = append(out, g.style.line(spans))
	}
	return out, width
}

// titles is the line of titles, "" if no column has one.
func (g *grid) titles(shown []placed) string {
	var spans []span
	any := false
	for i, p := range shown {
		any = any || p.title != ""
		if i > 0 {
			spans = append(spans, span{strings.Repeat(" ", p.gap), plain})
		}
		spans = g.put(spans, &cell{label: label{text: p.title}, tone: muted}, &p)
	}
	if !any {
		return ""
	}
	return g.style.line(spans)
}

// put appends a cell, fitted to its column and padded on the side away from its
// edge. Without a width the cell may stand out of its column.
func (g *grid) put(spans []span, c *cell, p *placed) []span {
	text := c.label.String()
	lead := widthOf(c.lead)
	if g.style.Width > 0 {
		text = c.fit(max(p.width-lead, 0), p.blunt, g.style.glyphs().ellipsis)
	}
	pad := strings.Repeat(" ", max(p.width-lead-screen.Width(text), 0))
	if p.right {
		spans = append(spans, span{pad, plain})
	}
	spans = append(spans, c.lead...)
	spans = append(spans, span{text, c.tone})
	if !p.right {
		spans = append(spans, span{pad, plain})
	}
	return spans
}
