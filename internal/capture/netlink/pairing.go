package netlink

import (
	"time"

	"peerscope/internal/flow"
)

// pairing keeps the deaths of both ends of a connection in one window. The kernel tells
// them one after the other, and where a window ends in between, either end alone would
// count as the connection. A death of which the other end's was not told yet waits for
// it, also into the next window; where the other end is elsewhere, or behind a
// translation, in vain.
type pairing struct {
	held  map[deathKey]*heldDeath
	queue []*heldDeath // by age, with some that were told since
}

// patience is how long a death waits for that of the other end.
const patience = flow.Time(100 * time.Millisecond)

type deathKey struct {
	netns     flow.NetnsID // of both ends, where they are on loopback; 0: in any
	transport flow.Transport
	tuple     flow.Tuple
}

type heldDeath struct {
	socket flow.Socket
	key    deathKey
	told   bool
}

func newPairing() pairing { return pairing{held: map[deathKey]*heldDeath{}} }

// keyOf names an end; the other one is named by the mirrored tuple.
func keyOf(o *flow.Socket) deathKey {
	k := deathKey{transport: o.Transport, tuple: o.Tuple}
	if o.Tuple.Local.Addr().IsLoopback() {
		k.netns = o.Netns
	}
	return k
}

func (k deathKey) other() deathKey {
	k.tuple = flow.Tuple{Local: k.tuple.Peer, Peer: k.tuple.Local}
	return k
}

// tellDeath tells a death together with that of the other end.
func (s *Source) tellDeath(o *flow.Socket) {
	if s.cfg.Boundary == nil || o.Transport != flow.TCP || o.Vanished {
		s.emit(o)
		return
	}
	p := &s.pairing
	key := keyOf(o)
	if other := p.held[key.other()]; other != nil && key != key.other() {
		s.release(other)
		s.emit(o)
		return
	}
	if before := p.held[key]; before != nil {
		s.release(before)
	}
	h := &heldDeath{socket: *o, key: key}
	p.held[key] = h
	p.queue = append(p.queue, h)
}

func (s *Source) release(h *heldDeath) {
	h.told = true
	delete(s.pairing.held, h.key)
	s.emit(&h.socket)
}

// releaseOld tells the deaths that have waited in vain; at the end all of them.
func (s *Source) releaseOld(all bool) {
	p, now := &s.pairing, s.now()
	n := 0
	for ; n < len(p.queue); n++ {
		h := p.queue[n]
		if h.told {
			continue
		}
		if !all && h.socket.Time+patience > now {
			break
		}
		s.release(h)
	}
	p.queue = p.queue[:copy(p.queue, p.queue[n:])]
}
