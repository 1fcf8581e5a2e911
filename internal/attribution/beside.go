package attribution

import (
	"net/netip"
	"slices"
)

// beside is what an open connection was told with beside its counts: what its
// client asked for, which processes fit equally well, and who else holds its
// sockets. It is taken back together with the counts.
type beside struct {
	dialed                                       netip.AddrPort
	candidatesA, candidatesB, holdersA, holdersB []NodeRef
}

// besideOf is what goes with a change; nil: nothing, as with most.
func besideOf(c *Change) *beside {
	if !c.Dialed.IsValid() && c.CandidatesA == nil && c.CandidatesB == nil && c.HoldersA == nil && c.HoldersB == nil {
		return nil
	}
	return &beside{c.Dialed, c.CandidatesA, c.CandidatesB, c.HoldersA, c.HoldersB}
}

// into sets it to a change that takes a connection back.
func (b *beside) into(c *Change) {
	if b != nil {
		c.Dialed, c.CandidatesA, c.CandidatesB, c.HoldersA, c.HoldersB = b.dialed, b.candidatesA, b.candidatesB, b.holdersA, b.holdersB
	}
}

func (b *beside) equal(o *beside) bool {
	if b == nil || o == nil {
		return b == o
	}
	return b.dialed == o.dialed && slices.Equal(b.candidatesA, o.candidatesA) && slices.Equal(b.candidatesB, o.candidatesB) &&
		slices.Equal(b.holdersA, o.holdersA) && slices.Equal(b.holdersB, o.holdersB)
}

// each calls f for every node that it names.
func (b *beside) each(f func(NodeRef)) {
	if b == nil {
		return
	}
	for _, list := range [...][]NodeRef{b.candidatesA, b.candidatesB, b.holdersA, b.holdersB} {
		for _, n := range list {
			f(n)
		}
	}
}

// goesWith keeps what an open connection that n leads was told with.
func (e *Engine) goesWith(n uint32, b *beside) {
	if b != nil {
		e.beside[n] = b
	}
}

// besideHalf is what goes with the open connection that n leads.
func (e *Engine) besideHalf(n uint32) *beside {
	if len(e.beside) == 0 {
		return nil
	}
	return e.beside[n]
}
