package attribution

import (
	"cmp"
	"slices"

	"peerscope/internal/flow"
)

// A UDP socket that is bound to any address does not tell at which of them it
// was reached. So the two ends of a flow need not have one tuple, and are found
// another way: halves that use the same two ports between the same two places
// are in one lane, a ring through nextSeq and back through seq.SendBase, found
// by a hash that is in seq.RecvBase. Which of them fit is seen when they are
// compared. There are no lanes while no source tells such sockets.
type lanes struct {
	index index
	on    bool
	stale bool // places have changed: all halves are entered anew
	// groups are the halves that send to a group, by both ports: what others hear of
	// them is no connection of its own.
	groups map[uint32][]uint32
	// place of a namespace: those that share an address are one place, because
	// the address alone does not tell which is meant. A forest, by namespace.
	place []uint32
}

// maxAlike bounds how many halves of one lane are compared. Anybody can make
// many of them, with loopback addresses of his own; they are not joined then.
const maxAlike = 64

// needLanes: h is of a kind for which there must be lanes.
func (e *Engine) needLanes(h *half) {
	if !e.lanes.on && (h.has(flagCounters) || h.local == 0 && h.addressed()) {
		e.lanes.on, e.lanes.stale = true, true
	}
}

// enterLanes enters the UDP halves that changed. Close calls it, because a lane
// depends on where addresses live.
func (e *Engine) enterLanes() {
	if !e.lanes.on {
		return
	}
	if !e.lanes.stale {
		e.eachDirty(e.enterLane)
	}
	for e.lanes.stale { // until no two places have become one meanwhile
		e.lanes.stale = false
		e.lanes.index = newIndex(256)
		for n := uint32(1); n < e.count; n++ {
			if h := e.half(n); h.transport == flow.UDP {
				h.flags &^= flagLane
			}
		}
		for n := uint32(1); n < e.count; n++ {
			e.enterLane(n)
		}
	}
}

// enterLane links a half into its lane and queues those that are there, whose
// match may change by it.
func (e *Engine) enterLane(n uint32) {
	h := e.half(n)
	if h.transport != flow.UDP || h.has(flagLane) || !h.addressed() {
		return
	}
	if e.addrs.is(h.peer, addrGroup) {
		e.lanes.speaks(n, h)
		return
	}
	hash, ok := e.laneHash(h)
	if !ok {
		return
	}
	h.flags |= flagLane
	h.seq.RecvBase = hash
	x := &e.lanes.index
	i := x.home(hash)
	for ; uint32(x.slots[i]) != 0; i = x.next(i) {
		if uint32(x.slots[i]>>32) != hash {
			continue
		}
		m := uint32(x.slots[i])
		o := e.half(m)
		h.nextSeq, h.seq.SendBase = o.nextSeq, m
		e.half(o.nextSeq).seq.SendBase = n
		o.nextSeq = n
		e.markDirty(n)
		for k, left := h.nextSeq, maxAlike; k != n && left > 0; left-- {
			e.markDirty(k)
			k = e.half(k).nextSeq
		}
		return
	}
	h.nextSeq, h.seq.SendBase = n, n
	x.put(i, hash, n)
}

func (e *Engine) leaveLane(n uint32, h *half) {
	hash, before, next := h.seq.RecvBase, h.seq.SendBase, h.nextSeq
	if next == n {
		e.lanes.index.remove(hash, n)
	} else {
		e.half(before).nextSeq, e.half(next).seq.SendBase = next, before
		e.lanes.index.replace(hash, n, next)
	}
	h.flags &^= flagLane
	h.nextSeq, h.seq = 0, flow.Sequence{}
}

// laneHash is the same for both ends, whatever is known of their addresses. ok
// is false if the peer lives in no namespace that is known.
func (e *Engine) laneHash(h *half) (hash uint32, ok bool) {
	const within = 1 << 31 // marks a lane that stays in one namespace
	here, there := h.netns|within, h.netns|within
	if !e.addrs.is(h.peer, addrLoopback) {
		owners := e.owners(h.peer)
		if len(owners) == 0 {
			return 0, false
		}
		if e.addrs.is(h.peer, addrLinkLocal) || !slices.Contains(owners, h.netns) {
			here, there = e.lanes.placeOf(h.netns), e.lanes.onePlace(owners)
		}
	}
	x := spread(uint64(here)<<16|uint64(h.localPort)) + spread(uint64(there)<<16|uint64(h.peerPort))
	return uint32(x * 0x94d049bb133111eb >> 32), true
}

func (l *lanes) placeOf(netns uint32) uint32 {
	for n := uint32(len(l.place)); n <= netns; n++ {
		l.place = append(l.place, n)
	}
	for l.place[netns] != netns {
		netns = l.place[netns]
	}
	return netns
}

// onePlace makes one place of the namespaces that own an address.
func (l *lanes) onePlace(owners []uint32) uint32 {
	p := l.placeOf(owners[0])
	for _, n := range owners[1:] {
		if q := l.placeOf(n); q != p {
			l.place[max(p, q)] = min(p, q)
			p, l.stale = min(p, q), true
		}
	}
	return p
}

