package attribution

import (
	"cmp"
	"fmt"
	"iter"
	"net/netip"
	"slices"

	"peerscope/internal/flow"
)

// Connection names one connection of the window that was closed last, until the
// next Close.
type Connection struct {
	Edge EdgeRef
	half uint32 // that leads it; 0: a unix connection
	unix unixKey
}

// Connections gives the connections that the closed window counted on the edges
// that are wanted: those that are open or pending at its end, and those that
// ended in it. It looks at every record, and costs nothing while it is not asked.
func (e *Engine) Connections(wanted func(EdgeRef) bool) iter.Seq[Connection] {
	return func(yield func(Connection) bool) {
		before := map[uint32]bool{} // over in a window before, and kept for the other end
		for _, n := range e.done[:e.over] {
			before[n] = true
		}
		for n := uint32(1); n < e.count; n++ {
			h := e.half(n)
			if h.edge == 0 || !wanted(h.edge) || !h.has(flagActive|flagPending) && !e.endedNow(n, h, before) {
				continue
			}
			if !yield(Connection{Edge: h.edge, half: n}) {
				return
			}
		}
		for _, key := range e.unix.sorted() {
			u := e.unix.byKey[key]
			if u.edge == 0 || !wanted(u.edge) {
				continue
			}
			o := e.unixAt(u.peer, u.inode)
			if !u.active && !u.done && (o == nil || !o.done) {
				continue
			}
			if !yield(Connection{Edge: u.edge, unix: key}) {
				return
			}
		}
	}
}

// endedNow: the connection that n leads was counted as over by the last Close.
func (e *Engine) endedNow(n uint32, h *half, before map[uint32]bool) bool {
	if !h.has(flagClosed) || before[n] {
		return false
	}
	o := h.partner
	return h.has(flagDone) && (o == 0 || !before[o]) || o != 0 && e.half(o).has(flagDone) && !before[o]
}

// sorted are the keys of the unix sockets.
func (t *unixSockets) sorted() []unixKey {
	keys := make([]unixKey, 0, len(t.byKey))
	for k := range t.byKey {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b unixKey) int {
		return cmp.Or(cmp.Compare(a.inode, b.inode), cmp.Compare(a.generation, b.generation))
	})
	return keys
}

// Addresses are the local addresses of the ends of a connection, in the order of
// its edge; the zero value where a socket was not observed or does not tell.
func (e *Engine) Addresses(c Connection) [2]netip.AddrPort {
	if c.half == 0 {
		return [2]netip.AddrPort{}
	}
	return e.explainer(c, nil).addresses()
}

// Explain walks the ladder for a connection again and tells what each rung
// looked at. It changes nothing. id is what the caller calls a node.
func (e *Engine) Explain(c Connection, id func(NodeRef) string) *flow.Account {
	if c.half == 0 {
		return e.explainUnix(c, id)
	}
	x := e.explainer(c, id)
	x.peerSteps()
	x.unobservedSteps()
	x.holderSteps()
	x.roleSteps()
	h := x.h
	a := &flow.Account{Peer: h.live.peer().String(), Role: h.live.role().String(), Steps: x.steps}
	switch {
	case h.has(flagActive):
		a.State = "open"
	case h.has(flagPending):
		a.State = "pending"
	case (h.flags|x.otherFlags())&flagEstablished != 0:
		a.State = "closed"
	default:
		a.State = "failed"
		a.Error = e.errnoOf(x.n, h.partner)
	}
	if got := (verdictWords{x.peer, x.role}); got != (verdictWords{h.live.peer(), h.live.role()}) {
		x.add(flow.AboutPeer, "earlier", flow.Matched, flow.Facts{Why: fmt.Sprintf(
			"it was decided in an earlier window; what is known now would make it peer by %v, role by %v", x.peer, x.role)})
		a.Steps = x.steps
	}
	for i, end := range x.ends {
		if end == nil {
			continue
		}
		x.put(a, i, x.endpoint(end))
	}
	a.Line = e.line(e.edges[c.Edge], x.addresses(), x.says(), a.Peer, a.Role)
	return a
}

type verdictWords struct {
	peer flow.PeerEvidence
	role flow.RoleEvidence
}

