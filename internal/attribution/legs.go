package attribution

import (
	"slices"

	"peerscope/internal/flow"
)

// leg is a TCP connection that was counted, to be told as a flow.Leg: its edge and
// its halves, 0 where not observed.
type leg struct {
	key            EdgeKey
	an, bn         uint32
	active         bool
	opened, closed bool
}

// noteLeg keeps a connection for Legs.
func (e *Engine) noteLeg(c *Change, key EdgeKey, an, bn uint32, active bool) {
	if key.Transport == flow.TCP && key.RoleKnown && (active || c.Opened || c.Closed) {
		e.legs = append(e.legs, leg{key: key, an: an, bn: bn, active: active, opened: c.Opened, closed: c.Closed})
	}
}

// keepLegs drops those that were over at the last Close or are decided anew.
func (e *Engine) keepLegs() {
	kept := e.legs[:0]
	for _, h := range e.legs {
		if h.active && !(h.an != 0 && e.isDirty(h.an)) && !(h.bn != 0 && e.isDirty(h.bn)) {
			h.opened = false
			kept = append(kept, h)
		}
	}
	e.legs = kept
}

// Legs tells the connections of processes that both are called and call, as they
// stand after Close. It needs Config.Legs.
func (e *Engine) Legs() []flow.Leg {
	const called, calls = 1, 2
	what := map[NodeRef]uint8{}
	for i := range e.legs {
		what[e.legs[i].key.A] |= calls
		what[e.legs[i].key.B] |= called
	}
	between := func(n NodeRef) bool { return what[n] == called|calls && e.nodes[n].kind == flow.NodeProcess }
	told := map[uint32]bool{} // halves; the last telling stands
	addressed := e.addressed()
	var out []flow.Leg
	for i := len(e.legs) - 1; i >= 0; i-- {
		h := &e.legs[i]
		if h.an != 0 && told[h.an] || h.bn != 0 && told[h.bn] {
			continue
		}
		told[h.an], told[h.bn] = true, true
		if between(h.key.A) || between(h.key.B) {
			out = append(out, e.tellLeg(h, addressed))
		}
	}
	return out
}

// addressed are the namespaces of which an address is known.
func (e *Engine) addressed() map[uint32]bool {
	out := map[uint32]bool{}
	for _, list := range e.homes.byAddr {
		for _, n := range list {
			out[n] = true
		}
	}
	return out
}

func (e *Engine) tellLeg(h *leg, addressed map[uint32]bool) flow.Leg {
	out := flow.Leg{Client: h.key.A, Server: h.key.B, ServerPort: h.key.PortB,
		Active: h.active, Over: !h.active, Opened: h.opened, Closed: h.closed}
	var a, b *half
	if h.an != 0 {
		a = e.half(h.an)
		out.Asked = e.addrPort(a.peer, a.peerPort)
		lived(&out, a)
	}
	if h.bn != 0 {
		b = e.half(h.bn)
		out.At = e.addrPort(b.local, b.localPort)
		lived(&out, b)
		own := func(addr uint32) bool {
			return e.addrs.is(addr, addrLoopback) || slices.Contains(e.owners(addr), b.netns)
		}
		out.Foreign = b.local != 0 && !e.addrs.is(b.local, addrLinkLocal) && addressed[b.netns] && !own(b.local)
		out.Home = a != nil && a.peer != 0 && own(a.peer)
		out.Near = a != nil && a.netns == b.netns
	}
	out.ToServer, out.ToClient = wholeLife(a, b)
	return out
}

// lived narrows when a connection was there by what one of its sockets tells.
func lived(to *flow.Leg, h *half) {
	const ms = flow.Time(1e6)
	at := func(m uint32) flow.Time { return (h.first/ms + flow.Time(int32(m-millis(h.first)))) * ms }
	if to.First == 0 || h.first < to.First {
		to.First = h.first
	}
	to.Last = max(to.Last, at(h.last))
	if h.after != 0 {
		to.After = max(to.After, at(h.after))
	}
}

// wholeLife is what both ends counted since the connection was opened.
func wholeLife(a, b *half) (toServer, toClient Amount) {
	whole := func(h *half) *half {
		if h == nil {
			return nil
		}
		all := *h
		all.baseTx, all.baseRx = 0, 0
		all.flags &^= flagSynInBase
		return &all
	}
	var c Change
	if a == b { // connected to itself: it is nobody's leg
		return Amount{}, Amount{}
	}
	traffic(&c, whole(a), whole(b), flow.Client)
	return c.Bytes.ToB, c.Bytes.ToA
}
