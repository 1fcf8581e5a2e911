package attribution

import "peerscope/internal/flow"

// incomplete: it ended, and its last counters were not told.
func (h *half) incomplete() bool { return h.flags&(flagVanished|flagLastCounters) == flagVanished }

// sent is the payload the other end acknowledged to h within the window, given
// h's role.
func (h *half) sent(r flow.Role) Amount {
	if !h.has(flagCounters) {
		return Amount{}
	}
	a := Amount{Value: h.tx, Known: true, Inexact: h.incomplete()}
	base := h.baseTx
	switch r {
	case flow.Client:
		if h.has(flagSynInTx) {
			a.Value--
		}
		if h.has(flagSynInBase) {
			base--
		}
	case flow.RoleNone:
		// Our SYN may be in one of the two and not in the other.
		a.Inexact = a.Inexact || h.has(flagSynInTx) != h.has(flagSynInBase)
	}
	// Something was given to the wire and never acknowledged, so what was may
	// include our FIN.
	a.Inexact = a.Inexact || h.has(flagTxDoubt) && h.has(flagFinal) && h.transport != flow.UDP
	a.Value -= min(base, a.Value)
	return a
}

// received is the payload h's kernel acknowledged within the window.
func (h *half) received() Amount {
	if !h.has(flagCounters) {
		return Amount{}
	}
	a := Amount{Value: h.rx - min(h.baseRx, h.rx), Known: true,
		Inexact: h.has(flagFinUnknown) && h.rx > h.baseRx || h.incomplete()}
	if h.transport == flow.UDP && h.has(flagUnasked) {
		// Nothing that is known to be from this peer is not nothing from it.
		a.Known, a.Inexact = a.Value > 0, true
	}
	return a
}

// direction settles one direction from what the sender and the receiver
// counted: the figure of the map, and the two columns.
func direction(sent, received Amount) (settled, sender, receiver Amount) {
	switch {
	case !sent.Known:
		return received, sent, received
	case !received.Known:
		return sent, sent, received
	}
	switch {
	case !sent.Inexact:
		// The receiver's one byte more is the FIN.
		if received.Inexact && (received.Value == sent.Value || received.Value == sent.Value+1) {
			received = Amount{Value: sent.Value, Known: true}
		}
		return sent, sent, received
	case !received.Inexact:
		if sent.Value == received.Value || sent.Value == received.Value+1 {
			sent = Amount{Value: received.Value, Known: true}
		}
		return received, sent, received
	case received.Value > sent.Value:
		// The sender's last counters are missing: the receiver knows more.
		return received, sent, received
	}
	return sent, sent, received
}

// traffic settles both directions of a connection into c. a is the client (or
// the first end), b the other; either may be nil where it was not observed.
func traffic(c *Change, a, b *half, roleA flow.Role) {
	var aSent, aReceived, bSent, bReceived Amount
	if a != nil {
		aSent, aReceived = a.sent(roleA), a.received()
	}
	if b != nil && b != a {
		bSent, bReceived = b.sent(roleA.Reverse()), b.received()
	}
	if a == b && a != nil { // connected to itself: what it sent it received
		c.Bytes = Traffic{ToB: aSent, ToA: Amount{Known: aSent.Known}}
		c.SideA = c.Bytes
		return
	}
	c.Bytes.ToB, c.SideA.ToB, c.SideB.ToB = direction(aSent, bReceived)
	c.Bytes.ToA, c.SideB.ToA, c.SideA.ToA = direction(bSent, aReceived)
	// Where both columns are there and exact, the map shows the client's.
	if c.SideA.ToB.Known && !c.SideA.ToB.Inexact {
		c.Bytes.ToB = c.SideA.ToB
	}
	if c.SideA.ToA.Known && !c.SideA.ToA.Inexact {
		c.Bytes.ToA = c.SideA.ToA
	}
}

// retransmits are the segments each end sent again within the window. UDP sends
// nothing again.
func retransmits(t *Traffic, a, b *half) {
	for _, v := range [...]struct {
		into *Amount
		h    *half
	}{{&t.ToB, a}, {&t.ToA, b}} {
		if h := v.h; h != nil && h.has(flagCounters) && h.transport == flow.TCP {
			*v.into = Amount{Value: uint64(h.retrans - min(h.baseRe, h.retrans)), Known: true, Inexact: h.incomplete()}
		}
	}
}

// alignBases lets an end that is told only now start from what its other end
// had already counted in windows before. role is h's.
func alignBases(h, o *half, role flow.Role) {
	if h == o || h.has(flagBase|flagSealed) == o.has(flagBase|flagSealed) {
		return
	}
	if o.has(flagBase | flagSealed) {
		h, o, role = o, h, role.Reverse()
	}
	sent := h.baseTx
	if role == flow.Client && h.has(flagSynInBase) {
		sent--
	}
	o.baseTx, o.baseRx = min(o.tx, h.baseRx), min(o.rx, sent)
	o.setFlag(flagSynInBase, false)
	o.flags |= flagBase
}

// moved: it is new in this window, or something went over it. Of one that was
// idle the round trip is not known anew.
func (h *half) moved() bool { return !h.has(flagSealed) || h.tx != h.baseTx || h.rx != h.baseRx }

// seal makes what was counted the base of the next window.
func (h *half) seal() {
	h.baseTx, h.baseRx, h.baseRe = h.tx, h.rx, h.retrans
	h.setFlag(flagSynInBase, h.has(flagSynInTx))
	h.flags |= flagBase | flagSealed
}
