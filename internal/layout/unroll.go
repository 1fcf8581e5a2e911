package layout

import (
	"cmp"
	"container/heap"
	"slices"
)

// unroll puts the nodes of a circle in an order in which few bytes lead back
// (the greedy heuristic of Eades, Lin and Smyth): who calls nobody that is left
// goes to the end, who is called by nobody to the beginning, else who sends the
// most beyond what it is sent.
func (n *network) unroll(circle []int) []int {
	u := newUnroller(n, circle)
	var head, tail []int
	for {
		v, end := u.next()
		if v < 0 {
			break
		}
		if end {
			tail = append(tail, v)
		} else {
			head = append(head, v)
		}
		u.take(v)
	}
	slices.Reverse(tail)
	return append(head, tail...)
}

// unroller keeps, of those that are left of a circle, what they send and are
// sent by the others. Each edge counts one byte more, so that it counts.
type unroller struct {
	n              *network
	left           []bool
	surplus        []float64
	outs, ins      []int
	sinks, sources []int
	richest        surpluses
}

func newUnroller(n *network, circle []int) *unroller {
	k := len(n.nodes)
	u := &unroller{n: n, left: make([]bool, k), surplus: make([]float64, k), outs: make([]int, k), ins: make([]int, k)}
	for _, v := range circle {
		u.left[v] = true
	}
	for _, v := range circle {
		for _, l := range n.out[v] {
			if u.left[l.node] {
				u.surplus[v] += l.weight + 1
				u.surplus[l.node] -= l.weight + 1
				u.outs[v]++
				u.ins[l.node]++
			}
		}
	}
	for _, v := range circle {
		u.richest = append(u.richest, surplus{v, u.surplus[v]})
	}
	heap.Init(&u.richest)
	return u
}

// next is who goes next, and whether to the end; -1: nobody is left.
func (u *unroller) next() (v int, end bool) {
	for _, list := range [...]*[]int{&u.sinks, &u.sources} {
		for len(*list) > 0 {
			v = (*list)[len(*list)-1]
			*list = (*list)[:len(*list)-1]
			if u.left[v] {
				return v, list == &u.sinks
			}
		}
	}
	for len(u.richest) > 0 {
		s := heap.Pop(&u.richest).(surplus)
		if u.left[s.node] && s.bytes == u.surplus[s.node] { // else a later entry stands for it
			return s.node, false
		}
	}
	return -1, false
}

func (u *unroller) take(v int) {
	u.left[v] = false
	for _, l := range u.n.out[v] {
		if u.left[l.node] {
			u.surplus[l.node] += l.weight + 1
			heap.Push(&u.richest, surplus{l.node, u.surplus[l.node]})
			if u.ins[l.node]--; u.ins[l.node] == 0 {
				u.sources = append(u.sources, l.node)
			}
		}
	}
	for _, l := range u.n.in[v] {
		if u.left[l.node] {
			u.surplus[l.node] -= l.weight + 1
			heap.Push(&u.richest, surplus{l.node, u.surplus[l.node]})
			if u.outs[l.node]--; u.outs[l.node] == 0 {
				u.sinks = append(u.sinks, l.node)
			}
		}
	}
}

type surplus struct {
	node  int
	bytes float64
}

// surpluses are a heap, the largest first.
type surpluses []surplus

func (s surpluses) Len() int { return len(s) }
func (s surpluses) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(s[j].bytes, s[i].bytes), cmp.Compare(s[i].node, s[j].node)) < 0
}
func (s surpluses) Swap(i, j int) { s[i], s[j] = s[j], s[i] }
func (s *surpluses) Push(x any)   { *s = append(*s, x.(surplus)) }
func (s *surpluses) Pop() any {
	last := (*s)[len(*s)-1]
	*s = (*s)[:len(*s)-1]
	return last
}
