package e2e

import (
	"slices"
	"strconv"
	"strings"

	"peerscope/internal/topology"
)

// shownEnd is one end of an edge of the map.
type shownEnd struct {
	id         string
	proc       Proc   // zero: an address
	addr       string // of an address node
	netns      uint64 // that the address lives in, if its id says so
	candidates []shownEnd
}

// shown is one edge of the map.
type shown struct {
	edge  topology.Edge
	ends  [2]shownEnd // client and server, or the two ends
	roles bool
}

// fit is how an edge shows a connection.
type fit int

// The ways an edge can show a connection, the better ones larger.
const (
	noFit      fit = iota
	addresses      // neither process is named
	clientHalf     // the client is named, the server is an address
	serverHalf     // the other way round
	full           // both are named
)

// readEdges turns the edges of a map into what is compared with the truth.
func readEdges(m *topology.Map) []*shown {
	nodes := map[string]topology.Node{}
	for _, n := range m.Nodes {
		nodes[n.ID] = n
	}
	out := make([]*shown, 0, len(m.Edges))
	for _, e := range m.Edges {
		s := &shown{edge: e, roles: len(e.Ends) == 0}
		ids, keys := []string{e.Client, e.Server}, []string{"client", "server"}
		if !s.roles {
			ids, keys = e.Ends, []string{"ends", "ends"}
		}
		for i := range 2 {
			s.ends[i] = readEnd(nodes[ids[i]])
			for _, id := range e.Candidates[keys[i]] {
				s.ends[i].candidates = append(s.ends[i].candidates, readEnd(nodes[id]).orID(id))
			}
		}
		out = append(out, s)
	}
	return out
}

func readEnd(n topology.Node) shownEnd {
	e := shownEnd{id: n.ID}
	kind, rest, _ := strings.Cut(n.ID, ":")
	if kind == topology.KindProcess {
		e.proc, _ = parseProc(rest)
		return e
	}
	e.addr = n.Attributes.PeerAddress
	if e.addr == "" {
		e.addr = rest
	}
	addr, ns, found := strings.Cut(rest, "@netns:")
	if found {
		e.netns, _ = strconv.ParseUint(ns, 10, 64)
		if n.Attributes.PeerAddress == "" {
			e.addr = addr
		}
	}
	e.addr, _, _ = strings.Cut(e.addr, "%") // the scope's number
	return e
}

// orID reads an end from its id alone: candidates need not be nodes.
func (e shownEnd) orID(id string) shownEnd {
	if e.id == "" {
		return readEnd(nodeOf(id))
	}
	return e
}

// nodeOf is a node of which only the id is known.
func nodeOf(id string) topology.Node { return topology.Node{ID: id} }

// count is the connections an edge shows, whatever became of them.
func (s *shown) count() int {
	c := s.edge.Connections
	return int(c.Active + c.Closed + c.Failed + c.Pending)
}

// is reports how well an end of an edge is the true end: 2 its process, 1 one
// of its addresses, 0 not at all.
func (e shownEnd) is(truth End, c *Conn, standIns []Proc) int {
	switch {
	case !e.proc.IsZero() && (e.proc == truth.Proc || slices.Contains(standIns, e.proc)):
		return 2
	case !e.proc.IsZero():
		return 0
	case e.addr != "unknown" && !slices.Contains(truth.Addrs, e.addr):
		return 0
	case e.netns != 0 && !c.livesIn(e.netns):
		return 0
	}
	return 1
}

// livesIn reports whether an address of the connection may be said to be of
// that namespace. Twins share their addresses, so any namespace may own them.
func (c *Conn) livesIn(inode uint64) bool {
	for _, ns := range []*Netns{c.Client.NS, c.Server.NS} {
		if ns == nil || ns.Inode == inode {
			return true
		}
	}
	return c.Limits.Split
}

// fits reports how the edge shows the connection, if it does.
func (s *shown) fits(c *Conn, see sees) fit {
	if s.edge.Transport != c.Transport {
		return noFit
	}
	got := s.oriented(0, c, see)
	if !s.roles {
		got = max(got, s.oriented(1, c, see))
	}
	if got != noFit && s.roles && !s.fitsPort(c, got, see) {
		return noFit
	}
	ports := s.edge.EndPorts
	if !s.roles && len(ports) > 0 && !slices.Contains(ports, c.Port) && !slices.Contains(ports, c.DialedPort) {
		return noFit
	}
	return got
}

// oriented is fits with the ends taken in order, or turned round by 1.
func (s *shown) oriented(turn int, c *Conn, see sees) fit {
	// What a socket counted before it changed hands stays with its old holder,
	// the connection does not.
	bytesOnly := s.count() == 0
	client := s.ends[turn].is(c.Client, c, see.standIns(c, Client, bytesOnly))
	server := s.ends[1-turn].is(c.Server, c, see.standIns(c, Server, bytesOnly))
	switch {
	case client == 0 || server == 0:
		return noFit
	case client == 2 && server == 2:
		return full
	case client == 2:
		return clientHalf
	case server == 2:
		return serverHalf
	}
	return addresses
}

// names reports whether the edge has the connection's own processes, and not
// some that stand for them.
func (s *shown) names(c *Conn) bool {
	a, b := s.ends[0].proc, s.ends[1].proc
	return a == c.Client.Proc && b == c.Server.Proc || !s.roles && a == c.Server.Proc && b == c.Client.Proc
}

// fitsPort checks where the edge goes: the port that the server's socket has,
// or for an edge that shows what the client asked for, that port.
func (s *shown) fitsPort(c *Conn, got fit, see sees) bool {
	if c.Transport == "unix" {
		return s.edge.Path == c.Path
	}
	if s.edge.ServerPort == c.Port {
		return true
	}
	if got == clientHalf || got == addresses {
		// A blocking connect that failed has forgotten its port.
		return s.edge.ServerPort == c.DialedPort || (s.edge.ServerPort == 0 && !see.known(c).Counts)
	}
	return false
}

// reversed reports whether the edge shows the connection with its roles swapped.
func (s *shown) reversed(c *Conn) bool {
	return s.roles && !c.NoRole && s.edge.Transport == c.Transport &&
		s.ends[0].is(c.Server, c, nil) == 2 && s.ends[1].is(c.Client, c, nil) == 2
}
