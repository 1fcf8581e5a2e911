package layout

import (
	"cmp"
	"maps"
	"math"
	"slices"
)

// aspect is how much wider than high a layout is to be, as screens are.
const aspect = 1.6

// fewColumns is up to how many columns one is left empty at the right for a rank
// that comes later. A map with more of them has most of its ranks already, and
// the empty one would cost it the size at which it can be read.
const fewColumns = 3

// draft is a layout that is begun anew: who stands in which band and column, and
// in which order from top to bottom.
type draft struct {
	n     *network
	p     *Places
	lists []*list
	of    []*list   // by node
	y     []float64 // by node, in rows, of the middle
	total float64   // rows of all bands
}

// list are the nodes of one rank of one band, or of a margin, from top to bottom.
type list struct {
	zone    zone
	band    int
	rank    int // -1 and the highest plus 1 are the margins
	nodes   []int
	columns int     // that the nodes share, row by row
	start   float64 // the rows above
	rows    int
}

// fresh begins anew. Of places that there were before only their order counts.
func fresh(n *network, prev *Places, o Options) *Places {
	p := &Places{o: o, spots: make(map[string]spot, len(n.nodes)), turn: 1}
	d := &draft{n: n, p: p, of: make([]*list, len(n.nodes)), y: make([]float64, len(n.nodes))}
	d.divide()
	d.orderBands()
	d.shape()
	d.begin(prev)
	d.order()
	d.settle()
	p.leavePins(n)
	return p
}

// divide puts each node into the list of its zone, band and rank.
func (d *draft) divide() {
	ranks := d.n.ranks()
	type key struct {
		zone  zone
		group string
		rank  int
	}
	lists, bands := map[key]*list{}, map[string]int{}
	highest := 0
	for v := range d.n.nodes {
		if d.n.zone(v) == inner {
			bands[d.n.nodes[v].Group] = 0
			highest = max(highest, ranks[v])
		}
	}
	for i, group := range slices.Sorted(maps.Keys(bands)) {
		bands[group] = i
		d.p.bands = append(d.p.bands, band{group: group, part: 1})
	}
	for v := range d.n.nodes {
		k := key{zone: d.n.zone(v)}
		switch k.zone {
		case inner:
			k.group, k.rank = d.n.nodes[v].Group, ranks[v]
		case left:
			k.rank = -1
		case right:
			k.rank = highest + 1
		}
		l := lists[k]
		if l == nil {
			l = &list{zone: k.zone, band: bands[k.group], rank: k.rank}
			lists[k] = l
			d.lists = append(d.lists, l)
		}
		l.nodes = append(l.nodes, v)
		d.of[v] = l
	}
}

// orderBands puts bands that talk to each other near each other. What stands in
// no box is below all boxes, where it does not part them.
func (d *draft) orderBands() {
	k := len(d.p.bands)
	weight := map[[2]int]float64{}
	for v, near := range d.n.near {
		for _, w := range near {
			a, b := d.of[v], d.of[w]
			if a.zone == inner && b.zone == inner && a.band < b.band {
				weight[[2]int{a.band, b.band}]++
			}
		}
	}
	order := arrange(k, weight)
	slices.SortStableFunc(order, func(a, b int) int { return boolCompare(d.p.bands[a].group == "", d.p.bands[b].group == "") })
	bands, to := make([]band, k), make([]int, k)
	for at, b := range order {
		bands[at], to[b] = d.p.bands[b], at
	}
	d.p.bands = bands
	for _, l := range d.lists {
		if l.zone == inner {
			l.band = to[l.band]
		}
	}
	slices.SortFunc(d.lists, func(a, b *list) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.band, b.band))
	})
}

// mostArranged is how many bands are tried in other places; more only follow the
// means of those they talk to.
const mostArranged = 40

// arrange orders k things so that the pairs with much weight are near each other:
// by the means of the others, then by trying each in each other place.
func arrange(k int, weight map[[2]int]float64) []int {
	pairs := slices.SortedFunc(maps.Keys(weight), func(a, b [2]int) int { return slices.Compare(a[:], b[:]) })
	order, place := make([]int, k), make([]float64, k)
	for i := range order {
		order[i], place[i] = i, float64(i)
	}
	note := func() {
		for at, b := range order {
			place[b] = float64(at)
		}
	}
	length := func() (sum float64) {
		note()
		for _, p := range pairs {
			sum += weight[p] * math.Abs(place[p[0]]-place[p[1]])
		}
		return sum
	}
	for range 4 {
		sum, n := make([]float64, k), make([]float64, k)
		for _, p := range pairs {
			for side := range 2 {
				sum[p[side]] += weight[p] * place[p[1-side]]
				n[p[side]] += weight[p]
			}
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(wish(sum[a], n[a], place[a]), wish(sum[b], n[b], place[b])) })
		note()
	}
	if k > mostArranged {
		return order
	}
	for better := true; better; {
		better = false
		for from := range order {
			for to := range order {
				before := length()
				move(order, from, to)
				if length() < before-1e-9 {
					better = true
				} else {
					move(order, to, from)
				}
			}
		}
	}
	return order
}

