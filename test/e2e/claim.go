package e2e

import (
	"slices"
	"strconv"
	"strings"
)

// judgeClaims checks what an edge says besides names and figures: the errors
// of failed connects, the addresses that were dialled, the other holders. None
// of it has to be there, but what is there has to be true.
func (s *Score) judgeClaims(g *group, see sees) {
	var conns []*Conn
	for _, t := range g.truth {
		conns = append(conns, t.conns...)
	}
	for _, e := range g.shown {
		for errno, n := range e.edge.Errors {
			if most := errnos(conns, errno); int(n) > most {
				s.problem("%d connects failed with %s, at most %d did: %s", n, errno, most, describe(e))
			}
		}
		for _, addr := range e.edge.Dialed {
			if !slices.ContainsFunc(conns, func(c *Conn) bool { return c.dialled(addr) }) {
				s.problem("nobody dialled %s: %s", addr, describe(e))
			}
		}
		s.judgeHolders(e, conns, see)
	}
}

// errnos counts the true connects that ended in an error. A connect that its
// client gave up has none of the kernel's.
func errnos(conns []*Conn, errno string) int {
	n := 0
	for _, c := range conns {
		if c.Errno == errno {
			n += c.N
		}
	}
	return n
}

// dialled reports whether the client asked for that address.
func (c *Conn) dialled(addr string) bool {
	h := host(addr)
	if h == "" { // a link-local address with the number of its scope
		i := strings.LastIndexByte(addr, ':')
		h, _, _ = strings.Cut(strings.Trim(addr[:max(i, 0)], "[]"), "%")
		n, err := strconv.ParseUint(addr[i+1:], 10, 16)
		return err == nil && uint16(n) == c.DialedPort && slices.Contains(c.Server.Addrs, h)
	}
	return slices.Contains(c.Server.Addrs, h) && port(addr) == c.DialedPort
}

// judgeHolders checks the processes that are said to hold the server's socket
// too. One that stands for another has to name it there.
func (s *Score) judgeHolders(e *shown, conns []*Conn, see sees) {
	var named []Proc
	for _, id := range e.edge.Holders["server"] {
		named = append(named, readEnd(nodeOf(id)).proc)
	}
	for _, p := range named {
		holds := func(c *Conn) bool {
			return p == c.Server.Proc || slices.Contains(c.AlsoHeld, p) || slices.Contains(c.Former, p) ||
				slices.Contains(see.standIns(c), p) || c.Listener != nil && c.Listener.Maker.Proc == p
		}
		if !slices.ContainsFunc(conns, holds) {
			s.problem("%v never held the server's socket: %s", p, describe(e))
		}
	}
	for _, c := range conns {
		if e.fits(c, see) == full && slices.Contains(c.AlsoHeld, e.ends[1].proc) && !slices.Contains(named, c.Server.Proc) {
			s.problem("%v stands for %v and does not name it as a holder: %s", e.ends[1].proc, c.Server.Proc, describe(e))
		}
	}
}