// explainer walks the ladder for one connection. What it decides it decides by
// the very functions that Close uses.
type explainer struct {
	e    *Engine
	id   func(NodeRef) string
	key  EdgeKey
	n    uint32
	h    *half    // that leads the connection
	own  int      // which end h is: 0 for A of the edge
	ends [2]*half // in the order of the edge; nil: not observed

	found found // of h
	other *half // the other end, also where it is counted with another half
	said  flow.Role
	spoke flow.RoleEvidence // by what both sockets, or the last resort, said it
	// before is what was said before who was not observed was looked for.
	before     flow.Role
	lastResort bool // it was asked
	peer       flow.PeerEvidence
	role       flow.RoleEvidence
	unobserved Change // what looking for who was not observed gave
	steps      []flow.Step
}

// explainer decides as resolve does, and accounts for nothing.
func (e *Engine) explainer(c Connection, id func(NodeRef) string) *explainer {
	x := &explainer{e: e, id: id, key: e.edges[c.Edge], n: c.half, h: e.half(c.half)}
	h := x.h
	x.found = e.mutualPeer(x.n, h)
	var o *half
	if m := x.found.partner; m != 0 {
		o = e.half(m)
	}
	x.other = o
	if m := x.found.shared; m != 0 {
		x.other = e.half(m)
	}
	x.said, x.spoke, _ = e.roleOf(h, x.other)
	if x.said == flow.RoleNone && !h.failedConnect() {
		x.lastResort = true
		x.said, x.spoke = e.lastResort(h, x.other)
	}
	if h.failedConnect() && (o == nil || o.failedConnect() || o.embryo()) {
		x.said, x.spoke = flow.Client, flow.RoleHandshake
	}
	x.before = x.said
	x.conclude(o)
	return x
}

// conclude finds which end of the edge h is, and what naming the ends does to
// the evidence.
func (x *explainer) conclude(o *half) {
	e, h := x.e, x.h
	c := &Change{Peer: x.found.evidence, Role: x.spoke}
	if o != nil {
		x.ends = [2]*half{h, o} // A leads
		client, server := flow.Client, flow.Server
		if x.said == flow.RoleNone {
			client, server = flow.RoleNone, flow.RoleNone
		}
		e.endNode(h, client, c)
		e.endNode(o, server, c)
	} else {
		role := x.said
		if x.found.evidence != flow.PeerAmbiguous && x.found.shared == 0 {
			_, _, role = e.behindTranslation(c, h, role)
		} else if x.found.shared != 0 {
			e.sharedNode(x.found.shared, role.Reverse(), c)
		}
		x.unobserved = *c
		x.said = role
		own := e.endNode(h, role, c)
		if role == flow.Server || role == flow.RoleNone && own != x.key.A {
			x.own = 1
		}
		x.ends[x.own], x.ends[1-x.own] = h, x.other
	}
	x.peer, x.role = c.Peer, c.Role
}

func (x *explainer) otherFlags() flags {
	if x.h.partner == 0 {
		return 0
	}
	return x.e.half(x.h.partner).flags
}

func (x *explainer) add(about, rule string, r flow.Result, f flow.Facts) {
	x.steps = append(x.steps, flow.Step{About: about, Rule: rule, Result: r, Facts: f})
}

// end is what an end is called: 0 is A of the edge.
func (x *explainer) end(i int) string { return endName(x.key.RoleKnown, i) }

func endName(roles bool, i int) string {
	if roles {
		return [...]string{"client", "server"}[i]
	}
	return [...]string{"first", "second"}[i]
}

// put writes an end into its place.
func (x *explainer) put(a *flow.Account, i int, p *flow.Endpoint) { putEnd(a, x.key.RoleKnown, i, p) }

func putEnd(a *flow.Account, roles bool, i int, p *flow.Endpoint) {
	switch {
	case roles && i == 0:
		a.Client = p
	case roles:
		a.Server = p
	case i == 0:
		a.First = p
	default:
		a.Second = p
	}
}

// says is the role of A of the edge.
func (x *explainer) says() flow.Role {
	if x.key.RoleKnown {
		return flow.Client
	}
	return flow.RoleNone
}
