package e2e

import (
	"slices"
	"strconv"
	"strings"
)

// judgeClaims checks what an edge says besides names and figures: the errors
// of failed connects, the addresses that were dialled, the other holders. What
// is there has to be true. Dialled addresses also have to be there where the two
// ends can be joined, and errors if the source does more than look.
func (s *Score) judgeClaims(g *group, see sees) {
	var conns []*Conn
	for _, t := range g.truth {
		conns = append(conns, t.conns...)
	}
	shown, dialed := map[string]int64{}, map[string]bool{}
	for _, e := range g.shown {
		for errno, n := range e.edge.Errors {
			shown[errno] += int64(n)
			if most := errnos(conns, errno).high; int64(n) > most {
				s.problem("%d connects failed with %s, at most %d did: %s", n, errno, most, describe(e))
			}
		}
		for _, addr := range e.edge.Dialed {
			dialed[addr] = true
			if !slices.ContainsFunc(conns, func(c *Conn) bool { return c.dialled(addr) }) {
				s.problem("nobody dialled %s: %s", addr, describe(e))
			}
		}
		s.judgeHolders(e, g, conns, see)
	}
	for _, c := range conns {
		if want := errnos(conns, c.Errno); !see.looks() && c.Errno != "" && want.distance(shown[c.Errno]) > 0 {
			s.problem("%d connects failed with %s, %s did: %s", shown[c.Errno], c.Errno, want, c.describe())
		}
		if c.Dialed != "" && !dialed[c.Dialed] && (!see.looks() || see.known(c).Joined) {
			s.problem("%s was dialled and is not shown: %s", c.Dialed, c.describe())
		}
	}
}

// errnos counts the true connects that ended in an error. A connect that its
// client gave up has none of the kernel's, but may have been told a soft one.
func errnos(conns []*Conn, errno string) (n span) {
	for _, c := range conns {
		if c.Errno == errno || c.Soft == errno {
			n.add(int64(c.N), c.Errno == errno)
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

// judgeHolders checks the processes that are said to hold an end's socket too.
// One that stands for another has to name it there.
func (s *Score) judgeHolders(e *shown, g *group, conns []*Conn, see sees) {
	if !e.roles {
		return
	}
	for side, key := range [2]string{"client", "server"} {
		s.judgeHoldersOf(e, g, Side(side), key, conns, see)
	}
}

func (s *Score) judgeHoldersOf(e *shown, g *group, side Side, key string, conns []*Conn, see sees) {
	var named []Proc
	for _, id := range e.edge.Holders[key] {
		named = append(named, readEnd(nodeOf(id)).proc)
	}
	for _, p := range named {
		holds := func(c *Conn) bool {
			end := c.end(side)
			return p == end.Proc || slices.Contains(end.AlsoHeld, p) || slices.Contains(end.Former, p) ||
				side == Server && c.Listener != nil && c.Listener.Maker.Proc == p
		}
		if !slices.ContainsFunc(conns, holds) {
			s.problem("%v never held the %s's socket: %s", p, key, describe(e))
		}
	}
	for _, c := range conns {
		if e.count() == 0 || e.fits(c, see) != full || slices.ContainsFunc(g.shown, func(e *shown) bool { return e.names(c) }) {
			continue
		}
		end, stands := c.end(side), e.ends[side].proc
		if slices.Contains(end.AlsoHeld, stands) && !slices.Contains(named, end.Proc) {
			s.problem("%v stands for %v and does not name it as a holder: %s", stands, end.Proc, describe(e))
		}
	}
}
