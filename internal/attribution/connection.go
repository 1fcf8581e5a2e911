package attribution

import (
	"net/netip"

	"peerscope/internal/flow"
)

// emitted are the ends of the connection whose change is emitted just now: the
// halves of its edge's A and B, or unix sockets.
type emitted struct {
	halves [2]uint32 // 0: not observed
	unix   [2]*unixSocket
}

// Connection tells the connection of a change while Close emits it.
func (e *Engine) Connection(c *Change) flow.Connection {
	if a := e.emitted.unix[0]; a != nil {
		return e.unixConnection(a, e.emitted.unix[1])
	}
	var out flow.Connection
	var ends [2]*half
	for i, n := range e.emitted.halves {
		if n == 0 {
			continue
		}
		h := e.half(n)
		whole := *h
		whole.baseTx, whole.baseRx = 0, 0
		whole.setFlag(flagSynInBase, false)
		ends[i] = &whole
		if h.rtt != 0 && out.RTT == 0 {
			out.RTT = h.rtt
		}
		if out.Opened == 0 || h.first < out.Opened {
			out.Opened, out.Exact = h.first, h.exactly()
		}
		out.Latest = max(out.Latest, h.latest())
	}
	role := flow.RoleNone
	if e.edges[c.Edge].RoleKnown {
		role = flow.Client
	}
	var sum Change
	if e.emitted.halves[0] == e.emitted.halves[1] {
		ends[1] = ends[0] // connected to itself
	}
	traffic(&sum, ends[0], ends[1], role)
	out.Bytes = sum.Bytes
	out.A, out.B = e.calls(ends[0], ends[1]), e.calls(ends[1], ends[0])
	return out
}

// calls is the address of h as it calls itself, else as the other end o calls it.
func (e *Engine) calls(h, o *half) netip.AddrPort {
	switch {
	case h != nil && h.local != 0 && h.localPort != 0:
		return e.addrPort(h.local, h.localPort)
	case o != nil && o.peer != 0:
		return e.addrPort(o.peer, o.peerPort)
	case h != nil && h.local != 0:
		return e.addrPort(h.local, h.localPort)
	}
	return netip.AddrPort{}
}

func (e *Engine) unixConnection(a, b *unixSocket) flow.Connection {
	out := flow.Connection{Opened: a.since, Latest: a.seen, Exact: a.since != 0}
	if b != nil && b.peer == a.inode {
		if b.since != 0 && (out.Opened == 0 || b.since < out.Opened) {
			out.Opened, out.Exact = b.since, true
		}
		out.Latest = max(out.Latest, b.seen)
	}
	if out.Opened == 0 {
		out.Opened = out.Latest
	}
	whole := func(u *unixSocket) *unixSocket {
		if u == nil {
			return nil
		}
		w := *u
		w.base = flow.UnixCounters{}
		return &w
	}
	var sum Change
	unixTraffic(&sum, whole(a), whole(b))
	out.Bytes = sum.Bytes
	return out
}
