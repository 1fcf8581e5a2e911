package attribution

import (
	"cmp"
	"slices"

	"peerscope/internal/flow"
)

// Close decides every connection that changed since the last Close and gives
// what it adds to the window to emit. It costs in proportion to the changes;
// only a new listener, address or translation makes it look again at the
// connections whose other end is not observed.
//
// What was over stays one window more, so that a late telling of it is known
// as such and not taken for a new connection.
func (e *Engine) Close(emit func(*Change)) {
	if e.closed {
		e.nextWindow()
	}
	e.flush()
	e.endUncounted()
	e.forgetLast()
	e.releaseDone()
	e.forget()
	e.age()
	e.listensByProcess = nil
	if e.topologyChanged {
		e.markHalfEdges()
		e.topologyChanged = false
	}
	if e.keepsLegs {
		e.keepLegs()
	}
	e.eachDirty(e.fallBackToTuple)
	e.enterTranslated()
	e.enterLanes()
	e.indexTaken()
	e.pairNameless()
	e.undecided = e.undecided[:0]
	e.fetchAhead(func(n uint32) { e.resolve(n, emit, false) })
	// Ports that were learnt just now may decide what was left open.
	for _, n := range e.undecided {
		e.resolve(n, emit, true)
	}
	e.closeUnix(emit)
	e.nat.decided = true
	e.noteLeaving()
	e.closed = true
	e.closes++
}

// forgetLast lets go of what the window before was decided by, which was kept
// until now so that it can be explained.
func (e *Engine) forgetLast() {
	e.dropListeners()
	e.forgetTranslations()
	for _, n := range e.paired {
		e.half(n).flags &^= flagPaired
	}
	e.paired = e.paired[:0]
	e.settleNamespaces()
	e.releaseStrays()
}

// fetchAhead calls f for the halves that changed, after the other ends of some
// of them were touched together: one load after the other with nothing in
// between that waits for them, so that the processor waits for all at once.
func (e *Engine) fetchAhead(f func(n uint32)) {
	var batch [stageSize]uint32
	k := 0
	run := func() {
		var sum uint64
		for _, n := range batch[:k] {
			h := e.half(n)
			m := h.nextSeq
			if m == 0 || m == n {
				m = h.nextTuple
			}
			o := e.half(m)
			sum += o.tx + uint64(o.flags)
		}
		e.stage.touched += sum
		for _, n := range batch[:k] {
			f(n)
		}
		k = 0
	}
	e.eachDirty(func(n uint32) {
		batch[k] = n
		if k++; k == len(batch) {
			run()
		}
	})
	run()
}

// settle makes what a half counted the base of the next window. It is called
// once a window for each half that changed, when it has been decided.
func (e *Engine) settle(n uint32, h *half) {
	e.dirty[n/64] &^= 1 << (n % 64)
	h.flags &^= flagUndecided
	h.seal()
	if h.has(flagFinal) && !h.has(flagDone) {
		h.flags |= flagDone
		e.done = append(e.done, n)
	}
}

// releaseDone frees what was over at the last Close, unless its other end still
// lives or has something to tell, and needs it to be named.
func (e *Engine) releaseDone() {
	kept := e.done[:0]
	for _, n := range e.done {
		if o := e.half(n).partner; o != 0 && !e.half(o).has(flagDone) {
			kept = append(kept, n)
			continue
		}
		e.release(n)
	}
	e.done, e.over = kept, len(kept)
}

func (e *Engine) release(n uint32) {
	h := e.half(n)
	if o := h.partner; o != 0 && o != n {
		e.half(o).partner = 0
	}
	e.leave(n, h)
	e.lanes.silence(n, h)
	delete(e.errnos, n)
	delete(e.handovers, n)
	delete(e.beside, n)
	*h = half{}
	e.free = append(e.free, n)
}

// markHalfEdges queues the connections of which only one end is known.
func (e *Engine) markHalfEdges() {
	for n := uint32(1); n < e.count; n++ {
		if h := e.half(n); h.told() && h.partner == 0 && !h.has(flagDone) {
			e.markDirty(n)
		}
	}
}

