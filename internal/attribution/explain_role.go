package attribution

import "peerscope/internal/flow"

// roleSteps tells of the rungs that say which end called, strongest first.
func (x *explainer) roleSteps() {
	x.roleStep(flow.RoleHandshake, x.handshakeVotes(), "no look met a handshake", x.h.transport != flow.UDP)
	x.roleStep(flow.RoleSequence, x.sequenceVotes(), "not both ends have a sequence identity", x.h.transport != flow.UDP)
	x.roleStep(flow.RoleKernel, x.groupVotes(), "nothing of the kind", x.e.addrs.is(x.h.peer, addrGroup))
	x.roleStep(flow.RoleSynByte, x.synByteVotes(), "no quiet sample showed whether a SYN was acknowledged", x.h.transport != flow.UDP)
	x.roleStep(flow.RoleListener, x.listenerVotes(), "neither end talks from a port that is listened on", true)
	x.roleStep(flow.RoleExposedPort, x.exposedVotes(), "no process declared the port or was seen to serve it", true)
	x.roleStep(flow.RoleFirstDatagram, x.datagramVotes(), "who sent first was not seen", x.h.transport == flow.UDP)
	x.roleStep(flow.RoleBound, x.boundVotes(), "neither end alone is bound and not connected", x.h.transport == flow.UDP)
}

// roleStep writes down what the votes of one rung came to.
func (x *explainer) roleStep(by flow.RoleEvidence, votes []flow.Vote, nothing string, applies bool) {
	f := flow.Facts{Votes: votes}
	result := flow.NothingFound
	says := x.tally(votes)
	switch {
	case !x.asked(by):
		result, f.Votes = flow.NotAsked, nil
	case !applies:
		result, f.Why = flow.NotApplicable, "connections of this kind do not have it"
	case len(votes) == 0:
		f.Why = nothing
	case says == flow.RoleNone:
		result, f.Why = flow.Contradicts, "it says both"
		if by == flow.RoleListener {
			result, f.Why = flow.Rejected, "both ends talk from a port that is listened on, which says nothing"
		}
	case by == x.role:
		result = flow.Matched
	case x.role == flow.RoleUnknown:
		result, f.Why = flow.Contradicts, "another says the reverse, and neither counts"
	case says == flow.Client:
		result = flow.Agrees
	default:
		result, f.Why = flow.Contradicts, "a stronger one says the reverse"
		if by == flow.RoleSynByte {
			f.Why = "a zero can come of a packet that this host dropped: it counts only while nothing contradicts it"
		}
	}
	x.add(flow.AboutRole, by.String(), result, f)
}

// asked: the ladder is walked down only as far as it must be.
func (x *explainer) asked(by flow.RoleEvidence) bool {
	if _, answers := x.answers(); answers {
		return by == flow.RoleFirstDatagram // that says it all
	}
	switch by {
	case flow.RoleListener:
		v := votes{client: flow.RoleUnknown, server: flow.RoleUnknown}
		cast(&v, x.h, flow.Client)
		if x.other != nil && x.other != x.h {
			cast(&v, x.other, flow.Server)
		}
		return min(v.client, v.server) > flow.RoleSequence && !v.agreed() && x.role != flow.RoleSequence
	case flow.RoleExposedPort:
		return x.lastResort
	case flow.RoleBound:
		return x.lastResort || x.role == flow.RoleBound
	}
	return true
}

// tally is what the votes make of the first end of the edge; RoleNone: both.
func (x *explainer) tally(votes []flow.Vote) flow.Role {
	var client, server bool
	for _, v := range votes {
		if (v.End == x.end(0)) == (v.Says == flow.Client.String()) {
			client = true
		} else {
			server = true
		}
	}
	switch {
	case client == server:
		return flow.RoleNone
	case client:
		return flow.Client
	}
	return flow.Server
}

// eachEnd asks both sockets; the one that is connected to itself is asked once.
func (x *explainer) eachEnd(f func(h *half) (flow.Role, string)) []flow.Vote {
	var out []flow.Vote
	for i, h := range x.ends {
		if h == nil || i == 1 && h == x.ends[0] {
			continue
		}
		if says, by := f(h); by != "" {
			out = append(out, flow.Vote{End: x.end(i), Says: says.String(), By: by})
		}
	}
	return out
}

