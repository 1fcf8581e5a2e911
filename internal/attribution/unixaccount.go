package attribution

import (
	"slices"
	"strings"

	"peerscope/internal/flow"
)

// emitUnix emits a connection from client to server; a listener stands for the
// server that has not accepted yet.
func (e *Engine) emitUnix(client, server, listener *unixSocket, emit func(*Change)) {
	c := &e.change
	*c = Change{Peer: flow.PeerKernel, Role: flow.RoleKernel}
	if server != nil && server.peer == client.inode && client.asked(server) {
		c.Role = flow.RoleFirstDatagram
	}
	end := server
	if listener != nil {
		end = listener
	}
	key := EdgeKey{Transport: flow.Unix, RoleKnown: true, Path: e.pathNumber(end.path)}
	key.A = e.unixNode(client, &c.HoldersA)
	switch {
	case listener != nil:
		key.B = e.unixMaker(listener)
	case server.holders == 0:
		key.B = e.unixAcceptor(server, c)
	default:
		key.B = e.unixNode(server, &c.HoldersB)
	}
	e.accountUnix(c, key, client, server, emit)
}

// emitUnixCall emits datagrams to a name behind which no socket is known.
func (e *Engine) emitUnixCall(u *unixSocket, emit func(*Change)) {
	c := &e.change
	*c = Change{Peer: flow.PeerNone, Role: flow.RoleKernel}
	key := EdgeKey{Transport: flow.Unix, RoleKnown: true, Path: e.pathNumber(u.calls)}
	key.A = e.unixNode(u, &c.HoldersA)
	key.B = e.addressNode(0, u.netns)
	e.accountUnix(c, key, u, nil, emit)
}

// unixAcceptor is who will have a socket that nobody has accepted: who made the
// listener with its path. Of abstract names each network namespace has its own;
// files of one name may be several, and nobody is picked.
func (e *Engine) unixAcceptor(server *unixSocket, c *Change) NodeRef {
	var makers []NodeRef
	for _, l := range e.unix.listeners[server.path] {
		if l.holders == 0 || strings.HasPrefix(l.path, "@") && l.netns != server.netns {
			continue
		}
		if n := e.unixMaker(l); !slices.Contains(makers, n) {
			makers = append(makers, n)
		}
	}
	if len(makers) == 1 {
		return makers[0]
	}
	if len(makers) > 1 {
		c.Peer = flow.PeerAmbiguous
		c.CandidatesB = append(c.CandidatesB, makers...)
	}
	return e.addressNode(0, server.netns)
}

// emitUnixPair emits a connection nobody called: a socketpair.
func (e *Engine) emitUnixPair(u, o *unixSocket, emit func(*Change)) {
	if u.inode > o.inode {
		u, o = o, u
	}
	c := &e.change
	*c = Change{Peer: flow.PeerKernel, Role: flow.RoleUnknown}
	key := EdgeKey{Transport: flow.Unix, A: e.unixNode(u, &c.HoldersA), B: e.unixNode(o, &c.HoldersB)}
	if key.A > key.B {
		key.A, key.B, u, o = key.B, key.A, o, u
		c.HoldersA, c.HoldersB = c.HoldersB, c.HoldersA
	}
	e.accountUnix(c, key, u, o, emit)
}

// accountUnix counts a unix connection on its edge; the state is kept by the
// socket with the smaller inode of those that know of the connection.
func (e *Engine) accountUnix(c *Change, key EdgeKey, a, b *unixSocket, emit func(*Change)) {
	c.Edge = e.edgeNumber(key)
	keeper := a
	adopted, final, closed, opened := a.adopted, a.final, a.closed, a.opened
	if b != nil && b.peer == a.inode {
		final, closed, opened = final || b.final, closed || b.closed, opened || b.opened
		adopted = adopted && b.adopted || a.adopted
		if b.active {
			keeper = b
		}
	} else if b != nil {
		final = final || b.final // a named datagram server takes its clients' connections along
	}
	c.Opened = !adopted && !opened
	c.Closed = final && !closed
	c.Ended = c.Closed
	live, beside := packEvidence(c.Peer, c.Role), besideOf(c)
	if final || keeper.edge != c.Edge || keeper.live != live || !keeper.beside.equal(beside) {
		e.retractUnix(keeper, emit)
	}
	if !final && !keeper.active {
		keeper.active, keeper.beside = true, beside
		c.Active = 1
	}
	unixTraffic(c, a, b)
	for _, u := range [...]*unixSocket{a, b} {
		if u != nil && (u == a || u.peer == a.inode) {
			if u != keeper {
				e.retractUnix(u, emit)
			}
			u.edge = 0
			u.opened, u.closed = true, u.closed || final
			u.base, u.sealed = u.counters, true
		}
	}
	keeper.edge, keeper.live = c.Edge, live
	e.emitted = emitted{unix: [2]*unixSocket{a, b}}
	emit(c)
}

// retractUnix takes back what a socket counts as open.
func (e *Engine) retractUnix(u *unixSocket, emit func(*Change)) {
	if !u.active {
		return
	}
	e.back = Change{Edge: u.edge, Peer: u.live.peer(), Role: u.live.role(), Active: -1}
	u.beside.into(&e.back)
	u.active, u.beside = false, nil
	emit(&e.back)
}

func unixTraffic(c *Change, a, b *unixSocket) {
	if a.counted {
		c.SideA.ToB = Amount{Value: a.counters.BytesSent - a.base.BytesSent, Known: true}
		c.SideA.ToA = Amount{Value: a.counters.BytesReceived - a.base.BytesReceived, Known: true}
		c.Bytes = c.SideA
	}
	if b != nil && b.counted && b.peer == a.inode {
		c.SideB.ToA = Amount{Value: b.counters.BytesSent - b.base.BytesSent, Known: true}
		c.SideB.ToB = Amount{Value: b.counters.BytesReceived - b.base.BytesReceived, Known: true}
		if !a.counted {
			c.Bytes = c.SideB
		}
	}
	// Between unix sockets no datagram is lost: what the other end sent stands for
	// what was received and not counted.
	if a.loose {
		c.SideA.ToA = Amount{}
		c.Bytes.ToA = c.SideB.ToA
		if b != nil && b.peer != a.inode {
			c.Bytes.ToA = Amount{Known: true} // it never answered
		}
	}
	if b != nil && b.loose {
		c.SideB.ToB = Amount{}
	}
}

func (e *Engine) unixNode(u *unixSocket, others *[]NodeRef) NodeRef {
	holders := e.holdersOf(u.holders)
	if len(holders) == 0 {
		return e.addressNode(0, u.netns)
	}
	first := holders[0]
	for _, p := range slices.Clone(holders[1:]) {
		*others = append(*others, e.processNode(p))
	}
	return e.processNode(first)
}

// unixMaker is the oldest holder of a listener.
func (e *Engine) unixMaker(l *unixSocket) NodeRef {
	holders := e.holdersOf(l.holders)
	if len(holders) == 0 {
		return e.addressNode(0, l.netns)
	}
	return e.processNode(e.processes.oldest(holders))
}

func (e *Engine) pathNumber(path string) uint32 {
	n, ok := e.pathByName[path]
	if !ok {
		var grow bool
		if n, grow = e.pathNumbers.take(len(e.paths)); grow {
			e.paths = append(e.paths, path)
		}
		e.paths[n] = path
		e.pathByName[path] = n
	}
	return n
}
