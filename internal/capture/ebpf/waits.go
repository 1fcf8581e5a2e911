package ebpf

import (
	"maps"
	"slices"

	"peerscope/internal/flow"
)

// waits are the sockets that wait for peers and were met by a look: of UDP nobody
// tells the end, and of TCP the word of it may have been lost.
type waits struct {
	known map[flow.SocketCookie]wait
	look  uint32
}

type wait struct {
	netns     flow.NetnsID
	transport flow.Transport
	tuple     flow.Tuple
	look      uint32 // that met it last
}

func newWaits() waits { return waits{known: map[flow.SocketCookie]wait{}} }

func (w *waits) met(o *flow.Socket) {
	w.known[o.Cookie] = wait{o.Netns, o.Transport, o.Tuple, w.look}
}

// missWaits tells the end of those that the look did not meet.
func (s *Source) missWaits() {
	w := &s.waits
	for _, cookie := range slices.Sorted(maps.Keys(w.known)) {
		k := w.known[cookie]
		if k.look == w.look {
			continue
		}
		delete(w.known, cookie)
		o := flow.Socket{Time: s.now(), Cookie: cookie, Netns: k.netns, Transport: k.transport, State: flow.Close, Tuple: k.tuple, Final: true}
		if k.transport == flow.TCP {
			o.State = flow.Listen
		}
		s.emit(&o)
	}
	w.look++
}
