package netlink

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"peerscope/internal/flow"
)

// tracked is a socket that was seen alive, and what it was last seen to be.
type tracked struct {
	space      *space
	tuple      flow.Tuple
	inode      uint64
	counters   flow.Counters
	holders    []flow.ProcessKey // as told last; the first one holds it longest
	since      []int             // look in which each of holders was first seen to hold it
	confirmed  flow.Counters     // what it had counted when holders were last confirmed
	generation uint32
	seen       int // number of the look it was last seen in
	unheld     int // complete walks that found nobody who holds it
	transport  flow.Transport
	state      flow.State
	listener   bool
	over       bool // its connection ended; the socket may carry another one
	ended      int  // the window in which its end was told
	kernel     bool
	accepted   bool // it had a file once
	rqueue     uint32
}

type lookKind int

const (
	firstLook lookKind = iota
	laterLook
	lastLook
)

// look is what one look cost and found.
type look struct {
	kind    lookKind
	number  int
	at      flow.Time
	took    time.Duration
	cost    time.Duration              // processor time, of all threads
	unknown bool                       // some socket's holder is not known
	since   []int                      // the number, to be shared
	dead    map[flow.SocketCookie]bool // died while the look went on
}

// takeLook dumps the sockets of every namespace, finds out who holds those
// that are new, and tells what changed. The walk over all open files is taken
// only when there is a socket whose holder is not known, or thorough is set.
func (s *Source) takeLook(kind lookKind, thorough bool) error {
	began, cpu := time.Now(), processorTime()
	s.looks++
	s.look = look{kind: kind, number: s.looks, at: s.now(), dead: map[flow.SocketCookie]bool{}}
	if err := s.spaces.refresh(s, kind != laterLook); err != nil {
		return err
	}
	var ahead <-chan error
	ticks := bootTicks()
	if kind == firstLook {
		ahead = s.procs.walkAhead()
	}
	if err := s.lookAt(kind); err != nil {
		if ahead != nil {
			<-ahead
		}
		return err
	}
	if err := s.findHolders(thorough, ahead, ticks); err != nil {
		return err
	}
	if err := s.drainAll(); err != nil {
		return err
	}
	if err := s.sweep(); err != nil {
		return err
	}
	s.findVanished()
	s.lastLook, s.look.kind = s.look.at, laterLook
	s.look.took, s.look.cost = time.Since(began), processorTime()-cpu
	return nil
}

// lookAt dumps the sockets of every namespace, and now and then its addresses.
func (s *Source) lookAt(kind lookKind) error {
	for _, sp := range s.spaces.open {
		if sp.fresh > 0 || kind != laterLook || s.looks%8 == 0 {
			sp.fresh--
			if err := s.tell(sp); err != nil {
				return err
			}
		}
		if err := s.dump(sp); err != nil {
			return err
		}
	}
	return nil
}

// drainAll takes what waits: what died while it was dumped did not vanish.
func (s *Source) drainAll() error {
	for _, sp := range s.spaces.open {
		if sp.deaths != nil {
			if err := s.drainDeaths(sp); err != nil {
				return err
			}
		}
	}
	if s.events != nil {
		if err := s.drainEvents(); err != nil {
			return err
		}
	}
	return nil
}

// processorTime is what the whole program has used, in user and system.
func processorTime() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// dump reads the sockets of one namespace.
func (s *Source) dump(sp *space) error {
	each := func(d *inetSocket) error { s.seen(sp, d); return nil }
	requests := [...]inetRequest{
		{Family: unix.AF_UNSPEC, Transport: flow.TCP, States: liveStates, Info: true},
		{Family: unix.AF_INET, Transport: flow.UDP, States: ^uint32(0)},
		{Family: unix.AF_INET6, Transport: flow.UDP, States: ^uint32(0)},
	}
	for _, r := range requests {
		if err := dumpInet(sp.diag, r, each); err != nil {
			return fmt.Errorf("namespace %d: %w", sp.inode, err)
		}
	}
	if err := dumpUnix(sp.diag, func(u *unixSocket) error { s.seenUnix(sp, u); return nil }); err != nil {
		return fmt.Errorf("namespace %d: %w", sp.inode, err)
	}
	return nil
}

