package attribution

import (
	"cmp"
	"net/netip"
	"slices"

	"peerscope/internal/flow"
)

// Node tells what a node stands for.
func (e *Engine) Node(ref flow.NodeRef) flow.Node {
	k := e.nodes[ref]
	n := flow.Node{Kind: k.kind}
	if k.netns != 0 {
		ns := &e.netns.list[k.netns]
		n.Netns, n.NetnsName = ns.inode, ns.name
	}
	switch k.kind {
	case flow.NodeProcess:
		p := &e.processes.facts[k.ref]
		n.Process, n.Exited, n.Exit = p.info, p.exited, p.exit
		n.Process.Key = e.processes.keys[k.ref]
		n.Listens = e.listensOf(k.ref)
		n.NetnsName = e.netnsName(p.info.NetnsInode)
	case flow.NodeAddress:
		if k.ref != 0 {
			n.Addr = e.addrs.list[k.ref]
			n.Local = n.Addr.IsLoopback() || e.ownedHere(k.ref)
		}
	}
	return n
}

// netnsName is the name of the namespace with that inode, if it has one.
func (e *Engine) netnsName(inode uint64) string {
	for i := range e.netns.list {
		if ns := &e.netns.list[i]; ns.inode == inode && inode != 0 && !ns.over {
			return ns.name
		}
	}
	return ""
}

// ownedHere: an observed namespace owns the address.
func (e *Engine) ownedHere(addr uint32) bool {
	return slices.ContainsFunc(e.owners(addr), func(n uint32) bool { return e.netns.list[n].observed })
}

// listensOf are the sockets a process waits on, sorted.
func (e *Engine) listensOf(p uint32) []flow.Listening {
	if e.listensByProcess == nil {
		e.indexListens()
	}
	return e.listensByProcess[p]
}

// indexListens groups the listeners by their holders once for all nodes of a
// window; Close forgets it.
func (e *Engine) indexListens() {
	e.listensByProcess = map[uint32][]flow.Listening{}
	add := func(holders uint32, l flow.Listening) {
		for _, p := range e.holdersOf(holders) {
			e.listensByProcess[p] = append(e.listensByProcess[p], l)
		}
	}
	for _, l := range e.listeners.byCookie {
		if l.final {
			continue
		}
		add(l.holders, flow.Listening{Transport: l.key.transport, Addr: e.boundTo(l), Port: l.key.port, Backlog: l.backlog, Limit: l.limit})
	}
	for _, u := range e.unix.byKey {
		if u.listens && !u.done {
			add(u.holders, flow.Listening{Transport: flow.Unix, Path: u.path, Backlog: u.backlog, Limit: u.limit})
		}
	}
	for _, list := range e.listensByProcess {
		slices.SortFunc(list, func(a, b flow.Listening) int {
			return cmp.Or(cmp.Compare(a.Transport, b.Transport), cmp.Compare(a.Port, b.Port), a.Addr.Compare(b.Addr),
				cmp.Compare(a.Path, b.Path), cmp.Compare(a.Backlog, b.Backlog))
		})
	}
}

// boundTo is the address of a listener, unspecified for any.
func (e *Engine) boundTo(l *listener) netip.Addr {
	switch {
	case l.addr != 0:
		return e.addrs.list[l.addr]
	case l.any6:
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}

// Listening lists the processes that wait for peers.
func (e *Engine) Listening() []flow.NodeRef {
	if e.listensByProcess == nil {
		e.indexListens()
	}
	out := make([]flow.NodeRef, 0, len(e.listensByProcess))
	for p := range e.listensByProcess {
		out = append(out, e.processNode(p))
	}
	slices.Sort(out)
	return out
}

// Edge tells an edge in full.
func (e *Engine) Edge(ref flow.EdgeRef) flow.Edge {
	k := e.edges[ref]
	return flow.Edge{EdgeKey: k, Path: e.paths[k.Path]}
}

// Summary is what an engine knows beside its edges.
type Summary struct {
	Host    flow.Host
	Capture flow.Capture
	Window  flow.Window
	Gaps    []flow.Gap // sorted by code
	Lost    [len(flow.LossReasonNames)]uint64
}

// Summary tells what is known beside the edges. A recording that was cut off
// has no end: the latest observation stands for it.
func (e *Engine) Summary() Summary {
	e.flush()
	s := Summary{Host: e.host, Capture: e.capture, Window: e.window, Gaps: slices.Clone(e.gaps), Lost: e.lost}
	if s.Window.End == 0 {
		s.Window.End = max(e.latest, s.Window.Start)
	}
	slices.SortFunc(s.Gaps, func(a, b flow.Gap) int {
		return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.Reason, b.Reason))
	})
	return s
}
