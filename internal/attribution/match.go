package attribution

import (
	"cmp"
	"slices"

	"peerscope/internal/flow"
)

// found is the answer to "which socket is at the other end?".
type found struct {
	partner  uint32 // 0: none observed
	evidence flow.PeerEvidence
	// candidates fit equally well; nobody is picked.
	candidates []uint32
}

var noPeer = found{evidence: flow.PeerNone}

// findPeer walks the ladder for h: sequence, kernel, tuple, translation.
func (e *Engine) findPeer(n uint32, h *half) found {
	if h.has(flagSeqIndex) {
		if f := e.bySequenceIdentity(n, h); f.evidence != flow.PeerNone {
			return f
		}
	}
	if h.complete() && h.local == h.peer && h.localPort == h.peerPort {
		return found{partner: n, evidence: flow.PeerKernel} // connected to itself
	}
	if h.has(flagTuple) {
		if f := e.byMirroredTuple(n, h); f.evidence != flow.PeerNone {
			return f
		}
	}
	if e.nat.used() {
		return e.byTranslation(n, h)
	}
	return noPeer
}

func (e *Engine) bySequenceIdentity(n uint32, h *half) found {
	var one uint32
	var more []uint32
	for m := h.nextSeq; m != n; m = e.half(m).nextSeq {
		if sequenceRole(h, e.half(m)) == flow.RoleNone {
			continue
		}
		if one == 0 {
			one = m
		} else {
			more = append(more, m)
		}
	}
	switch {
	case one == 0:
		return noPeer
	case more == nil:
		return found{partner: one, evidence: flow.PeerSequence}
	}
	return found{evidence: flow.PeerAmbiguous, candidates: append(more, one)}
}

// byMirroredTuple looks for exactly one socket with the mirrored tuple where
// the address lives.
func (e *Engine) byMirroredTuple(n uint32, h *half) found {
	m := h.nextTuple
	if m == n {
		return noPeer
	}
	if o := e.half(m); o.nextTuple == n { // the usual circle of two
		if !mirrored(h, o) || !e.fits(h, o) {
			return noPeer
		}
		if e.mayHide(h.peer, h.netns) || e.mayHide(o.peer, o.netns) {
			return found{evidence: flow.PeerAmbiguous, candidates: []uint32{m}}
		}
		return found{partner: m, evidence: flow.PeerTuple}
	}
	return e.amongMany(n, h)
}

// fits: the two may be ends of one connection, by where their addresses live
// and by what they counted.
func (e *Engine) fits(h, o *half) bool {
	return e.livesIn(h.peer, h.netns, o.netns) && e.livesIn(o.peer, o.netns, h.netns) && compatible(h, o)
}

// compatible: TCP acknowledges only what was received, so at the end neither
// can have sent more than the other received (one byte of slack for a FIN).
func compatible(h, o *half) bool {
	const both = flagFinal | flagCounters
	if h.flags&both != both || o.flags&both != both || h.has(flagVanished) || o.has(flagVanished) {
		return true
	}
	return h.tx <= o.rx+1 && o.tx <= h.rx+1
}

// amongMany deals with circles of more than two: the same tuple in several
// namespaces, or used again in one.
func (e *Engine) amongMany(n uint32, h *half) found {
	var same, others, embryos []uint32
	same = append(same, n)
	for m := h.nextTuple; m != n; m = e.half(m).nextTuple {
		o := e.half(m)
		switch {
		case mirrored(h, o) && e.fits(h, o):
			if o.embryo() {
				embryos = append(embryos, m)
			} else {
				others = append(others, m)
			}
		case aligned(h, o) && !o.embryo():
			same = append(same, m)
		}
	}
	if len(others) == 0 {
		others = embryos
	}
	if len(others) == 0 {
		return noPeer
	}
	ambiguous := found{evidence: flow.PeerAmbiguous, candidates: others}
	at := e.half(others[0]).netns
	for _, m := range others {
		if e.half(m).netns != at {
			return ambiguous
		}
	}
	// Whoever else could be the other end of these must be in h's namespace:
	// a port used again, one connection after the other.
	rivals := same[:0]
	for _, m := range same {
		s := e.half(m)
		if m != n && !slices.ContainsFunc(others, func(c uint32) bool { return e.fits(s, e.half(c)) }) {
			continue
		}
		if s.netns != h.netns {
			return ambiguous
		}
		rivals = append(rivals, m)
	}
	if o := e.half(others[0]); e.mayHide(h.peer, h.netns) || e.mayHide(o.peer, o.netns) {
		return ambiguous
	}
	return e.inTurn(n, rivals, others, ambiguous)
}

// inTurn pairs the connections that used one tuple one after the other: the
// one that lives with the one that lives, the ended ones in the order of their
// ends, if both sides saw as many.
func (e *Engine) inTurn(n uint32, mine, theirs []uint32, ambiguous found) found {
	split := func(list []uint32) (ended, alive []uint32) {
		for _, m := range list {
			if e.half(m).has(flagFinal) {
				ended = append(ended, m)
			} else {
				alive = append(alive, m)
			}
		}
		slices.SortFunc(ended, func(a, b uint32) int {
			x, y := e.half(a), e.half(b)
			if x.last != y.last {
				if later(x.last, y.last) {
					return 1
				}
				return -1
			}
			return cmp.Compare(x.cookie, y.cookie)
		})
		return ended, alive
	}
	myEnded, myAlive := split(mine)
	ended, alive := split(theirs)
	if len(mine) == len(theirs) && len(myAlive) <= 1 && len(alive) <= 1 {
		all, their := append(myEnded, myAlive...), append(ended, alive...)
		return found{partner: their[slices.Index(all, n)], evidence: flow.PeerTuple}
	}
	if len(myAlive) == 1 && len(alive) == 1 {
		if myAlive[0] == n {
			return found{partner: alive[0], evidence: flow.PeerTuple}
		}
		theirs = ended
	}
	if len(theirs) == 0 {
		return noPeer
	}
	return ambiguous
}
