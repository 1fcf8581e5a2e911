package attribution

import (
	"slices"
	"strings"

	"peerscope/internal/flow"
)

// unixSockets are the unix sockets by inode; the kernel itself names the peer.
type unixSockets struct {
	byKey     map[unixKey]*unixSocket
	latest    map[uint64]uint32   // generation by inode
	byPeer    map[unixPair]uint32 // the same of a socket as it talks to one peer
	dirty     []unixKey
	done      []unixKey                // over at the last Close; kept one window for what comes late
	listeners map[string][]*unixSocket // by path
	crowded   map[unixKey]*unixSocket  // listeners that clients wait on
	changed   bool
}

// unixKey names a unix socket as it talks to one peer.
type unixKey struct {
	inode      uint64
	generation uint32
}

// unixPair names a socket and its peer by their inodes.
type unixPair struct{ inode, peer uint64 }

type unixSocket struct {
	unixKey
	netns    uint32
	typ      flow.UnixType
	path     string
	bare     bool // it had a peer before it had a name, so the name is not a listener's
	peer     uint64
	waiting  map[uint64]uint32 // clients not accepted yet, with the number of windows closed when told last
	listens  bool
	seen     flow.Time
	backlog  uint32
	limit    uint32
	holders  uint32
	held     uint32
	final    bool
	done     bool // over and counted
	adopted  bool
	dirty    bool
	resolved bool
	counters flow.UnixCounters
	base     flow.UnixCounters
	based    bool      // the base is set
	sealed   bool      // something of it has been counted: the base is fixed
	counted  bool      // the source can count payload
	since    flow.Time // its first message with the peer; 0: not known
	calls    string    // the name it calls its peer by
	loose    bool      // it names its peer in every call: what it received is not known

	opened bool
	closed bool
	active bool
	edge   EdgeRef
	live   liveEvidence
	beside *beside // of its open connection
}

func newUnixSockets() unixSockets {
	return unixSockets{byKey: map[unixKey]*unixSocket{}, latest: map[uint64]uint32{}, byPeer: map[unixPair]uint32{},
		listeners: map[string][]*unixSocket{}, crowded: map[unixKey]*unixSocket{}}
}

// unixSocket merges one look at a unix socket.
func (e *Engine) unixSocket(o *flow.UnixSocket) {
	key := unixKey{o.Inode, o.Generation}
	u := e.unix.byKey[key]
	if u == nil {
		u = &unixSocket{unixKey: key, netns: e.netnsNumber(o.Netns), typ: o.Type}
		e.unix.byKey[key] = u
		e.unix.latest[o.Inode] = max(e.unix.latest[o.Inode], o.Generation)
		e.unix.talks(u, 0)
	}
	if u.done {
		e.lost[flow.LossLate]++
		return
	}
	if o.Path != "" && (u.path == "" || o.Path < u.path) {
		e.unix.unlist(u)
		u.path = o.Path
		e.unix.list(u)
	}
	u.bare = u.bare || o.Peer != 0 && o.Path == "" && !o.Final
	if o.Peer > u.peer {
		e.unix.talks(u, o.Peer)
	}
	for _, w := range o.Waiting {
		if u.waiting == nil {
			u.waiting = map[uint64]uint32{}
			e.unix.crowded[key] = u
		}
		u.waiting[w] = e.closes
		e.unixDirty(e.unixAt(w, o.Inode))
	}
	if o.State == flow.Listen && !u.listens {
		u.listens = true
		e.unix.list(u)
		e.unix.changed = true
	}
	if o.Time >= u.seen && o.Limit != 0 {
		u.backlog, u.limit = o.Backlog, o.Limit
	}
	u.seen = max(u.seen, o.Time)
	u.final = u.final || o.Final
	u.adopted = u.adopted || o.Adopted
	u.loose = u.loose || o.Unconnected
	u.calls = max(u.calls, o.PeerPath)
	if o.Opened != 0 && (u.since == 0 || o.Opened < u.since) {
		u.since = o.Opened
	}
	if o.HasCounters {
		if o.Adopted && !u.sealed {
			u.rebase(o.Counters)
		}
		u.counted = true
		u.counters.BytesSent = max(u.counters.BytesSent, o.Counters.BytesSent)
		u.counters.BytesReceived = max(u.counters.BytesReceived, o.Counters.BytesReceived)
	}
	if len(o.Holders) > 0 {
		ref, ms := e.holderNumber(o.Holders), millis(o.Time)
		if u.holders == 0 || later(ms, u.held) || ms == u.held && e.compareHolders(ref, u.holders) > 0 {
			u.holders, u.held = ref, ms
		}
	}
	e.unixDirty(u)
	e.unixDirty(e.unixAt(u.peer, u.inode))
}