// byLane looks for exactly one socket that can be the other end, where the
// address lives. One socket can be at the other end of several halves, one
// after the other, or under several of its addresses.
func (e *Engine) byLane(n uint32, h *half) found {
	if m := h.nextSeq; e.half(m).nextSeq == n { // alone, or the usual lane of two
		o := e.half(m)
		switch {
		case m == n || !meets(h, o) || o.silent() || !e.reach(h, o):
			return noPeer
		case e.mayHide(h.peer, h.netns) || e.mayHide(o.peer, o.netns):
			return found{evidence: flow.PeerAmbiguous, candidates: []uint32{m}}
		}
		return found{partner: m, evidence: flow.PeerTuple}
	}
	theirs := e.fitting(n, h)
	if len(theirs) == 0 {
		return noPeer
	}
	ambiguous := found{evidence: flow.PeerAmbiguous, candidates: theirs}
	o := e.half(theirs[0])
	if !e.inOnePlace(theirs) || e.mayHide(h.peer, h.netns) || e.mayHide(o.peer, o.netns) {
		return ambiguous
	}
	m := e.inTime(n, h, theirs)
	if m == 0 {
		return ambiguous
	}
	o = e.half(m)
	mine := e.fitting(m, o)
	switch {
	case !slices.Contains(mine, n):
		return noPeer // it has another end that fits better
	case !e.inOnePlace(mine):
		return found{evidence: flow.PeerAmbiguous, candidates: []uint32{m}}
	case e.inTime(m, o, mine) == n:
		return found{partner: m, evidence: flow.PeerTuple}
	}
	return found{shared: m, evidence: flow.PeerTuple}
}

// fitting lists the halves that can be h's other end. Of those in one namespace
// the ones with its very tuple come before those on any address.
func (e *Engine) fitting(n uint32, h *half) []uint32 {
	var list []uint32
	left := maxAlike
	for m := h.nextSeq; m != n; m = e.half(m).nextSeq {
		if left--; left == 0 {
			return nil
		}
		if o := e.half(m); meets(h, o) && !o.silent() && e.reach(h, o) {
			list = append(list, m)
		}
	}
	if len(list) < 2 {
		return list
	}
	var exact []uint32 // namespaces
	for _, m := range list {
		if o := e.half(m); mirrored(h, o) {
			exact = append(exact, o.netns)
		}
	}
	return slices.DeleteFunc(list, func(m uint32) bool {
		o := e.half(m)
		return !mirrored(h, o) && slices.Contains(exact, o.netns)
	})
}

// meets: each talks to the other's port, and to its address if that is known.
func meets(h, o *half) bool {
	return h.localPort == o.peerPort && h.peerPort == o.localPort &&
		(h.local == 0 || h.local == o.peer) && (o.local == 0 || o.local == h.peer)
}

func (e *Engine) inOnePlace(list []uint32) bool {
	netns := e.half(list[0]).netns
	return !slices.ContainsFunc(list[1:], func(m uint32) bool { return e.half(m).netns != netns })
}

// inTime picks of those that fit h the one it talked with: the latest that began
// before h's successor on its own side. 0: they lived at the same time and are
// not of the same processes.
func (e *Engine) inTime(n uint32, h *half, list []uint32) uint32 {
	if len(list) == 1 {
		return list[0]
	}
	e.byAge(list)
	for i, m := range list[1:] {
		before, o := e.half(list[i]), e.half(m)
		over := before.has(flagFinal) && before.lastMillis() <= wholeMillis(o.first)
		if !over && (before.holder == 0 || before.holder != o.holder) {
			return 0
		}
	}
	rivals := e.fitting(list[0], e.half(list[0]))
	if !slices.Contains(rivals, n) {
		rivals = append(rivals, n)
	}
	e.byAge(rivals)
	if i := slices.Index(rivals, n) + 1; i < len(rivals) {
		next := e.half(rivals[i]).first
		for len(list) > 1 && e.half(list[len(list)-1]).first >= next {
			list = list[:len(list)-1]
		}
	}
	return list[len(list)-1]
}

// byAge sorts halves by when they were first seen.
func (e *Engine) byAge(list []uint32) {
	slices.SortFunc(list, func(a, b uint32) int {
		x, y := e.half(a), e.half(b)
		return cmp.Or(cmp.Compare(x.first, y.first), cmp.Compare(x.cookie, y.cookie), cmp.Compare(x.generation, y.generation))
	})
}

// sharedNode is the node of a socket at the other end that is counted with
// another half.
func (e *Engine) sharedNode(m uint32, role flow.Role, c *Change) NodeRef {
	if role == flow.RoleNone {
		var ignored Change
		return e.endNode(e.half(m), role, &ignored)
	}
	return e.endNode(e.half(m), role, c)
}

// renew: a UDP socket that outlives its other end, and has got another, is an
// end of a new connection. It reports whether that is so.
func renew(h, o *half) bool {
	if h.transport != flow.UDP || h.has(flagClosed) == o.has(flagClosed) {
		return false
	}
	if o.has(flagClosed) {
		h = o
	}
	if h.has(flagFinal) {
		return false
	}
	h.flags &^= flagOpened | flagClosed
	return true
}
