package attribution

import (
	"cmp"
	"slices"

	"peerscope/internal/flow"
)

// found is the answer to "which socket is at the other end?".
type found struct {
	partner uint32 // 0: none observed
	// shared is a socket that is at the other end of several halves, of one of
	// which it is the partner; 0: none. Only UDP has that.
	shared   uint32
	evidence flow.PeerEvidence
	// candidates fit equally well; nobody is picked.
	candidates []uint32
}

var noPeer = found{evidence: flow.PeerNone}

// findPeer walks the ladder for h: sequence, kernel, tuple, translation.
func (e *Engine) findPeer(n uint32, h *half) found {
	f := e.findUntranslated(n, h)
	if f.evidence == flow.PeerNone && (e.nat.used() || e.intercepted != nil) {
		return e.findRewritten(n, h)
	}
	return f
}

// findRewritten is the part of the ladder for addresses that were rewritten on
// the way: as was told, or as a proxy's socket shows.
func (e *Engine) findRewritten(n uint32, h *half) found {
	if e.nat.used() {
		if f := e.byTranslation(n, h); f.evidence != flow.PeerNone {
			return f
		}
	}
	if e.intercepted != nil {
		return e.byTaking(n, h)
	}
	return noPeer
}

// findUntranslated is the part of the ladder above translation.
func (e *Engine) findUntranslated(n uint32, h *half) found {
	if h.has(flagSeqIndex) {
		find := e.bySequenceIdentity
		if h.transport == flow.UDP {
			find = e.byLane
		}
		if f := find(n, h); f.evidence != flow.PeerNone {
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
		if e.eitherHides(h, o) {
			return found{evidence: flow.PeerAmbiguous, candidates: []uint32{m}}
		}
		return found{partner: m, evidence: flow.PeerTuple}
	}
	return e.amongMany(n, h)
}

// eitherHides: the other end of one of them may be in a namespace that is not
// read. It is not if o took what was sent there.
func (e *Engine) eitherHides(h, o *half) bool {
	return e.mayHide(h.peer, h.netns) && !e.tookOver(o) || e.mayHide(o.peer, o.netns) && !e.tookOver(h)
}

// fits: the two may be ends of one connection, by where their addresses live
// and by what they counted.
func (e *Engine) fits(h, o *half) bool { return e.reach(h, o) && compatible(h, o) }

// reach: each lives where the other one's packets go, or takes what was sent
// elsewhere.
func (e *Engine) reach(h, o *half) bool {
	return (e.livesIn(h.peer, h.netns, o.netns) || e.tookOver(o)) && (e.livesIn(o.peer, o.netns, h.netns) || e.tookOver(h))
}

// tookOver: the socket has an address that is not its namespace's own. A
// transparent proxy took what was sent to that address (TPROXY). A socket that no
// look met is told without the option: of such a one its address has to be nobody's.
func (e *Engine) tookOver(h *half) bool {
	if h.transport != flow.TCP || h.local == 0 || e.addrs.is(h.local, addrLoopback) {
		return false
	}
	owners := e.owners(h.local)
	if h.has(flagTransparent) {
		return !slices.Contains(owners, h.netns)
	}
	return len(owners) == 0 && h.has(flagFinal) && h.holder == 0 && e.netns.list[h.netns].observed
}

// compatible: TCP acknowledges only what was received, so at the end neither
// can have sent more than the other received (one byte of slack for a FIN or a
// SYN). Datagrams get lost.
func compatible(h, o *half) bool {
	const both = flagFinal | flagCounters
	if h.transport == flow.UDP || h.flags&both != both || o.flags&both != both || h.incomplete() || o.incomplete() {
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
		case mirrored(h, o) && e.reach(h, o):
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
		if m != n && !slices.ContainsFunc(others, func(c uint32) bool { return e.reach(s, e.half(c)) }) {
			continue
		}
		if s.netns != h.netns {
			return ambiguous
		}
		rivals = append(rivals, m)
	}
	if e.eitherHides(h, e.half(others[0])) {
		return ambiguous
	}
	return e.inTurn(n, rivals, others, ambiguous)
}

// inTurn pairs the connections that used one tuple one after the other: in the
// order in which they were first seen, if both sides saw as many and what they
// counted agrees; else only the one that lives with the one that lives.
func (e *Engine) inTurn(n uint32, mine, theirs []uint32, ambiguous found) found {
	byTime := func(a, b uint32) int {
		x, y := e.half(a), e.half(b)
		return cmp.Or(cmp.Compare(x.first, y.first), cmp.Compare(x.cookie, y.cookie))
	}
	slices.SortFunc(mine, byTime)
	slices.SortFunc(theirs, byTime)
	i := slices.Index(mine, n)
	// Counted from the end: the last ones are those that may still live.
	j := len(theirs) - (len(mine) - i)
	latest := i == len(mine)-1
	if j >= 0 && (len(mine) == len(theirs) || latest && !e.half(n).has(flagFinal)) && agree(e.half(n), e.half(theirs[j])) {
		return found{partner: theirs[j], evidence: flow.PeerTuple}
	}
	if m := e.onlyOneThatAgrees(n, mine, theirs); m != 0 {
		return found{partner: m, evidence: flow.PeerTuple}
	}
	if len(mine) > len(theirs) && !e.half(theirs[len(theirs)-1]).has(flagFinal) && !latest {
		theirs = theirs[:len(theirs)-1] // that one's other end is the one that lives
	}
	if len(theirs) == 0 {
		return noPeer
	}
	return ambiguous
}

// onlyOneThatAgrees is the one of theirs that counted what n counted, if there
// is no other such on either side; 0: none.
func (e *Engine) onlyOneThatAgrees(n uint32, mine, theirs []uint32) uint32 {
	only := func(m uint32, list []uint32) uint32 {
		var one uint32
		for _, k := range list {
			if agree(e.half(m), e.half(k)) {
				if one != 0 {
					return 0
				}
				one = k
			}
		}
		return one
	}
	if m := only(n, theirs); m != 0 && only(m, mine) == n {
		return m
	}
	return 0
}

// agree: both live, or both ended having counted the same.
func agree(h, o *half) bool {
	if h.has(flagFinal) != o.has(flagFinal) {
		return false
	}
	if !h.has(flagFinal) || h.incomplete() || o.incomplete() || !h.has(flagCounters) || !o.has(flagCounters) {
		return true
	}
	near := func(sent, received uint64) bool { return sent <= received+1 && received <= sent+1 }
	return near(h.tx, o.rx) && near(o.tx, h.rx)
}
