package layout

import "slices"

// mostRanks bounds the width of a layout: longer chains of calls are drawn
// together, so that some calls stay within a column.
const mostRanks = 12

// ranks give each node of the bands its column before columns are split: one
// more than all its callers have. Of callers in a circle some calls lead back.
func (n *network) ranks() []int {
	order, at := n.forwards()
	rank := make([]int, len(n.nodes))
	for _, v := range order {
		for _, l := range n.in[v] {
			if at[l.node] >= 0 && at[l.node] < at[v] {
				rank[v] = max(rank[v], rank[l.node]+1)
			}
		}
	}
	n.tighten(rank, order, at)
	highest := n.level(rank, order)
	for _, v := range order {
		if n.nodes[v].Store {
			rank[v] = highest
		}
	}
	return rank
}

// tighten moves who is called by nobody next to what it calls, unless external
// clients call it.
func (n *network) tighten(rank, order, at []int) {
	for _, v := range order {
		if len(n.in[v]) > 0 {
			continue
		}
		next := -1
		for _, l := range n.out[v] {
			if at[l.node] >= 0 && (next < 0 || rank[l.node] < next) {
				next = rank[l.node]
			}
		}
		if next >= 0 {
			rank[v] = next - 1
		}
	}
}

// level makes the ranks begin with 0 and not go beyond the most there may be,
// and gives the highest.
func (n *network) level(rank, order []int) int {
	if len(order) == 0 {
		return 0
	}
	low, high := rank[order[0]], rank[order[0]]
	for _, v := range order {
		low, high = min(low, rank[v]), max(high, rank[v])
	}
	depth := high - low + 1
	for _, v := range order {
		rank[v] -= low
		if depth > mostRanks {
			rank[v] = rank[v] * mostRanks / depth
		}
	}
	return min(depth, mostRanks) - 1
}

// forwards is an order of the nodes of the bands in which as many bytes as can be
// lead forwards, and where in it each node is; -1: it is in a margin.
func (n *network) forwards() (order, at []int) {
	at = make([]int, len(n.nodes))
	for i := range at {
		at[i] = -1
	}
	for _, circle := range n.circles() {
		if len(circle) > 1 {
			circle = n.unroll(circle)
		}
		for _, v := range circle {
			at[v] = len(order)
			order = append(order, v)
		}
	}
	return order, at
}

// circles are the strongly connected components of the bands, callers first
// (Tarjan's algorithm, which gives them the other way round).
func (n *network) circles() [][]int {
	t := tarjan{n: n, number: make([]int, len(n.nodes)), low: make([]int, len(n.nodes)), on: make([]bool, len(n.nodes))}
	for v := range n.nodes {
		if t.number[v] == 0 && n.zone(v) == inner {
			t.visit(v)
		}
	}
	slices.Reverse(t.found)
	return t.found
}

type tarjan struct {
	n           *network
	number, low []int // 0: not visited
	on          []bool
	stack       []int
	next        int
	found       [][]int
}

func (t *tarjan) visit(v int) {
	t.next++
	t.number[v], t.low[v] = t.next, t.next
	t.stack, t.on[v] = append(t.stack, v), true
	for _, l := range t.n.out[v] {
		w := l.node
		switch {
		case t.n.zone(w) != inner:
		case t.number[w] == 0:
			t.visit(w)
			t.low[v] = min(t.low[v], t.low[w])
		case t.on[w]:
			t.low[v] = min(t.low[v], t.number[w])
		}
	}
	if t.low[v] != t.number[v] {
		return
	}
	i := slices.Index(t.stack, v)
	circle := slices.Clone(t.stack[i:])
	for _, w := range circle {
		t.on[w] = false
	}
	t.stack = t.stack[:i]
	slices.Sort(circle)
	t.found = append(t.found, circle)
}
