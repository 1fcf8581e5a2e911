package e2e

import "peerscope/internal/topology"

// judgeSides compares what the sockets of each end counted by themselves with
// the truth, where the map has it of a whole group. Of a source that looks it
// may be off, and who had a socket when is not in it.
func (s *Score) judgeSides(g *group, see sees) {
	if see.looks() {
		return
	}
	var conns []*Conn
	for _, t := range g.truth {
		conns = append(conns, t.conns...)
	}
	for _, c := range conns {
		if c.N == 0 || len(c.Parts) > 0 {
			return
		}
	}
	want := wanted(conns, see)
	for _, side := range []Side{Client, Server} {
		got, whole := [2]int64{}, len(g.shown) > 0
		for _, e := range g.shown {
			b, ok := e.side(side, !e.roles && e.oriented(1, conns[0], see) > e.oriented(0, conns[0], see))
			whole = whole && ok
			got[0] += b[0]
			got[1] += b[1]
		}
		for i := range got {
			if d := want[toServer+i].distance(got[i]); whole && d > 0 {
				s.ByteErrors += uint64(d)
				s.problem("the %s's sockets, %s: got %d, want %s", [...]string{"client", "server"}[side], figureNames[toServer+i], got[i], want[toServer+i])
			}
		}
	}
}

// side is what one end's sockets counted to the server and to the client; false
// if the edge does not say both.
func (s *shown) side(which Side, turned bool) (got [2]int64, ok bool) {
	all := s.edge.Sides
	if all == nil {
		return got, false
	}
	at := int(which)
	if turned {
		at = 1 - at
	}
	b := [2]*topology.Bytes{all.Client, all.Server}[at]
	if !s.roles {
		b = [2]*topology.Bytes{all.First, all.Second}[at]
	}
	if b == nil {
		return got, false
	}
	to := [2]*uint64{b.ToServer, b.ToClient}
	if !s.roles {
		to = [2]*uint64{b.FirstToSecond, b.SecondToFirst}
	}
	if turned {
		to[0], to[1] = to[1], to[0]
	}
	if to[0] == nil || to[1] == nil {
		return got, false
	}
	return [2]int64{int64(*to[0]), int64(*to[1])}, true
}