// rebase makes what had been counted before the start the base: the least of
// what was told of it, whatever came first.
func (u *unixSocket) rebase(c flow.UnixCounters) {
	if u.based {
		c.BytesSent, c.BytesReceived = min(c.BytesSent, u.base.BytesSent), min(c.BytesReceived, u.base.BytesReceived)
	}
	u.base, u.based = c, true
}

// list enters a listener under its path, unlist takes it out.
func (t *unixSockets) list(u *unixSocket) {
	if u.listens {
		t.listeners[u.path] = append(t.listeners[u.path], u)
	}
}

func (t *unixSockets) unlist(u *unixSocket) {
	if !u.listens {
		return
	}
	t.listeners[u.path] = slices.DeleteFunc(t.listeners[u.path], func(l *unixSocket) bool { return l == u })
	if len(t.listeners[u.path]) == 0 {
		delete(t.listeners, u.path)
	}
}

// talks enters a socket under its peer, 0 while it has none.
func (t *unixSockets) talks(u *unixSocket, peer uint64) {
	t.forget(u)
	u.peer = peer
	pair := unixPair{u.inode, peer}
	if g, ok := t.byPeer[pair]; !ok || g < u.generation {
		t.byPeer[pair] = u.generation
	}
}

func (t *unixSockets) forget(u *unixSocket) {
	if pair := (unixPair{u.inode, u.peer}); t.byPeer[pair] == u.generation {
		delete(t.byPeer, pair)
	}
}

// unixAt is the socket with that inode as it talks to peer, else as it is by
// itself, else as it was last told.
func (e *Engine) unixAt(inode, peer uint64) *unixSocket {
	g, ok := e.unix.byPeer[unixPair{inode, peer}]
	if !ok {
		g, ok = e.unix.byPeer[unixPair{inode, 0}]
	}
	if !ok {
		g = e.unix.latest[inode]
	}
	return e.unix.byKey[unixKey{inode, g}]
}

func (e *Engine) unixDirty(u *unixSocket) {
	if u != nil && !u.dirty {
		u.dirty = true
		e.unix.dirty = append(e.unix.dirty, u.unixKey)
	}
}

// closeUnix decides the unix connections that changed.
func (e *Engine) closeUnix(emit func(*Change)) {
	e.markClientsOfEnded()
	if e.unix.changed {
		for _, u := range e.unix.byKey {
			e.unixDirty(u)
		}
		e.unix.changed = false
	}
	for _, key := range e.unix.dirty {
		if u := e.unix.byKey[key]; !u.resolved && (!u.closed || u.counters != u.base) {
			e.resolveUnix(u, emit)
		}
	}
	waits := e.waitingClients()
	for _, key := range e.unix.dirty {
		if u := e.unix.byKey[key]; !u.resolved && !u.closed && waits[key.inode] != nil {
			e.emitUnix(u, nil, waits[key.inode], emit)
		}
	}
	e.forgetWaiting()
	over := e.unix.done
	e.unix.done = nil
	for _, key := range e.unix.dirty {
		u := e.unix.byKey[key]
		u.dirty, u.resolved = false, false
		if u.final && !u.done {
			e.retractUnix(u, emit)
			u.done = true
			e.unix.unlist(u)
			e.unix.done = append(e.unix.done, key)
		}
	}
	e.unix.dirty = e.unix.dirty[:0]
	for _, key := range over {
		e.unix.forget(e.unix.byKey[key])
		delete(e.unix.byKey, key)
		delete(e.unix.crowded, key)
		if e.unix.latest[key.inode] == key.generation {
			delete(e.unix.latest, key.inode)
		}
	}
}