// fallBackToTuple enters a half whose sequence identity found nobody into the
// tuple index: its other end may be known from a source without sequences.
func (e *Engine) fallBackToTuple(n uint32) {
	h := e.half(n)
	if h.has(flagSeqIndex) && !h.has(flagTuple) && h.nextSeq == n && h.complete() {
		e.enterTuple(n, h)
	}
}

// resolve decides the connection of which n is an end and emits its change.
func (e *Engine) resolve(n uint32, emit func(*Change), last bool) {
	h := e.half(n)
	switch {
	case last && !h.has(flagUndecided), !last && (!e.isDirty(n) || h.has(flagUndecided)):
		return // decided with its other end
	case h.has(flagDone):
		e.settle(n, h)
		return
	}
	f := e.mutualPeer(n, h)
	var o *half
	if f.partner != 0 {
		o = e.half(f.partner)
	}
	if h.silent() && (o == nil || o.silent()) || f.evidence == flow.PeerNone && e.heardFromGroup(h) {
		e.retract(n, 0, 0, 0, 0, nil, emit)
		e.settle(n, h)
		return
	}
	other := o
	if f.shared != 0 {
		other = e.half(f.shared)
	}
	role, by, contradicted := e.roleOf(h, other)
	if f.evidence == flow.PeerSequence && o != nil && e.nat.used() && e.disagrees(n, f.partner) {
		contradicted = true
	}
	if contradicted && !h.has(flagContradicted) {
		h.flags |= flagContradicted
		if o != nil {
			o.flags |= flagContradicted
		}
		e.lost[flow.LossContradiction]++
	}
	if role == flow.RoleNone && !h.failedConnect() {
		if !last {
			h.flags |= flagUndecided
			e.undecided = append(e.undecided, n)
			return
		}
		role, by = e.lastResort(h, other)
	}
	if h.failedConnect() && (o == nil || o.failedConnect() || o.embryo()) {
		role, by = flow.Client, flow.RoleHandshake
	}
	e.pair(n, f.partner)
	if o == nil {
		e.emitAlone(n, h, f, role, by, emit)
		e.settle(n, h)
		return
	}
	e.emitPair(n, h, f.partner, o, f.evidence, role, by, emit)
	e.settle(n, h)
	e.settle(f.partner, o)
}

// mutualPeer is the other end of h if that sees it the same way: what is
// ambiguous from one side is ambiguous.
func (e *Engine) mutualPeer(n uint32, h *half) found {
	f := e.findPeer(n, h)
	if f.partner != 0 && f.evidence == flow.PeerTuple && len(e.circleOf(n, h)) > 2 {
		if back := e.findPeer(f.partner, e.half(f.partner)); back.partner != n {
			return found{evidence: flow.PeerAmbiguous, candidates: []uint32{f.partner}}
		}
	}
	return f
}

// pair makes two halves each other's partner, and nobody else's. m is 0 if n
// has none.
func (e *Engine) pair(n, m uint32) {
	for _, k := range [...]uint32{n, m} {
		if k == 0 {
			continue
		}
		h := e.half(k)
		if was := h.partner; was != 0 && was != n && was != m {
			e.half(was).partner = 0
		}
		h.partner = n + m - k
	}
}

func (e *Engine) circleOf(n uint32, h *half) []uint32 {
	e.circle = append(e.circle[:0], n)
	if h.has(flagTuple) {
		for m := h.nextTuple; m != n; m = e.half(m).nextTuple {
			e.circle = append(e.circle, m)
		}
	}
	return e.circle
}

// lastResort asks what is asked only where nothing stronger has decided:
// exposed ports, then which of two UDP sockets is bound and not connected, then
// who of two that are older than the observation was seen to send first: that
// opened the connection of this window.
func (e *Engine) lastResort(h, o *half) (flow.Role, flow.RoleEvidence) {
	mine := e.exposed(h)
	theirs := o != nil && o != h && e.exposed(o)
	switch {
	case mine && !theirs:
		return flow.Server, flow.RoleExposedPort
	case theirs && !mine:
		return flow.Client, flow.RoleExposedPort
	case o == nil || h.has(flagContradicted) || h.transport != flow.UDP:
		return flow.RoleNone, flow.RoleUnknown
	case h.waits() != o.waits() && h.waits():
		return flow.Server, flow.RoleBound
	case h.waits() != o.waits():
		return flow.Client, flow.RoleBound
	}
	return seenFirst(h, o)
}

