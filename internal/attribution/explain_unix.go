package attribution

import (
	"net/netip"
	"slices"

	"peerscope/internal/flow"
)

// explainUnix tells how a unix connection was decided: the kernel names the
// peer, and the path of an accepted socket tells the role.
func (e *Engine) explainUnix(c Connection, id func(NodeRef) string) *flow.Account {
	u := e.unix.byKey[c.unix]
	key := e.edges[c.Edge]
	x := &explainer{e: e, id: id, key: key}
	a := &flow.Account{State: "closed", Peer: u.live.peer().String(), Role: u.live.role().String()}
	if u.active {
		a.State = "open"
	}
	ends := e.unixEnds(u, key)
	waiting := ends[1] != nil && ends[1].listens
	x.unixPeerStep(ends, waiting)
	for i, s := range ends {
		if s == nil {
			continue
		}
		if !s.listens {
			putEnd(a, key.RoleKnown, i, x.unixEndpoint(s))
		}
		x.unixHolderStep(i, s, key)
	}
	x.unixRoleStep(u, ends, waiting)
	a.Steps = x.steps
	says := flow.RoleNone
	if key.RoleKnown {
		says = flow.Client
	}
	a.Line = e.line(key, [2]netip.AddrPort{}, says, a.Peer, a.Role)
	return a
}

// unixEnds are the two sockets in the order of the edge. Where no socket is
// there that has accepted, its listener stands for it.
func (e *Engine) unixEnds(u *unixSocket, key EdgeKey) [2]*unixSocket {
	o := e.unixAt(u.peer, u.inode)
	if u.peer == 0 || o == nil {
		l := e.waitingClients()[u.inode]
		return [2]*unixSocket{u, l}
	}
	path := e.paths[key.Path]
	server := o
	switch {
	case key.RoleKnown && u.live.role() == flow.RoleFirstDatagram:
		if o.asked(u) {
			server = u
		}
	case !key.RoleKnown:
		if node := e.unixNode(u, new([]NodeRef)); node != key.A {
			return [2]*unixSocket{o, u}
		}
		return [2]*unixSocket{u, o}
	case u.path == path && !u.bare && (o.path != path || o.bare):
		server = u
	}
	if server == u {
		return [2]*unixSocket{o, u}
	}
	return [2]*unixSocket{u, o}
}

func (x *explainer) unixPeerStep(ends [2]*unixSocket, waiting bool) {
	if x.key.RoleKnown && ends[1] == nil {
		x.add(flow.AboutPeer, flow.PeerKernel.String(), flow.NothingFound, flow.Facts{Why: "it calls a name, and no socket behind it is known"})
		return
	}
	f := flow.Facts{Why: "the kernel names the peer of the socket"}
	if waiting {
		f.Why = "the kernel lists it among those that wait to be accepted"
	}
	for _, s := range ends {
		if s != nil {
			f.Sockets = append(f.Sockets, flow.Considered{Endpoint: *x.unixEndpoint(s), Verdict: "fits"})
		}
	}
	x.add(flow.AboutPeer, flow.PeerKernel.String(), flow.Matched, f)
}

func (x *explainer) unixEndpoint(u *unixSocket) *flow.Endpoint {
	p := &flow.Endpoint{Inode: u.inode, Path: u.path, Netns: x.e.place(u.netns),
		Holders: x.processes(slices.Clone(x.e.holdersOf(u.holders))), BeforeStart: u.adopted}
	if u.since != 0 {
		p.Since = u.since.Stamp()
	}
	if u.final {
		p.Until = u.seen.Stamp()
	}
	return p
}

// unixHolderStep follows unixNode and unixAcceptor.
func (x *explainer) unixHolderStep(i int, s *unixSocket, key EdgeKey) {
	e := x.e
	f := flow.Facts{Processes: x.processes(slices.Clone(e.holdersOf(s.holders)))}
	server := key.RoleKnown && i == 1
	switch about := x.end(i); {
	case server && s.listens:
		f.Why, f.Processes = "no process has accepted it, so it is its listener's", x.nodeIDs([]NodeRef{e.unixMaker(s)})
		x.add(about, flow.PeerListener.String(), flow.Matched, f)
	case len(f.Processes) == 1:
		f.Why = "it holds the socket open"
		x.add(about, flow.RuleHolder, flow.Matched, f)
	case len(f.Processes) > 1:
		f.Why = "several hold the socket open; the first stands for it"
		x.add(about, flow.RuleHolder, flow.Matched, f)
	case server:
		c := &Change{}
		maker := e.unixAcceptor(s, c)
		f.Processes, f.Why = x.nodeIDs([]NodeRef{maker}), "no process was seen to hold the socket: it goes to who made the listener"
		result := flow.Matched
		if len(c.CandidatesB) > 0 {
			result, f.Processes = flow.Ambiguous, x.nodeIDs(c.CandidatesB)
			f.Why = "no process was seen to hold the socket, and several made listeners of that path"
		}
		x.add(about, flow.PeerListener.String(), result, f)
	default:
		f.Why = "no process was seen to hold the socket"
		x.add(about, flow.RuleHolder, flow.NothingFound, f)
	}
}

func (x *explainer) unixRoleStep(u *unixSocket, ends [2]*unixSocket, waiting bool) {
	rule := flow.RoleKernel.String()
	switch u.live.role() {
	case flow.RoleKernel:
	case flow.RoleFirstDatagram:
		x.add(flow.AboutRole, flow.RoleFirstDatagram.String(), flow.Matched, flow.Facts{Votes: []flow.Vote{{End: x.end(0), Says: flow.Client.String(), By: "it sent the first message, and the other one answered under its name"}}})
		return
	default:
		x.add(flow.AboutRole, rule, flow.NothingFound, flow.Facts{Why: "neither socket has the name of a listener: a pair that nobody called"})
		return
	}
	by := "it carries the path of its listener, as an accepted socket does"
	switch {
	case ends[1] == nil:
		x.add(flow.AboutRole, rule, flow.Matched, flow.Facts{Votes: []flow.Vote{{End: x.end(0), Says: flow.Client.String(), By: "it calls a name"}}})
		return
	case waiting:
		by = "it waits for clients under that path"
	case ends[1] != nil && ends[1].peer != ends[0].inode:
		by = "it is a named socket that takes datagrams from many"
	}
	x.add(flow.AboutRole, rule, flow.Matched, flow.Facts{Votes: []flow.Vote{{End: x.end(1), Says: flow.Server.String(), By: by}}})
}
