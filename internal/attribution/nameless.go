package attribution

import (
	"cmp"
	"slices"

	"peerscope/internal/flow"
)

// A socket that ends by reset through SO_LINGER 0, or whose blocking connect
// is refused, is told without its counters and without part of its tuple: the
// peer's port is gone, and the local address too unless it was bound (Linux
// 6.18). If nothing of it was seen before, it is nameless.

// pairNameless sets each nameless end against one half that can be its other
// end: the same connection is not counted twice, and a reset is not taken for
// a connect that failed.
func (e *Engine) pairNameless() {
	var nameless []uint32
	e.eachDirty(func(n uint32) {
		if h := e.half(n); !h.complete() && h.has(flagFinal) && !h.has(flagDone) && h.transport == flow.TCP {
			nameless = append(nameless, n)
		}
	})
	if nameless == nil {
		return
	}
	byCookie := func(a, b uint32) int {
		x, y := e.half(a), e.half(b)
		return cmp.Or(cmp.Compare(x.netns, y.netns), cmp.Compare(x.cookie, y.cookie))
	}
	slices.SortFunc(nameless, byCookie)
	open := e.unmatchedByPorts()
	for _, n := range nameless {
		h := e.half(n)
		// A client keeps its own port, which is the server's peer port. A
		// server keeps its own, which is the client's peer port.
		list := open[uint32(h.localPort)]
		slices.SortFunc(list, byCookie)
		i := slices.IndexFunc(list, func(m uint32) bool {
			o := e.half(m)
			return !o.has(flagPaired) && o.local == h.peer && (h.local == 0 || o.peer == h.local) &&
				e.livesIn(h.peer, h.netns, o.netns) && e.livesIn(o.peer, o.netns, h.netns)
		})
		switch {
		case i >= 0:
			h.flags |= flagPaired
			e.half(list[i]).flags |= flagPaired
			e.paired = append(e.paired, n, list[i])
		case h.peer != 0 && e.listened(h):
			h.flags |= flagEstablished // a server's end: its client is elsewhere
		}
	}
}

// unmatchedByPorts groups the changed halves whose other end is not observed
// by the port of that other end.
func (e *Engine) unmatchedByPorts() map[uint32][]uint32 {
	open := map[uint32][]uint32{}
	e.eachDirty(func(n uint32) {
		h := e.half(n)
		if h.complete() && h.transport == flow.TCP && h.has(flagEstablished) && !h.has(flagDone) &&
			e.findPeer(n, h).evidence >= flow.PeerAmbiguous {
			open[uint32(h.peerPort)] = append(open[uint32(h.peerPort)], n)
		}
	})
	return open
}
