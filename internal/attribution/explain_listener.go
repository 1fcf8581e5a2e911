package attribution

import (
	"net/netip"
	"slices"

	"peerscope/internal/flow"
)

// unobservedSteps tells of the rungs that are asked where no socket was found at
// the other end: those of unobserved, in its order.
func (x *explainer) unobservedSteps() {
	if x.decided() {
		for _, rule := range [...]flow.PeerEvidence{flow.PeerListener, flow.PeerSidecar} {
			x.add(flow.AboutPeer, rule.String(), flow.NotAsked, flow.Facts{})
		}
		return
	}
	if m := x.e.byTaking(x.n, x.h).partner; m != 0 {
		x.add(flow.AboutPeer, flow.PeerListener.String(), flow.NotAsked, flow.Facts{})
		f := flow.Facts{Why: "a proxy's socket and a client's have one address and port between them, and nothing else fits either"}
		x.consider(&f, m, "fits")
		x.add(flow.AboutPeer, flow.PeerSidecar.String(), flow.Matched, f)
		return
	}
	x.listenerStep()
	x.sidecarStep()
}

func (x *explainer) listenerStep() {
	e, h := x.e, x.h
	rule := flow.PeerListener.String()
	switch {
	case e.addrs.is(h.peer, addrGroup):
		x.add(flow.AboutPeer, rule, flow.NotApplicable, flow.Facts{Why: "what goes to a group of receivers names none of them"})
		return
	case h.peerPort == 0:
		x.add(flow.AboutPeer, rule, flow.NotApplicable, flow.Facts{Why: "which port was asked for is not known: the kernel had cleared it"})
		return
	case x.before == flow.Server:
		x.add(flow.AboutPeer, rule, flow.NotApplicable, flow.Facts{Why: "this end was called, and who calls needs no listener"})
		return
	}
	f := flow.Facts{LookedFor: written(e.addrPort(h.peer, h.peerPort)), Namespaces: e.places(e.homesOf(h.peer, h.netns))}
	if list, to, _ := e.listenersBehind(h, x.before); len(list) > 0 {
		x.behindStep(list, to)
		return
	}
	taking := e.remoteListeners(h)
	kept := e.reached(h, slices.Clone(taking))
	if h.transport == flow.UDP {
		kept = taking
	}
	x.listListeners(&f, taking, kept)
	x.listenerResult(&f, taking, kept)
}

// behindStep tells of listeners that a translation leads to; see behindTranslation.
func (x *explainer) behindStep(list []*listener, to natTuple) {
	f := flow.Facts{LookedFor: written(x.e.addrPort(to.local, to.localPort)), Hops: x.e.hops(x.h), Processes: x.nodeIDs(x.e.makers(list))}
	for _, l := range list {
		x.listen(&f, l, "fits")
	}
	f.Why = "a translation leads to it: " + x.whyAllowed(list)
	result := flow.Matched
	if x.unobserved.Peer != flow.PeerListener {
		result, f.Why = flow.Ambiguous, "a translation leads to listeners, and may lead elsewhere"
	}
	x.add(flow.AboutPeer, flow.PeerListener.String(), result, f)
}

