package attribution

import (
	"cmp"
	"slices"

	"peerscope/internal/flow"
)

// mostTold bounds how many sockets or listeners a step lists; the rest is counted.
const mostTold = 8

// peerSteps tells of the rungs that look for the socket of the other end, those
// of findPeer in its order.
func (x *explainer) peerSteps() {
	h, e := x.h, x.e
	x.sequenceStep()
	switch {
	case x.decided():
		x.add(flow.AboutPeer, flow.PeerKernel.String(), flow.NotAsked, flow.Facts{})
	case h.complete() && h.local == h.peer && h.localPort == h.peerPort:
		x.add(flow.AboutPeer, flow.PeerKernel.String(), flow.Matched, flow.Facts{Why: "the socket is connected to itself"})
	default:
		x.add(flow.AboutPeer, flow.PeerKernel.String(), flow.NotApplicable, flow.Facts{Why: "the kernel names the peer of a unix socket, or of one that is connected to itself"})
	}
	x.tupleStep()
	switch {
	case x.decided():
		x.add(flow.AboutPeer, flow.PeerNAT.String(), flow.NotAsked, flow.Facts{})
	case !e.nat.used():
		x.add(flow.AboutPeer, flow.PeerNAT.String(), flow.NotApplicable, flow.Facts{Why: "no address translation was told"})
	default:
		x.translationStep()
	}
}

// decided: a step has said who the other end is, or that several may be.
func (x *explainer) decided() bool {
	return slices.ContainsFunc(x.steps, func(s flow.Step) bool {
		return s.About == flow.AboutPeer && (s.Result == flow.Matched || s.Result == flow.Ambiguous)
	})
}

func (x *explainer) sequenceStep() {
	h, e := x.h, x.e
	rule := flow.PeerSequence.String()
	if h.transport == flow.UDP {
		x.add(flow.AboutPeer, rule, flow.NotApplicable, flow.Facts{Why: "datagrams have no sequence identity"})
		return
	}
	if !h.has(flagSequence) {
		x.add(flow.AboutPeer, rule, flow.NotApplicable, flow.Facts{Why: "no sequence identity was told of this socket"})
		return
	}
	f := flow.Facts{Own: &flow.Sequence{SendBase: h.seq.SendBase, RecvBase: h.seq.RecvBase}}
	var fits []uint32
	if h.has(flagSeqIndex) {
		for m := h.nextSeq; m != x.n; m = e.half(m).nextSeq {
			if sequenceRole(h, e.half(m)) != flow.RoleNone {
				fits = append(fits, m)
			}
		}
	}
	for _, m := range e.byCookieOrder(fits) {
		x.consider(&f, m, "fits")
	}
	switch len(fits) {
	case 0:
		f.Why = "no other socket has this sequence identity"
		x.add(flow.AboutPeer, rule, flow.NothingFound, f)
	case 1:
		o := e.half(fits[0])
		f.Other = &flow.Sequence{SendBase: o.seq.SendBase, RecvBase: o.seq.RecvBase}
		f.Why = "one other socket has the same sequence identity, but for the client's SYN"
		x.add(flow.AboutPeer, rule, flow.Matched, f)
	default:
		f.Why = "several sockets have this sequence identity"
		x.add(flow.AboutPeer, rule, flow.Ambiguous, f)
	}
}

// byCookieOrder sorts halves, so that it does not matter which was told first.
func (e *Engine) byCookieOrder(list []uint32) []uint32 {
	slices.SortFunc(list, func(a, b uint32) int {
		x, y := e.half(a), e.half(b)
		return cmp.Or(cmp.Compare(x.cookie, y.cookie), cmp.Compare(x.generation, y.generation))
	})
	return list
}

// consider lists a socket that was looked at.
func (x *explainer) consider(f *flow.Facts, m uint32, verdict string) {
	if len(f.Sockets) == mostTold {
		f.More++
		return
	}
	f.Sockets = append(f.Sockets, flow.Considered{Endpoint: *x.endpoint(x.e.half(m)), Verdict: verdict})
}

// tupleStep looks at every socket with the mirrored addresses, wherever it is.
func (x *explainer) tupleStep() {
	h, e := x.h, x.e
	rule := flow.PeerTuple.String()
	switch {
	case x.decided():
		x.add(flow.AboutPeer, rule, flow.NotAsked, flow.Facts{})
		return
	case !h.has(flagTuple | flagLane):
		x.add(flow.AboutPeer, rule, flow.NotApplicable, flow.Facts{Why: x.noTuple()})
		return
	}
	f := flow.Facts{LookedFor: written(e.addrPort(h.peer, h.peerPort)) + " > " + written(e.addrPort(h.local, h.localPort)),
		Namespaces: e.places(e.homesOf(h.peer, h.netns))}
	for _, m := range e.byCookieOrder(x.neighbours()) {
		x.consider(&f, m, x.verdict(m))
	}
	switch {
	case x.found.evidence == flow.PeerTuple:
		f.Why = "the only socket with the mirrored addresses, where these live"
		if len(f.Sockets) > 1 {
			f.Why = "of the sockets with the mirrored addresses the one that fits, by where they live, when they were there and what they counted"
		}
		x.add(flow.AboutPeer, rule, flow.Matched, f)
	case x.found.evidence == flow.PeerAmbiguous && x.byTupleToo():
		f.Why = x.whyAmbiguous(&f)
		x.add(flow.AboutPeer, rule, flow.Ambiguous, f)
	case len(f.Sockets) > 0:
		f.Why = "sockets with these addresses are there, and none can be the other end"
		x.add(flow.AboutPeer, rule, flow.Rejected, f)
	default:
		f.Why = "no socket that was told of has the mirrored addresses"
		x.add(flow.AboutPeer, rule, flow.NothingFound, f)
	}
}

