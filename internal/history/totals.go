package history

import (
	"encoding/binary"
	"math/bits"

	"peerscope/internal/topology"
)

// totals are the numbers of some edges of a window together, without those that
// have names. Of two ends without roles the first counts as the client.
type totals struct {
	have [4]uint64 // a bit for each kind
	n    [256]uint64
}

func (t *totals) has(k kind) bool { return t.have[k>>6]&(1<<(k&63)) != 0 }

// kinds are those that are there, ascending.
func (t *totals) kinds(yield func(kind) bool) {
	for i, have := range t.have {
		for ; have != 0; have &= have - 1 {
			if !yield(kind(64*i + bits.TrailingZeros64(have))) {
				return
			}
		}
	}
}

// fold is where a kind is counted.
func fold(k kind) kind {
	if k >= kindBytes && k < kindSideClient && k&3 >= 2 {
		return k - 2
	}
	return k
}

// add adds an edge of the same window.
func (t *totals) add(f *form, numbers []uint64) {
	for i, c := range f.columns {
		if c.kind.named() {
			continue
		}
		op := f.ops[i]
		if op == opLast {
			op = opAdd
		}
		t.put(fold(c.kind), op, numbers[i])
	}
}

func (t *totals) put(k kind, op operation, n uint64) {
	if !t.has(k) {
		t.have[k>>6] |= 1 << (k & 63)
		t.n[k] = n
		return
	}
	t.n[k] = op.apply(t.n[k], n)
}

// follow adds the totals of the next window.
func (t *totals) follow(next *totals) {
	for _, k := range []kind{kindActive, kindPending} {
		t.n[k] = 0
	}
	for k := range next.kinds {
		t.put(k, k.operation(), next.n[k])
	}
}

func totalsOf(rows []row) *totals {
	var t totals
	for i := range rows {
		t.add(rows[i].form, rows[i].numbers)
	}
	return &t
}

func (t *totals) encode() []byte {
	var b []byte
	for k := range t.kinds {
		b = append(b, byte(k))
		b = binary.AppendUvarint(b, t.n[k])
	}
	return b
}

func decodeTotals(b []byte) (*totals, error) {
	r := reader{b: b}
	var t totals
	for len(r.b) > 0 {
		k := kind(r.byte())
		t.put(k, opLast, r.number())
	}
	return &t, r.end()
}

// edge is an edge with these numbers, to be measured.
func (t *totals) edge(room *edgeRoom) *topology.Edge {
	var e topology.Edge
	var open topology.Evidence
	for k := range t.kinds {
		if !k.named() {
			room.put(&e, &open, column{kind: k}, t.n[k])
		}
	}
	return &e
}
