package attribution

import "peerscope/internal/flow"

// strays are sockets of which nothing is known but that they changed hands.
type strays struct{ now, before []stray }

type stray struct {
	half   uint32
	cookie flow.SocketCookie
}

// releaseStrays lets go of those of which nothing was told in the window before
// either: what they are of was over long ago.
func (e *Engine) releaseStrays() {
	for _, s := range e.strays.before {
		if h := e.half(s.half); !h.told() && h.cookie == s.cookie {
			e.lost[flow.LossLate]++
			e.release(s.half)
		}
	}
	e.strays.now, e.strays.before = e.strays.before[:0], e.strays.now
}
