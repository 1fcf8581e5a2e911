package attribution

import (
	"slices"

	"peerscope/internal/flow"
)

// translations are what conntrack rewrote, found from either end's tuple.
type translations struct {
	byKey map[natKey]*translation
	// byTuple has each translation under both of its tuples, see loose.
	byTuple map[natTuple][]*translation
	// flows are the halves of UDP by their loose tuples, while a window closes.
	flows map[natTuple][]uint32
	udp   bool // some are of UDP
	// over are those that were removed and not made again, since the last Close
	// and before it.
	over, before []natKey
	again        []natKey // made several times since the last Close
	decided      bool     // a window was closed with what is here, and nothing told since
}

// translation is one pair of tuples that a namespace rewrites into each other.
// It may have been made several times, one after the other.
type translation struct {
	natKey
	opened  []flow.Time // when it was made, as far as that was seen; rising
	closed  flow.Time   // when it was last removed; 0: not seen
	adopted flow.Time   // when it was found there before observation began; 0: not
	told    uint32      // how many windows had been closed when it was told last
}

// natKey is a translation by its namespace and tuples: client is what the
// client's socket has, server what the server's has.
type natKey struct {
	netns          uint32
	client, server natTuple
}

// natTuple is a socket's tuple in address numbers.
type natTuple struct {
	local, peer         uint32
	localPort, peerPort uint16
	transport           flow.Transport
}

// maxHops bounds how many translators in a row are followed.
const maxHops = 4

func newTranslations() translations {
	return translations{byKey: map[natKey]*translation{}, byTuple: map[natTuple][]*translation{}}
}

func (t *translations) used() bool { return len(t.byKey) > 0 }

func (e *Engine) natTuple(t flow.Tuple, transport flow.Transport) natTuple {
	return natTuple{e.addrs.number(t.Local.Addr()), e.addrs.number(t.Peer.Addr()), t.Local.Port(), t.Peer.Port(), transport}
}

func (h *half) natTuple() natTuple {
	return natTuple{h.local, h.peer, h.localPort, h.peerPort, h.transport}
}

func (t natTuple) mirror() natTuple {
	return natTuple{t.peer, t.local, t.peerPort, t.localPort, t.transport}
}

// loose is what tuples are found by. A UDP socket that is bound to any address
// does not tell its own.
func (t natTuple) loose() natTuple {
	if t.transport == flow.UDP {
		t.local = 0
	}
	return t
}

// is reports whether a socket's tuple may be t.
func (t natTuple) is(socket natTuple) bool {
	if socket.local == 0 {
		socket.local = t.local
	}
	return socket == t
}

// translation takes in a conntrack entry. Its Original is what the client's
// socket has; its Reply is what the server's socket has.
func (e *Engine) translation(o *flow.Translation) {
	e.forgetTranslations()
	key := natKey{e.netnsNumber(o.Netns), e.natTuple(o.Original, o.Transport), e.natTuple(o.Reply, o.Transport)}
	if key.client.mirror() == key.server || o.Original.Local.Port() == 0 || o.Reply.Local.Port() == 0 {
		return // tracked, not translated
	}
	t := e.nat.byKey[key]
	if t == nil {
		t = &translation{natKey: key}
		e.nat.byKey[key] = t
		for _, x := range [...]natTuple{key.client.loose(), key.server.loose()} {
			e.nat.byTuple[x] = append(e.nat.byTuple[x], t)
		}
		e.nat.udp = e.nat.udp || o.Transport == flow.UDP
		e.topologyChanged = true
	}
	t.told = e.closes
	if o.Opened != 0 {
		if i, found := slices.BinarySearch(t.opened, o.Opened); !found {
			t.opened = slices.Insert(t.opened, i, o.Opened)
			if len(t.opened) > 1 || t.adopted != 0 {
				e.nat.again = append(e.nat.again, key)
			}
		}
	}
	if o.Adopted && (t.adopted == 0 || o.Time < t.adopted) {
		t.adopted = o.Time
	}
	if o.Closed > t.closed {
		t.closed = o.Closed
		e.nat.over = append(e.nat.over, key)
	}
}

