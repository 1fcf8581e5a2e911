package layout

import (
	"cmp"
	"math"
	"slices"
)

// What it costs to stand elsewhere than where a node belongs, in rows.
const (
	rightCost  = 6.0  // a column
	leftCost   = 10.0 // a column, towards those who call
	newRowCost = 2.0  // to make the last band longer
	mostRight  = 3    // columns
	mostLeft   = 1
)

// leastMargin is how many rows a margin may have at least before it goes on in
// another column.
const leastMargin = 12

// grow gives places to those nodes that have none.
func (p *Places) grow(n *network) {
	var fresh []int
	for i := range n.nodes {
		id := n.nodes[i].ID
		s, ok := p.spots[id]
		if ok && s.zone == inner && s.group != n.nodes[i].Group { // its box would have to stretch to it
			delete(p.spots, id)
			ok = false
		}
		if !ok {
			fresh = append(fresh, i)
			continue
		}
		s.seen = p.turn
		p.spots[id] = s
	}
	p.forget(len(n.nodes))
	if len(fresh) == 0 {
		return
	}
	ranks := n.ranks()
	slices.SortStableFunc(fresh, func(a, b int) int { return cmp.Compare(ranks[a], ranks[b]) })
	g := newGrower(p, n)
	for _, v := range fresh {
		g.settle(v, g.belongs(v))
	}
}

// forget lets go of nodes that went the longest ago, beyond those that are to be
// remembered.
func (p *Places) forget(here int) {
	type gone struct {
		id   string
		seen int
	}
	var all []gone
	for id, s := range p.spots {
		if s.seen != p.turn {
			all = append(all, gone{id, s.seen})
		}
	}
	surplus := len(all) - max(p.o.Remember, here/2)
	if surplus <= 0 {
		return
	}
	slices.SortFunc(all, func(a, b gone) int { return cmp.Or(cmp.Compare(a.seen, b.seen), cmp.Compare(a.id, b.id)) })
	for _, g := range all[:surplus] {
		delete(p.spots, g.id)
	}
}

// grower knows what is taken while nodes are added one by one.
type grower struct {
	p         *Places
	n         *network
	taken     map[cell]bool
	used      map[int]int // rows, by band
	low, high int         // columns of the bands
}

type cell struct {
	zone           zone
	band, col, row int
}

func newGrower(p *Places, n *network) *grower {
	g := &grower{p: p, n: n, taken: make(map[cell]bool, len(p.spots)), used: map[int]int{}, low: math.MaxInt, high: math.MinInt}
	for _, s := range p.spots {
		g.note(s)
	}
	if g.low > g.high { // nobody is there: between the margins
		g.low, g.high = 0, 0
		if p.left != nil {
			g.low, g.high = *p.left+1, *p.left+1
		} else if p.right != nil {
			g.low, g.high = *p.right-2, *p.right-2
		}
	}
	return g
}

func (g *grower) note(s spot) {
	g.taken[cell{s.zone, s.band, s.col, s.row}] = true
	if s.zone == inner {
		g.used[s.band] = max(g.used[s.band], s.row+1)
		g.low, g.high = min(g.low, s.col), max(g.high, s.col)
	}
}

// settle gives a node the free cell that is nearest to where it belongs. Where a
// group has no band with a free one near, it goes on in another band.
func (g *grower) settle(v int, s spot) {
	id := g.n.nodes[v].ID
	delete(g.p.spots, id)
	found := false
	if s.zone != inner {
		s, found = g.nearest(id, s)
	}
	for i := 0; i < len(g.p.bands) && !found; i++ {
		if g.p.bands[i].group == s.group {
			s, found = g.nearest(id, g.inBand(v, s, i))
		}
	}
	if !found {
		s, _ = g.nearest(id, g.inBand(v, s, g.p.addBand(s.group, g.used)))
	}
	g.p.spots[id] = s
	g.note(s)
}

// belongs is where a node should stand by those of its neighbours that have a
// place: right of who calls it, else left of what it calls. A margin begins when
// the first needs it.
func (g *grower) belongs(v int) spot {
	p := g.p
	s := spot{zone: g.n.zone(v), group: g.n.nodes[v].Group, seen: p.turn}
	switch s.zone {
	case left:
		if p.left == nil {
			p.left = new(g.low - 1)
		}
		s.col = *p.left
	case right:
		if p.right == nil {
			p.right = new(g.high + 2)
		}
		s.col = *p.right
	default:
		s.col = g.column(v)
		return s
	}
	s.row = g.row(v, 0, g.height())
	return s
}

