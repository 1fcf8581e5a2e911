package netlink

import (
	"slices"

	"peerscope/internal/flow"
)

// trackedUnix is a unix socket that was seen, and what it was last seen to be.
type trackedUnix struct {
	space   *space
	holders []flow.ProcessKey
	since   []int
	last    flow.UnixSocket
	seen    int
}

// seenUnix takes one unix socket of a dump.
func (s *Source) seenUnix(sp *space, d *unixSocket) {
	u := s.unix[d.Inode]
	// The inode number may be used again, and a datagram socket may connect again.
	another := u != nil && (u.last.Cookie != d.Cookie || u.last.Peer != 0 && d.Peer != 0 && u.last.Peer != d.Peer)
	fresh := u == nil || another
	generation := uint32(0)
	if another {
		generation = u.last.Generation + 1
		s.vanishUnix(d.Inode, u)
	}
	if fresh {
		u = &trackedUnix{space: sp}
		s.unix[d.Inode] = u
		u.last.Generation = generation
	}
	o := flow.UnixSocket{Cookie: d.Cookie, Inode: d.Inode, Generation: u.last.Generation, Netns: sp.id, Type: d.Type, State: d.State,
		Path: d.Path, Peer: d.Peer, Adopted: s.look.kind == firstLook && (d.Peer != 0 || d.State == flow.Listen)}
	if d.State == flow.Listen {
		o.Backlog, o.Limit = d.RQueue, d.WQueue
		for _, w := range d.Waiting {
			if w != 0 {
				o.Waiting = append(o.Waiting, w)
			}
		}
	}
	u.seen = s.look.number
	s.procs.want(d.Inode)
	if u.holders == nil && (d.Peer != 0 || d.State == flow.Listen || d.Path != "") {
		s.look.unknown = s.look.unknown || fresh
	}
	if fresh || !sameUnix(&o, &u.last) {
		u.last = o
		o.Time = s.look.at
		s.emit(&o)
	}
}

func sameUnix(a, b *flow.UnixSocket) bool {
	return a.State == b.State && a.Path == b.Path && a.Peer == b.Peer && a.Backlog == b.Backlog && slices.Equal(a.Waiting, b.Waiting)
}

// holdUnix brings a unix socket's holders up to date.
func (s *Source) holdUnix(inode uint64, u *trackedUnix, began uint64) {
	keys := s.keysOf(inode, began)
	if len(keys) == 0 {
		return
	}
	keys, since := inOrder(keys, u.holders, u.since, s.look.number)
	if slices.Equal(keys, u.holders) {
		return
	}
	u.holders, u.since = keys, since
	o := u.last
	o.Time, o.Holders = s.look.at, keys
	s.emit(&o)
}

func (s *Source) vanishUnix(inode uint64, u *trackedUnix) {
	o := u.last
	o.Time, o.Final = s.now(), true
	s.emit(&o)
	delete(s.unix, inode)
}

func (s *Source) findVanishedUnix() {
	for inode, u := range s.unix {
		if u.seen != s.look.number {
			s.vanishUnix(inode, u)
		}
	}
}
