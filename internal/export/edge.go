package export

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// ends are the node ids of an edge in the order of its bytes: client and
// server, or the two Ends when roles is false.
func ends(e *topology.Edge) (first, second string, roles bool) {
	if e.Client == "" && e.Server == "" && len(e.Ends) == 2 {
		return e.Ends[0], e.Ends[1], false
	}
	return e.Client, e.Server, true
}

// quality is how well the other end of an edge is known, in the words shown to
// people. A greater value is weaker.
type quality uint8

const (
	unsaid quality = iota // the edge has no peer evidence at all
	exact
	inferred
	unknown
)

func (q quality) String() string {
	return [...]string{none, "exact", "inferred", "unknown"}[q]
}

// qualityOf one word of peer evidence; a word of a later version is unknown.
func qualityOf(word string) quality {
	switch i := slices.Index(flow.PeerEvidenceNames[:], word); {
	case i < 0:
		return unknown
	case flow.PeerEvidence(i) <= flow.PeerNAT:
		return exact
	case flow.PeerEvidence(i) <= flow.PeerSidecar:
		return inferred
	}
	return unknown
}

// weakest is the quality that holds for every connection of the edge. One
// connection that was inferred makes an edge of a thousand exact ones inferred:
// people are told the least that is true of all.
func weakest(e *topology.Edge) quality {
	q := unsaid
	for word, n := range e.Evidence.Peer {
		if n > 0 {
			q = max(q, qualityOf(word))
		}
	}
	return q
}

// hasExact reports whether any connection of the edge has an exact peer: one is
// enough to draw the line solid, however the others were matched.
func hasExact(e *topology.Edge) bool {
	for word, n := range e.Evidence.Peer {
		if n > 0 && qualityOf(word) == exact {
			return true
		}
	}
	return false
}

// doubt is what is not certain about the name of one end.
type doubt uint8

const (
	certain doubt = iota
	guessed       // concluded from a listener or a sidecar rule
	open          // several processes fit and none is picked
)

// doubts tells which ends are not certain. A conclusion is about the end whose
// socket was not observed; where both or neither were, it is about the server,
// or about both ends of an edge without roles.
func doubts(e *topology.Edge) (first, second doubt) {
	if weakest(e) == inferred {
		_, _, roles := ends(e)
		switch seenFirst, seenSecond := observed(e); {
		case seenSecond && !seenFirst:
			first = guessed
		case roles || seenFirst && !seenSecond:
			second = guessed
		default:
			first, second = guessed, guessed
		}
	}
	for end, ids := range e.Candidates {
		switch {
		case len(ids) == 0:
		case end == "client" || end == "first":
			first = open
		case end == "server" || end == "second":
			second = open
		default: // either of Ends: the one that is no process
			if len(e.Ends) == 2 && strings.HasPrefix(e.Ends[1], topology.KindProcess+":") {
				first = open
			} else {
				second = open
			}
		}
	}
	return first, second
}

// observed reports of which ends the sockets were read: an end has a side if its
// own socket counted.
func observed(e *topology.Edge) (first, second bool) {
	if e.Sides == nil {
		return false, false
	}
	return e.Sides.Client != nil || e.Sides.First != nil, e.Sides.Server != nil || e.Sides.Second != nil
}

// trouble orders edges by what is wrong with them: failed connects before
// pending ones before none.
func trouble(e *topology.Edge) int {
	switch {
	case e.Connections.Failed > 0:
		return 2
	case e.Connections.Pending > 0:
		return 1
	}
	return 0
}

// directions are the two counts of b in the order of ends, whichever names the
// edge has for them; nil: not known, which is not 0.
func directions(b *topology.Bytes) (there, back *uint64) {
	if b == nil {
		return nil, nil
	}
	return cmp.Or(b.ToServer, b.FirstToSecond), cmp.Or(b.ToClient, b.SecondToFirst)
}

// volume is what is known of the bytes of both directions; whole is false if a
// direction is not known.
func volume(e *topology.Edge) (sum uint64, whole bool) {
	there, back := directions(e.Bytes)
	for _, b := range []*uint64{there, back} {
		if b != nil {
			sum += *b
		}
	}
	return sum, there != nil && back != nil
}

// seen is every connection or attempt that the window saw of an edge. Opened is
// not in it: what was opened is active or closed at the window's end.
func seen(c *topology.Connections) uint64 { return c.Active + c.Closed + c.Failed + c.Pending }

// byTrouble is the order for people: problems, then bytes, then id.
func byTrouble(a, b *topology.Edge) int {
	va, _ := volume(a)
	vb, _ := volume(b)
	return cmp.Or(cmp.Compare(trouble(b), trouble(a)), cmp.Compare(vb, va), cmp.Compare(a.ID, b.ID))
}

// byVolume is the order in which edges are kept when there are too many: bytes,
// then connections, then id.
func byVolume(a, b *topology.Edge) int {
	va, _ := volume(a)
	vb, _ := volume(b)
	return cmp.Or(cmp.Compare(vb, va), cmp.Compare(seen(&b.Connections), seen(&a.Connections)), cmp.Compare(a.ID, b.ID))
}

// pointers are the edges of m, to be sorted without touching the map.
func pointers(m *topology.Map) []*topology.Edge {
	edges := make([]*topology.Edge, len(m.Edges))
	for i := range m.Edges {
		edges[i] = &m.Edges[i]
	}
	return edges
}

// port is where the server is reached: its port, its path, or the ports of both
// ends where the roles are not known.
func (n *names) port(e *topology.Edge) string {
	switch {
	case e.Path != "":
		return n.style.clean(e.Path)
	case e.ServerPort != 0:
		return strconv.Itoa(int(e.ServerPort))
	case len(e.EndPorts) == 2:
		ports := [2]string{none, none}
		for i, p := range e.EndPorts {
			if p != 0 {
				ports[i] = strconv.Itoa(int(p))
			}
		}
		return ports[0] + n.style.glyphs().both + ports[1]
	}
	return none
}

// protocols are the protocols of an edge, the busiest first: "http+tls,grpc".
// Connections whose protocol is not known yet are "?" after known ones.
func (n *names) protocols(e *topology.Edge) string {
	rows := slices.Clone(e.Protocols)
	slices.SortStableFunc(rows, func(a, b topology.Protocol) int {
		return cmp.Or(cmp.Compare(unnamed(a), unnamed(b)), cmp.Compare(b.Connections, a.Connections), cmp.Compare(a.Name, b.Name))
	})
	var words []string
	for _, p := range rows {
		word := n.style.clean(p.Name)
		if p.TLS != nil && *p.TLS {
			word = strings.TrimPrefix(word+"+tls", "+")
		}
		if word == "" {
			word = n.style.glyphs().unsure
		}
		if !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	if len(words) == 1 && words[0] == n.style.glyphs().unsure {
		return ""
	}
	return strings.Join(words, ",")
}

// unnamed sorts the row of what is not known yet behind the others.
func unnamed(p topology.Protocol) int {
	if p.Name == "" {
		return 1
	}
	return 0
}

// protocol is what the edge speaks over what: "http+tls" (over TCP, which goes
// without saying, or over unix, which the path says), "udp/dns", or the transport
// alone.
func (n *names) protocol(e *topology.Edge) string {
	t := n.style.clean(e.Transport)
	switch p := n.protocols(e); {
	case p == "":
		return cmp.Or(t, none)
	case e.Transport == "tcp" || e.Path != "":
		return p
	default:
		return t + "/" + p
	}
}
