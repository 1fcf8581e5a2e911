package topology

import (
	"net/netip"
	"slices"

	"peerscope/internal/flow"
)

// Ledger adds up changes to edges. What is open stays from window to window;
// everything else starts anew at Reset. It is not safe for concurrent use.
type Ledger struct {
	edges []tally        // by flow.EdgeRef
	used  []flow.EdgeRef // edges with anything to show in this window
	// spread are the histograms of this window, of edges that need one.
	spread []histogram
}

// tally is one edge while its window is open.
type tally struct {
	live    open
	ended   ended
	used    bool
	changed bool // in this window

	// idle is the edge as the map of a window without a change has it: maps share it
	// as long as there is none. nil: not written yet.
	idle *built

	bytes, sideA, sideB, retransmits pair
	rtt, connect                     samples
	errors                           map[string]uint64
	sets                             *sets
}

// open counts what lasts: connections that are open, by evidence.
type open struct {
	active, pending int64
	peer            [len(flow.PeerEvidenceNames)]int32
	role            [len(flow.RoleEvidenceNames)]int32
}

// ended counts what happened within the window.
type ended struct {
	opened, closed, failed uint64
	peer                   [len(flow.PeerEvidenceNames)]uint32
	role                   [len(flow.RoleEvidenceNames)]uint32
}

// sets are the rare parts of an edge: what goes with its open connections, and
// what went with those of this window.
type sets struct {
	dialed                                       counted[netip.AddrPort]
	candidatesA, candidatesB, holdersA, holdersB counted[flow.NodeRef]
}

// counted is a small set, with how many open connections each member goes with.
type counted[T comparable] []member[T]

type member[T comparable] struct {
	is   T
	open int32
}

func (s *counted[T]) add(is T, open int32) {
	i := slices.IndexFunc(*s, func(m member[T]) bool { return m.is == is })
	if i < 0 {
		i = len(*s)
		*s = append(*s, member[T]{is: is})
	}
	(*s)[i].open += open
}

// settle drops what goes with nothing that is open.
func (s *counted[T]) settle() {
	*s = slices.DeleteFunc(*s, func(m member[T]) bool { return m.open <= 0 })
}

func (s counted[T]) members() []T {
	var out []T
	for _, m := range s {
		out = append(out, m.is)
	}
	return out
}

// pair sums the two directions; a direction is known if any connection's was.
type pair struct{ toB, toA sum }

type sum struct {
	value          uint64
	known, unknown bool // some connection's was, some connection's was not
	inexact        bool
}

func (s *sum) add(a flow.Amount, counts bool) {
	if !a.Known {
		s.unknown = s.unknown || counts
		return
	}
	s.known = true
	s.value += a.Value
	s.inexact = s.inexact || a.Inexact
}

func (p *pair) add(t flow.Traffic, counts bool) {
	p.toB.add(t.ToB, counts)
	p.toA.add(t.ToA, counts)
}

// idle is the sum of a window in which nothing goes over the connections that
// are open: what could be counted before is 0 then, and not unknown.
func (p *pair) idle() pair {
	return pair{toB: sum{known: p.toB.known, unknown: p.toB.unknown}, toA: sum{known: p.toA.known, unknown: p.toA.unknown}}
}

// NewLedger returns an empty ledger.
func NewLedger() *Ledger { return &Ledger{} }

// Add counts one change. It keeps nothing of c.
func (l *Ledger) Add(c *flow.Change) {
	for int(c.Edge) >= len(l.edges) {
		l.edges = append(l.edges, tally{})
	}
	t := &l.edges[c.Edge]
	t.changed, t.idle = true, nil
	if !t.used {
		t.used = true
		l.used = append(l.used, c.Edge)
	}
	if d := int32(c.Active) + int32(c.Pending); d != 0 {
		t.live.active += int64(c.Active)
		t.live.pending += int64(c.Pending)
		t.live.peer[c.Peer] += d
		t.live.role[c.Role] += d
	}
	if c.Ended {
		t.ended.peer[c.Peer]++
		t.ended.role[c.Role]++
	}
	if c.Opened {
		t.ended.opened++
	}
	if c.Closed {
		t.ended.closed++
	}
	if c.Failed {
		t.ended.failed++
		if c.Errno != "" {
			if t.errors == nil {
				t.errors = map[string]uint64{}
			}
			t.errors[c.Errno]++
		}
	}
	if c.Dialed.IsValid() || c.CandidatesA != nil || c.CandidatesB != nil || c.HoldersA != nil || c.HoldersB != nil {
		t.addSets(c, int32(c.Active)+int32(c.Pending))
	}
	if c.Active < 0 || c.Pending < 0 {
		return // a withdrawal carries no figures
	}
	counts := !c.Failed && c.Pending == 0
	t.bytes.add(c.Bytes, counts)
	t.sideA.add(c.SideA, counts)
	t.sideB.add(c.SideB, counts)
	t.retransmits.add(c.Retransmits, false)
	l.observe(&t.rtt, c.RTT)
	l.observe(&t.connect, c.Connect)
}

// addSets counts what goes with a connection: open is 1 if it is open from now on,
// -1 if it is not any more.
func (t *tally) addSets(c *flow.Change, open int32) {
	if t.sets == nil {
		t.sets = &sets{}
	}
	s := t.sets
	if c.Dialed.IsValid() {
		s.dialed.add(c.Dialed, open)
	}
	for _, v := range [...]struct {
		into *counted[flow.NodeRef]
		from []flow.NodeRef
	}{{&s.candidatesA, c.CandidatesA}, {&s.candidatesB, c.CandidatesB}, {&s.holdersA, c.HoldersA}, {&s.holdersB, c.HoldersB}} {
		for _, n := range v.from {
			v.into.add(n, open)
		}
	}
}

// settle drops what belongs to the window alone. It reports whether anything is
// left.
func (s *sets) settle() bool {
	s.dialed.settle()
	left := len(s.dialed)
	for _, c := range [...]*counted[flow.NodeRef]{&s.candidatesA, &s.candidatesB, &s.holdersA, &s.holdersB} {
		c.settle()
		left += len(*c)
	}
	return left > 0
}

// Reset opens the next window: what is open stays.
func (l *Ledger) Reset() {
	kept := l.used[:0]
	for _, ref := range l.used {
		t := &l.edges[ref]
		live := t.live
		if live.active == 0 && live.pending == 0 {
			*t = tally{}
			continue
		}
		if !t.changed { // it is as it was
			kept = append(kept, ref)
			continue
		}
		if t.sets != nil && !t.sets.settle() {
			t.sets = nil
		}
		*t = tally{live: live, used: true, sets: t.sets, bytes: t.bytes.idle(), sideA: t.sideA.idle(), sideB: t.sideB.idle(), retransmits: t.retransmits.idle()}
		kept = append(kept, ref)
	}
	l.used = kept
	l.spread = l.spread[:0]
}
