package attribution

import (
	"slices"

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