// markClientsOfEnded queues the clients of named datagram sockets that ended:
// such a server knows nothing of them.
func (e *Engine) markClientsOfEnded() {
	ended := map[uint64]bool{}
	for _, key := range e.unix.dirty {
		if u := e.unix.byKey[key]; u.final && u.typ == flow.UnixDgram {
			ended[u.inode] = true
		}
	}
	if len(ended) == 0 {
		return
	}
	for _, u := range e.unix.byKey {
		if ended[u.peer] {
			e.unixDirty(u)
		}
	}
}

// waitingClients maps clients that nobody has accepted to their listener.
func (e *Engine) waitingClients() map[uint64]*unixSocket {
	if len(e.unix.crowded) == 0 {
		return nil
	}
	waits := map[uint64]*unixSocket{}
	for _, u := range e.unix.crowded {
		for w := range u.waiting {
			if !u.done {
				waits[w] = u
			}
		}
	}
	return waits
}

// forgetWaiting forgets clients that were accepted or are gone, and those of which
// nothing was told in two windows.
func (e *Engine) forgetWaiting() {
	for key, u := range e.unix.crowded {
		for w, told := range u.waiting {
			c := e.unixAt(w, u.inode)
			if c == nil && e.closes != told || c != nil && (c.closed || c.peer != 0 && e.unixAt(c.peer, c.inode) != nil) {
				delete(u.waiting, w)
			}
		}
		if len(u.waiting) == 0 || u.done {
			u.waiting = nil
			delete(e.unix.crowded, key)
		}
	}
}

// resolveUnix decides one connection from the end that sees its peer.
func (e *Engine) resolveUnix(u *unixSocket, emit func(*Change)) {
	if u.listens || u.peer == 0 && u.calls == "" {
		return
	}
	o := e.unixAt(u.peer, u.inode)
	if u.calls != "" && (u.peer == 0 || o == nil) {
		u.resolved = true
		e.emitUnixCall(u, emit)
		return
	}
	if o == nil || o.resolved && o.peer == u.inode {
		return // its end is seen from the other side, or not observed at all
	}
	u.resolved = true
	if o.peer == u.inode {
		o.resolved = true
	}
	switch {
	case o.peer != u.inode && o.typ == flow.UnixDgram:
		e.emitUnix(u, o, nil, emit) // a datagram client of a named socket
	case e.serves(o) && !e.serves(u):
		e.emitUnix(u, o, nil, emit)
	case e.serves(u) && !e.serves(o):
		e.emitUnix(o, u, nil, emit)
	case u.asked(o):
		e.emitUnix(u, o, nil, emit)
	case o.asked(u):
		e.emitUnix(o, u, nil, emit)
	default:
		e.emitUnixPair(u, o, emit)
	}
}

// asked: of two datagram sockets of which o has a name and answered, u was the
// first to send.
func (u *unixSocket) asked(o *unixSocket) bool {
	return u.typ == flow.UnixDgram && o.path != "" && u.since != 0 && u.since < o.since
}

// serves: an accepted socket carries its listener's address, from the start. A
// name of its own that no listener has is a client's, unless the other end has
// none at all.
func (e *Engine) serves(u *unixSocket) bool {
	if u.path == "" || u.bare {
		return false
	}
	if o := e.unixAt(u.peer, u.inode); o != nil && o.path == "" {
		return true
	}
	return len(e.unix.listeners[u.path]) > 0
}

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
