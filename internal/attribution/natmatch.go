package attribution

import (
	"slices"

	"peerscope/internal/flow"
)

// byTranslation follows the translations from h's tuple, through several
// translators in a row, to exactly one socket, from which they lead back to h
// alone.
func (e *Engine) byTranslation(n uint32, h *half) found {
	theirs, concealed := e.translated(n, h)
	theirs = slices.DeleteFunc(theirs, func(m uint32) bool { return e.taken(m, n) })
	if len(theirs) == 0 {
		return noPeer
	}
	ambiguous := found{evidence: flow.PeerAmbiguous, candidates: theirs}
	if concealed {
		return ambiguous
	}
	if h.transport == flow.UDP {
		return e.flowByTranslation(n, theirs, ambiguous)
	}
	if m := theirs[0]; len(theirs) == 1 && e.usedOnce(h) && e.usedOnce(e.half(m)) {
		if mine := e.translatedFreely(m); len(mine) == 1 && mine[0] == n {
			return found{partner: m, evidence: flow.PeerNAT}
		}
	}
	if m := e.byTurn(n, h); slices.Contains(theirs, m) {
		return found{partner: m, evidence: flow.PeerNAT}
	}
	return ambiguous
}

// translatedFreely are the sockets that the translations lead to from m and that
// nothing stronger gives to another.
func (e *Engine) translatedFreely(m uint32) []uint32 {
	list, _ := e.translated(m, e.half(m))
	return slices.DeleteFunc(list, func(k uint32) bool { return e.taken(k, m) })
}

// flowByTranslation chooses among the UDP flows that the translations lead to
// from n. One flow may be at the other end of several that came in turn.
func (e *Engine) flowByTranslation(n uint32, theirs []uint32, ambiguous found) found {
	m := theirs[0]
	if len(theirs) > 1 {
		m = e.lastInTurn(theirs)
		if m == 0 || slices.ContainsFunc(theirs, func(k uint32) bool { return !slices.Equal(e.translatedFreely(k), []uint32{n}) }) {
			return ambiguous
		}
		return found{partner: m, evidence: flow.PeerNAT}
	}
	mine := e.translatedFreely(m)
	if slices.Equal(mine, []uint32{n}) {
		return found{partner: m, evidence: flow.PeerNAT}
	}
	switch e.lastInTurn(mine) {
	case 0:
		return ambiguous
	case n:
		return found{partner: m, evidence: flow.PeerNAT}
	}
	return found{shared: m, evidence: flow.PeerNAT}
}

// taken: m is the other end of another half than n on stronger grounds.
func (e *Engine) taken(m, n uint32) bool {
	f := e.findUntranslated(m, e.half(m))
	return f.partner != 0 && f.partner != n
}

// disagrees: n and m are joined by their sequence identity, and a translation
// leads from one of them to sockets the other is not among.
func (e *Engine) disagrees(n, m uint32) bool {
	for _, k := range [...][2]uint32{{n, m}, {m, n}} {
		list, _ := e.translated(k[0], e.half(k[0]))
		if len(list) > 0 && !slices.Contains(list, k[1]) {
			return true
		}
	}
	return false
}

// translated lists the sockets that the translations lead to from h. concealed
// says that it may have been another: one in a namespace that is not observed, or
// behind another translator that rewrites the same.
func (e *Engine) translated(n uint32, h *half) (sockets []uint32, concealed bool) {
	if !h.addressed() {
		return nil, false
	}
	var passed []side
	e.follow(h, func(s side) {
		concealed = concealed || slices.ContainsFunc(passed, func(o side) bool { return o.netns != s.netns && o.near == s.near })
		passed = append(passed, s)
		for _, m := range e.withTuple(s.far) {
			o := e.half(m)
			if m != n && !slices.Contains(sockets, m) && e.adjacent(s.netns, s.far, o.netns) && compatible(h, o) && e.ofTime(s.translation, o, !s.forward) {
				sockets = append(sockets, m)
			}
		}
		concealed = concealed || e.concealed(s.netns, s.far) || s.near.is(h.natTuple()) && e.concealed(s.netns, s.near)
	})
	return sockets, concealed
}

