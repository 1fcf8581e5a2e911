package attribution

import (
	"fmt"
	"net/netip"
	"slices"

	"peerscope/internal/flow"
)

// endpoint writes a half down.
func (x *explainer) endpoint(h *half) *flow.Endpoint {
	e := x.e
	p := &flow.Endpoint{
		Cookie: h.cookie, Netns: e.place(h.netns),
		Local: written(e.addrPort(h.local, h.localPort)), Peer: written(e.addrPort(h.peer, h.peerPort)),
		Holders: x.processes(e.holdersOf(h.holder)), Since: h.first.Stamp(), Exact: h.exactly(),
		BeforeStart: h.has(flagAdopted), Vanished: h.incomplete(), Kernel: h.has(flagKernel),
		Unaccepted: h.has(flagUnaccepted) && !h.has(flagLastCounters) && h.holder == 0,
	}
	if h.has(flagFinal) {
		p.Until = h.latest().Stamp()
	}
	if h.has(flagSequence) {
		p.Sequence = &flow.Sequence{SendBase: h.seq.SendBase, RecvBase: h.seq.RecvBase}
	}
	return p
}

// exactly: it is known when it began; see opened.
func (h *half) exactly() bool { return h.after != 0 && h.after == millis(h.first) }

// latest is when the half was last told of, to the millisecond.
func (h *half) latest() flow.Time {
	return h.first + flow.Time(h.last-millis(h.first))*1e6
}

func (e *Engine) addrPort(addr uint32, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(e.addrs.list[addr], port)
}

// written is an address and port, or the one of them that is known.
func written(a netip.AddrPort) string {
	switch known := a.Addr().IsValid(); {
	case known && a.Port() != 0:
		return a.String()
	case known:
		return a.Addr().String()
	case a.Port() != 0:
		return fmt.Sprintf(":%d", a.Port())
	}
	return ""
}

// place is a namespace as people know it.
func (e *Engine) place(netns uint32) flow.Place {
	ns := &e.netns.list[netns]
	return flow.Place{Inode: ns.inode, Name: ns.name}
}

func (e *Engine) places(list []uint32) []flow.Place {
	var out []flow.Place
	for _, n := range list {
		out = append(out, e.place(n))
	}
	return out
}

// processes are the ids of some processes.
func (x *explainer) processes(list []uint32) []string {
	var out []string
	for _, p := range list {
		out = append(out, x.id(x.e.processNode(p)))
	}
	return out
}

// nodeIDs are the ids of some nodes that fit equally well, sorted.
func (x *explainer) nodeIDs(list []NodeRef) []string {
	var out []string
	for _, n := range list {
		out = append(out, x.id(n))
	}
	slices.Sort(out)
	return out
}
