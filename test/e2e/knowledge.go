package e2e

import (
	"slices"
	"time"
)

// The sources that the lab knows.
const (
	// SourceNetlink looks instead of being told.
	SourceNetlink = "netlink"
	// SourceEBPF is told everything: nothing is forgiven it.
	SourceEBPF = "ebpf"
)

// Limits are what a source that only looks cannot know of a connection, beyond
// what follows from how long it lived. They bind no other source.
type Limits struct {
	NoClient bool // the client's process
	NoServer bool // the server's process
	NoRole   bool // who called whom
	NoCounts bool // how many
	NoBytes  bool // how much
	// Split: the two ends cannot be joined (translated addresses, twins), so
	// each is shown with an address as its other end.
	Split bool
}

// Knowledge is what a map must show of a connection.
type Knowledge struct {
	Client, Server bool // the process at that end, if there is one
	Joined         bool // both on one edge
	Role           bool
	Counts, Bytes  bool
}

// sees says what is required of a source: how it looks at the world.
type sees struct {
	source   string
	interval time.Duration // between two looks, as it really was
}

// looks reports whether the source only looks.
func (s sees) looks() bool { return s.source == SourceNetlink }

// looked reports whether a look certainly met the connection: the first (it was
// there before), the last (it is there still), or one between.
func (s sees) looked(c *Conn) bool {
	if c.Before || c.State == Pending || (c.State == Open && c.Died == 0) {
		return true
	}
	return time.Duration(c.Died-c.Born) >= 2*s.interval+lookSlack
}

// lookSlack is what a look may take itself on a loaded machine.
const lookSlack = 100 * time.Millisecond

// known works out what the source can know of a connection.
func (s sees) known(c *Conn) Knowledge {
	k := Knowledge{Client: !c.Client.Proc.IsZero(), Server: !c.Server.Proc.IsZero(), Joined: true,
		Role: !c.NoRole, Counts: true, Bytes: true}
	if s.looks() {
		k = s.netlink(c, k)
	}
	k.Client = k.Client && !c.Client.Outside
	k.Server = k.Server && !c.Server.Outside
	k.Joined = k.Joined && k.Client && k.Server
	return k
}

func (s sees) netlink(c *Conn, k Knowledge) Knowledge {
	if c.Transport != "tcp" || c.State == Failed || c.State == Pending {
		k.Bytes = false
	}
	// Two endpoints are there to be seen, but not whether a datagram went
	// between them.
	if c.Transport == "udp" {
		k.Counts = false
	}
	if !s.looked(c) {
		// The end of a TCP socket is told, with its tuple but without its process.
		k.Client, k.Joined = false, false
		if c.Transport != "tcp" {
			k.Server, k.Counts = false, false
		}
		if c.Listener == nil || c.Listener.Many {
			k.Server = false
		}
	}
	l := c.Limits
	k.Client = k.Client && !l.NoClient
	k.Server = k.Server && !l.NoServer
	k.Role = k.Role && !l.NoRole
	k.Counts = k.Counts && !l.NoCounts
	k.Bytes = k.Bytes && !l.NoBytes && !l.NoCounts
	k.Joined = k.Joined && !l.Split
	return k
}

// standIns are the processes that may be shown for the one at an end of an
// edge: who else holds the socket where the source cannot tell which of the
// holders uses it, who made the listener where only that was seen, and for what
// a socket counted before it changed hands, who had it then.
func (s sees) standIns(c *Conn, side Side, bytesOnly bool) []Proc {
	if !s.looks() {
		return nil
	}
	end := c.end(side)
	out := slices.Clone(end.AlsoHeld)
	if bytesOnly {
		out = append(out, end.Former...)
	}
	if side == Server && c.Listener != nil && !s.looked(c) {
		out = append(out, c.Listener.Maker.Proc)
	}
	return out
}

// truth is what the source is measured by. What a connection moved before it
// changed hands belongs to who had it then: a source that only looks does not
// see when that was, so for it the connection is one.
func (s sees) truth(all []*Conn) []*Conn {
	if s.looks() {
		return all
	}
	var out []*Conn
	for _, c := range all {
		rest := *c
		for _, p := range c.Parts {
			out = append(out, c.part(p))
			rest.ToServer -= p.ToServer
			rest.ToClient -= p.ToClient
		}
		out = append(out, &rest)
	}
	return out
}