// inBand is where in a band a node belongs.
func (g *grower) inBand(v int, s spot, band int) spot {
	s.band = band
	s.row = g.row(v, g.p.bands[band].top, max(g.p.bands[band].rows, g.used[band]+1))
	return s
}

// row is the one at the middle of a node's neighbours, of those that there are.
func (g *grower) row(v int, top float64, rows int) int {
	sum, count := 0.0, 0.0
	for _, w := range g.n.near[v] {
		if at, ok := g.p.spots[g.n.nodes[w].ID]; ok {
			sum, count = sum+g.p.corner(at).Y, count+1
		}
	}
	if count == 0 {
		return 0
	}
	return min(max(int(math.Round((sum/count-top)/g.p.pitchY())), 0), rows-1)
}

// column is the one in which a node of a band should stand.
func (g *grower) column(v int) int {
	after, before := math.MinInt, math.MaxInt
	for _, l := range g.n.in[v] {
		if s, ok := g.p.spots[g.n.nodes[l.node].ID]; ok && s.zone != right {
			after = max(after, s.col+1)
		}
	}
	for _, l := range g.n.out[v] {
		if s, ok := g.p.spots[g.n.nodes[l.node].ID]; ok && s.zone == inner {
			before = min(before, s.col-1)
		}
	}
	col := g.low
	switch {
	case after > math.MinInt:
		col = max(after, g.low)
	case before < math.MaxInt:
		col = before
	}
	if g.n.nodes[v].Store {
		col = max(col, g.high)
	}
	return g.p.within(col)
}

// within keeps a column between the margins.
func (p *Places) within(col int) int {
	if p.left != nil {
		col = max(col, *p.left+1)
	}
	if p.right != nil {
		col = min(col, *p.right-1)
	}
	return col
}

// nearest looks for a free cell from the nearest column outwards, in each from
// the nearest row; false: there is none near.
func (g *grower) nearest(id string, s spot) (spot, bool) {
	rows, most, aside := g.limits(s)
	best, cost := s, math.Inf(1)
	for step := 0; step <= 2*aside; step++ {
		away := (step + 1) / 2
		try, aside := s, float64(away)*rightCost
		if try.col += away; step%2 == 0 {
			try.col, aside = s.col-away, float64(away)*leftCost
		}
		if float64(away)*rightCost >= cost {
			break
		}
		if !g.p.allowed(try) || s.zone == inner && s.col-try.col > mostLeft {
			continue
		}
		for d := 0; aside+float64(d) < cost && (s.row-d >= 0 || s.row+d < most); d++ {
			for _, row := range [...]int{s.row + d, s.row - d} {
				try.row = row
				c := aside + float64(d)
				if row >= rows {
					c += newRowCost
				}
				if row >= 0 && row < most && c < cost && g.free(id, try) {
					best, cost = try, c
				}
			}
		}
	}
	return best, !math.IsInf(cost, 1)
}

func (g *grower) free(id string, s spot) bool {
	return !g.taken[cell{s.zone, s.band, s.col, s.row}] && !g.p.covered(id, g.p.corner(s))
}

// limits are the rows that there are for a spot, how far it may go below, and
// how many columns it may stand aside. Margins go outwards as far as they must.
func (g *grower) limits(s spot) (rows, most, aside int) {
	switch {
	case s.zone != inner:
		return g.height(), g.height(), math.MaxInt / 4
	case s.band == len(g.p.bands)-1:
		rows = max(g.p.bands[s.band].rows, g.used[s.band])
		return rows, math.MaxInt / 4, mostRight
	}
	return g.p.bands[s.band].rows, g.p.bands[s.band].rows, mostRight
}

// height is the rows that all bands have together, which is how far margins go
// down.
func (g *grower) height() int {
	if last := len(g.p.bands) - 1; last >= 0 {
		b := &g.p.bands[last]
		return max(leastMargin, int(b.top/g.p.pitchY())+max(b.rows, g.used[last]))
	}
	return leastMargin
}

// allowed: the column is one of the zone's.
func (p *Places) allowed(s spot) bool {
	switch s.zone {
	case left:
		return s.col <= *p.left
	case right:
		return s.col >= *p.right
	}
	return p.within(s.col) == s.col
}

// covered: a card here would lie on one that somebody else has pinned.
func (p *Places) covered(id string, at Point) bool {
	for other, pin := range p.o.Pins {
		if other != id && math.Abs(pin.X-at.X) < p.o.Width && math.Abs(pin.Y-at.Y) < p.o.Height {
			return true
		}
	}
	return false
}