// seen takes one socket of a dump.
func (s *Source) seen(sp *space, d *inetSocket) {
	if s.look.dead[d.Cookie] || d.Local.Port() == 0 {
		return
	}
	t := s.sockets[d.Cookie]
	listener := d.State == flow.Listen || d.Transport == flow.UDP && d.Peer.Port() == 0
	if t != nil && !listener && !t.listener && t.another(d) {
		s.nextGeneration(d.Cookie, t)
	}
	fresh := t == nil || t.over || t.listener != listener
	if fresh {
		generation := uint32(0)
		if t != nil {
			generation = t.generation
			if !t.over {
				s.vanish(d.Cookie, t) // a listener that connects, or the reverse
				generation++
			} else if t.seen != 0 {
				generation++
			}
		}
		t = s.newTracked()
		*t = tracked{space: sp, transport: d.Transport, listener: listener, generation: generation}
		s.sockets[d.Cookie] = t
	}
	changed := fresh || t.state != d.State || t.counters != d.Counters || t.inode != d.Inode || t.rqueue != d.RQueue && listener
	t.seen, t.tuple, t.state, t.inode, t.counters, t.rqueue = s.look.number, d.Tuple, d.State, d.Inode, d.Counters, d.RQueue
	if d.Inode != 0 {
		t.accepted = true
		s.procs.want(d.Inode)
		if t.holders == nil && !t.kernel {
			s.look.unknown = true
		}
	}
	if changed || t.holders == nil {
		o := s.observation(d.Cookie, t)
		if fresh {
			o.After = s.lastLook
		}
		o.Adopted = s.look.kind == firstLook
		o.LastLook = fresh && s.look.kind == lastLook
		o.UID, o.Cgroup, o.Scope, o.V6Only, o.Transparent = d.UID, d.Cgroup, d.If, d.V6Only, d.Transparent
		if listener {
			o.Backlog, o.Limit = d.RQueue, d.WQueue
		} else {
			o.Unaccepted = d.Inode == 0 && !t.accepted && d.Transport == flow.TCP &&
				(d.State == flow.Established || d.State == flow.CloseWait || d.State == flow.SynRecv)
			o.HasCounters = d.HasSent && d.HasAcked && d.State != flow.SynSent && d.State != flow.SynRecv
			o.Counters = d.Counters
		}
		s.emit(o)
	}
}

// newTracked makes room for a socket. When observation begins a hundred thousand
// may be found at once: then many come from one slab. Later ones come and go, and
// a slab would be kept by the last of them.
func (s *Source) newTracked() *tracked {
	if s.look.kind != firstLook {
		return new(tracked)
	}
	if len(s.slab) == 0 {
		s.slab = make([]tracked, 128)
	}
	t := &s.slab[0]
	s.slab = s.slab[1:]
	return t
}

// another reports whether the socket now carries another connection than the
// one it was seen with: another tuple, or counters that went back.
func (t *tracked) another(d *inetSocket) bool {
	if t.over {
		return false
	}
	return t.tuple != d.Tuple || d.Counters.BytesReceived < t.counters.BytesReceived || d.Counters.BytesAcked < t.counters.BytesAcked
}

// nextGeneration ends the connection that a socket carried before.
func (s *Source) nextGeneration(cookie flow.SocketCookie, t *tracked) {
	s.vanish(cookie, t)
	t.over, t.ended = true, s.window
}

// observation starts an observation of t as it is now.
func (s *Source) observation(cookie flow.SocketCookie, t *tracked) *flow.Socket {
	s.out = flow.Socket{Time: s.look.at, Cookie: cookie, Generation: t.generation, Netns: t.space.id,
		Transport: t.transport, State: t.state, Tuple: t.tuple, Kernel: t.kernel}
	return &s.out
}

// vanish ends a connection without final counters.
func (s *Source) vanish(cookie flow.SocketCookie, t *tracked) {
	if t.over {
		delete(s.sockets, cookie)
		return
	}
	o := s.observation(cookie, t)
	o.Time = s.now()
	if !t.listener {
		o.State = flow.Close
	}
	o.Final, o.Vanished = true, true
	s.emit(o)
	delete(s.sockets, cookie)
}

// findVanished ends what this look did not see any more and no death was told
// of. A socket whose connection is over may live on and carry another one, or be
// kept by its process for long after a reset, so its cookie is kept: for some looks,
// and where the kernel tells of its death for many more.
func (s *Source) findVanished() {
	const keep, keepForDeath = 64, 1 << 16
	for cookie, t := range s.sockets {
		switch {
		case t.seen == s.look.number:
		case t.over:
			if age := s.look.number - t.seen; age > keepForDeath || age > keep && t.space.deaths == nil {
				delete(s.sockets, cookie)
			}
		default:
			s.vanish(cookie, t)
			if !t.listener {
				t.over, t.ended = true, s.window
				s.sockets[cookie] = t
			}
		}
	}
	s.findVanishedUnix()
}
