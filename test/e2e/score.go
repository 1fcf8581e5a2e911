package e2e

import (
	"fmt"
	"slices"

	"peerscope/internal/topology"
)

// Score is how well a map shows the truth of one scenario.
type Score struct {
	Scenario    string
	Edges       int // true edges
	Connections int // true connections
	Named       int // of them, with both processes right
	// Edges of the map between two processes, and those of them that are wrong.
	Shown, Wrong int
	// Ends of connections that the source can know, and those the map names.
	Knowable, Known int
	// Roles that are knowable on edges the map has, and those that are right.
	Roles, RolesRight int
	CountErrors       int
	ByteErrors        uint64
	// Blind: the looks were too far apart to ask for all that the scenario is about.
	Blind bool
	// Problems are what fails the scenario, in words.
	Problems []string
	// Evidence counts the map's connections by the grounds of their peer.
	Evidence map[string]uint64
}

// Precision is the share of right edges among those between two processes.
func (s Score) Precision() float64 { return share(s.Shown-s.Wrong, s.Shown) }

// Recall is the share of all connections that have both processes right.
func (s Score) Recall() float64 { return share(s.Named, s.Connections) }

// KnowableRecall is the share of what the source can know that the map says.
func (s Score) KnowableRecall() float64 { return share(s.Known, s.Knowable) }

// RoleAccuracy is the share of right roles.
func (s Score) RoleAccuracy() float64 { return share(s.RolesRight, s.Roles) }

func share(part, whole int) float64 {
	if whole == 0 {
		return 1
	}
	return float64(part) / float64(whole)
}

func (s *Score) problem(format string, args ...any) {
	s.Problems = append(s.Problems, fmt.Sprintf(format, args...))
}

// trueEdge is the connections that share an edge in a right map.
type trueEdge struct {
	conns []*Conn
}

func (e trueEdge) first() *Conn { return e.conns[0] }

func (e trueEdge) String() string {
	c := e.first()
	return fmt.Sprintf("%s -> %s %s", endName(c.Client), endName(c.Server), where(c.Transport, c.Port, c.Path))
}

func endName(e End) string {
	if e.Proc.IsZero() {
		return fmt.Sprint(e.Addrs)
	}
	return fmt.Sprintf("%s(%v)", e.Name, e.Proc)
}

func where(transport string, port uint16, path string) string {
	if transport == "unix" {
		return "unix:" + path
	}
	return fmt.Sprintf("%s:%d", transport, port)
}

// edgeKey is what edges are told apart by. A server nobody is at is its address.
type edgeKey struct {
	client, server Proc
	address        string
	transport      string
	port           uint16
	path           string
	noRole         bool
}

// trueEdges groups the truth.
func trueEdges(truth []*Conn) []trueEdge {
	index := map[edgeKey]int{}
	var out []trueEdge
	for _, c := range truth {
		k := edgeKey{client: c.Client.Proc, server: c.Server.Proc, transport: c.Transport, port: c.Port, path: c.Path, noRole: c.NoRole}
		if c.Server.Proc.IsZero() {
			k.address = fmt.Sprint(c.Server.Addrs)
		}
		i, ok := index[k]
		if !ok {
			i = len(out)
			index[k] = i
			out = append(out, trueEdge{})
		}
		out[i].conns = append(out[i].conns, c)
	}
	return out
}

// judge compares a map with the truth of a scenario.
func judge(l *Lab, m *topology.Map, see sees) Score {
	s := Score{Scenario: l.Scenario.Name, Evidence: map[string]uint64{}}
	truth := see.truth(l.Truth)
	edges := trueEdges(truth)
	s.Edges = len(edges)
	for _, c := range truth {
		s.Connections += c.N
	}
	shownEdges := slices.DeleteFunc(readEdges(m), l.ignores)
	for _, e := range shownEdges {
		for k, n := range e.edge.Evidence.Peer {
			s.Evidence[k] += n
		}
		s.checkTrue(e, truth, see)
		s.checkCandidates(e, truth)
	}
	s.judgeProcesses(m, truth, see)
	s.judgeLogical(l, m, see)
	for _, g := range grouped(edges, shownEdges, see) {
		s.judgeGroup(g, see)
	}
	return s
}