// noTuple is why addresses were not compared.
func (x *explainer) noTuple() string {
	switch h := x.h; {
	case h.transport == flow.UDP && x.e.addrs.is(h.peer, addrGroup):
		return "what goes to a group of receivers names none of them"
	case h.transport == flow.UDP && h.addressed():
		return "the peer's address lives in no namespace that is known"
	}
	return "part of its addresses is not known"
}

// byTupleToo: what is ambiguous is so by the addresses, and not by a translation.
func (x *explainer) byTupleToo() bool {
	probe := noPeer
	switch h := x.h; {
	case h.has(flagLane) && h.transport == flow.UDP:
		probe = x.e.byLane(x.n, h)
	case h.has(flagTuple):
		probe = x.e.byMirroredTuple(x.n, h)
	}
	return probe.evidence != flow.PeerNone
}

// neighbours are the halves that the tuple rule compares.
func (x *explainer) neighbours() []uint32 {
	h, e := x.h, x.e
	var out []uint32
	if h.has(flagLane) && h.transport == flow.UDP {
		for m := h.nextSeq; m != x.n && len(out) < maxAlike; m = e.half(m).nextSeq {
			out = append(out, m)
		}
	}
	if h.has(flagTuple) {
		for m := h.nextTuple; m != x.n; m = e.half(m).nextTuple {
			if !slices.Contains(out, m) {
				out = append(out, m)
			}
		}
	}
	return out
}

// verdict is what speaks for or against one of the neighbours.
func (x *explainer) verdict(m uint32) string {
	h, o := x.h, x.e.half(m)
	switch {
	case h.transport == flow.UDP && !meets(h, o), h.transport != flow.UDP && !mirrored(h, o):
		return "it is on the same side: a port that was used again, or a twin in another namespace"
	case !x.e.reach(h, o):
		return "the address does not live in its namespace"
	case o.silent():
		return "nothing went between the two"
	case o.embryo():
		return "no more than half a handshake was seen of it"
	case !compatible(h, o):
		return "it counted other bytes"
	case x.found.partner != 0 && x.found.partner != m:
		return "another fits better"
	}
	return "fits"
}

// whyAmbiguous says what keeps the tuple rule from picking one.
func (x *explainer) whyAmbiguous(f *flow.Facts) string {
	e, h := x.e, x.h
	var spaces []uint32
	for _, m := range x.found.candidates {
		o := e.half(m)
		if e.mayHide(h.peer, h.netns) || e.mayHide(o.peer, o.netns) {
			f.Unread = e.places(slices.DeleteFunc(slices.Concat(e.owners(h.peer), e.owners(o.peer)), func(n uint32) bool { return e.netns.list[n].observed }))
			return "the address lives in a namespace whose sockets are not read, too"
		}
		if !slices.Contains(spaces, o.netns) {
			spaces = append(spaces, o.netns)
		}
	}
	switch {
	case len(spaces) > 1:
		return "sockets with the mirrored addresses are in several namespaces"
	case slices.ContainsFunc(x.neighbours(), func(m uint32) bool {
		o := e.half(m)
		return aligned(h, o) && o.netns != h.netns
	}):
		return "another namespace has a socket with the very addresses of this one"
	}
	return "the addresses were used again, and neither time nor what was counted tells which belongs to which"
}

// translationStep follows the translations that were told, as byTranslation does.
func (x *explainer) translationStep() {
	e, h := x.e, x.h
	rule := flow.PeerNAT.String()
	if !h.addressed() {
		x.add(flow.AboutPeer, rule, flow.NotApplicable, flow.Facts{Why: "part of its addresses is not known"})
		return
	}
	f := flow.Facts{Hops: e.hops(h)}
	found := e.byTranslation(x.n, h)
	fits := slices.Clone(found.candidates)
	if m := cmp.Or(found.partner, found.shared); m != 0 {
		fits = append(fits, m)
	}
	for _, m := range e.byCookieOrder(fits) {
		x.consider(&f, m, "fits")
	}
	switch {
	case found.evidence == flow.PeerNAT:
		f.Why = "one socket has the addresses that the translation leads to"
		x.add(flow.AboutPeer, rule, flow.Matched, f)
	case found.evidence == flow.PeerAmbiguous:
		f.Why = "several sockets may have the addresses that the translation leads to, or one that is not observed"
		x.add(flow.AboutPeer, rule, flow.Ambiguous, f)
	case len(f.Hops) > 0:
		f.Why = "no socket that was told of has the addresses that the translation leads to"
		x.add(flow.AboutPeer, rule, flow.Rejected, f)
	default:
		f.Why = "no translation of these addresses was told"
		x.add(flow.AboutPeer, rule, flow.NothingFound, f)
	}
}

// hops are the translations that h may have gone through.
func (e *Engine) hops(h *half) []flow.Hop {
	text := func(t natTuple) string {
		return written(e.addrPort(t.local, t.localPort)) + " > " + written(e.addrPort(t.peer, t.peerPort))
	}
	var out []flow.Hop
	e.follow(h, func(s side) {
		out = append(out, flow.Hop{From: text(s.near), To: text(s.far), Netns: e.place(s.netns)})
	})
	slices.SortFunc(out, func(a, b flow.Hop) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To)) })
	return out
}
