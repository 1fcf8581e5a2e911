package attribution

import (
	"slices"

	"peerscope/internal/flow"
)

// holderNumber numbers a set of processes: a single one by its own number.
func (e *Engine) holderNumber(holders []flow.ProcessKey) uint32 {
	if len(holders) == 1 {
		return e.processes.number(holders[0])
	}
	e.scratch = e.scratch[:0]
	for _, k := range holders {
		p := e.processes.number(k)
		e.scratch = append(e.scratch, byte(p), byte(p>>8), byte(p>>16), byte(p>>24))
	}
	n, ok := e.setByKey[string(e.scratch)]
	if !ok {
		set := make([]uint32, len(holders))
		for i, k := range holders {
			set[i] = e.processes.number(k)
		}
		n = holderSet | uint32(len(e.sets))
		e.sets = append(e.sets, set)
		e.setByKey[string(e.scratch)] = n
	}
	return n
}

// holdersOf lists the processes behind a holder number, the one that stands
// for the socket first.
func (e *Engine) holdersOf(ref uint32) []uint32 {
	if ref&holderSet != 0 {
		return e.sets[ref&^holderSet]
	}
	if ref == 0 {
		return nil
	}
	e.single[0] = ref
	return e.single[:]
}

func (e *Engine) compareHolders(a, b uint32) int {
	if a == b {
		return 0
	}
	x := slices.Clone(e.holdersOf(a))
	return slices.CompareFunc(x, e.holdersOf(b), func(p, q uint32) int {
		return e.processes.compare(p, q)
	})
}
