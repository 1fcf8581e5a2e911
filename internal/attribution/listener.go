package attribution

import (
	"slices"

	"peerscope/internal/flow"
)

// listeners are the sockets that wait for peers: TCP in LISTEN, UDP bound and
// not connected.
type listeners struct {
	byCookie map[flow.SocketCookie]*listener
	byPort   map[listenKey][]*listener // sorted by cookie
	ended    []flow.SocketCookie       // in this window and the one before
	over     int                       // how many of ended were so at the last Close
	// ports has a bit for every port anybody listens on, so that the many ports
	// of clients are told apart without a look-up.
	ports [1 << 16 / 64]uint64
}

type listenKey struct {
	netns     uint32
	transport flow.Transport
	port      uint16
}

type listener struct {
	cookie  flow.SocketCookie
	key     listenKey
	addr    uint32    // 0: any
	any6    bool      // bound to ::, which takes IPv4 too
	only6   bool      // unless it is told not to
	scope   uint32    // interface it is bound to; 0: all
	seen    flow.Time // latest
	after   flow.Time // it was not there yet at this time; 0: not known
	end     flow.Time // of its death; 0: it lives
	backlog uint32
	limit   uint32
	holders uint32
	held    uint32
	kernel  bool
	final   bool
	// ephemeral: the kernel chose its port, so waiting there makes no server (UDP).
	ephemeral bool
}

func newListeners() listeners {
	return listeners{byCookie: map[flow.SocketCookie]*listener{}, byPort: map[listenKey][]*listener{}}
}

// isListener tells a socket that waits for peers from one that has a peer.
func isListener(s *flow.Socket) bool {
	return s.State == flow.Listen || s.Transport == flow.UDP && s.Peer.Port() == 0
}

// listen merges one look at a listener.
func (e *Engine) listen(s *flow.Socket) {
	if s.Local.Port() == 0 {
		return
	}
	l := e.listeners.byCookie[s.Cookie]
	if l == nil {
		l = &listener{cookie: s.Cookie, key: listenKey{e.netnsNumber(s.Netns), s.Transport, s.Local.Port()},
			addr: e.addrs.number(s.Local.Addr()), any6: s.Local.Addr().Is6(),
			only6: s.V6Only, scope: s.Scope}
		e.listeners.byCookie[s.Cookie] = l
		list := append(e.listeners.byPort[l.key], l)
		slices.SortFunc(list, func(a, b *listener) int {
			if a.cookie < b.cookie {
				return -1
			}
			return 1
		})
		e.listeners.byPort[l.key] = list
		e.listeners.ports[l.key.port/64] |= 1 << (l.key.port % 64)
		e.topologyChanged = true
	}
	if s.Time >= l.seen && s.Limit != 0 {
		l.backlog, l.limit = s.Backlog, s.Limit
	}
	l.seen = max(l.seen, s.Time)
	l.kernel = l.kernel || s.Kernel
	l.ephemeral = l.ephemeral || s.Ephemeral
	l.after = max(l.after, s.After, s.Opened)
	if s.Final {
		if !l.final {
			e.listeners.ended = append(e.listeners.ended, l.cookie)
		}
		if !l.final || s.Time < l.end {
			l.final, l.end = true, s.Time
		}
	}
	if len(s.Holders) > 0 {
		ref, ms := e.holderNumber(s.Holders), millis(s.Time)
		if l.holders == 0 || later(ms, l.held) || ms == l.held && e.compareHolders(ref, l.holders) > 0 {
			if l.holders != ref {
				e.topologyChanged = true
			}
			l.holders, l.held = ref, ms
		}
	}
}

// listening lists the listeners that take a peer of addr:port in netns: those
// bound to the address itself, else to any address of its family, else to ::.
func (e *Engine) listening(netns uint32, transport flow.Transport, addr uint32, port uint16) []*listener {
	all := e.listeners.byPort[listenKey{netns, transport, port}]
	if len(all) == 0 {
		return nil
	}
	if out := those(all, func(l *listener) bool { return l.addr == addr && addr != 0 }); out != nil {
		return out
	}
	return e.onAnyAddress(all, addr)
}

// onAnyAddress keeps the listeners on any address of the family of addr, else
// those on ::.
func (e *Engine) onAnyAddress(all []*listener, addr uint32) []*listener {
	is4 := e.addrs.is(addr, addr4)
	if out := those(all, func(l *listener) bool { return l.addr == 0 && l.any6 != is4 }); out != nil {
		return out
	}
	return those(all, func(l *listener) bool { return l.addr == 0 && l.any6 && !l.only6 })
}

// those copies the listeners that fit; nil if there are none.
func those(all []*listener, fits func(*listener) bool) []*listener {
	var out []*listener
	for _, l := range all {
		if fits(l) {
			out = append(out, l)
		}
	}
	return out
}

// listened reports whether a listener takes peers of addr:port, without
// allocating: it is asked once for every connection.
func (e *Engine) listened(h *half) bool {
	if e.listeners.ports[h.localPort/64]&(1<<(h.localPort%64)) == 0 {
		return false
	}
	for _, l := range e.listeners.byPort[listenKey{h.netns, h.transport, h.localPort}] {
		if l.ephemeral {
			continue
		}
		if l.addr == h.local || l.addr == 0 && (l.any6 != e.addrs.is(h.local, addr4) || l.any6 && !l.only6) {
			return true
		}
	}
	return false
}

// ownListeners are those that h may belong to. Of a UDP socket on any address
// they are on any address too, of the family of its peer.
func (e *Engine) ownListeners(h *half) []*listener {
	if h.local != 0 {
		return h.during(e.listening(h.netns, h.transport, h.local, h.localPort))
	}
	return h.during(e.onAnyAddress(e.listeners.byPort[listenKey{h.netns, h.transport, h.localPort}], h.peer))
}

// during keeps the listeners that may have been there when h began. When that
// was is known exactly, or only that it was between two looks or before its end.
func (h *half) during(list []*listener) []*listener {
	alive := func(l *listener) bool {
		before := l.after == 0 || h.lastMillis() > wholeMillis(l.after)
		return before && (!l.final || h.after == 0 || wholeMillis(l.end) > h.afterMillis())
	}
	if h.after != 0 && h.after == millis(h.first) {
		alive = func(l *listener) bool { return l.after <= h.first && (!l.final || l.end >= h.first) }
	}
	if !h.failedConnect() && !slices.ContainsFunc(list, alive) {
		return list
	}
	return slices.DeleteFunc(list, func(l *listener) bool { return !alive(l) })
}

// makers are the nodes of those who made the listeners: of each its oldest
// holder, since a pre-fork group shares one socket.
func (e *Engine) makers(list []*listener) []NodeRef {
	var out []NodeRef
	for _, l := range list {
		var n NodeRef
		if l.kernel {
			n = e.kernelNode(l.key.netns)
		} else if holders := e.holdersOf(l.holders); len(holders) > 0 {
			n = e.processNode(e.processes.oldest(holders))
		} else {
			continue
		}
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// dropListeners forgets those that ended in the window before.
func (e *Engine) dropListeners() {
	t := &e.listeners
	for _, c := range t.ended[:t.over] {
		l := e.listeners.byCookie[c]
		delete(e.listeners.byCookie, c)
		list := slices.DeleteFunc(e.listeners.byPort[l.key], func(o *listener) bool { return o == l })
		if len(list) == 0 {
			delete(e.listeners.byPort, l.key)
		} else {
			e.listeners.byPort[l.key] = list
		}
		e.topologyChanged = true
	}
	t.ended = slices.Delete(t.ended, 0, t.over)
	t.over = len(t.ended)
}