// waits: a UDP socket that is bound to a port of its own choice, and takes what
// anybody sends there.
func (h *half) waits() bool { return h.has(flagUnconnected) && !h.has(flagEphemeral) }

func seenFirst(h, o *half) (flow.Role, flow.RoleEvidence) {
	mine := h.has(flagSentFirst) || o.has(flagReceivedFirst)
	theirs := o.has(flagSentFirst) || h.has(flagReceivedFirst)
	switch {
	case mine == theirs || o == h:
		return flow.RoleNone, flow.RoleUnknown
	case mine:
		return flow.Client, flow.RoleFirstDatagram
	}
	return flow.Server, flow.RoleFirstDatagram
}

// failedConnect: it asked for a connection and never got one.
func (h *half) failedConnect() bool {
	return h.transport == flow.TCP && !h.has(flagEstablished) && !h.embryo() && h.has(flagFinal|flagSynSent)
}

// emitPair emits a connection both ends of which were observed.
func (e *Engine) emitPair(n uint32, h *half, m uint32, o *half, ev flow.PeerEvidence, role flow.Role, by flow.RoleEvidence, emit func(*Change)) {
	if !renew(h, o) {
		alignBases(h, o, role)
	}
	a, b, an, bn := h, o, n, m
	if role == flow.Server {
		a, b, an, bn = o, h, m, n
	}
	c := &e.change
	*c = Change{Peer: ev, Role: by}
	key := EdgeKey{Transport: h.transport, RoleKnown: role != flow.RoleNone, PortB: b.localPort}
	if key.RoleKnown {
		key.A = e.endNode(a, flow.Client, c)
		key.B = e.endNode(b, flow.Server, c)
		c.Dialed = e.dialed(a, b)
		e.fillTraffic(c, a, b, flow.Client)
	} else {
		key.A, key.B, key.PortA = e.endNode(a, flow.RoleNone, c), e.endNode(b, flow.RoleNone, c), a.localPort
		if key.A > key.B || key.A == key.B && key.PortA > key.PortB {
			a, b, an, bn = b, a, bn, an
			key.A, key.B, key.PortA, key.PortB = key.B, key.A, key.PortB, key.PortA
			c.HoldersA, c.HoldersB = c.HoldersB, c.HoldersA
		}
		e.fillWithoutRoles(c, a, b)
	}
	e.leaveOutGroups(c, a, b)
	e.account(c, key, an, bn, emit)
	if key.RoleKnown && key.Transport == flow.TCP && (a.flags|b.flags)&flagEstablished != 0 { // else two may call each other
		e.learn(b) // from now on the port is one that b's process serves
	}
}

// emitAlone emits a connection of which only h was observed.
func (e *Engine) emitAlone(n uint32, h *half, f found, role flow.Role, by flow.RoleEvidence, emit func(*Change)) {
	if h.embryo() || !h.addressed() && !h.has(flagFinal|flagSynSent) || h.has(flagPaired) && !h.complete() || !h.told() {
		e.retract(n, 0, 0, 0, 0, nil, emit)
		return // no connection by itself, or counted with the other end
	}
	c := &e.change
	*c = Change{Peer: f.evidence, Role: by}
	var other NodeRef
	port := h.peerPort
	switch {
	case f.evidence == flow.PeerAmbiguous:
		other = e.addressNode(h.peer, h.netns)
	case f.shared != 0:
		other, port = e.sharedNode(f.shared, role.Reverse(), c), e.half(f.shared).localPort
		if role == flow.Client {
			c.Dialed = e.dialed(h, e.half(f.shared))
		}
	default:
		other, port, role = e.behindTranslation(c, h, role)
	}
	key := EdgeKey{Transport: h.transport, RoleKnown: role != flow.RoleNone}
	var an, bn uint32
	switch role {
	case flow.Client:
		key.A, key.B, key.PortB = e.endNode(h, role, c), other, port
		an = n
		c.CandidatesB = e.candidateNodes(c.CandidatesB, f.candidates, flow.Server)
		e.fillTraffic(c, h, nil, role)
	case flow.Server:
		key.A, key.B, key.PortB = other, e.endNode(h, role, c), h.localPort
		bn = n
		c.CandidatesA = e.candidateNodes(c.CandidatesA, f.candidates, flow.Client)
		e.fillTraffic(c, nil, h, flow.Client)
	default:
		own := e.endNode(h, role, c)
		key.A, key.B = own, other
		if h.addressed() { // else the one port that is left would only split the edge
			key.PortA, key.PortB = h.localPort, port
		}
		an = n
		c.CandidatesB = e.candidateNodes(c.CandidatesB, f.candidates, flow.RoleNone)
		e.fillTraffic(c, h, nil, role)
		if other < own {
			key.A, key.B, key.PortA, key.PortB = other, own, key.PortB, key.PortA
			an, bn = 0, n
			c.CandidatesA, c.CandidatesB = c.CandidatesB, c.CandidatesA
			c.HoldersA, c.HoldersB = c.HoldersB, c.HoldersA
			swapTraffic(c)
		}
	}
	e.account(c, key, an, bn, emit)
}

