package ebpf

import (
	"cmp"
	"maps"
	"slices"

	"golang.org/x/sys/unix"

	"peerscope/internal/flow"
)

// locals are the unix sockets. Where the kernel's inode names a socket only
// while a process has it, its cookie names it from the start and never another:
// it stands for the inode in what is told.
type locals struct {
	bySocket map[uint64]*local
	flows    map[localKey]*localFlow
	adopted  map[uint64]bool // there before the observation
	alive    map[uint64]bool // as of the last look
	// waiting are the sockets that wait for accept, with the listener they wait
	// on, as of the last look.
	waiting map[uint64]uint64
}

type local struct {
	socket flow.UnixSocket
	peers  uint32   // flows, for the generation of each
	file   fileName // it is bound to; zero: none
}

// fileName is the file that a name leads to, whatever it is called on the way.
type fileName struct{ device, inode uint64 }

type localKey struct {
	cookie uint64
	peer   [16]uint8
	named  bool // peer is the hash of a name
}

type localFlow struct {
	told       bool // nothing new since it was told last
	generation uint32
	value      peerscopeUnixValue
	file       fileName // that the name of a named peer led to; zero: not known
}

func newLocals() locals {
	return locals{bySocket: map[uint64]*local{}, flows: map[localKey]*localFlow{}, adopted: map[uint64]bool{}, alive: map[uint64]bool{}}
}

// unixSocket takes a unix socket that a process holds.
func (s *Source) unixSocket(r *peerscopeUnixRecord) {
	s.met(r.Netns, r.NetnsInode)
	h := s.look.unix[r.Cookie]
	if h == nil {
		h = &heldUnix{record: *r}
		s.look.unix[r.Cookie] = h
	}
	h.holders = append(h.holders, s.holder(r.Owner, r.OwnerStart)...)
}

// seenLocals takes over which unix sockets are there, tells those that are new
// and the end of those that are not.
func (s *Source) seenLocals() {
	l := &s.locals
	l.alive, l.waiting = map[uint64]bool{}, map[uint64]uint64{}
	clients := map[uint64][]uint64{}
	for _, cookie := range slices.Sorted(maps.Keys(s.look.unix)) {
		h := s.look.unix[cookie]
		l.alive[cookie] = true
		slices.SortFunc(h.holders, flow.ProcessKey.Compare)
		if on := h.record.Listener; on != 0 {
			l.waiting[h.record.Peer] = on
			clients[on] = append(clients[on], cookie)
			h.record.Peer = 0 // until it is accepted the listener stands for it
		}
		s.seenLocal(&h.record, slices.Compact(h.holders))
	}
	for _, cookie := range slices.Sorted(maps.Keys(clients)) {
		if u := l.bySocket[cookie]; u != nil {
			o := u.socket
			o.Waiting = clients[cookie]
			s.emit(&o)
		}
	}
}

func (s *Source) seenLocal(r *peerscopeUnixRecord, holders []flow.ProcessKey) {
	l := &s.locals
	if s.started == 0 {
		l.adopted[r.Cookie] = true
	}
	o := flow.UnixSocket{Time: s.clock.time(r.Time), Cookie: flow.SocketCookie(r.Cookie), Inode: r.Cookie, Netns: netnsID(r.Netns, r.NetnsInode),
		Type: flow.UnixType(r.Type), State: flow.State(r.State), Path: unixName(r.Path[:], r.PathLen), Peer: r.Peer,
		Adopted: s.started == 0 && (r.Peer != 0 || r.State == uint8(flow.Listen)), Backlog: r.Backlog, Limit: r.Limit, Holders: holders}
	u := l.bySocket[r.Cookie]
	if u == nil {
		u = &local{}
		l.bySocket[r.Cookie] = u
	}
	u.socket, u.file = o, fileName{}
	if r.File != 0 {
		u.file = fileName{unix.Mkdev(r.Device>>20, r.Device&(1<<20-1)), r.File}
	}
	s.emit(&o)
	if r.Flags&flagUnaccepted == 0 || r.Peer == 0 {
		return
	}
	// The other end waits for accept: nobody has it, but it is there.
	l.alive[r.Peer] = true
	waits := flow.UnixSocket{Time: o.Time, Cookie: flow.SocketCookie(r.Peer), Inode: r.Peer, Netns: o.Netns, Type: o.Type, State: flow.Established,
		Path: unixName(r.PeerPath[:], r.PeerPathLen), Peer: r.Cookie, Adopted: o.Adopted}
	if w := l.bySocket[r.Peer]; w == nil {
		l.bySocket[r.Peer] = &local{socket: waits}
	}
	s.emit(&waits)
}

