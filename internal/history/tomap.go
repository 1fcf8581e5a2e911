package history

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"peerscope/internal/topology"
)

// toMap is the map again. The window is not changed.
func (w *window) toMap(r *nodeReader) (*topology.Map, error) {
	m := *w.about.Map
	m.Nodes, m.Edges = make([]topology.Node, len(w.nodes)), make([]topology.Edge, len(w.rows))
	var nodes []int32
	var other sync.WaitGroup
	other.Go(func() { nodes = sortedBy(len(w.nodes), func(i int32) string { return w.nodes[i].id }) })
	rows := sortedBy(len(w.rows), func(i int32) string { return w.rows[i].edge.id })
	other.Wait()
	var errs [2]error
	inTwo(len(nodes), func(from, to int) {
		for i := from; i < to && errs[min(from, 1)] == nil; i++ {
			errs[min(from, 1)] = r.read(w.nodes[nodes[i]], &m.Nodes[i])
		}
	})
	inTwo(len(rows), func(from, to int) {
		var room edgeRoom
		for i := from; i < to; i++ {
			room.edge(&w.rows[rows[i]], &m.Edges[i])
		}
	})
	// Of a window that was merged something may be left of an edge with nothing on it.
	m.Edges = slices.DeleteFunc(m.Edges, func(e topology.Edge) bool { return !e.Shows() })
	return &m, errors.Join(errs[:]...)
}

// inTwo calls f for both halves of [0, n) at the same time.
func inTwo(n int, f func(from, to int)) {
	var other sync.WaitGroup
	if half := n / 2; half > 0 {
		other.Go(func() { f(0, half) })
		f(half, n)
	} else {
		f(0, n)
	}
	other.Wait()
}

// oneByOne calls f for each of [0, n), two at the same time.
func oneByOne(n int, f func(int)) {
	var next atomic.Int64
	inTwo(min(n, 2), func(int, int) {
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			f(i)
		}
	})
}

// sortedBy gives [0, n) in the order of their texts. Of most it compares the
// first bytes only, as a number.
func sortedBy(n int, text func(int32) string) []int32 {
	type place struct {
		key uint64
		at  int32
	}
	places := make([]place, n)
	for i := range places {
		var first [8]byte
		copy(first[:], text(int32(i)))
		places[i] = place{binary.BigEndian.Uint64(first[:]), int32(i)}
	}
	slices.SortFunc(places, func(a, b place) int {
		if a.key != b.key {
			return cmp.Compare(a.key, b.key)
		}
		return strings.Compare(text(a.at), text(b.at))
	})
	out := make([]int32, n)
	for i, p := range places {
		out[i] = p.at
	}
	return out
}
