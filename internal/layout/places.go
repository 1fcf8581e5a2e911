package layout

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Options are the sizes of cards and of the room around them, in pixels; those
// that are 0 have a default.
type Options struct {
	Width, Height float64 // of a card
	GapX, GapY    float64 // between cards
	Padding       float64 // between a box and its cards
	Title         float64 // of a box, above its cards
	Remember      int     // nodes that went whose place is kept, at least; half of those that are there, if that is more
	// Pins are places that a person gave. They do not move the others.
	Pins map[string]Point
	// Final: nobody will come, so no room is kept for them.
	Final bool
	// Tidy begins anew; the earlier places only say what was above what.
	Tidy bool
}

// Point is an upper left corner.
type Point struct{ X, Y float64 }

func (o Options) filled() Options {
	o.Width, o.Height = cmp.Or(o.Width, 180), cmp.Or(o.Height, 52)
	o.GapX, o.GapY = cmp.Or(o.GapX, 120), cmp.Or(o.GapY, 24)
	o.Padding, o.Title = cmp.Or(o.Padding, 16), cmp.Or(o.Title, 24)
	o.Remember = cmp.Or(o.Remember, 64)
	return o
}

// Places are where nodes are and were. They are not changed once they are made.
type Places struct {
	o     Options
	spots map[string]spot
	bands []band
	// The margins begin with these columns and go outwards; unset as long as
	// nobody was external, so that bands may still grow there.
	left, right *int
	turn        int // counts the calls of Place
	first       int // the leftmost column
}

// spot is a cell of the grid that belongs to one node.
type spot struct {
	zone     zone
	band     int // of the inner zone
	col, row int
	group    string
	seen     int // the last turn in which the node was there
}

// band is the rows of one group, over all columns.
type band struct {
	group string
	part  int     // of the group, from 1
	top   float64 // pixels
	rows  int     // how many there are before the next band; the last one may grow
}

// Card is where one node is.
type Card struct {
	X, Y, W, H float64 // X and Y of the upper left corner
	Rank       int     // column from the left, from 0
	Box        string  // id of the box it is in; empty: none
}

// Box is the rectangle around a group, or around a part of it.
type Box struct {
	ID, Group  string
	Part       int // from 1
	X, Y, W, H float64
}

// Place finds places for all nodes of g. Those of prev that are still there keep
// theirs; prev may be nil, and is not changed.
func Place(prev *Places, g Graph, o Options) *Places {
	n := newNetwork(g)
	o = o.filled()
	if prev == nil || o.Tidy || len(prev.spots) == 0 {
		return fresh(n, prev, o).done()
	}
	p := &Places{o: prev.o, spots: maps.Clone(prev.spots), bands: slices.Clone(prev.bands), left: prev.left, right: prev.right, turn: prev.turn + 1}
	p.o.Pins, p.o.Remember = o.Pins, o.Remember
	p.grow(n)
	return p.done()
}

// Of is the place of a node that was in the last graph.
func (p *Places) Of(id string) (Card, bool) {
	s, ok := p.spots[id]
	if !ok || s.seen != p.turn {
		return Card{}, false
	}
	at := p.corner(s)
	out := Card{X: at.X, Y: at.Y, W: p.o.Width, H: p.o.Height, Rank: s.col - p.first}
	if s.zone == inner && s.group != "" {
		out.Box = boxID(&p.bands[s.band])
	}
	if pin, ok := p.o.Pins[id]; ok {
		out.X, out.Y = pin.X, pin.Y
		if !p.inside(s, pin) {
			out.Box = ""
		}
	}
	return out, true
}

// inside: a pinned card is still within its band, and between the margins.
func (p *Places) inside(s spot, at Point) bool {
	if s.zone != inner {
		return false
	}
	b := &p.bands[s.band]
	if at.Y < b.top || at.Y+p.o.Height > b.top+float64(p.rowsOf(s.band))*p.pitchY() {
		return false
	}
	return (p.left == nil || at.X > p.x(*p.left)+p.pitchX()-p.o.GapX/2) && (p.right == nil || at.X+p.o.Width < p.x(*p.right)-p.o.GapX/2)
}

