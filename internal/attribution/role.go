package attribution

import (
	"slices"

	"peerscope/internal/flow"
)

// votes collects what speaks for each role of one half: the strongest evidence
// of each side, RoleUnknown where there is none.
type votes struct {
	client, server flow.RoleEvidence
	// A SYN byte of 0 says "accepted", but a packet dropped on its own host can
	// make a client's 1 look like it: it counts only while nothing contradicts.
	clientZero, serverZero bool
}

func (v *votes) add(r flow.Role, by flow.RoleEvidence) {
	if r == flow.Client {
		v.client = min(v.client, by)
	} else {
		v.server = min(v.server, by)
	}
}

// decide applies the ladder: two that contradict each other below `sequence`
// make none. It reports whether there was a contradiction.
func (v *votes) decide() (flow.Role, flow.RoleEvidence, bool) {
	c, s := v.client, v.server
	if min(c, s) <= flow.RoleSequence {
		switch {
		case c < s:
			return flow.Client, c, false
		case s < c:
			return flow.Server, s, false
		}
		return flow.RoleNone, flow.RoleUnknown, false // both called: a simultaneous open
	}
	contradicted := v.clientZero && (v.serverZero || s != flow.RoleUnknown) ||
		v.serverZero && c != flow.RoleUnknown
	if !contradicted {
		if v.clientZero {
			c = min(c, flow.RoleSynByte)
		}
		if v.serverZero {
			s = min(s, flow.RoleSynByte)
		}
	}
	switch {
	case c != flow.RoleUnknown && s != flow.RoleUnknown:
		return flow.RoleNone, flow.RoleUnknown, true
	case c != flow.RoleUnknown:
		return flow.Client, c, contradicted
	case s != flow.RoleUnknown:
		return flow.Server, s, contradicted
	}
	return flow.RoleNone, flow.RoleUnknown, contradicted
}

// roleOf decides h's role from both ends; o is nil where only h was observed.
// The evidence is the strongest that either end gives.
func (e *Engine) roleOf(h, o *half) (flow.Role, flow.RoleEvidence, bool) {
	v := votes{client: flow.RoleUnknown, server: flow.RoleUnknown}
	if h.transport == flow.UDP && o != nil && o != h && e.castAnswers(&v, h, o) {
		return v.decide()
	}
	cast(&v, h, flow.Client)
	if o != nil && o != h {
		cast(&v, o, flow.Server)
		if h.has(flagSequence) && o.has(flagSequence) {
			if r := sequenceRole(h, o); r != flow.RoleNone {
				v.add(r, flow.RoleSequence)
			}
		}
	}
	if min(v.client, v.server) > flow.RoleSequence && !v.agreed() {
		e.castListeners(&v, h, o)
	}
	return v.decide()
}

// agreed: both ends' own sockets say the same, one by a SYN byte of 1 and the
// other by a 0. There is nothing left to ask the listeners, who know ports only.
func (v *votes) agreed() bool {
	return v.client == flow.RoleSynByte && v.server == flow.RoleUnknown && v.clientZero ||
		v.server == flow.RoleSynByte && v.client == flow.RoleUnknown && v.serverZero
}

// cast adds what one half's own socket tells; asClient is what its being the
// client makes of the half that the roles are counted for.
func cast(v *votes, h *half, asClient flow.Role) {
	if h.transport == flow.UDP {
		castFirstDatagram(v, h, asClient)
		return
	}
	switch {
	case h.has(flagSynSent):
		v.add(asClient, flow.RoleHandshake)
	case h.has(flagSynRecv):
		v.add(asClient.Reverse(), flow.RoleHandshake)
	}
	switch {
	case h.has(flagSyn1):
		v.add(asClient, flow.RoleSynByte)
	case h.has(flagSyn0) && asClient == flow.Client:
		v.serverZero = true
	case h.has(flagSyn0):
		v.clientZero = true
	}
}

// castFirstDatagram: who sent the first datagram between the two is the client.
// Of a socket that is older than the observation it is asked last.
func castFirstDatagram(v *votes, h *half, asClient flow.Role) {
	if h.has(flagOlder) {
		return
	}
	if h.has(flagSentFirst) {
		v.add(asClient, flow.RoleFirstDatagram)
	}
	if h.has(flagReceivedFirst) {
		v.add(asClient.Reverse(), flow.RoleFirstDatagram)
	}
}

// castListeners adds the votes of the local ports: who listens where it talks
// from is the server. Where both ends do, that says nothing. Nor does it where
// the listener is the very socket that sent the first datagram: every UDP socket
// that is not connected takes what others send.
func (e *Engine) castListeners(v *votes, h, o *half) {
	mine := e.listened(h) && !(h.unconnected() && v.client != flow.RoleUnknown)
	theirs := o != nil && o != h && e.listened(o) && !(o.unconnected() && v.server != flow.RoleUnknown)
	switch {
	case mine == theirs:
	case mine:
		v.add(flow.Server, flow.RoleListener)
	default:
		v.add(flow.Client, flow.RoleListener)
	}
}

// exposed is the last resort for a half whose role nothing told: a port that
// its process declares, or on which it was a server before.
func (e *Engine) exposed(h *half) bool {
	for _, p := range e.holdersOf(h.holder) {
		proc := &e.processes.facts[p]
		if _, learned := slices.BinarySearch(proc.learned, h.localPort); learned {
			return true
		}
		for _, port := range proc.info.ExposedPorts {
			if port == h.localPort {
				return true
			}
		}
	}
	return false
}

// learn remembers that the processes of a server's socket serve its port.
func (e *Engine) learn(h *half) {
	if h.holder == 0 || h.holder&holderSet != 0 {
		return
	}
	p := &e.processes.facts[h.holder]
	if i, learned := slices.BinarySearch(p.learned, h.localPort); !learned {
		p.learned = slices.Insert(p.learned, i, h.localPort)
	}
}
