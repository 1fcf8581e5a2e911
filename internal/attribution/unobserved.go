package attribution

import (
	"slices"

	"peerscope/internal/flow"
)

// unobserved is the node at the end of h that no socket was observed of, with
// the role it may bring to light: a listener, the program a sidecar serves,
// or the address alone.
func (e *Engine) unobserved(c *Change, h *half, role flow.Role) (NodeRef, flow.Role) {
	if h.transport == flow.UDP && e.addrs.is(h.peer, addrGroup) {
		c.Role = flow.RoleKernel // nobody sends from such an address
		return e.addressNode(h.peer, h.netns), flow.Client
	}
	if h.transport == flow.UDP {
		if list := e.remoteListeners(h); list != nil && role != flow.Server {
			if n, ok := e.pick(c, list); ok {
				c.Role = min(c.Role, flow.RoleBound)
				return n, flow.Client
			}
			return e.addressNode(h.peer, h.netns), flow.Client
		}
	}
	if h.transport == flow.TCP && role != flow.Server {
		list := e.remoteListeners(h)
		if list != nil && role == flow.RoleNone && !e.listened(h) {
			role, c.Role = flow.Client, flow.RoleListener // whoever it was that answered
		}
		if list != nil && role == flow.Client && e.mayBeListener(h) {
			if n, ok := e.pick(c, list); ok {
				return n, role
			}
			return e.addressNode(h.peer, h.netns), role
		}
	}
	if n := e.bySidecar(c, h, role); n != 0 {
		return n, role
	}
	return e.addressNode(h.peer, h.netns), role
}

// mayBeListener: a listener at the address is the other end only if the socket
// it made for this connection may have been missed. Every socket's death is
// told where the source can, so that a missing one was not there: what the
// client reached was something else, behind a translation.
func (e *Engine) mayBeListener(h *half) bool {
	return h.failedConnect() || !h.has(flagEstablished) || h.has(flagPaired) || !h.has(flagEarly) ||
		e.missable(h.peer, h.netns)
}

// remoteListeners are those that take what h sends, where its peer's address
// lives. A listener on any address takes the addresses of its namespace, not
// those of others.
func (e *Engine) remoteListeners(h *half) []*listener {
	own := e.owners(h.peer)
	if e.addrs.is(h.peer, addrLoopback) || slices.Contains(own, h.netns) && !e.addrs.is(h.peer, addrLinkLocal) {
		own = []uint32{h.netns}
	}
	if e.addrs.is(h.peer, addrGroup) {
		return nil // a datagram to a group names no receiver
	}
	// What stays within a namespace arrives over its loopback interface, what
	// comes from another over some other one.
	const loopback = 1 // ifindex, the same in every namespace (LOOPBACK_IFINDEX)
	var out []*listener
	for _, in := range own {
		for _, l := range e.listening(in, h.transport, h.peer, h.peerPort) {
			if l.scope == 0 || (l.scope == loopback) == (in == h.netns) {
				out = append(out, l)
			}
		}
	}
	return h.during(out)
}

// pick names the one process behind the listeners, or the candidates.
func (e *Engine) pick(c *Change, list []*listener) (NodeRef, bool) {
	makers := e.makers(list)
	if len(makers) == 1 {
		c.Peer = flow.PeerListener
		return makers[0], true
	}
	if len(makers) > 1 {
		c.Peer = flow.PeerAmbiguous
		c.CandidatesB = append(c.CandidatesB, makers...)
	}
	return 0, false
}

// bySidecar applies the mesh rules: an application's connection that nothing
// explains was taken by the proxy of its instance, and a proxy's belongs to
// the application of the instance that owns the address.
func (e *Engine) bySidecar(c *Change, h *half, role flow.Role) NodeRef {
	holders := e.holdersOf(h.holder)
	if len(holders) == 0 {
		return 0
	}
	me := &e.processes.facts[holders[0]].info
	if !me.ServiceProxy && !me.MeshMember {
		return 0
	}
	addr := e.addrs.list[h.peer].String()
	var out []NodeRef
	for i := range e.processes.facts {
		p := &e.processes.facts[i].info
		switch {
		case me.MeshMember && p.ServiceProxy && p.InstanceID != "" && p.InstanceID == me.InstanceID && e.elsewhere(h.peer):
		case me.ServiceProxy && p.MeshMember && slices.Contains(p.InstanceAddrs, addr):
		default:
			continue
		}
		out = append(out, e.processNode(uint32(i)))
	}
	switch {
	case len(out) == 1:
		c.Peer = flow.PeerSidecar
		return out[0]
	case len(out) > 1:
		c.Peer = flow.PeerAmbiguous
		if role == flow.Server {
			c.CandidatesA = append(c.CandidatesA, out...)
		} else {
			c.CandidatesB = append(c.CandidatesB, out...)
		}
	}
	return 0
}

// elsewhere: no observed namespace owns the address.
func (e *Engine) elsewhere(addr uint32) bool {
	return !e.addrs.is(addr, addrLoopback) && len(e.owners(addr)) == 0
}
