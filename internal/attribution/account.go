package attribution

// account counts a connection on its edge: what it is at the window's end,
// what happened to it in the window, and takes back what it counted as before
// on another edge. an and bn are the halves of A and B, 0 where not observed.
func (e *Engine) account(c *Change, key EdgeKey, an, bn uint32, emit func(*Change)) {
	var flags flags
	for _, n := range [...]uint32{an, bn} {
		if n != 0 {
			flags |= e.half(n).flags
		}
	}
	established := flags&flagEstablished != 0
	final := flags&flagFinal != 0
	edge := e.edgeNumber(key)
	c.Edge = edge
	counted := flags&flagClosed != 0
	switch {
	case established:
		c.Opened = flags&(flagAdopted|flagOpened) == 0
		c.Closed = final && !counted
	case final:
		c.Failed = !counted
		c.Errno = e.errnoOf(an, bn)
	}
	c.Ended = c.Closed || c.Failed
	if !c.Opened {
		c.Connect = 0 // it was told in the window in which it was opened
	}
	want := stateOf(established, final || counted)
	leader, follower := an, bn
	if leader == 0 {
		leader, follower = bn, 0
	}
	if flags&flagMoved != 0 {
		e.emitMoved(c, key, an, bn, emit)
	}
	b := besideOf(c)
	e.retract(leader, follower, edge, want, packEvidence(c.Peer, c.Role), b, emit)
	h := e.half(leader)
	h.edge, h.live = edge, packEvidence(c.Peer, c.Role)
	if want != 0 && !h.has(want) {
		h.flags |= want
		e.goesWith(leader, b)
		if want == flagActive {
			c.Active = 1
		} else {
			c.Pending = 1
		}
	}
	for _, n := range [...]uint32{an, bn} {
		if n == 0 {
			continue
		}
		x := e.half(n)
		if n != leader {
			x.edge = 0 // it is counted by its leader
		}
		if established {
			x.flags |= flagOpened
		}
		if final {
			x.flags |= flagClosed
		}
	}
	if e.keepsLegs {
		e.noteLeg(c, key, an, bn, want == flagActive)
	}
	e.emitted = emitted{halves: [2]uint32{an, bn}}
	emit(c)
}

// stateOf is what a connection counts as at the window's end.
func stateOf(established, over bool) flags {
	switch {
	case over:
		return 0
	case established:
		return flagActive
	}
	return flagPending
}

// retract takes back what the halves counted as open, unless the leader counts
// as the very same still.
func (e *Engine) retract(leader, follower uint32, edge EdgeRef, want flags, live liveEvidence, b *beside, emit func(*Change)) {
	for _, n := range [...]uint32{leader, follower} {
		if n == 0 {
			continue
		}
		h := e.half(n)
		was := h.flags & (flagActive | flagPending)
		if was == 0 || n == leader && was == want && h.edge == edge && h.live == live && b.equal(e.besideHalf(n)) {
			continue
		}
		back := &e.back
		*back = Change{Edge: h.edge, Peer: h.live.peer(), Role: h.live.role()}
		e.besideHalf(n).into(back)
		delete(e.beside, n)
		if was == flagActive {
			back.Active = -1
		} else {
			back.Pending = -1
		}
		h.flags &^= was
		emit(back)
	}
}

func (e *Engine) errnoOf(an, bn uint32) string {
	for _, n := range [...]uint32{an, bn} {
		if errno := e.errnos[n]; n != 0 && errno != "" {
			return errno
		}
	}
	return ""
}