// listenerResult says what the listener rule made of what it found.
func (x *explainer) listenerResult(f *flow.Facts, taking, kept []*listener) {
	e, h := x.e, x.h
	rule := flow.PeerListener.String()
	makers := e.makers(kept)
	switch {
	case x.unobserved.Peer == flow.PeerListener:
		f.Why, f.Processes = x.whyAllowed(kept), x.nodeIDs(makers)
		x.add(flow.AboutPeer, rule, flow.Matched, *f)
	case x.unobserved.Peer == flow.PeerAmbiguous && len(makers) > 0:
		f.Why, f.Processes = "several processes made listeners for this port", x.nodeIDs(makers)
		if len(makers) == 1 {
			f.Why = "the address lives in several namespaces"
		}
		x.add(flow.AboutPeer, rule, flow.Ambiguous, *f)
	case len(taking) > 0 && len(kept) == 0:
		f.Why = "a listener is there, and the kernel tells of every socket that ends there: the one of this connection was not among them, so something else was reached"
		x.add(flow.AboutPeer, rule, flow.Rejected, *f)
	case len(kept) > 0 && len(makers) == 0:
		f.Why = "nobody was seen to hold the listener"
		x.add(flow.AboutPeer, rule, flow.Rejected, *f)
	case len(kept) > 0:
		f.Why = "which end was called is not known"
		x.add(flow.AboutPeer, rule, flow.Rejected, *f)
	case len(f.Listeners) > 0:
		f.Why = "no listener there could take this connection"
		x.add(flow.AboutPeer, rule, flow.Rejected, *f)
	case len(e.homesOf(h.peer, h.netns)) == 0:
		f.Why = "the address lives in no namespace that is known here"
		x.add(flow.AboutPeer, rule, flow.NothingFound, *f)
	default:
		f.Why = "nothing listens there"
		x.add(flow.AboutPeer, rule, flow.NothingFound, *f)
	}
}

// whyAllowed is why the socket that a listener made may have been missed, in the
// order in which reached asks.
func (x *explainer) whyAllowed(kept []*listener) string {
	h := x.h
	switch {
	case h.transport == flow.UDP:
		return "it takes the datagrams that are sent there"
	case h.failedConnect() && h.has(flagFinal):
		return "the connect failed: the listener is who would have answered"
	case h.failedConnect(), !h.has(flagEstablished):
		return "the connect is pending: the listener is who would answer"
	case h.has(flagPaired):
		return "the other end died without its addresses, as a socket that is reset does"
	case !h.has(flagEarly):
		return "it was first seen by the last look, and its other end may be younger than the look at its namespace"
	}
	for _, l := range kept {
		ns := &x.e.netns.list[l.key.netns]
		switch {
		case !ns.observed:
			return "the sockets of the listener's namespace are not read"
		case !ns.deathsSeen:
			return "not every socket that ends is told in the listener's namespace"
		case ns.missed:
			return "sockets that ended may have been missed in this window"
		}
	}
	return "it was reset within one namespace, and a socket that was reset and is still held is not listed"
}

// listListeners lists every listener on that port where the address lives.
func (x *explainer) listListeners(f *flow.Facts, taking, kept []*listener) {
	e, h := x.e, x.h
	for _, in := range e.homesOf(h.peer, h.netns) {
		right := e.listening(in, h.transport, h.peer, h.peerPort)
		for _, l := range e.listeners.byPort[listenKey{in, h.transport, h.peerPort}] {
			if l.cookie == h.cookie {
				continue // it does not call itself
			}
			verdict := "fits"
			switch {
			case slices.Contains(kept, l):
			case slices.Contains(taking, l):
				verdict = "the socket it would have made was not told of"
			case l.addr != 0 && l.addr != h.peer:
				verdict = "it is bound to another address"
			case !slices.Contains(right, l):
				verdict = "it does not take that address, or another one is bound more closely"
			case l.scope != 0 && h.during([]*listener{l}) != nil:
				verdict = "it is bound to another interface"
			case l.final && h.after != 0 && wholeMillis(l.end) <= h.afterMillis():
				verdict = "it was closed before this connection began"
			default:
				verdict = "it was opened after this connection began"
			}
			x.listen(f, l, verdict)
		}
	}
}

// listen lists one listener.
func (x *explainer) listen(f *flow.Facts, l *listener, verdict string) {
	if len(f.Listeners) == mostTold {
		f.More++
		return
	}
	e := x.e
	out := flow.Listens{Address: netip.AddrPortFrom(e.boundTo(l), l.key.port).String(), Netns: e.place(l.key.netns), Interface: l.scope, Verdict: verdict}
	if made := e.makers([]*listener{l}); len(made) > 0 {
		out.Made = x.id(made[0])
		out.Exited = e.Node(made[0]).Exited
	}
	if l.final {
		out.Until = l.end.Stamp()
	}
	if l.after != 0 {
		out.Younger = l.after.Stamp()
	}
	f.Listeners = append(f.Listeners, out)
}

