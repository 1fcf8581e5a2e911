package filter

import (
	"slices"

	"peerscope/internal/topology"
)

// ofEdge answers terms whose facts belong to the edge.
func (t *term) ofEdge(x *subject) bool {
	e := x.edge
	var v verdict
	switch t.key.id {
	case ofPort:
		if t.end == from || t.end == to && !x.roles {
			return false // a client's port is not in the map
		}
		x.ports(func(p uint16) { t.number(&v, float64(p), plain, false) })
	case ofProto:
		t.word(&v, e.Transport)
	case ofApp:
		for i := range e.Protocols {
			t.text(&v, e.Protocols[i].Name)
		}
	case ofPath:
		t.text(&v, e.Path)
	case ofTls:
		for i := range e.Protocols {
			if known := e.Protocols[i].TLS; known != nil {
				t.word(&v, yesNo(*known))
			}
		}
	case ofHas:
		t.word(&v, "") // known: the edge has it or not
		v.hit = slices.ContainsFunc(e.Protocols, func(p topology.Protocol) bool { return p.Name != "" })
	case ofState:
		t.states(&v, &e.Connections)
	case ofDir:
		if d := x.direction(); d != "" {
			t.word(&v, d)
		}
	default:
		t.metric(&v, x)
	}
	return v.of(t)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// states are those in which an edge has or had a connection in the window.
func (t *term) states(v *verdict, c *topology.Connections) {
	v.known = true
	for _, s := range [...]struct {
		n    uint64
		word string
	}{{c.Active, "open"}, {c.Opened, "opened"}, {c.Closed, "closed"}, {c.Failed, "failed"}, {c.Pending, "pending"}} {
		if s.n > 0 {
			t.word(v, s.word)
		}
	}
}

// direction is seen from the observed host; empty if an end is not known, or
// both are elsewhere.
func (x *subject) direction() string {
	if !x.roles || x.ends[0] == nil || x.ends[1] == nil {
		return ""
	}
	switch client, server := ours(x.ends[0]), ours(x.ends[1]); {
	case client && server:
		return "local"
	case client:
		return "out"
	case server:
		return "in"
	}
	return ""
}

// metric answers terms that count something.
func (t *term) metric(v *verdict, x *subject) {
	e := x.edge
	c := &e.Connections
	switch t.key.id {
	case ofBytes:
		if e.Bytes != nil {
			t.sum(v, x, e.Bytes.ToServer, e.Bytes.ToClient, e.Bytes.FirstToSecond, e.Bytes.SecondToFirst)
		}
	case ofTx:
		if e.Bytes != nil && e.Bytes.ToServer != nil {
			t.amount(v, x, *e.Bytes.ToServer, false)
		}
	case ofRx:
		if e.Bytes != nil && e.Bytes.ToClient != nil {
			t.amount(v, x, *e.Bytes.ToClient, false)
		}
	case ofConns:
		t.amount(v, x, c.Active+c.Closed, false)
	case ofCps:
		if x.seconds > 0 {
			t.number(v, float64(c.Opened)/x.seconds, perSecond, false)
		}
	case ofFail:
		t.amount(v, x, c.Failed, false)
		if n := c.Opened + c.Failed; n > 0 {
			t.number(v, float64(c.Failed)/float64(n), percent, false)
		}
	case ofRetx:
		if r := e.Retransmits; r != nil {
			t.sum(v, x, r.ToServer, r.ToClient, r.FirstToSecond, r.SecondToFirst)
		}
	case ofRtt:
		if e.RTT != nil && e.RTT.Count > 0 {
			t.number(v, float64(e.RTT.Sum)/float64(e.RTT.Count), plain, false)
		}
	}
}

// sum adds the directions that are known; if one of the two is not, there may be
// more.
func (t *term) sum(v *verdict, x *subject, directions ...*uint64) {
	var n uint64
	known := 0
	for _, d := range directions {
		if d != nil {
			n += *d
			known++
		}
	}
	if known > 0 {
		t.amount(v, x, n, known < 2)
	}
}

// amount answers both for a number and for that number a second.
func (t *term) amount(v *verdict, x *subject, n uint64, least bool) {
	rated := t.values[0].low.of == perSecond
	if !rated {
		t.number(v, float64(n), plain, least)
	} else if x.seconds > 0 {
		t.number(v, float64(n)/x.seconds, perSecond, least)
	}
}

// isEdge answers the words of is: that are said of an edge.
func (t *term) isEdge(x *subject) bool {
	for i := range t.values {
		e := x.edge
		held := false
		switch t.values[i].text {
		case "new":
			held = e.Connections.Opened+e.Connections.Failed > 0 && e.Connections.Active+e.Connections.Closed <= e.Connections.Opened
		case "problem":
			held = e.Connections.Failed+e.Connections.Pending > 0
		case "encrypted":
			held = slices.ContainsFunc(e.Protocols, func(p topology.Protocol) bool { return p.TLS != nil && *p.TLS })
		case "unknown":
			held = !x.roles && t.end == either
		}
		if held {
			return true
		}
	}
	return false
}

// isEnd answers the words of is: that are said of an end.
func (t *term) isEnd(v *verdict, x *subject, i int, n *topology.Node) {
	v.known = true
	a := &n.Attributes
	for j := range t.values {
		held := false
		switch t.values[j].text {
		case "external":
			held = n.Kind == topology.KindAddress && a.PeerAddress != "" && !a.AddressLocal && !isLoopback(a.PeerAddress)
		case "loopback":
			held = isLoopback(a.PeerAddress) || x.within()
		case "listening":
			held = len(a.Listens) > 0
		case "unknown":
			held = n.Kind == topology.KindAddress || len(x.also[i]) > 0 && x.candidates(i)
		}
		v.hit = v.hit || held
	}
}

// within: both ends are in one network namespace, so that the kernel takes what
// they say over its loopback interface, whatever the addresses are.
func (x *subject) within() bool {
	if x.edge.Transport == "unix" || x.ends[0] == nil || x.ends[1] == nil {
		return false
	}
	n := x.ends[0].Attributes.NetnsInode
	return n != 0 && n == x.ends[1].Attributes.NetnsInode
}

func (x *subject) candidates(i int) bool {
	names := [2]string{"client", "server"}
	if !x.roles {
		names = [2]string{"first", "second"}
	}
	return len(x.edge.Candidates[names[i]]) > 0
}

func isLoopback(s string) bool {
	a, ok := addressOf(s)
	return ok && a.IsLoopback()
}
