package attribution

import "peerscope/internal/flow"

// census takes in that all connections of a namespace have been told, or are told
// in what is left of the window.
func (e *Engine) census(o *flow.Census) {
	ns := &e.netns.list[e.netnsNumber(o.Netns)]
	ns.census = max(ns.census, o.Time)
	e.counted = true
}

// endUncounted ends the connections that the censuses of the window did not meet.
// Those that were last told in the very millisecond in which one began stay.
func (e *Engine) endUncounted() {
	if !e.counted {
		return
	}
	e.counted = false
	for n := uint32(1); n < e.count; n++ {
		h := e.half(n)
		if !h.told() || h.transport != flow.TCP || h.has(flagFinal) {
			continue
		}
		if began := e.netns.list[h.netns].census; began != 0 && later(millis(began), h.last) {
			h.flags |= flagFinal | flagVanished
			e.markDirty(n)
		}
	}
	for i := range e.netns.list {
		e.netns.list[i].census = 0
	}
}
