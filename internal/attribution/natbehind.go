package attribution

import (
	"net/netip"
	"slices"

	"peerscope/internal/flow"
)

// dialed is the address that client a asked for, if it is not one that the
// socket of server b has; else the zero value.
func (e *Engine) dialed(a, b *half) netip.AddrPort {
	if !a.addressed() || !b.addressed() {
		return netip.AddrPort{}
	}
	same := a.peer == b.local
	if b.local == 0 { // bound to every address of its namespace
		same = e.addrs.is(a.peer, addrLoopback) || e.owns(b.netns, a.peer)
	}
	if same && a.peerPort == b.localPort {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(e.addrs.list[a.peer], a.peerPort)
}

// behindTranslation is the node at the end of h that no socket was observed of,
// and its port: the listener that a translation leads h to, or else what is
// where h was sent, see unobserved.
func (e *Engine) behindTranslation(c *Change, h *half, role flow.Role) (NodeRef, uint16, flow.Role) {
	list, to, concealed := e.listenersBehind(h, role)
	if len(list) == 0 {
		n, role := e.unobserved(c, h, role)
		return n, h.peerPort, role
	}
	switch {
	case h.transport == flow.UDP:
		c.Role = min(c.Role, flow.RoleBound)
	case role == flow.RoleNone:
		c.Role = flow.RoleListener
	}
	makers := e.makers(list)
	if len(makers) == 1 && !concealed {
		c.Peer = flow.PeerListener
		c.Dialed = netip.AddrPortFrom(e.addrs.list[h.peer], h.peerPort)
		return makers[0], to.localPort, flow.Client
	}
	c.Peer = flow.PeerAmbiguous
	c.CandidatesB = append(c.CandidatesB, makers...)
	return e.addressNode(h.peer, h.netns), h.peerPort, flow.Client
}

// listenersBehind are those that the translations lead h to, with the tuple that
// a socket of theirs would have. There are none if the translations lead to
// several addresses.
func (e *Engine) listenersBehind(h *half, role flow.Role) (list []*listener, to natTuple, concealed bool) {
	if role == flow.Server || !e.nat.used() || !h.addressed() || e.listened(h) && role == flow.RoleNone {
		return nil, to, false
	}
	several := false
	e.follow(h, func(s side) {
		if !s.forward {
			return
		}
		var here []*listener
		for _, in := range e.homesBehind(s) {
			here = append(here, e.listening(in, h.transport, s.far.local, s.far.localPort)...)
		}
		if len(here) == 0 {
			return
		}
		several = several || len(list) > 0 && (to.local != s.far.local || to.localPort != s.far.localPort)
		list, to = append(list, here...), s.far
		concealed = concealed || e.concealed(s.netns, s.near) || e.concealed(s.netns, s.far) || len(e.homesBehind(s)) > 1
	})
	if several {
		return nil, to, false
	}
	if list = h.during(list); h.transport == flow.TCP {
		list = e.reached(h, list)
	}
	return list, to, concealed
}

// homesBehind are the namespaces that the translated packets of a client go to.
func (e *Engine) homesBehind(s side) []uint32 {
	if e.addrs.is(s.far.local, addrLoopback) || e.owns(s.netns, s.far.local) {
		return []uint32{s.netns}
	}
	return slices.DeleteFunc(slices.Clone(e.owners(s.far.local)), func(n uint32) bool { return !e.adjacent(s.netns, s.far, n) })
}
