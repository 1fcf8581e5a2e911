package attribution

import (
	"cmp"
	"slices"

	"peerscope/internal/flow"
)

// lastInTurn is the youngest of some UDP flows that had one tuple one after the
// other in one namespace; 0: some were there at the same time.
func (e *Engine) lastInTurn(list []uint32) uint32 {
	list = slices.Clone(list)
	e.byAge(list)
	for i, m := range list[1:] {
		before, o := e.half(list[i]), e.half(m)
		if !before.has(flagFinal) || before.lastMillis() > wholeMillis(o.first) || before.netns != o.netns || !aligned(before, o) {
			return 0
		}
	}
	return list[len(list)-1]
}

// use is one time that a translation was made.
type use struct {
	side
	opened flow.Time
}

// byTurn pairs TCP connections that used one tuple one after the other: the
// first socket went through the translation that was made first. 0: it cannot
// be told.
func (e *Engine) byTurn(n uint32, h *half) uint32 {
	near, uses := e.inTurnAt(h.natTuple(), h.netns)
	i := slices.Index(near, n)
	if i < 0 {
		return 0
	}
	u := uses[i]
	candidates := e.withTuple(u.far)
	if len(candidates) == 0 {
		return 0
	}
	far, back := e.inTurnAt(u.far, e.half(candidates[0]).netns)
	j := slices.IndexFunc(back, func(b use) bool { return b.translation == u.translation && b.opened == u.opened })
	if j < 0 || len(far) == 0 || !e.adjacent(u.netns, u.far, e.half(far[j]).netns) {
		return 0
	}
	return far[j]
}

// inTurnAt lists the sockets with a tuple and the uses of the translations that
// have it, both in the order of time. There are none if they do not correspond:
// not as many, not of one namespace, or made when nobody saw it.
func (e *Engine) inTurnAt(t natTuple, netns uint32) ([]uint32, []use) {
	sockets := e.withTuple(t)
	if slices.ContainsFunc(sockets, func(m uint32) bool { return e.half(m).netns != netns }) {
		return nil, nil
	}
	uses := e.usesOf(t, netns)
	for _, u := range uses {
		if u.netns != uses[0].netns || u.forward != uses[0].forward || u.made() == 0 || e.netns.list[u.netns].missed {
			return nil, nil
		}
	}
	// What nobody used any more when observation began is no use of these.
	if !slices.ContainsFunc(sockets, func(m uint32) bool { return e.half(m).has(flagAdopted) }) {
		uses = slices.DeleteFunc(uses, func(u use) bool { return u.opened == 0 })
	}
	if len(uses) != len(sockets) {
		return nil, nil
	}
	slices.SortFunc(uses, func(a, b use) int { return cmp.Compare(a.opened, b.opened) })
	e.byAge(sockets)
	return sockets, uses
}

// usesOf are the times that translations which a socket in netns with tuple t
// may have gone through were made; one of which that was not seen counts once.
func (e *Engine) usesOf(t natTuple, netns uint32) []use {
	var uses []use
	for _, s := range e.sides(t) {
		if !e.adjacent(s.netns, s.near, netns) {
			continue
		}
		if s.adopted != 0 || len(s.opened) == 0 {
			uses = append(uses, use{side: s})
		}
		for _, o := range s.opened {
			uses = append(uses, use{s, o})
		}
	}
	return uses
}

// usedOnce: of all the times that h's translations were made one at most can
// have been for h.
func (e *Engine) usedOnce(h *half) bool {
	n := 0
	for _, u := range e.usesOf(h.natTuple(), h.netns) {
		switch {
		case u.opened == 0 && len(u.translation.opened) > 0 && !h.has(flagAdopted):
		case u.forward && u.opened != 0 && h.after != 0 && h.afterMillis() > wholeMillis(u.opened):
		default:
			n++
		}
	}
	return n <= 1
}