func (x *explainer) sidecarStep() {
	e, h := x.e, x.h
	rule := flow.PeerSidecar.String()
	if x.decided() {
		x.add(flow.AboutPeer, rule, flow.NotAsked, flow.Facts{})
		return
	}
	c := &Change{}
	n := e.bySidecar(c, h, x.said)
	switch candidates := slices.Concat(c.CandidatesA, c.CandidatesB); {
	case n != 0:
		x.add(flow.AboutPeer, rule, flow.Matched, flow.Facts{Why: "what nothing else explains goes through the proxy of the same instance", Processes: x.nodeIDs([]NodeRef{n})})
	case len(candidates) > 0:
		x.add(flow.AboutPeer, rule, flow.Ambiguous, flow.Facts{Why: "several processes of the mesh fit", Processes: x.nodeIDs(candidates)})
	case !x.inMesh():
		x.add(flow.AboutPeer, rule, flow.NotApplicable, flow.Facts{Why: "the process is not known to be part of a mesh"})
	default:
		x.add(flow.AboutPeer, rule, flow.NothingFound, flow.Facts{Why: "no other process of its instance fits"})
	}
}

func (x *explainer) inMesh() bool {
	return slices.ContainsFunc(x.e.holdersOf(x.h.holder), func(p uint32) bool {
		info := &x.e.processes.facts[p].info
		return info.ServiceProxy || info.MeshMember || info.InstanceID != "" && x.e.hasProxies
	})
}

// holderSteps tells on what grounds the observed ends have their process.
func (x *explainer) holderSteps() {
	for i, h := range x.ends {
		if h == nil {
			continue
		}
		role := flow.RoleNone
		if x.key.RoleKnown {
			role = [...]flow.Role{flow.Client, flow.Server}[i]
		}
		x.holderStep(x.end(i), h, role)
	}
}

// holderStep follows endNode.
func (x *explainer) holderStep(about string, h *half, role flow.Role) {
	e := x.e
	holders := x.processes(e.holdersOf(h.holder))
	switch {
	case h.has(flagKernel):
		x.add(about, flow.RuleHolder, flow.Matched, flow.Facts{Why: "the kernel itself holds the socket"})
		return
	case len(holders) == 1:
		x.add(about, flow.RuleHolder, flow.Matched, flow.Facts{Why: "it holds the socket open", Processes: holders})
		return
	case len(holders) > 1:
		x.add(about, flow.RuleHolder, flow.Matched, flow.Facts{Why: "several hold the socket open; the first stands for it", Processes: holders})
		return
	case role == flow.Client:
		x.add(about, flow.RuleHolder, flow.NothingFound, flow.Facts{Why: "no process was seen to hold the socket"})
		return
	}
	list := e.ownListeners(h)
	f := flow.Facts{Processes: x.nodeIDs(e.makers(list))}
	for _, l := range list {
		x.listen(&f, l, "fits")
	}
	switch rule := flow.PeerListener.String(); {
	case len(f.Processes) == 1 && h.has(flagUnaccepted) && !h.has(flagLastCounters):
		f.Why = "no process has accepted it, so it is its listener's"
		x.add(about, rule, flow.Matched, f)
	case len(f.Processes) == 1:
		f.Why = "no process was seen to hold the socket: it goes to who made the listener"
		x.add(about, rule, flow.Matched, f)
	case len(f.Processes) > 1:
		f.Why = "no process was seen to hold the socket, and several made listeners for its port"
		x.add(about, rule, flow.Ambiguous, f)
	default:
		f.Why = "no process was seen to hold the socket or a listener for its port"
		x.add(about, flow.RuleHolder, flow.NothingFound, f)
	}
}