// local takes in what one unix socket sent to and received from another.
func (s *Source) local(k *peerscopeFlowKey, v *peerscopeUnixValue) {
	if s.started == 0 || v.Flow.Last < s.started {
		return // before the window
	}
	s.met(v.Flow.Netns, v.Flow.NetnsInode)
	key := localKey{k.Cookie, k.Peer, k.PeerPort != 0}
	l := &s.locals
	f := l.flows[key]
	if f == nil {
		u := l.bySocket[k.Cookie]
		if u == nil {
			u = &local{socket: flow.UnixSocket{Path: unixName(v.Path[:], v.PathLen), Netns: netnsID(v.Flow.Netns, v.Flow.NetnsInode), Type: flow.UnixType(v.Type)}}
			l.bySocket[k.Cookie] = u
		}
		f = &localFlow{}
		if v.Type == uint8(flow.UnixDgram) { // may have many peers
			f.generation = u.peers
			u.peers++
		}
		l.flows[key] = f
		f.value = *v
		if key.named { // now, while the process that named it may still be there
			f.file = fileOf(f.peerName(), v.Flow.Owner, s.cfg.ProcRoot)
		}
	} else {
		f.value.Flow.add(&v.Flow)
	}
	f.told = false
	s.holder(v.Flow.Owner, v.Flow.OwnerStart)
}

// tellLocals tells what went between unix sockets, and which are gone.
func (s *Source) tellLocals() {
	l := &s.locals
	names := s.namedLocals()
	keys := slices.SortedFunc(maps.Keys(l.flows), func(a, b localKey) int {
		return cmp.Or(cmp.Compare(a.cookie, b.cookie), cmp.Compare(l.flows[a].generation, l.flows[b].generation), slices.Compare(a.peer[:], b.peer[:]))
	})
	for _, k := range keys {
		f := l.flows[k]
		gone := !l.alive[k.cookie]
		if f.told && !gone {
			continue
		}
		f.told = true
		v := &f.value.Flow
		peer := uint64At(k.peer)
		name := ""
		if k.named {
			peer, name = names.find(f), f.peerName()
		}
		if l.waiting[peer] != 0 {
			peer = 0
		}
		o := flow.UnixSocket{Time: s.clock.time(v.Last), Cookie: flow.SocketCookie(k.cookie), Inode: k.cookie, Generation: f.generation,
			Netns: netnsID(v.Netns, v.NetnsInode), Type: flow.UnixType(f.value.Type), State: flow.Established,
			Path: unixName(f.value.Path[:], f.value.PathLen), Peer: peer, Final: gone, HasCounters: true,
			Counters: flow.UnixCounters{BytesSent: v.BytesSent, BytesReceived: v.BytesReceived},
			Opened:   s.clock.time(v.First), Unconnected: k.named, PeerPath: name,
			Holders: s.holder(v.Owner, v.OwnerStart)}
		s.emit(&o)
		if gone {
			delete(l.flows, k)
		}
	}
	for _, cookie := range slices.Sorted(maps.Keys(l.bySocket)) {
		u := l.bySocket[cookie]
		if !l.alive[cookie] {
			if u.socket.Inode != 0 {
				u.socket.Time, u.socket.Final = s.now(), true
				s.emit(&u.socket)
			}
			delete(l.bySocket, cookie)
			delete(l.adopted, cookie)
		}
	}
}

func unixName(b []uint8, length uint16) string { return flow.UnixName(b[:min(int(length), len(b))]) }

func uint64At(b [16]uint8) uint64 {
	var v uint64
	for i := range 8 {
		v |= uint64(b[i]) << (8 * i)
	}
	return v
}
