package conntrack

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sys/unix"

	"peerscope/internal/capture/nlsocket"
	"peerscope/internal/capture/pace"
	"peerscope/internal/flow"
)

// Source tells the translations of the namespaces that it was let into. It does
// nothing by itself: whoever observes the namespaces calls it, from one
// goroutine, and takes what it tells.
type Source struct {
	procRoot string
	spaces   map[uint64]*space // by inode
	epoll    int
	clock    *pace.Pace
	buf      []byte
	began    bool
	last     flow.Time // latest time that was given to a message
	out      flow.Translation
	entry    entry

	// By inode: namespaces whose table may not or cannot be read, that were entered
	// before the kernel tracked anything, and whose table was full when it was read.
	denied, failed map[uint64]flow.NetnsID
	absent, full   map[uint64]bool
	failure        error    // the first of those that failed
	left           []uint64 // namespaces that ended in this window
	finished       bool     // the window is over, and nothing was taken since
	servers        *Servers // nil: are not asked
}

// New returns a Source without namespaces. procRoot is where /proc is mounted.
func New(procRoot string) (*Source, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make an epoll: %w", err)
	}
	return &Source{procRoot: procRoot, spaces: map[uint64]*space{}, epoll: epoll, clock: pace.New(nil), buf: make([]byte, nlsocket.BufferSize),
		denied: map[uint64]flow.NetnsID{}, failed: map[uint64]flow.NetnsID{}, absent: map[uint64]bool{}, full: map[uint64]bool{}}, nil
}

// Close lets go of everything.
func (s *Source) Close() {
	for _, sp := range s.spaces {
		sp.close()
	}
	clear(s.spaces)
	if s.epoll >= 0 {
		unix.Close(s.epoll)
		s.epoll = -1
	}
}

// Enter begins with a namespace. It is called on a thread that is inside of it.
// What the sockets opened here are of keeps living: Leave has to follow when
// nothing else does.
func (s *Source) Enter(id flow.NetnsID, inode uint64) {
	if s.spaces[inode] != nil {
		return
	}
	s.forget(inode) // that had it before
	sp, err := openSpace(id, inode, s.procRoot)
	switch {
	case errors.Is(err, errNoConntrack):
		s.absent[inode] = true
		return
	case err != nil:
		s.fail(id, inode, err)
		return
	}
	sp.dumps.ShareBuffer(s.buf)
	err = unix.EpollCtl(s.epoll, unix.EPOLL_CTL_ADD, sp.eventsFD, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(sp.eventsFD)})
	if err != nil {
		sp.close()
		s.fail(id, inode, fmt.Errorf("watch for translations: %w", err))
		return
	}
	s.spaces[inode] = sp
}

// Leave lets go of a namespace that has ended, after telling what waits in it.
func (s *Source) Leave(inode uint64, emit func(flow.Observation)) {
	s.left = append(s.left, inode)
	sp := s.spaces[inode]
	if sp == nil {
		return
	}
	s.drain(sp, emit)
	sp.close()
	delete(s.spaces, inode)
}

// forget forgets what could not be told of a namespace.
func (s *Source) forget(inode uint64) {
	s.left = slices.DeleteFunc(s.left, func(i uint64) bool { return i == inode })
	delete(s.denied, inode)
	delete(s.failed, inode)
	delete(s.absent, inode)
	delete(s.full, inode)
	if len(s.failed) == 0 {
		s.failure = nil
	}
}

// nextWindow forgets what was so in the window before and is not any more.
func (s *Source) nextWindow() {
	s.finished = false
	clear(s.full)
	for _, inode := range slices.Clone(s.left) {
		s.forget(inode)
	}
}

// Take tells what is new since the last call: first everything there is, then
// what is made and removed. It never waits.
func (s *Source) Take(emit func(flow.Observation)) {
	adopted := !s.began
	if s.began = true; s.finished {
		s.nextWindow()
	}
	var ready [64]unix.EpollEvent
	if n, err := unix.EpollWait(s.epoll, ready[:], 0); err == nil && n > 0 {
		for i := range n {
			if sp := s.byFD(int(ready[i].Fd)); sp != nil {
				s.drain(sp, emit)
			}
		}
	}
	for _, sp := range s.spaces {
		sp.taken = false
	}
	for _, sp := range s.sorted(func(sp *space) bool { return sp.fresh || sp.again }) {
		s.dump(sp, adopted, emit)
	}
}

