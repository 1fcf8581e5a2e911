package e2e

import (
	"fmt"
	"math"
	"slices"
)

// span is a figure that a map must show: exactly, or at most where the source
// promises no exactness.
type span struct{ low, high int64 }

// distance is how far a figure is outside the span.
func (s span) distance(got int64) int64 { return max(s.low-got, got-s.high, 0) }

func (s *span) add(n int64, exact bool) {
	s.high += n
	if exact {
		s.low += n
	}
}

// The figures of an edge that are compared.
const (
	opened = iota
	closed
	active
	failed
	pending
	toServer
	toClient
	figures
)

var figureNames = [figures]string{"opened", "closed", "active", "failed", "pending", "bytes to server", "bytes to client"}

// wanted are the figures of true connections.
func wanted(conns []*Conn, see sees) (want [figures]span) {
	for _, c := range conns {
		k := see.known(c)
		n := int64(c.N)
		established := c.State == Open || c.State == Closed
		if established && !c.Before {
			want[opened].add(n, k.Counts)
		}
		which := map[State]int{Open: active, Closed: closed, Failed: failed, Pending: pending}[c.State]
		want[which].add(n, k.Counts)
		for i, n := range [2]int64{c.ToServer, c.ToClient} {
			if c.Loose {
				n = math.MaxInt32
			}
			want[toServer+i].add(n, k.Bytes && !c.Loose)
		}
	}
	return want
}

// figuresOf are those of one edge of the map, from the point of view of the
// connection: an edge without roles may have its ends the other way round.
func figuresOf(e *shown, turned bool) (got [figures]int64) {
	c := e.edge.Connections
	for i, n := range []uint64{c.Opened, c.Closed, c.Active, c.Failed, c.Pending} {
		got[i] = int64(n)
	}
	if b := e.bytes(); b != nil {
		got[toServer], got[toClient] = int64(b[0]), int64(b[1])
	}
	if turned {
		got[toServer], got[toClient] = got[toClient], got[toServer]
	}
	return got
}

// judgeCounts compares the sums of a group. A split connection is shown twice,
// once from each end: then each end's sums are compared on their own, unless an
// end is joined to the other by weaker grounds and so is among both.
func (s *Score) judgeCounts(g *group, see sees) {
	var conns []*Conn
	for _, t := range g.truth {
		conns = append(conns, t.conns...)
	}
	want := wanted(conns, see)
	if !see.splits(conns) {
		s.compare("", see, want, g.shown, conns)
		return
	}
	sides := map[fit][]*shown{}
	for _, e := range g.shown {
		got := noFit
		for _, c := range conns {
			got = max(got, e.fits(c, see))
		}
		sides[got] = append(sides[got], e)
	}
	if len(sides[full]) > 0 {
		for i := range want {
			want[i].high *= 2
		}
		s.compare("", see, want, g.shown, conns)
		return
	}
	// What names neither end is what a client too short for a look dialled.
	s.compare("client's side: ", see, want, append(sides[clientHalf], sides[addresses]...), conns)
	s.compare("server's side: ", see, want, sides[serverHalf], conns)
}

// splits reports whether connections are shown once from each end.
func (s sees) splits(conns []*Conn) bool {
	return s.looks() && slices.ContainsFunc(conns, func(c *Conn) bool { return c.Limits.Split })
}

// compare adds the errors of one sum. A figure that the map of a source which
// looks calls inexact may be off by one a connection; bytes nobody can turn to a
// direction (no roles) are compared as they are.
func (s *Score) compare(side string, see sees, want [figures]span, edges []*shown, conns []*Conn) {
	var got [figures]int64
	var slack [2]int64
	for _, e := range edges {
		f := figuresOf(e, !e.roles && e.oriented(1, conns[0], see) > e.oriented(0, conns[0], see))
		for i := range got {
			got[i] += f[i]
		}
		for i, names := range [2][]string{{"bytes.to_server", "bytes.first_to_second"}, {"bytes.to_client", "bytes.second_to_first"}} {
			if see.looks() && slices.ContainsFunc(names, func(n string) bool { return slices.Contains(e.edge.Inexact, n) }) {
				slack[i] += int64(e.count())
			}
		}
	}
	for i := range got {
		d := want[i].distance(got[i])
		if i >= toServer {
			d = max(0, d-slack[i-toServer])
			s.ByteErrors += uint64(d)
		} else {
			s.CountErrors += int(d)
		}
		if d > 0 {
			s.problem("%s%s: got %d, want %s", side, figureNames[i], got[i], want[i])
		}
	}
}

func (s span) String() string {
	if s.low == s.high {
		return fmt.Sprint(s.low)
	}
	return fmt.Sprintf("%d to %d", s.low, s.high)
}

// describe is a true connection in words.
func (c *Conn) describe() string {
	when := "in the window"
	if c.Before {
		when = "before the window"
	}
	life := ""
	if c.Died != 0 {
		life = fmt.Sprintf(" lived %d ms", (c.Died-c.Born)/1e6)
	}
	return fmt.Sprintf("%d x %s made %s, %s %s%s bytes %d/%d", c.N, trueEdge{[]*Conn{c}}, when, c.State, c.Errno, life, c.ToServer, c.ToClient)
}
