package e2e

import "slices"

// group is true edges and edges of the map that can stand for one another: a
// client that could not be named makes several true edges show as one. Counts
// are compared over the whole group, names edge by edge.
type group struct {
	truth []trueEdge
	shown []*shown
}

// grouped splits truth and map into the smallest such groups.
func grouped(truth []trueEdge, edges []*shown, see sees) []*group {
	parent := make([]int, len(truth)+len(edges))
	for i := range parent {
		parent[i] = i
	}
	var find func(int) int
	find = func(i int) int {
		if parent[i] != i {
			parent[i] = find(parent[i])
		}
		return parent[i]
	}
	for i, t := range truth {
		for j, e := range edges {
			if slices.ContainsFunc(t.conns, func(c *Conn) bool { return e.fits(c, see) != noFit }) {
				parent[find(i)] = find(len(truth) + j)
			}
		}
	}
	byRoot := map[int]*group{}
	var out []*group
	at := func(i int) *group {
		g := byRoot[find(i)]
		if g == nil {
			g = &group{}
			byRoot[find(i)] = g
			out = append(out, g)
		}
		return g
	}
	for i, t := range truth {
		g := at(i)
		g.truth = append(g.truth, t)
	}
	for j, e := range edges {
		g := at(len(truth) + j)
		g.shown = append(g.shown, e)
	}
	return out
}

// judgeGroup adds one group to the score.
func (s *Score) judgeGroup(g *group, see sees) {
	if len(g.truth) == 0 {
		return // already said by checkTrue
	}
	before := len(s.Problems)
	s.judgeNames(g, see)
	s.judgeCounts(g, see)
	s.judgeSides(g, see)
	s.judgeClaims(g, see)
	if len(s.Problems) == before {
		return
	}
	for _, t := range g.truth {
		for _, c := range t.conns[:min(len(t.conns), 8)] {
			s.problem("  true:  %v", c.describe())
		}
		if n := len(t.conns); n > 8 {
			s.problem("  true:  %d connections in all of %s", n, t)
		}
	}
	for _, e := range g.shown {
		s.problem("  shown: %s", describe(e))
	}
}

// judgeNames checks that every process that is knowable is named.
func (s *Score) judgeNames(g *group, see sees) {
	spare := map[*shown]int{} // connections of an edge that no true one has claimed
	for _, e := range g.shown {
		spare[e] = e.count()
		if see.looks() && e.edge.Transport != "tcp" {
			spare[e] = max(spare[e], 1)
		}
	}
	for _, t := range g.truth {
		s.judgeJoined(t, g, spare, see)
	}
	for _, t := range g.truth {
		s.judgeEnds(t, g, spare, see)
	}
}

// judgeJoined claims connections with both ends named.
func (s *Score) judgeJoined(t trueEdge, g *group, spare map[*shown]int, see sees) {
	want, all, transport := 0, 0, t.first().Transport
	for _, c := range t.conns {
		all += c.N
		if see.known(c).Joined {
			want += c.N
		}
	}
	have, roles := 0, true
	for _, direct := range []bool{true, false} { // its own edge first, then one that stands for it
		for _, e := range g.shown {
			if e.fits(t.first(), see) != full || e.names(t.first()) != direct {
				continue
			}
			n := min(spare[e], all-have)
			if see.looks() && transport != "tcp" && n > 0 {
				n = all - have // datagrams and unix sockets: the edge is what counts
			}
			spare[e] -= min(n, spare[e])
			have += n
			// Who called whom says nothing of a process that calls itself.
			roles = roles && (e.roles == !t.first().NoRole || t.first().Client.Proc == t.first().Server.Proc)
		}
	}
	s.Named += have
	s.Knowable += 2 * want
	s.Known += 2 * min(have, want)
	if have < want {
		s.problem("not named: %d of %d connections %s", want-have, want, t)
	}
	if have > 0 && (see.known(t.first()).Role || t.first().NoRole) {
		s.Roles++
		if roles {
			s.RolesRight++
		} else {
			s.problem("roles not known: %s", t)
		}
	}
}

// judgeEnds claims, for connections whose ends cannot be joined, each end that
// can be named.
func (s *Score) judgeEnds(t trueEdge, g *group, spare map[*shown]int, see sees) {
	for _, c := range t.conns {
		k := see.known(c)
		if k.Joined {
			continue
		}
		if k.Client {
			s.claim(c, g, spare, see, clientHalf)
		}
		if k.Server {
			s.claim(c, g, spare, see, serverHalf)
		}
	}
}

// claim takes the connections of c from edges that name the wanted end. What
// is joined although it could not be asked for names both.
func (s *Score) claim(c *Conn, g *group, spare map[*shown]int, see sees, want fit) {
	have := 0
	for _, e := range g.shown {
		got := e.fits(c, see)
		if got == full {
			have = min(c.N, have+e.count())
		} else if got == want {
			n := min(spare[e], c.N-have)
			if see.looks() && c.Transport != "tcp" {
				n = c.N - have
			}
			spare[e] -= min(n, spare[e])
			have += n
		}
	}
	s.Knowable += c.N
	s.Known += have
	if have < c.N {
		s.problem("not named: the %s of %d of %d connections %s", [...]string{clientHalf: "client", serverHalf: "server"}[want],
			c.N-have, c.N, trueEdge{[]*Conn{c}})
	}
}