// move takes one out and puts it in at another place.
func move(list []int, from, to int) {
	x := list[from]
	if from < to {
		copy(list[from:to], list[from+1:to+1])
	} else {
		copy(list[to+1:from+1], list[to:from])
	}
	list[to] = x
}

// wish is the mean of a sum, or where one is already.
func wish(sum, n, now float64) float64 {
	if n == 0 {
		return now
	}
	return sum / n
}

func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// shape chooses how many rows a band may have before its ranks are split into
// several columns, so that the whole has the form of a screen.
func (d *draft) shape() {
	longest := 1
	for _, l := range d.lists {
		longest = max(longest, len(l.nodes))
	}
	best, bestTall, bestMiss := 1, 1.0, math.Inf(1)
	for most := 1; most <= longest; most += 1 + most/8 {
		for _, tall := range [...]float64{1, 1.5, 2, 3} {
			columns, rows := d.fold(most, tall)
			miss := math.Abs(math.Log(float64(columns) * d.p.pitchX() / (float64(rows) * d.p.pitchY()) / aspect))
			if miss < bestMiss {
				best, bestTall, bestMiss = most, tall, miss
			}
		}
	}
	d.fold(best, bestTall)
	top := 0.0
	for i := range d.p.bands {
		b := &d.p.bands[i]
		if b.top = top; i < len(d.p.bands)-1 && !d.p.o.Final {
			b.rows = withReserve(b.rows)
		}
		top += float64(b.rows)*d.p.pitchY() - d.p.o.GapY + d.p.between()
	}
	for _, l := range d.lists {
		if l.zone == inner {
			l.start, l.rows = d.p.bands[l.band].top/d.p.pitchY(), d.p.bands[l.band].rows
		}
	}
	d.total = max(top/d.p.pitchY(), 1)
}

// fold gives bands at most so many rows, margins so many times as many as all
// bands have, ranks the columns that they need then, and says how large the whole
// is.
func (d *draft) fold(most int, tall float64) (columns, rows int) {
	for i := range d.p.bands {
		d.p.bands[i].rows = 1
	}
	for _, l := range d.lists {
		if l.zone == inner {
			b := &d.p.bands[l.band]
			b.rows = max(b.rows, min(len(l.nodes), most))
		}
	}
	for _, b := range d.p.bands {
		rows += b.rows
	}
	bands := max(rows, 1)
	wide := map[int]int{} // by rank
	for _, l := range d.lists {
		if l.zone == inner {
			l.rows = d.p.bands[l.band].rows
		} else {
			l.rows = max(int(float64(bands)*tall), 1)
			rows = max(rows, min(len(l.nodes), l.rows))
		}
		wide[l.rank] = max(wide[l.rank], (len(l.nodes)+l.rows-1)/l.rows)
	}
	for _, l := range d.lists {
		l.columns = wide[l.rank]
	}
	for _, w := range wide {
		columns += w
	}
	return columns, max(rows, 1)
}

// begin orders each list as it was before, else by ids.
func (d *draft) begin(prev *Places) {
	for _, l := range d.lists {
		if prev != nil {
			before := func(v int) float64 {
				if s, ok := prev.spots[d.n.nodes[v].ID]; ok {
					return prev.corner(s).Y
				}
				return math.Inf(1)
			}
			slices.SortStableFunc(l.nodes, func(a, b int) int { return cmp.Compare(before(a), before(b)) })
		}
		d.spread(l)
	}
}

// spread notes where the nodes of a list are when they share its rows evenly.
func (d *draft) spread(l *list) {
	rows := d.total
	if l.zone == inner {
		rows = float64(l.rows)
	}
	for i, v := range l.nodes {
		d.y[v] = l.start + (float64(i)+0.5)/float64(len(l.nodes))*rows
	}
}