func (e *Engine) fillTraffic(c *Change, a, b *half, roleA flow.Role) {
	traffic(c, a, b, roleA)
	retransmits(&c.Retransmits, a, b)
	for _, h := range [...]*half{a, b} {
		if h == nil {
			continue
		}
		if c.RTT == 0 && h.moved() {
			c.RTT = h.rtt
		}
		c.Connect = max(c.Connect, h.connect)
	}
}

// fillWithoutRoles: where there is no client, the socket with the smaller cookie
// comes first in what is asked of one end only, not the node with the smaller
// number: that depends on what was told before.
func (e *Engine) fillWithoutRoles(c *Change, a, b *half) {
	if cmp.Or(cmp.Compare(a.cookie, b.cookie), cmp.Compare(a.generation, b.generation)) <= 0 {
		e.fillTraffic(c, a, b, flow.RoleNone)
		return
	}
	e.fillTraffic(c, b, a, flow.RoleNone)
	swapTraffic(c)
}

// swapTraffic turns a change round.
func swapTraffic(c *Change) {
	for _, t := range [...]*Traffic{&c.Bytes, &c.SideA, &c.SideB, &c.Retransmits} {
		t.ToA, t.ToB = t.ToB, t.ToA
	}
	c.SideA, c.SideB = c.SideB, c.SideA
}

// endNode is the node of an observed end. A server's socket that no process
// holds, because none has accepted it or none was seen to, is its listener's.
func (e *Engine) endNode(h *half, role flow.Role, c *Change) NodeRef {
	if h.has(flagKernel) {
		return e.kernelNode(h.netns)
	}
	if holders := e.holdersOf(h.holder); len(holders) > 0 {
		for _, p := range holders[1:] {
			if role == flow.Server || role == flow.RoleNone && c.HoldersA != nil {
				c.HoldersB = append(c.HoldersB, e.processNode(p))
			} else {
				c.HoldersA = append(c.HoldersA, e.processNode(p))
			}
		}
		first := holders[0]
		return e.processNode(first)
	}
	if role != flow.Client {
		makers := e.makers(e.ownListeners(h))
		if len(makers) == 1 {
			// One that waits for accept is the listener's own. If it ended with
			// counters, somebody accepted it after it was seen waiting.
			waits := h.has(flagUnaccepted) && !h.has(flagLastCounters)
			if !waits && c.Peer != flow.PeerNone && c.Peer != flow.PeerAmbiguous {
				c.Peer = flow.PeerListener
			}
			return makers[0]
		}
		if len(makers) > 1 {
			c.CandidatesB = append(c.CandidatesB, makers...)
			if role == flow.Server {
				c.Peer = flow.PeerAmbiguous
			}
		}
	}
	return e.addressNode(h.local, h.netns)
}

// candidateNodes names the processes of the sockets that fit equally well.
func (e *Engine) candidateNodes(out []NodeRef, candidates []uint32, role flow.Role) []NodeRef {
	for _, m := range candidates {
		var ignored Change
		if n := e.endNode(e.half(m), role, &ignored); !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}
