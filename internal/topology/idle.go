package topology

import (
	"maps"
	"slices"
)

// withoutIdle leaves out of one edge's windows, in place, those in which nothing
// happened on it: they add nothing to the sum but the last one, which says what is
// open. In ticks of a second that is most of a large host.
func withoutIdle(same []*Edge) []*Edge {
	if len(same) < 3 {
		return same
	}
	last := len(same) - 1
	kept := same[:1]
	for _, l := range same[1:last] {
		if !kept[len(kept)-1].covers(l) {
			kept = append(kept, l)
		}
	}
	return append(kept, same[last])
}

// covers: l adds nothing to the sum that e is part of.
func (e *Edge) covers(l *Edge) bool {
	return l.idle && e.Bytes.knows(l.Bytes) && e.Retransmits.knows(l.Retransmits) && e.Sides.knows(l.Sides) &&
		slices.Equal(e.Inexact, l.Inexact) && slices.Equal(e.Dialed, l.Dialed) && slices.Equal(e.Services, l.Services) &&
		len(e.Candidates)+len(l.Candidates)+len(e.Holders)+len(l.Holders) == 0 // rare, and not worth to be compared
}

// lasts: what was open at the end of e is open still, and nothing happened since. Then
// e is the sum of both.
func (e *Edge) lasts(l *Edge) bool {
	return e.covers(l) && e.open.equal(l.open) && e.Connections.Active == l.Connections.Active && e.Connections.Pending == l.Connections.Pending
}

func (v Evidence) equal(w Evidence) bool {
	return maps.Equal(v.Peer, w.Peer) && maps.Equal(v.Role, w.Role)
}

// knows: each direction that is known of c is known of b.
func (b *Bytes) knows(c *Bytes) bool {
	switch {
	case c == nil || b == c:
		return true
	case b == nil:
		return false
	}
	return (b.ToServer != nil || c.ToServer == nil) && (b.ToClient != nil || c.ToClient == nil) &&
		(b.FirstToSecond != nil || c.FirstToSecond == nil) && (b.SecondToFirst != nil || c.SecondToFirst == nil)
}

// knows: the same of both ends' own counts.
func (s *Sides) knows(t *Sides) bool {
	switch {
	case t == nil || s == t:
		return true
	case s == nil:
		return false
	}
	return s.Client.knows(t.Client) && s.Server.knows(t.Server) && s.First.knows(t.First) && s.Second.knows(t.Second)
}
