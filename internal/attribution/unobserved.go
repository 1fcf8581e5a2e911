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
	if role == flow.Server {
		return e.bySidecarOrAddress(c, h, role)
	}
	list := e.remoteListeners(h)
	switch {
	case list == nil:
	case h.transport == flow.UDP:
		c.Role = min(c.Role, flow.RoleBound)
		return e.pick(c, h, list), flow.Client
	case role == flow.RoleNone && !e.listened(h):
		role, c.Role = flow.Client, flow.RoleListener // whoever it was that answered
		fallthrough
	case role == flow.Client:
		if list = e.reached(h, list); list != nil {
			return e.pick(c, h, list), role
		}
	}
	return e.bySidecarOrAddress(c, h, role)
}

func (e *Engine) bySidecarOrAddress(c *Change, h *half, role flow.Role) (NodeRef, flow.Role) {
	if n := e.bySidecar(c, h, role); n != 0 {
		return n, role
	}
	return e.addressNode(h.peer, h.netns), role
}

// reached keeps the listeners that may be the other end though the socket they
// made for this connection was not seen. Where every socket's death is told, a
// missing one was not there: what the client reached was something else, behind
// a translation, or in a namespace that is not observed.
func (e *Engine) reached(h *half, list []*listener) []*listener {
	if h.failedConnect() || !h.has(flagEstablished) || h.has(flagPaired) || !h.has(flagEarly) {
		return list
	}
	// A socket that was reset and that its process still has open has left the
	// tables and is not dead either. Within one namespace, where nothing stands
	// between the two, that is the likelier reason why it was not seen.
	reset := h.has(flagFinal) && !h.has(flagSyn1)
	return slices.DeleteFunc(list, func(l *listener) bool {
		ns := &e.netns.list[l.key.netns]
		return ns.observed && ns.deathsSeen && !ns.missed && !(reset && l.key.netns == h.netns)
	})
}

// remoteListeners are those that take what h sends, where its peer's address
// lives. A listener on any address takes the addresses of its namespace, not
// those of others.
func (e *Engine) remoteListeners(h *half) []*listener {
	if e.addrs.is(h.peer, addrGroup) {
		return nil // a datagram to a group names no receiver
	}
	// What stays within a namespace arrives over its loopback interface, what
	// comes from another over some other one.
	const loopback = 1 // ifindex, the same in every namespace (LOOPBACK_IFINDEX)
	var out []*listener
	for _, in := range e.homesOf(h.peer, h.netns) {
		for _, l := range e.listening(in, h.transport, h.peer, h.peerPort) {
			if l.scope == 0 || (l.scope == loopback) == (in == h.netns) {
				out = append(out, l)
			}
		}
	}
	return h.during(out)
}

// pick names the one process behind the listeners. Where several fit, or the
// address lives in another namespace as well, it names the candidates and
// answers with the address.
func (e *Engine) pick(c *Change, h *half, list []*listener) NodeRef {
	makers := e.makers(list)
	if len(makers) == 1 && len(e.homesOf(h.peer, h.netns)) == 1 {
		c.Peer = flow.PeerListener
		return makers[0]
	}
	if len(makers) > 0 {
		c.Peer = flow.PeerAmbiguous
		c.CandidatesB = append(c.CandidatesB, makers...)
	}
	return e.addressNode(h.peer, h.netns)
}

// bySidecar applies the mesh rules: an application's connection that nothing
// explains was taken by the proxy of its instance, and a proxy's belongs to
// the application of the instance that owns the address.
func (e *Engine) bySidecar(c *Change, h *half, role flow.Role) NodeRef {
	holders := e.holdersOf(h.holder)
	if len(holders) == 0 || !e.hasProxies {
		return 0
	}
	me := &e.processes.facts[holders[0]].info
	if !me.ServiceProxy && !me.MeshMember && me.InstanceID == "" {
		return 0
	}
	addr := e.addrs.list[h.peer].String()
	var out []NodeRef
	for _, i := range e.meshed {
		p := &e.processes.facts[i].info
		switch {
		case p.ServiceProxy && !me.ServiceProxy && serves(p, me, role) && e.elsewhere(h.peer) && !e.wouldShow(p, h):
		case me.ServiceProxy && p.MeshMember && slices.Contains(p.InstanceAddrs, addr):
		default:
			continue
		}
		out = append(out, e.processNode(i))
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

// serves: the proxy takes the connections of that process. If nobody said so, it
// does of those beside it in one pod, of what they call.
func serves(proxy, me *flow.Process, role flow.Role) bool {
	return me.InstanceID != "" && me.InstanceID == proxy.InstanceID && (me.MeshMember || role == flow.Client)
}

// wouldShow: if the proxy had taken the connection, its socket would have been seen
// and joined with h. It lives where every socket and every death is told.
func (e *Engine) wouldShow(proxy *flow.Process, h *half) bool {
	if proxy.NetnsInode == 0 || !h.has(flagEarly) {
		return false
	}
	for i := range e.netns.list {
		if ns := &e.netns.list[i]; ns.inode == proxy.NetnsInode && !ns.over {
			return ns.observed && ns.deathsSeen && !ns.lossy
		}
	}
	return false
}

// elsewhere: no observed namespace owns the address.
func (e *Engine) elsewhere(addr uint32) bool {
	return !e.addrs.is(addr, addrLoopback) && len(e.owners(addr)) == 0
}