func (p *Places) pitchX() float64     { return p.o.Width + p.o.GapX }
func (p *Places) pitchY() float64     { return p.o.Height + p.o.GapY }
func (p *Places) x(col int) float64   { return float64(col) * p.pitchX() }
func (p *Places) corner(s spot) Point { return Point{p.x(s.col), p.top(s) + float64(s.row)*p.pitchY()} }

func (p *Places) top(s spot) float64 {
	if s.zone == inner {
		return p.bands[s.band].top
	}
	return 0
}

// rowsOf is how many rows a band has: those it was given, or those it uses.
func (p *Places) rowsOf(band int) int {
	rows := p.bands[band].rows
	for _, s := range p.spots {
		if s.zone == inner && s.band == band {
			rows = max(rows, s.row+1)
		}
	}
	return rows
}

// done notes what follows from the spots.
func (p *Places) done() *Places {
	p.first = math.MaxInt
	for _, s := range p.spots {
		p.first = min(p.first, s.col)
	}
	return p
}

func boxID(b *band) string {
	if b.part == 1 {
		return b.group
	}
	return fmt.Sprintf("%s#%d", b.group, b.part)
}

// Boxes are around the groups of which a node is there, in the order of their
// ids. They have room also for nodes that went and are remembered, so that they
// do not shrink and grow all the time.
func (p *Places) Boxes() []Box {
	type extent struct {
		low, high Point
		here      bool
	}
	all := map[int]*extent{}
	for id, s := range p.spots {
		if s.zone != inner || s.group == "" {
			continue
		}
		at := p.corner(s)
		if pin, pinned := p.o.Pins[id]; pinned {
			if !p.inside(s, pin) {
				continue
			}
			at = pin
		}
		e := all[s.band]
		if e == nil {
			e = &extent{low: at, high: at}
			all[s.band] = e
		}
		e.low.X, e.low.Y = min(e.low.X, at.X), min(e.low.Y, at.Y)
		e.high.X, e.high.Y = max(e.high.X, at.X), max(e.high.Y, at.Y)
		e.here = e.here || s.seen == p.turn
	}
	var out []Box
	for i, e := range all {
		if !e.here {
			continue
		}
		b := &p.bands[i]
		out = append(out, Box{ID: boxID(b), Group: b.group, Part: b.part, X: e.low.X - p.o.Padding, Y: e.low.Y - p.o.Padding - p.o.Title,
			W: e.high.X - e.low.X + p.o.Width + 2*p.o.Padding, H: e.high.Y - e.low.Y + p.o.Height + 2*p.o.Padding + p.o.Title})
	}
	slices.SortFunc(out, func(a, b Box) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// between is the room between the rows of two bands, for padding and title.
func (p *Places) between() float64 { return 2*p.o.Padding + p.o.Title + p.o.GapY }

// addBand appends the rows of a group below all others, or takes those that
// nobody has any more. Used are the rows that somebody has, by band.
func (p *Places) addBand(group string, used map[int]int) int {
	part := 1
	for i := range p.bands {
		if used[i] > 0 && p.bands[i].group == group {
			part = max(part, p.bands[i].part+1)
		}
	}
	for i := range p.bands {
		if used[i] == 0 {
			p.bands[i].group, p.bands[i].part = group, part
			return i
		}
	}
	b := band{group: group, part: part, rows: 1}
	if last := len(p.bands) - 1; last >= 0 {
		l := &p.bands[last]
		l.rows = max(l.rows, withReserve(used[last]))
		b.top = l.top + float64(l.rows)*p.pitchY() - p.o.GapY + p.between()
	}
	p.bands = append(p.bands, b)
	return len(p.bands) - 1
}

// withReserve are rows with room for a third more.
func withReserve(rows int) int { return rows + max(1, (rows+2)/3) }
