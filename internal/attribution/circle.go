package attribution

import "peerscope/internal/flow"

// The two ends of a connection find each other through circles: halves that
// share a key are linked in a ring, so that finding the other end later needs
// no search. A ring normally has two members; more mean twins in other
// namespaces or a port used again.

// tupleHash is the same for both ends: it does not depend on which side is
// local. Loopback never leaves its namespace, so the namespace is part of it.
func (e *Engine) tupleHash(h *half) uint32 {
	x := spread(uint64(h.local)<<16|uint64(h.localPort)) + spread(uint64(h.peer)<<16|uint64(h.peerPort))
	if e.addrs.is(h.local, addrLoopback) || e.addrs.is(h.peer, addrLoopback) {
		x += uint64(h.netns) << 32
	}
	return uint32((x + uint64(h.transport)) * 0x94d049bb133111eb >> 32)
}

// sameTuple reports whether two halves have one tuple, either way round.
func sameTuple(a, b *half) bool {
	return a.transport == b.transport && (mirrored(a, b) || aligned(a, b))
}

// mirrored: b's tuple is a's as the other end sees it.
func mirrored(a, b *half) bool {
	return a.local == b.peer && a.peer == b.local && a.localPort == b.peerPort && a.peerPort == b.localPort
}

// aligned: b's tuple is the very same as a's.
func aligned(a, b *half) bool {
	return a.local == b.local && a.peer == b.peer && a.localPort == b.localPort && a.peerPort == b.peerPort
}

// enterTuple links h into the circle of its tuple and queues the others, whose
// match may change by it.
func (e *Engine) enterTuple(n uint32, h *half) {
	hash := e.tupleHash(h)
	h.flags |= flagTuple
	i := e.byTuple.home(hash)
	for ; ; i = e.byTuple.next(i) {
		slot := e.byTuple.slots[i]
		m := uint32(slot)
		if m == 0 {
			break
		}
		if uint32(slot>>32) != hash {
			continue
		}
		if o := e.half(m); sameTuple(h, o) {
			h.nextTuple, o.nextTuple = o.nextTuple, n
			e.markCircle(n, h)
			return
		}
	}
	h.nextTuple = n
	e.byTuple.put(i, hash, n)
}

func (e *Engine) markCircle(n uint32, h *half) {
	for m := h.nextTuple; m != n; {
		o := e.half(m)
		e.markDirty(m)
		m = o.nextTuple
	}
}

// sequenceHash keys a half by the server's base: what the client receives and
// the server sends first.
func sequenceHash(base uint32) uint32 { return uint32(spread(uint64(base)) * 0x94d049bb133111eb >> 32) }

// enterSequence links h into the circle of its sequence identity. A half whose
// role is not known yet may be either end, so it is looked up and entered both
// ways.
func (e *Engine) enterSequence(n uint32, h *half) {
	h.flags |= flagSeqIndex
	h.nextSeq = n
	asClient, asServer := h.seq.RecvBase, h.seq.SendBase
	switch {
	case h.has(flagSynSent | flagSyn1):
		e.linkSequence(n, h, asClient)
	case h.has(flagSynRecv):
		e.linkSequence(n, h, asServer)
	default:
		if !e.linkSequence(n, h, asClient) {
			e.linkSequence(n, h, asServer)
		}
	}
}

// linkSequence joins the circle of the other end under base, or founds one. It
// reports whether the other end was there.
func (e *Engine) linkSequence(n uint32, h *half, base uint32) bool {
	hash := sequenceHash(base)
	i := e.bySequence.home(hash)
	for ; ; i = e.bySequence.next(i) {
		slot := e.bySequence.slots[i]
		m := uint32(slot)
		if m == 0 {
			break
		}
		if uint32(slot>>32) != hash || m == n {
			continue
		}
		if o := e.half(m); sequenceRole(h, o) != flow.RoleNone {
			h.nextSeq, o.nextSeq = o.nextSeq, h.nextSeq
			for k := h.nextSeq; k != n; {
				q := e.half(k)
				e.markDirty(k)
				k = q.nextSeq
			}
			return true
		}
	}
	e.bySequence.put(i, hash, n)
	return false
}

// sequenceRole is h's role if o is its other end by sequence identity, else
// RoleNone: the client's SYN is the one-off between the two ends.
func sequenceRole(h, o *half) flow.Role {
	switch {
	case h.seq.SendBase+1 == o.seq.RecvBase && h.seq.RecvBase == o.seq.SendBase:
		return flow.Client
	case o.seq.SendBase+1 == h.seq.RecvBase && o.seq.RecvBase == h.seq.SendBase:
		return flow.Server
	}
	return flow.RoleNone
}

// leave takes h out of its circles and indexes before its record is used again.
func (e *Engine) leave(n uint32, h *half) {
	if h.has(flagTuple) {
		next := h.nextTuple
		if next == n {
			e.byTuple.remove(e.tupleHash(h), n)
		} else {
			before := next
			for e.half(before).nextTuple != n {
				before = e.half(before).nextTuple
			}
			e.half(before).nextTuple = next
			e.byTuple.replace(e.tupleHash(h), n, next)
		}
	}
	if h.has(flagLane) && h.transport == flow.UDP {
		e.leaveLane(n, h)
	}
	if h.has(flagSeqIndex) {
		e.leaveSequence(n, h)
	}
	h.flags &^= flagTuple | flagSeqIndex
	e.byCookie.remove(h.cookie, h.generation)
}

// leaveSequence takes h out of the circle of its sequence identity. A slot that led
// to it leads to another that has that base, or is not needed any more.
func (e *Engine) leaveSequence(n uint32, h *half) {
	for _, base := range [2]uint32{h.seq.RecvBase, h.seq.SendBase} {
		hash, heir := sequenceHash(base), uint32(0)
		for m := h.nextSeq; m != n && heir == 0; m = e.half(m).nextSeq {
			if o := e.half(m); o.seq.RecvBase == base || o.seq.SendBase == base {
				heir = m
			}
		}
		if heir == 0 || e.bySequence.slotOf(hash, heir) >= 0 {
			e.bySequence.remove(hash, n)
		} else {
			e.bySequence.replace(hash, n, heir)
		}
	}
	before := h.nextSeq
	for before != n && e.half(before).nextSeq != n {
		before = e.half(before).nextSeq
	}
	if before != n {
		e.half(before).nextSeq = h.nextSeq
	}
}
