package attribution

import (
	"slices"

	"peerscope/internal/flow"
)

// translations are what conntrack rewrote, in both directions, so that either
// end's tuple leads to the other's.
type translations struct {
	// byTuple maps a tuple as one end's socket has it to the tuples the other
	// end's may have, as that end has it.
	byTuple map[natTuple][]natTuple
}

// natTuple is a socket's tuple in address numbers.
type natTuple struct {
	local, peer         uint32
	localPort, peerPort uint16
	transport           flow.Transport
}

// maxHops bounds how many translators in a row are followed.
const maxHops = 4

func newTranslations() translations { return translations{byTuple: map[natTuple][]natTuple{}} }

func (t *translations) used() bool { return len(t.byTuple) > 0 }

func (t *translations) add(from, to natTuple) bool {
	if slices.Contains(t.byTuple[from], to) {
		return false
	}
	t.byTuple[from] = append(t.byTuple[from], to)
	return true
}

func (e *Engine) natTuple(t flow.Tuple, transport flow.Transport) natTuple {
	return natTuple{e.addrs.number(t.Local.Addr()), e.addrs.number(t.Peer.Addr()), t.Local.Port(), t.Peer.Port(), transport}
}

func (t natTuple) mirror() natTuple {
	return natTuple{t.peer, t.local, t.peerPort, t.localPort, t.transport}
}

// translation takes in a conntrack entry. Its Original is what the client's
// socket has; its Reply is what the server's socket has.
func (e *Engine) translation(o *flow.Translation) {
	client, server := e.natTuple(o.Original, o.Transport), e.natTuple(o.Reply, o.Transport)
	if client.mirror() == server {
		return // tracked, not translated
	}
	added := e.nat.add(client, server)
	if e.nat.add(server, client) || added {
		e.topologyChanged = true
	}
}

// byTranslation follows the translations from h's tuple, through several
// translators in a row, to exactly one socket.
func (e *Engine) byTranslation(n uint32, h *half) found {
	if !h.complete() {
		return noPeer
	}
	start := natTuple{h.local, h.peer, h.localPort, h.peerPort, h.transport}
	reached := []natTuple{start}
	var sockets []uint32
	for hop, from := 0, 0; hop < maxHops && from < len(reached); hop++ {
		end := len(reached)
		for ; from < end; from++ {
			for _, t := range e.nat.byTuple[reached[from]] {
				// The next translator sees what the server of this one would answer.
				if slices.Contains(reached, t.mirror()) {
					continue
				}
				reached = append(reached, t.mirror())
				for _, m := range e.withTuple(t) {
					if m != n && !slices.Contains(sockets, m) && compatible(h, e.half(m)) {
						sockets = append(sockets, m)
					}
				}
			}
		}
	}
	switch len(sockets) {
	case 0:
		return noPeer
	case 1:
		return found{partner: sockets[0], evidence: flow.PeerNAT}
	}
	return found{evidence: flow.PeerAmbiguous, candidates: sockets}
}

// withTuple lists the halves that have t as their own tuple where its local
// address lives.
func (e *Engine) withTuple(t natTuple) []uint32 {
	probe := half{local: t.local, peer: t.peer, localPort: t.localPort, peerPort: t.peerPort, transport: t.transport}
	loopback := e.addrs.is(t.local, addrLoopback) || e.addrs.is(t.peer, addrLoopback)
	var out []uint32
	for netns := 1; netns < len(e.namespaces); netns++ {
		probe.netns = uint32(netns)
		hash := e.tupleHash(&probe)
		for i := e.byTuple.home(hash); uint32(e.byTuple.slots[i]) != 0; i = e.byTuple.next(i) {
			m := uint32(e.byTuple.slots[i])
			if uint32(e.byTuple.slots[i]>>32) != hash || !sameTuple(&probe, e.half(m)) {
				continue
			}
			for _, k := range e.circleOf(m, e.half(m)) {
				if o := e.half(k); aligned(&probe, o) && !o.embryo() && !slices.Contains(out, k) {
					out = append(out, k)
				}
			}
			break
		}
		if !loopback {
			break // the hash does not depend on the namespace
		}
	}
	return out
}
