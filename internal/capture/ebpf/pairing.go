package ebpf

import (
	"time"

	"peerscope/internal/flow"
)

// pairing keeps the two ends of a connection in one window. They are told one
// after the other, and a window may end in between: then one end alone would
// look like a connection with somebody who is not observed. An end that is told
// for the first time waits a moment for the other, also into the next window.
type pairing struct {
	on bool
	// ends are connections that are over, of which only one end has been told.
	ends  map[flow.Sequence]*heldEnd
	owned map[uint64]*heldEnd // the same by cookie
	queue []*heldEnd          // the same by age, and some that were told since
	spare []*heldEnd

	// pass is when the look at the end of a window began, as it goes on;
	// CLOCK_BOOTTIME in ns, 0: none goes on.
	pass  uint64
	met   map[flow.Sequence]int // ends that it met, of connections that are new
	young []heldEnd             // those of them that may be met alone
}

// heldEnd is one end of a connection that is told later.
type heldEnd struct {
	record  peerscopeTcpRecord
	holders []flow.ProcessKey
	id      flow.Sequence
	since   uint64
	told    bool
}

// patience is how much later the other end of a connection may be told. Where
// there is none, on this host, an end waits for so long in vain.
const patience = uint64(100 * time.Millisecond)

func newPairing(on bool) pairing {
	return pairing{on: on, ends: map[flow.Sequence]*heldEnd{}, owned: map[uint64]*heldEnd{}, met: map[flow.Sequence]int{}}
}

// identity is the same for both ends of a connection.
func identity(r *peerscopeTcpRecord) (id flow.Sequence, ok bool) {
	switch {
	case r.Flags&flagSequence == 0:
		return id, false
	case r.Flags&flagCalled != 0:
		return flow.Sequence{SendBase: r.RecvBase, RecvBase: r.SendBase + 1}, true
	case r.Flags&flagAnswered != 0:
		return flow.Sequence{SendBase: r.SendBase, RecvBase: r.RecvBase}, true
	}
	return id, false // its role is not known
}

// hold reports whether an end is told later, or not at all for now.
func (s *Source) hold(r *peerscopeTcpRecord, holders []flow.ProcessKey) bool {
	p := &s.pairing
	id, ok := identity(r)
	if !p.on || !ok || r.Flags&(flagTold|flagUntracked) != 0 {
		return false
	}
	if r.Flags&flagFinal != 0 {
		return s.holdEnd(r, id, holders)
	}
	complete := r.Opened + uint64(r.ConnectUs)*1000
	if p.pass == 0 || complete+10*patience < p.pass {
		return false
	}
	p.met[id]++
	if complete+patience < p.pass {
		return false
	}
	p.young = append(p.young, heldEnd{record: *r, holders: holders, id: id})
	return true
}

// holdEnd keeps the end of a connection until the other one is told.
func (s *Source) holdEnd(r *peerscopeTcpRecord, id flow.Sequence, holders []flow.ProcessKey) bool {
	p := &s.pairing
	if other := p.ends[id]; other != nil {
		s.release(other)
		return false
	}
	h := &heldEnd{}
	if n := len(p.spare); n > 0 {
		h, p.spare = p.spare[n-1], p.spare[:n-1]
	}
	*h = heldEnd{record: *r, holders: holders, id: id, since: r.Time}
	p.ends[id], p.owned[r.Cookie] = h, h
	p.queue = append(p.queue, h)
	return true
}

// release tells an end that was held.
func (s *Source) release(h *heldEnd) {
	p := &s.pairing
	h.told = true
	delete(p.ends, h.id)
	delete(p.owned, h.record.Cookie)
	s.tellTCP(&h.record, h.holders)
}

// releaseOf tells what is held of a socket before more is told of it.
func (s *Source) releaseOf(cookie uint64) {
	if h := s.pairing.owned[cookie]; h != nil {
		s.release(h)
	}
}

// releaseOld tells the ends that have waited in vain, by the time that is given;
// those that were told are used again.
func (s *Source) releaseOld(now uint64) {
	p := &s.pairing
	n := 0
	for ; n < len(p.queue); n++ {
		h := p.queue[n]
		if !h.told && h.since+patience > now {
			break
		}
		if !h.told {
			s.release(h)
		}
		p.spare = append(p.spare, h)
	}
	if n > 0 {
		p.queue = p.queue[:copy(p.queue, p.queue[n:])]
	}
}

// settle tells those of the connections that a pass met for the first time of
// which the other end is told in this window, too. The others are told when
// they are over, or by the next pass.
func (s *Source) settle() {
	p := &s.pairing
	for i := range p.young {
		y := &p.young[i]
		end := p.ends[y.id]
		if end == nil && p.met[y.id] < 2 {
			continue
		}
		if end != nil && end.record.Cookie != y.record.Cookie {
			s.release(end)
		}
		s.tellTCP(&y.record, y.holders)
	}
	p.young, p.pass = p.young[:0], 0
	clear(p.met)
}
