package attribution

import (
	"slices"

	"peerscope/internal/flow"
)

// speaks enters a half that sends to a group.
func (l *lanes) speaks(n uint32, h *half) {
	if l.groups == nil {
		l.groups = map[uint32][]uint32{}
	}
	ports := uint32(h.localPort)<<16 | uint32(h.peerPort)
	if !slices.Contains(l.groups[ports], n) {
		l.groups[ports] = append(l.groups[ports], n)
	}
}

// silence takes a half out that is released.
func (l *lanes) silence(n uint32, h *half) {
	if l.groups == nil || h.transport != flow.UDP {
		return
	}
	ports := uint32(h.localPort)<<16 | uint32(h.peerPort)
	if i := slices.Index(l.groups[ports], n); i >= 0 {
		if l.groups[ports] = slices.Delete(l.groups[ports], i, i+1); len(l.groups[ports]) == 0 {
			delete(l.groups, ports)
		}
	}
}

// heardFromGroup: h is the receiving end of datagrams that its peer sent to a
// group. They are counted where they were sent, with the group as their server,
// which names no receiver. One that answers has a connection of its own.
func (e *Engine) heardFromGroup(h *half) bool {
	return h.has(flagCounters) && h.tx == 0 && e.peerSpeaksToGroup(h)
}

// castAnswers: an end that was heard first by one that speaks to a group it can
// have heard it through has answered, and serves.
func (e *Engine) castAnswers(v *votes, h, o *half) bool {
	mine := o.has(flagReceivedFirst) && e.peerSpeaksToGroup(h)
	theirs := h.has(flagReceivedFirst) && e.peerSpeaksToGroup(o)
	switch {
	case mine == theirs:
		return false
	case mine:
		v.add(flow.Server, flow.RoleFirstDatagram)
	default:
		v.add(flow.Client, flow.RoleFirstDatagram)
	}
	return true
}

// leaveOutGroups: an end that may have heard its peer through a group as well
// does not tell what it received from it alone.
func (e *Engine) leaveOutGroups(c *Change, a, b *half) {
	if a.transport != flow.UDP || e.lanes.groups == nil {
		return
	}
	if c.SideA.ToB.Known && e.peerSpeaksToGroup(b) {
		c.SideB.ToB = Amount{}
	}
	if c.SideB.ToA.Known && e.peerSpeaksToGroup(a) {
		c.SideA.ToA = Amount{}
	}
}

func (e *Engine) peerSpeaksToGroup(h *half) bool {
	if e.lanes.groups == nil {
		return false
	}
	ports := uint32(h.peerPort)<<16 | uint32(h.localPort)
	return slices.ContainsFunc(e.lanes.groups[ports], func(m uint32) bool {
		o := e.half(m)
		return e.addrs.is(o.peer, addrGroup) && o.transport == h.transport && (o.local == 0 || o.local == h.peer) && e.livesIn(h.peer, h.netns, o.netns)
	})
}