// forgetTranslations drops, once after each Close and before anything is told of
// others, those that were over before the Close before: their connections have
// been decided, and could be explained until now.
func (e *Engine) forgetTranslations() {
	n := &e.nat
	if !n.decided {
		return
	}
	n.decided = false
	for _, key := range n.before {
		t := n.byKey[key]
		if t == nil || t.made() > t.closed || slices.Contains(n.over, key) {
			continue
		}
		n.drop(t)
	}
	if e.closes%untoldCheck == 0 {
		for _, t := range n.byKey {
			if e.closes-t.told > untoldKept {
				n.drop(t)
			}
		}
	}
	n.before, n.over = n.over, n.before[:0]
	for _, key := range n.again { // the connections of all but the last are over
		if t := n.byKey[key]; t != nil {
			t.opened, t.adopted = t.opened[len(t.opened)-1:], 0
		}
	}
	n.again = n.again[:0]
}

// What is there is told in every window. Of one that is not the removal was lost.
const (
	untoldKept  = 24 // windows
	untoldCheck = 8  // how often that is looked at, in windows
)

func (n *translations) drop(t *translation) {
	delete(n.byKey, t.natKey)
	for _, x := range [...]natTuple{t.client.loose(), t.server.loose()} {
		if left := slices.DeleteFunc(n.byTuple[x], func(o *translation) bool { return o == t }); len(left) > 0 {
			n.byTuple[x] = left
		} else {
			delete(n.byTuple, x)
		}
	}
}

// made is when it was last made, at the latest; 0: not known.
func (t *translation) made() flow.Time {
	if len(t.opened) > 0 {
		return t.opened[len(t.opened)-1]
	}
	return t.adopted
}

// side is one of a translation's two: near is the tuple of the socket that is
// looked from, far that of the one looked for.
type side struct {
	*translation
	near, far natTuple
	forward   bool // from the client's side
}

// sides are the translations that a socket with tuple t may have gone through.
func (e *Engine) sides(t natTuple) []side {
	var out []side
	for _, x := range e.nat.byTuple[t.loose()] {
		if x.client.is(t) {
			out = append(out, side{x, x.client, x.server, true})
		}
		if x.server.is(t) {
			out = append(out, side{x, x.server, x.client, false})
		}
	}
	return out
}

// adjacent: packets that carry t, as their sender in namespace from writes it,
// may come to the translator in namespace at. What lives in the translator's
// namespace is sent there and nowhere else, and nobody gets his own address
// from outside.
func (e *Engine) adjacent(at uint32, t natTuple, from uint32) bool {
	if e.addrs.is(t.local, addrLoopback) || e.addrs.is(t.peer, addrLoopback) || e.owns(at, t.local) {
		return from == at
	}
	return from == at || !e.owns(from, t.peer)
}

func (e *Engine) owns(netns, addr uint32) bool { return slices.Contains(e.owners(addr), netns) }

// concealed: the socket with tuple t on that side may live in a namespace whose
// sockets are not read.
func (e *Engine) concealed(at uint32, t natTuple) bool {
	if e.addrs.is(t.local, addrLoopback) || e.addrs.is(t.peer, addrLoopback) || e.owns(at, t.local) {
		return false
	}
	return slices.ContainsFunc(e.owners(t.local), func(n uint32) bool { return !e.netns.list[n].observed })
}

// ofTime: h may have gone through t, by when the two were there. A client's
// socket is older than its entry, and both sides' are younger than the removal
// of an entry only if it is another's.
func (e *Engine) ofTime(t *translation, h *half, client bool) bool {
	if h.after == 0 || e.netns.list[t.netns].missed {
		return true
	}
	made := t.made()
	if t.closed != 0 && made <= t.closed && h.afterMillis() > wholeMillis(t.closed) {
		return false
	}
	return h.transport == flow.UDP || !client || made == 0 || h.afterMillis() <= wholeMillis(made)
}