func (x *explainer) handshakeVotes() []flow.Vote {
	return x.eachEnd(func(h *half) (flow.Role, string) {
		switch {
		case h.transport == flow.UDP:
		case h.has(flagSynSent):
			return flow.Client, "it was seen to connect"
		case h.has(flagSynRecv):
			return flow.Server, "it was seen to answer"
		case h.failedConnect():
			return flow.Client, "its connect failed"
		}
		return flow.RoleNone, ""
	})
}

func (x *explainer) sequenceVotes() []flow.Vote {
	h, o := x.h, x.other
	if o == nil || o == h || !h.has(flagSequence) || !o.has(flagSequence) || h.transport == flow.UDP {
		return nil
	}
	r := sequenceRole(h, o)
	if r == flow.RoleNone {
		return nil
	}
	return []flow.Vote{{End: x.end(x.own), Says: r.String(), By: "its SYN is the one-off between the two ends"}}
}

func (x *explainer) groupVotes() []flow.Vote {
	if !x.e.addrs.is(x.h.peer, addrGroup) || x.h.transport != flow.UDP {
		return nil
	}
	return []flow.Vote{{End: x.end(x.own), Says: flow.Client.String(), By: "nobody sends from the address of a group of receivers"}}
}

func (x *explainer) synByteVotes() []flow.Vote {
	return x.eachEnd(func(h *half) (flow.Role, string) {
		switch {
		case h.transport == flow.UDP:
		case h.has(flagSyn1):
			return flow.Client, "a SYN of its own was acknowledged"
		case h.has(flagSyn0):
			return flow.Server, "no SYN of its own was acknowledged"
		}
		return flow.RoleNone, ""
	})
}

// listenerVotes are those of castListeners, and that of a listener at the other
// end of which no socket was observed.
func (x *explainer) listenerVotes() []flow.Vote {
	e := x.e
	out := x.eachEnd(func(h *half) (flow.Role, string) {
		// The very socket that sent first takes datagrams only because it sends.
		if e.listened(h) && !(h.has(flagUnconnected) && h.has(flagSentFirst)) {
			return flow.Server, "the port it talks from is listened on"
		}
		return flow.RoleNone, ""
	})
	if x.other == nil && len(out) == 0 && x.h.transport != flow.UDP && e.remoteListeners(x.h) != nil {
		out = append(out, flow.Vote{End: x.end(x.own), Says: flow.Client.String(), By: "the port it talks to is listened on"})
	}
	return out
}

func (x *explainer) exposedVotes() []flow.Vote {
	return x.eachEnd(func(h *half) (flow.Role, string) {
		if x.e.exposed(h) {
			return flow.Server, "its process declared the port, or was a server on it"
		}
		return flow.RoleNone, ""
	})
}

func (x *explainer) datagramVotes() []flow.Vote {
	if v, answers := x.answers(); answers {
		return v
	}
	return x.eachEnd(func(h *half) (flow.Role, string) {
		switch {
		case h.transport != flow.UDP || h.has(flagOlder) && x.role != flow.RoleFirstDatagram:
		case h.has(flagSentFirst):
			return flow.Client, "it sent the first datagram"
		case h.has(flagReceivedFirst):
			return flow.Server, "it received the first datagram"
		}
		return flow.RoleNone, ""
	})
}

// answers is the vote of who was heard through a group and has answered.
func (x *explainer) answers() ([]flow.Vote, bool) {
	h, o := x.h, x.other
	v := votes{client: flow.RoleUnknown, server: flow.RoleUnknown}
	if h.transport != flow.UDP || o == nil || o == h || !x.e.castAnswers(&v, h, o) {
		return nil, false
	}
	says := flow.Client
	if v.server != flow.RoleUnknown {
		says = flow.Server
	}
	return []flow.Vote{{End: x.end(x.own), Says: says.String(), By: "the one that was heard through a group answered, and serves"}}, true
}

func (x *explainer) boundVotes() []flow.Vote {
	if x.h.transport != flow.UDP {
		return nil
	}
	if x.other == nil {
		behind, _, _ := x.e.listenersBehind(x.h, x.before)
		if x.e.remoteListeners(x.h) == nil && behind == nil {
			return nil
		}
		return []flow.Vote{{End: x.end(x.own), Says: flow.Client.String(), By: "who listens there is bound and not connected"}}
	}
	if x.h.waits() == x.other.waits() {
		return nil
	}
	return x.eachEnd(func(h *half) (flow.Role, string) {
		switch {
		case h.waits():
			return flow.Server, "it is bound to a port of its choice and not connected"
		case h.has(flagUnconnected):
			return flow.Client, "its port was chosen by the kernel"
		}
		return flow.Client, "it is connected"
	})
}