// follow calls f for every translation that h may have gone through, the nearest
// first.
func (e *Engine) follow(h *half, f func(side)) {
	type step struct {
		tuple natTuple
		netns uint32
	}
	start := h.natTuple()
	reached := []step{{start, h.netns}}
	for hop, next := 0, 0; hop < maxHops && next < len(reached); hop++ {
		end := len(reached)
		for ; next < end; next++ {
			from := reached[next]
			for _, s := range e.sides(from.tuple) {
				if !e.adjacent(s.netns, s.near, from.netns) || hop > 0 && s.netns != from.netns && e.owns(from.netns, s.near.peer) {
					continue
				}
				if hop == 0 && (!e.ofTime(s.translation, h, s.forward) || h.local == 0 && !e.owns(h.netns, s.near.local)) {
					continue
				}
				// The next translator sees what the server of this one would answer.
				to := step{s.far.mirror(), s.netns}
				if slices.Contains(reached, to) || to.tuple == start {
					continue
				}
				reached = append(reached, to)
				f(s)
			}
		}
	}
}

// withTuple lists the halves whose own tuple is t.
func (e *Engine) withTuple(t natTuple) []uint32 {
	if t.transport == flow.UDP {
		return e.flowsWithTuple(t)
	}
	probe := half{local: t.local, peer: t.peer, localPort: t.localPort, peerPort: t.peerPort, transport: t.transport}
	loopback := e.addrs.is(t.local, addrLoopback) || e.addrs.is(t.peer, addrLoopback)
	var out []uint32
	for netns := 1; netns < len(e.netns.list); netns++ {
		probe.netns = uint32(netns)
		hash := e.tupleHash(&probe)
		for i := e.byTuple.home(hash); uint32(e.byTuple.slots[i]) != 0; i = e.byTuple.next(i) {
			m := uint32(e.byTuple.slots[i])
			if uint32(e.byTuple.slots[i]>>32) != hash || !sameTuple(&probe, e.half(m)) {
				continue
			}
			for _, k := range e.circleOf(m, e.half(m)) {
				if o := e.half(k); aligned(&probe, o) && !o.embryo() && !slices.Contains(out, k) {
					out = append(out, k)
				}
			}
			break
		}
		if !loopback {
			break // the hash does not depend on the namespace
		}
	}
	return out
}

func (e *Engine) flowsWithTuple(t natTuple) []uint32 {
	var out []uint32
	for _, m := range e.nat.flows[t.loose()] {
		o := e.half(m)
		if t.is(o.natTuple()) && !o.silent() && (o.local != 0 || e.owns(o.netns, t.local) || e.addrs.is(t.local, addrLoopback)) {
			out = append(out, m)
		}
	}
	return out
}

// enterTranslated makes the halves that translations may lead to be found: those
// with a sequence identity are not found by their addresses otherwise, and those
// of UDP not without their own one.
func (e *Engine) enterTranslated() {
	if !e.nat.used() {
		return
	}
	e.eachDirty(func(n uint32) {
		h := e.half(n)
		if h.transport == flow.TCP && h.complete() && !h.has(flagTuple) && e.nat.byTuple[h.natTuple()] != nil {
			e.enterTuple(n, h)
		}
	})
	if !e.nat.udp {
		return
	}
	e.nat.flows = map[natTuple][]uint32{}
	for n := uint32(1); n < e.count; n++ {
		h := e.half(n)
		if key := h.natTuple().loose(); h.transport == flow.UDP && h.addressed() && e.nat.byTuple[key] != nil {
			e.nat.flows[key] = append(e.nat.flows[key], n)
			if h.partner == 0 {
				e.markDirty(n)
			}
		}
	}
}
