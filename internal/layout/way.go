package layout

import (
	"cmp"
	"math"
	"slices"
)

// Router finds ways for lines between cards that do not lead below others, along
// the lanes between the rows. It is not safe for concurrent use.
type Router struct {
	cards   map[string]Card
	columns []column    // by x
	lanes   []float64   // where no card of some column is, ascending
	load    map[int]int // lines so far, by lane
	width   float64     // of a lane
}

// column are the cards that stand at one x, from top to bottom.
type column struct {
	x, w float64
	rows [][2]float64 // from, to
}

// clear is how far a line stays from cards, and apart how far from the next line
// in its lane.
const clear, apart = 3.0, 4.0

// Router knows the cards of the nodes that are there now.
func (p *Places) Router() *Router {
	r := &Router{cards: map[string]Card{}, load: map[int]int{}, width: p.o.GapY}
	at := map[float64]*column{}
	for id := range p.spots {
		c, ok := p.Of(id)
		if !ok {
			continue
		}
		r.cards[id] = c
		if at[c.X] == nil {
			at[c.X] = &column{x: c.X, w: c.W}
		}
		at[c.X].rows = append(at[c.X].rows, [2]float64{c.Y, c.Y + c.H})
		r.lanes = append(r.lanes, c.Y-r.width/2, c.Y+c.H+r.width/2)
	}
	for _, c := range at {
		slices.SortFunc(c.rows, func(a, b [2]float64) int { return slices.Compare(a[:], b[:]) })
		r.columns = append(r.columns, *c)
	}
	slices.SortFunc(r.columns, func(a, b column) int { return cmp.Compare(a.x, b.x) })
	slices.Sort(r.lanes)
	r.lanes = slices.Compact(r.lanes)
	return r
}

// Way are the points that a line passes between two cards that others stand
// between: where it enters a lane and where it leaves it. None: nobody is
// between, or one of the nodes is not there.
func (r *Router) Way(from, to string) []Point {
	a, ok := r.cards[from]
	b, too := r.cards[to]
	if !ok || !too {
		return nil
	}
	near, far := a, b
	if b.X < a.X {
		near, far = b, a
	}
	first, _ := slices.BinarySearchFunc(r.columns, near.X+near.W, func(c column, x float64) int { return cmp.Compare(c.x, x) })
	last := first
	for last < len(r.columns) && r.columns[last].x+r.columns[last].w <= far.X {
		last++
	}
	if first >= last {
		return nil
	}
	between := r.columns[first:last]
	y := r.lane(between, a.Y+a.H/2, b.Y+b.H/2)
	x0, x1 := between[0].x-r.width/2, between[0].x
	for _, c := range between {
		x1 = max(x1, c.x+c.w+r.width/2)
	}
	if a.X > b.X {
		x0, x1 = x1, x0
	}
	return []Point{{x0, y}, {x1, y}}
}

// lane is the height at which a line between two others passes all columns with
// the least way up and down. Lines that take the same lane stand side by side.
func (r *Router) lane(between []column, from, to float64) float64 {
	low, high := min(from, to), max(from, to)
	best, least := math.NaN(), math.Inf(1)
	try := func(y float64) {
		detour := max(low-y, 0, y-high)
		if detour < least && free(between, y) {
			best, least = y, detour
		}
	}
	try(from)
	try(to)
	i, _ := slices.BinarySearch(r.lanes, low)
	for _, y := range r.lanes[i:] { // from the upper end on downwards
		if y-high >= least || least == 0 {
			break
		}
		try(y)
	}
	for ; i > 0 && low-r.lanes[i-1] < least; i-- {
		try(r.lanes[i-1])
	}
	if math.IsNaN(best) { // pinned cards can close every lane
		return (from + to) / 2
	}
	k := int(math.Round(best))
	steps := int((r.width/2 - clear) / apart)
	n := r.load[k] % (2*steps + 1)
	r.load[k]++
	offset := float64((n+1)/2) * apart // 0, then to both sides, and round again
	if n%2 == 0 {
		offset = -offset
	}
	if !free(between, best+offset) {
		return best
	}
	return best + offset
}

// free: no card of the columns is at this height.
func free(columns []column, y float64) bool {
	for _, c := range columns {
		i, _ := slices.BinarySearchFunc(c.rows, y-clear, func(row [2]float64, y float64) int { return cmp.Compare(row[1], y) })
		if i < len(c.rows) && c.rows[i][0] < y+clear {
			return false
		}
	}
	return true
}
