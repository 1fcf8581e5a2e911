package attribution

import (
	"cmp"
	"slices"

	"peerscope/internal/flow"
)

// handover takes in that a socket changed hands.
func (e *Engine) handover(o *flow.Handover) {
	e.flush()
	n, h := e.findHalf(o.Cookie, uint16(o.Generation))
	if h.has(flagDone) {
		e.lost[flow.LossLate]++
		return
	}
	c := o.Counters
	m := handover{time: o.Time, from: e.processes.number(o.From), rx: c.BytesReceived, exact: o.Exact, blur: o.Inexact}
	m.tx, m.syn = acknowledged(&c, o.Exact)
	list := e.handovers[n]
	if slices.Contains(list, m) {
		return
	}
	list = append(list, m)
	slices.SortFunc(list, func(a, b handover) int {
		return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.tx, b.tx), cmp.Compare(a.rx, b.rx), e.processes.compare(a.from, b.from))
	})
	e.handovers[n] = list
	h.flags |= flagMoved
	if h.told() {
		e.markDirty(n)
	} else if len(list) == 1 {
		e.strays.now = append(e.strays.now, stray{n, h.cookie})
	}
}

// emitMoved gives what a socket counted before it changed hands to the process
// it belonged to then, and takes it off the change of the one that has it now.
// The connection itself, and what it counts from now on, is the new one's. What
// had been sent then and is not acknowledged yet is the former one's when it is.
func (e *Engine) emitMoved(c *Change, key EdgeKey, an, bn uint32, emit func(*Change)) {
	for i, n := range [...]uint32{an, bn} {
		if n == 0 || !e.half(n).has(flagMoved) {
			continue
		}
		h := e.half(n)
		client := i == 0 && key.RoleKnown && h.transport == flow.TCP
		tx, rx := h.baseTx, h.baseRx
		if client && h.has(flagSynInBase) {
			tx--
		}
		ahead := e.handovers[n][:0]
		for _, m := range e.handovers[n] {
			if m.exact && m.tx > h.tx && !h.has(flagFinal) {
				ahead = append(ahead, m)
			}
			if client && m.syn {
				m.tx--
			}
			old := key
			node := e.processNode(m.from)
			if i == 0 {
				old.A = node
			} else {
				old.B = node
			}
			moved := Change{Peer: c.Peer, Role: c.Role, Edge: e.edgeNumber(old)}
			sent, received := m.tx-min(tx, m.tx), m.rx-min(rx, m.rx)
			tx, rx = max(tx, m.tx), max(rx, m.rx)
			if i == 0 {
				moved.Bytes = take(&c.Bytes, sent, received)
				moved.SideA = take(&c.SideA, sent, received)
				moved.SideB = take(&c.SideB, sent, received)
			} else {
				moved.Bytes = take(&c.Bytes, received, sent)
				moved.SideA = take(&c.SideA, received, sent)
				moved.SideB = take(&c.SideB, received, sent)
			}
			if m.blur {
				blur(&moved.Bytes, &c.Bytes)
				if i == 0 {
					blur(&moved.SideA, &c.SideA)
				} else {
					blur(&moved.SideB, &c.SideB)
				}
			}
			if sent|received != 0 || m.blur {
				emit(&moved)
			}
		}
		if len(ahead) > 0 {
			e.handovers[n] = ahead
			continue
		}
		delete(e.handovers, n)
		h.flags &^= flagMoved
	}
}

// blur marks what may belong to another of several owners.
func blur(list ...*Traffic) {
	for _, t := range list {
		t.ToA.Inexact, t.ToB.Inexact = true, true
	}
}

// take moves up to the given amounts from t into a Traffic of its own.
func take(t *Traffic, toB, toA uint64) Traffic {
	cut := func(a *Amount, n uint64) Amount {
		if !a.Known {
			return Amount{}
		}
		n = min(n, a.Value)
		a.Value -= n
		return Amount{Value: n, Known: true, Inexact: a.Inexact}
	}
	return Traffic{ToB: cut(&t.ToB, toB), ToA: cut(&t.ToA, toA)}
}

// handover is what a socket had counted when another process took it over.
type handover struct {
	time   flow.Time
	from   uint32 // process number
	tx, rx uint64
	syn    bool // tx counts our SYN if we are the client
	exact  bool // tx is what was sent, perhaps not acknowledged yet
	blur   bool // the next part may be from's still
}
