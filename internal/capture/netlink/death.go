package netlink

import (
	"peerscope/internal/flow"
)

// drainDeaths takes the deaths that wait in a namespace.
func (s *Source) drainDeaths(sp *space) error {
	for {
		more, overrun, err := sp.deaths.poll()
		if err != nil {
			return err
		}
		if overrun {
			s.emit(&flow.Loss{Time: s.now(), Reason: flow.LossNetlinkOverrun, Count: 1, Netns: sp.id})
		}
		if !more {
			return nil
		}
	}
}

// died takes one death: the end of a connection with its final counters, or,
// where the kernel has cleared the socket before, only that it ended.
func (s *Source) died(sp *space, d *inetSocket) {
	s.look.dead[d.Cookie] = true
	t := s.sockets[d.Cookie]
	nameless := d.Peer.Port() == 0 || d.Local.Port() == 0
	switch {
	case t != nil && t.listener:
		s.vanish(d.Cookie, t)
		return
	case t != nil && t.over && nameless:
		delete(s.sockets, d.Cookie) // its end has been told
		return
	case t != nil && t.over && t.tuple == d.Tuple && t.ended < s.window-1:
		// Its end was told so long ago that it would be taken for another connection.
		delete(s.sockets, d.Cookie)
		return
	case t != nil && nameless:
		s.vanish(d.Cookie, t)
		return
	case t == nil && (!d.Peer.Addr().IsValid() || d.Peer.Addr().IsUnspecified()):
		return // never had a peer: a listener between two looks
	case t == nil && s.look.kind == firstLook:
		return // it ended before observation began
	}
	o := &s.out
	*o = flow.Socket{Time: s.now(), Cookie: d.Cookie, Netns: sp.id, Transport: d.Transport, State: flow.Close, Tuple: d.Tuple, Final: true,
		Transparent: d.Transparent}
	if t != nil {
		if !t.over && t.another(d) {
			s.vanish(d.Cookie, t)
			t.over = true
		}
		o.Generation = t.generation
		if t.over && t.tuple != d.Tuple {
			o.Generation++
		}
		delete(s.sockets, d.Cookie)
	} else {
		o.After = s.lastLook
	}
	o.Connected = d.Answered
	if nameless {
		o.Vanished = true
	} else {
		o.HasCounters = d.HasSent && d.HasAcked
		o.Counters = d.Counters
		o.Connected = o.Connected || d.Counters.BytesAcked > 0 || d.Counters.BytesReceived > 0 || d.Counters.RTT > 0
	}
	s.tellDeath(o)
}

// poll takes what waits now, without waiting for more.
func (d *deaths) poll() (more, overrun bool, err error) { return d.conn.Poll(d.take) }
