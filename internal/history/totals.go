package history

import (
	"encoding/binary"
	"math/bits"

	"peerscope/internal/topology"
)

// totals are the numbers of some edges of a window together, without those that
// have names. Of two ends without roles the first counts as the client.
type totals struct {
	have uint64 // a bit for each kind
	n    [64]uint64
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
			return // they come last
		}
		k := fold(c.kind)
		op := f.ops[i]
		if op == opLast {
			op = opAdd
		}
		t.put(k, op, numbers[i])
	}
}

func (t *totals) put(k kind, op operation, n uint64) {
	if t.have&(1<<k) == 0 {
		t.have |= 1 << k
		t.n[k] = n
		return
	}
	t.n[k] = op.apply(t.n[k], n)
}

// follow adds the totals of the next window.
func (t *totals) follow(next *totals) {
	for have := t.have &^ next.have; have != 0; have &= have - 1 {
		if k := kind(bits.TrailingZeros64(have)); k.operation() == opLast {
			t.n[k] = 0
		}
	}
	for have := next.have; have != 0; have &= have - 1 {
		k := kind(bits.TrailingZeros64(have))
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
	b := binary.AppendUvarint(nil, t.have)
	for have := t.have; have != 0; have &= have - 1 {
		b = binary.AppendUvarint(b, t.n[bits.TrailingZeros64(have)])
	}
	return b
}

func decodeTotals(b []byte) (*totals, error) {
	r := reader{b: b}
	t := totals{have: r.number()}
	for have := t.have; have != 0 && r.err == nil; have &= have - 1 {
		t.n[bits.TrailingZeros64(have)] = r.number()
	}
	return &t, r.end()
}

// edge is an edge with these numbers, to be measured.
func (t *totals) edge() *topology.Edge {
	r := row{edge: &identity{}}
	var e topology.Edge
	var open topology.Evidence
	for have := t.have; have != 0; have &= have - 1 {
		k := kind(bits.TrailingZeros64(have))
		r.put(&e, &open, column{kind: k}, t.n[k])
	}
	return &e
}