// order sorts each list by the middle of what its nodes talk to on one side,
// then on the other, and keeps what had the shortest lines.
func (d *draft) order() {
	best, shortest := d.orders(), d.length()
	for sweep := range 8 {
		forwards := sweep%2 == 0
		for i := range d.lists {
			l := d.lists[i]
			if !forwards {
				l = d.lists[len(d.lists)-1-i]
			}
			at := make(map[int]float64, len(l.nodes))
			for _, v := range l.nodes {
				at[v] = d.middle(v, func(w int) bool { return forwards == (d.of[w].rank < l.rank) && d.of[w].rank != l.rank })
			}
			slices.SortStableFunc(l.nodes, func(a, b int) int { return cmp.Compare(at[a], at[b]) })
			d.spread(l)
		}
		if now := d.length(); now < shortest {
			best, shortest = d.orders(), now
		}
	}
	for i, l := range d.lists {
		l.nodes = best[i]
		d.spread(l)
	}
}

func (d *draft) orders() [][]int {
	out := make([][]int, len(d.lists))
	for i, l := range d.lists {
		out[i] = slices.Clone(l.nodes)
	}
	return out
}

// middle is the mean of where those neighbours are, else where the node is.
func (d *draft) middle(v int, of func(int) bool) float64 {
	sum, n := 0.0, 0.0
	for _, w := range d.n.near[v] {
		if of(w) {
			sum, n = sum+d.y[w], n+1
		}
	}
	return wish(sum, n, d.y[v])
}

// length is how far all lines go up or down.
func (d *draft) length() float64 {
	sum := 0.0
	for v, near := range d.n.near {
		for _, w := range near {
			sum += math.Abs(d.y[v] - d.y[w])
		}
	}
	return sum
}

// settle gives each node a cell as near as can be to the middle of what it talks
// to, without changing the order.
func (d *draft) settle() {
	for sweep := range 4 {
		for i := range d.lists {
			l := d.lists[i]
			if sweep%2 == 1 {
				l = d.lists[len(d.lists)-1-i]
			}
			d.fit(l)
		}
	}
	column := map[int]int{} // first column of each rank
	next := 0
	for _, l := range d.lists {
		if _, ok := column[l.rank]; !ok && l.zone == inner {
			column[l.rank] = next
			next += l.columns
		}
	}
	for _, l := range d.lists {
		first, step := column[l.rank], 1
		switch l.zone {
		case left:
			first, step = -1, -1
			d.p.left = &first
		case right:
			if first = next + 1; d.p.o.Final || next > fewColumns { // else one column is left for a rank that comes later
				first = next
			}
			d.p.right = &first
		}
		for v, slot := range d.fit(l) {
			node := &d.n.nodes[v]
			d.p.spots[node.ID] = spot{zone: l.zone, band: l.band, col: first + step*(slot%l.columns), row: slot / l.columns, group: node.Group, seen: d.p.turn}
		}
	}
}

// fit gives the nodes of a list slots in their order, as near as can be to the
// middle of what they talk to: isotonic regression by pooling neighbours. Slots
// count along the rows.
func (d *draft) fit(l *list) map[int]int {
	rows := l.rows
	if l.zone != inner {
		rows = max(rows, int(d.total+0.5), (len(l.nodes)+l.columns-1)/l.columns)
	}
	type pool struct {
		sum   float64
		count int
	}
	var pools []pool
	for i, v := range l.nodes {
		at := (d.middle(v, func(int) bool { return true }) - 0.5 - l.start) * float64(l.columns)
		pools = append(pools, pool{at - float64(i), 1})
		for k := len(pools) - 1; k > 0 && pools[k-1].sum/float64(pools[k-1].count) > pools[k].sum/float64(pools[k].count); k-- {
			pools[k-1] = pool{pools[k-1].sum + pools[k].sum, pools[k-1].count + pools[k].count}
			pools = pools[:k]
		}
	}
	free := float64(rows*l.columns - len(l.nodes))
	slots := make(map[int]int, len(l.nodes))
	i := 0
	for _, p := range pools {
		base := int(math.Round(min(max(p.sum/float64(p.count), 0), free)))
		for range p.count {
			slots[l.nodes[i]] = base + i
			d.y[l.nodes[i]] = l.start + float64((base+i)/l.columns) + 0.5
			i++
		}
	}
	return slots
}

// leavePins moves who would stand below a card that somebody else has pinned.
func (p *Places) leavePins(n *network) {
	if len(p.o.Pins) == 0 {
		return
	}
	g := newGrower(p, n)
	for i := range n.nodes {
		id := n.nodes[i].ID
		if s := p.spots[id]; p.covered(id, p.corner(s)) {
			g.settle(i, s)
		}
	}
}