// ignores reports whether nobody judges the edge.
func (l *Lab) ignores(e *shown) bool {
	if l.wide && !slices.ContainsFunc(e.ends[:], l.own) {
		return true
	}
	return slices.ContainsFunc(l.ignored, func(i ignored) bool {
		return i.transport == e.edge.Transport && (i.proc == e.ends[0].proc || i.proc == e.ends[1].proc)
	})
}

// own reports whether an end of an edge is the scenario's.
func (l *Lab) own(e shownEnd) bool {
	return l.procs[e.proc] || l.spaces[e.netns] || slices.ContainsFunc(e.candidates, l.own)
}

// checkTrue finds an edge that is not true.
func (s *Score) checkTrue(e *shown, truth []*Conn, see sees) {
	named := !e.ends[0].proc.IsZero() && !e.ends[1].proc.IsZero()
	if named {
		s.Shown++
	}
	fits, reversed := false, false
	for _, c := range truth {
		fits = fits || e.fits(c, see) != noFit && !(e.roles && c.NoRole)
		reversed = reversed || e.reversed(c)
	}
	switch {
	case fits:
		return
	case named:
		s.Wrong++
		why := "is not true"
		if reversed {
			why = "has its roles swapped"
		}
		s.problem("wrong edge: %s %s", describe(e), why)
	default:
		// An unknown end is never wrong, but these connections are not there.
		s.CountErrors += max(e.count(), 1)
		s.problem("edge of nothing: %s fits no connection", describe(e))
	}
}

// checkCandidates wants the true process among those an ambiguous end names. A
// candidate may also be an address, where the process is not observed.
func (s *Score) checkCandidates(e *shown, truth []*Conn) {
	for i, end := range e.ends {
		if len(end.candidates) == 0 {
			continue
		}
		right := slices.ContainsFunc(truth, func(c *Conn) bool {
			for turn := range 2 {
				if e.roles && turn != i {
					continue
				}
				ends := [2]End{c.Client, c.Server}
				if slices.ContainsFunc(end.candidates, func(is shownEnd) bool { return is.is(ends[turn], c, nil) != 0 }) {
					return true
				}
			}
			return false
		})
		if !right {
			s.problem("candidates of %s do not hold the true process: %v", describe(e), e.edge.Candidates)
		}
	}
}

// describe is one edge of the map in words.
func describe(e *shown) string {
	arrow := " -> "
	if !e.roles {
		arrow = " -- "
	}
	c := e.edge.Connections
	text := fmt.Sprintf("%s%s%s %s opened %d closed %d active %d failed %d pending %d", e.ends[0].id, arrow, e.ends[1].id,
		where(e.edge.Transport, e.edge.ServerPort, e.edge.Path), c.Opened, c.Closed, c.Active, c.Failed, c.Pending)
	if b := e.bytes(); b != nil {
		text += fmt.Sprintf(" bytes %d/%d", b[0], b[1])
	}
	return fmt.Sprintf("%s %v %v", text, e.edge.Evidence.Peer, e.edge.Evidence.Role)
}

// bytes are to_server and to_client, or by the order of the ends; nil: absent.
func (s *shown) bytes() *[2]uint64 {
	b := s.edge.Bytes
	if b == nil {
		return nil
	}
	var out [2]uint64
	for i, p := range []*uint64{b.ToServer, b.ToClient} {
		if !s.roles {
			p = []*uint64{b.FirstToSecond, b.SecondToFirst}[i]
		}
		if p != nil {
			out[i] = *p
		}
	}
	return &out
}
