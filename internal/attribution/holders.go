package attribution

import (
	"encoding/binary"
	"slices"

	"peerscope/internal/flow"
)

// holderNumber numbers a set of processes: a single one by its own number.
func (e *Engine) holderNumber(holders []flow.ProcessKey) uint32 {
	if len(holders) == 1 {
		return e.processes.number(holders[0])
	}
	set := e.scratch[:0]
	for _, k := range holders {
		set = append(set, e.processes.number(k))
	}
	e.scratch = set
	n, ok := e.setByKey[string(e.setKey(set))]
	if !ok {
		set = slices.Clone(set)
		ref, grow := e.setNumbers.take(len(e.sets))
		if grow {
			e.sets = append(e.sets, nil)
		}
		n = holderSet | ref
		e.sets[ref] = set
		e.setByKey[string(e.setKey(set))] = n
	}
	return n
}

// setKey is the bytes of a set, valid until the next call.
func (e *Engine) setKey(set []uint32) []byte {
	e.scratchKey = e.scratchKey[:0]
	for _, p := range set {
		e.scratchKey = binary.LittleEndian.AppendUint32(e.scratchKey, p)
	}
	return e.scratchKey
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
