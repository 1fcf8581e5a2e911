package tui

import (
	"strings"

	"peerscope/internal/topology"
	"peerscope/internal/view"
)

// How long rows stay as they are no more, in ticks.
const (
	fading  = 10   // a row whose edge is gone
	sticky  = 10   // the problem of a row that is well again
	newborn = kept // a row is called new
)

// row is an edge at the level that is shown.
type row struct {
	id     string
	parent string // of an edge that is listed below its row: that row's id
	*view.Edge
	ends [2]*view.Node // client and server, or the two ends without roles; nil: not told

	trail   trail
	born    int // tick it was first seen in
	seen    int // tick it was last seen in
	ailing  int // tick of its last problem; 0: none yet
	health  view.Health
	failure string // the last problem in a few words
	failing bool   // it was that connects failed
}

// roles reports whether it is known who called whom.
func (r *row) roles() bool { return len(r.Ends) != 2 }

// gone is for how many ticks the row's edge is not there any more.
func (r *row) gone(tick int) int { return max(tick-r.seen, 0) }

// isNew: the edge came while we watched, and not long ago.
func (r *row) isNew(tick int) bool { return r.born > 1 && tick-r.born < newborn }

// troubled: the row has a problem, or had one a moment ago.
func (r *row) troubled(tick int) bool { return r.ailing > 0 && tick-r.ailing < sticky }

// rate is bytes a second both ways; ok is false if neither way is known.
func (r *row) rate() (sum float64, ok bool) {
	for _, v := range [...]*float64{r.Tx, r.Rx} {
		if v != nil {
			sum, ok = sum+*v, true
		}
	}
	return sum, ok
}

// rtt is the 95th percentile of the round-trip times, or their mean where there is
// none, in seconds.
func (r *row) rtt() (s float64, ok bool) {
	switch {
	case r.RTT == nil:
		return 0, false
	case r.RTT.P95 != nil:
		return *r.RTT.P95, true
	}
	return r.RTT.Mean, true
}

// take sets what the newest look tells of the row.
func (r *row) take(e *view.Edge, ends [2]*view.Node, tick int) {
	r.Edge, r.ends, r.seen = e, ends, tick
	if e.Health.Problem() {
		r.ailing, r.health = tick, e.Health
		r.failure, r.failing = ailment(e), e.Connections.Failed > 0
	}
	if r.born == 0 {
		r.born = tick
	}
}

// sample is what the row did in the tick that it shows; of a brief one no rate.
func (r *row) sample(brief bool) sample {
	var s sample
	if r.RTT != nil {
		s.rtt, s.known = float32(r.RTT.Mean), s.known|knownRTT
	}
	if brief {
		return s
	}
	if r.Tx != nil {
		s.tx, s.known = float32(*r.Tx), s.known|knownTx
	}
	if r.Rx != nil {
		s.rx, s.known = float32(*r.Rx), s.known|knownRx
	}
	if r.Failed != nil {
		s.failed = float32(*r.Failed)
	}
	return s
}

// ailment says what is wrong in a few words: "14/s refused".
func ailment(e *view.Edge) string {
	switch {
	case e.Connections.Failed > 0:
	case e.Connections.Pending > 0:
		return "no answer"
	case e.Retransmits != nil && len(e.Reasons) > 0 && strings.Contains(e.Reasons[0], "sent again"):
		return "resends"
	default:
		return "slow"
	}
	text := count(e.Connections.Failed)
	if e.Failed != nil {
		text = perSecond(*e.Failed) + "/s"
	}
	return text + " " + errorWord(e.Errors)
}

// errorWord is the most frequent error in the words of people.
func errorWord(errors map[string]uint64) string {
	worst := ""
	for name, n := range errors {
		if worst == "" || n > errors[worst] || n == errors[worst] && name < worst {
			worst = name
		}
	}
	switch worst {
	case "":
		return "failed"
	case "ECONNREFUSED":
		return "refused"
	case "ETIMEDOUT":
		return "timed out"
	case "ECONNRESET":
		return "reset"
	case "EHOSTUNREACH", "ENETUNREACH":
		return "unreachable"
	}
	return worst
}

// at is where the server is reached: its port, its path, or the ports of two ends
// without roles.
func (r *row) at() string {
	switch {
	case r.Path != "":
		return r.Path
	case r.ServerPort != 0:
		return portText(r.ServerPort)
	case len(r.EndPorts) == 2 && (r.EndPorts[0] != 0 || r.EndPorts[1] != 0):
		return portText(r.EndPorts[0]) + "-" + portText(r.EndPorts[1])
	}
	return ""
}

// protocol is what is spoken over what, as far as it is known.
func (r *row) protocol() string {
	text := r.Transport
	for i, p := range r.Protocols {
		if i == 0 {
			text = p.Name
		} else {
			text += "," + p.Name
		}
	}
	if r.TLS != nil && *r.TLS {
		text += "+tls"
	}
	return text
}

// owners says for each edge of a map which row of a graph it is part of.
func owners(g *view.Graph, m *topology.Map) map[string]string {
	into := map[string]string{}
	ported := g.Level == view.LevelProcess
	for i := range g.Nodes {
		for _, id := range g.Nodes[i].Members {
			into[id] = g.Nodes[i].ID
		}
	}
	rows := make(map[joint]string, len(g.Edges))
	for i := range g.Edges {
		e := &g.Edges[i]
		rows[jointOfRow(e, ported)] = e.ID
	}
	out := make(map[string]string, len(m.Edges))
	for i := range m.Edges {
		e := &m.Edges[i]
		if id, ok := rows[jointOf(e, into, ported)]; ok {
			out[e.ID] = id
		}
	}
	return out
}

// joint tells edges of one level apart.
type joint struct {
	first, second   string
	transport, path string
	port            uint16
	ports           [2]uint16 // of two ends without roles
	roles           bool
}

// jointOf is the joint of an edge of the map, with its ends raised to the nodes
// they are part of. Ports of ends without roles count between processes only:
// above, one of them is by chance.
func jointOf(e *topology.Edge, into map[string]string, ported bool) joint {
	k := joint{first: e.Client, second: e.Server, transport: e.Transport, path: e.Path, port: e.ServerPort, roles: true}
	if len(e.Ends) == 2 {
		k.first, k.second, k.roles = e.Ends[0], e.Ends[1], false
		if ported {
			copy(k.ports[:], e.EndPorts)
		}
	}
	for _, id := range [...]*string{&k.first, &k.second} {
		if up := into[*id]; up != "" {
			*id = up
		}
	}
	if !k.roles && k.second < k.first {
		k.first, k.second = k.second, k.first
		k.ports[0], k.ports[1] = k.ports[1], k.ports[0]
	}
	return k
}

// jointOfRow is the same of an edge that is shown, whose ends are raised already.
func jointOfRow(e *view.Edge, ported bool) joint {
	return jointOf(&topology.Edge{Client: e.Client, Server: e.Server, Ends: e.Ends, EndPorts: e.EndPorts,
		Transport: e.Transport, Path: e.Path, ServerPort: e.ServerPort}, nil, ported)
}