// Finish is Take, and tells once more everything there is: what was made while
// messages were lost, or where none are told, lives on for some time.
func (s *Source) Finish(emit func(flow.Observation)) {
	s.Take(emit)
	s.finished = true
	for _, sp := range s.sorted(func(sp *space) bool { return !sp.taken }) {
		s.drain(sp, emit)
		s.dump(sp, false, emit)
	}
	if s.servers == nil {
		return
	}
	unread := map[flow.NetnsID]bool{}
	for _, list := range [...]map[uint64]flow.NetnsID{s.denied, s.failed} {
		for _, id := range list {
			unread[id] = true
		}
	}
	if len(unread) > 0 {
		s.servers.tell(unread, s.clock.Now(), emit)
	}
}

// AskServers makes Finish ask servers' sockets for the address that their clients
// asked for, in namespaces whose table cannot be read.
func (s *Source) AskServers(list *Servers) { s.servers = list }

func (s *Source) byFD(fd int) *space {
	for _, sp := range s.spaces {
		if sp.eventsFD == fd {
			return sp
		}
	}
	return nil
}

func (s *Source) sorted(wanted func(*space) bool) []*space {
	var out []*space
	for _, inode := range slices.Sorted(maps.Keys(s.spaces)) {
		if sp := s.spaces[inode]; wanted(sp) {
			out = append(out, sp)
		}
	}
	return out
}

// dump tells every translation of a namespace.
func (s *Source) dump(sp *space, adopted bool, emit func(flow.Observation)) {
	sp.fresh, sp.again, sp.taken = false, false, true
	n := sp.entries()
	if n == 0 {
		return // the kernel would look through the tables of all namespaces
	}
	if sp.full(n) {
		s.full[sp.inode] = true
	}
	now := s.clock.Now()
	err := dump(sp.dumps.Dump, func(e *entry) {
		s.out = flow.Translation{Time: now, Netns: sp.id, Transport: e.Transport, Original: e.Original, Reply: e.Reply, Adopted: adopted}
		emit(&s.out)
	})
	if err != nil {
		s.fail(sp.id, sp.inode, err)
	}
}

// drain tells what was made and removed in a namespace. Times are those at which
// it is read, each later than the one before, so that the order is kept.
func (s *Source) drain(sp *space, emit func(flow.Observation)) {
	each := func(msgType uint16, payload []byte) error {
		if msgType != msgNew && msgType != msgDelete {
			return nil
		}
		if err := parseEntry(payload, &s.entry); err != nil {
			s.fail(sp.id, sp.inode, err)
			return nil
		}
		if !s.entry.translated() {
			return nil
		}
		s.last = max(s.last+1, s.clock.Now())
		s.out = flow.Translation{Time: s.last, Netns: sp.id, Transport: s.entry.Transport, Original: s.entry.Original, Reply: s.entry.Reply}
		if msgType == msgDelete {
			s.out.Closed = s.last
		} else {
			s.out.Opened = s.last
		}
		emit(&s.out)
		return nil
	}
	for {
		more, overrun, err := sp.events.Poll(each)
		if overrun {
			sp.again = true
			emit(&flow.Loss{Time: s.clock.Now(), Reason: flow.LossNetlinkOverrun, Count: 1, Netns: sp.id})
		}
		if err != nil {
			s.fail(sp.id, sp.inode, err)
			return
		}
		if !more {
			return
		}
	}
}

// fail takes down why the translations of a namespace are not known.
func (s *Source) fail(id flow.NetnsID, inode uint64, err error) {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		s.denied[inode] = id
		return
	}
	s.failed[inode] = id
	if s.failure == nil {
		s.failure = err
	}
}
