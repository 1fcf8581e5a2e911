package attribution

import (
	"slices"

	"peerscope/internal/flow"
)

// A redirect changes the server's address and port and leaves the client's. So
// where nothing tells the translation, a connection that a proxy took has the
// client's own address and port as its peer all the same. That is an inference: it
// is drawn only for programs that are known to take others' connections, and only
// where one socket on either side is left for it.

// taken are the halves that use one address and port as clients, and those of
// proxies that have it for their peer.
type taken struct{ by, of []uint32 }

// clientEnd is the address and port of a client.
type clientEnd struct {
	addr uint32
	port uint16
}

// indexTaken finds the halves that byTaking may join, and the processes that
// bySidecar may name. It costs one pass over all halves while there is a proxy.
func (e *Engine) indexTaken() {
	e.intercepted, e.meshed = nil, e.meshed[:0]
	if !e.hasProxies {
		return
	}
	e.hasProxies = false
	for i := range e.processes.facts {
		p := &e.processes.facts[i]
		e.hasProxies = e.hasProxies || p.info.ServiceProxy
		if (p.info.ServiceProxy || p.info.MeshMember) && !e.longGone(p) {
			e.meshed = append(e.meshed, uint32(i))
		}
	}
	byEnd := map[clientEnd]*taken{}
	open := func(h *half) bool {
		return h.transport == flow.TCP && h.told() && h.complete() && !h.has(flagDone) && !h.embryo()
	}
	for n := uint32(1); n < e.count; n++ {
		if h := e.half(n); open(h) && e.accepted(h) {
			at := clientEnd{h.peer, h.peerPort}
			if byEnd[at] == nil {
				byEnd[at] = &taken{}
			}
			byEnd[at].by = append(byEnd[at].by, n)
		}
	}
	if len(byEnd) == 0 {
		return
	}
	e.intercepted = byEnd
	for n := uint32(1); n < e.count; n++ {
		if h := e.half(n); open(h) && !h.has(flagSynRecv) && !e.accepted(h) {
			if t := byEnd[clientEnd{h.local, h.localPort}]; t != nil {
				t.of = append(t.of, n)
			}
		}
	}
}

// accepted: a process that takes others' connections accepted it.
func (e *Engine) accepted(h *half) bool {
	holders := e.holdersOf(h.holder)
	return len(holders) > 0 && e.processes.facts[holders[0]].info.ServiceProxy &&
		!h.has(flagSynSent|flagSyn1) && (h.has(flagSynRecv|flagSyn0) || e.listened(h))
}

// byTaking joins a client's half with the proxy's that has the client's address
// and port for its peer, if there is one of either that nothing stronger joins.
func (e *Engine) byTaking(n uint32, h *half) found {
	if h.transport != flow.TCP || !h.complete() {
		return noPeer
	}
	proxy := e.accepted(h)
	at := clientEnd{h.local, h.localPort}
	if proxy {
		at = clientEnd{h.peer, h.peerPort}
	}
	t := e.intercepted[at]
	if t == nil {
		return noPeer
	}
	mine, theirs := t.of, t.by
	if proxy {
		mine, theirs = theirs, mine
	}
	m := e.onlyTaken(n, theirs, proxy)
	if m == 0 || !slices.Contains(mine, n) || e.onlyTaken(m, mine, !proxy) != n {
		return noPeer
	}
	return found{partner: m, evidence: flow.PeerSidecar}
}

// onlyTaken is the one of the list that n may be the other end of; 0: none, or
// several.
func (e *Engine) onlyTaken(n uint32, list []uint32, proxy bool) (one uint32) {
	for _, m := range list {
		a, b := m, n
		if !proxy {
			a, b = n, m
		}
		if !e.mayHaveTaken(e.half(a), e.half(b)) || e.toldPeer(m, e.half(m)) {
			continue
		}
		if one != 0 {
			return 0
		}
		one = m
	}
	return one
}

// toldPeer: something stronger says who is at the other end, or that several may be.
func (e *Engine) toldPeer(n uint32, h *half) bool {
	return e.findUntranslated(n, h).evidence != flow.PeerNone || e.nat.used() && e.byTranslation(n, h).evidence != flow.PeerNone
}

// mayHaveTaken: o, a proxy's, may be the other end of h: of what its namespace sent
// elsewhere, or of what was sent to another port of its own address.
func (e *Engine) mayHaveTaken(h, o *half) bool {
	if mirrored(h, o) || !compatible(h, o) {
		return false
	}
	return h.netns == o.netns || h.peer == o.local && e.reach(h, o)
}
