package metrics

import (
	"cmp"
	"slices"
	"time"

	"peerscope/internal/topology"
)

// guard keeps what must not have series of its own from getting some.
type guard struct {
	ages    map[end]*age
	names   names
	dropped [len(droppedNames)]uint64
}

// The reasons of selfSeriesDropped.
const (
	droppedMaxEdges = iota
	droppedMinAge
	droppedExternalNames
	droppedNoBuckets
)

var droppedNames = [...]string{"max_edges", "min_age", "external_names", "no_buckets"}

// age is since when and until when a program was seen, Unix milliseconds.
type age struct{ first, last int64 }

func newGuard() guard { return guard{ages: map[end]*age{}, names: names{}} }

// see learns how old the programs of a window are. A program is as old as the
// oldest of its processes that was seen, even if that one has ended: a command
// that is run every few seconds is a program that is there.
func (g *guard) see(a *Accumulator, m *topology.Map, ends map[string]*nodeEnds) {
	for id, seen := range g.ages {
		if seen.last < a.now-a.config.Expire.Milliseconds() {
			delete(g.ages, id)
		}
	}
	if a.config.MinAge == 0 {
		return
	}
	for i := range m.Nodes {
		if n := &m.Nodes[i]; n.Kind == topology.KindProcess {
			e := ends[n.ID]
			e.age = g.ageOf(a, e.client, n.Attributes.Created)
		}
	}
	for i := range m.Nodes {
		e := ends[m.Nodes[i].ID]
		e.young = e.age != nil && e.age.last-e.age.first < a.config.MinAge.Milliseconds()
	}
}

// ageOf is the age of a program of which a process was created at that time.
func (g *guard) ageOf(a *Accumulator, e end, created string) *age {
	first := a.now
	if t, err := time.Parse(time.RFC3339Nano, created); err == nil {
		first = min(first, t.UnixMilli())
	}
	seen := g.ages[e]
	if seen == nil {
		if len(g.ages) >= 4*a.keep {
			return &age{} // it counts as young
		}
		seen = &age{first: first}
		g.ages[e] = seen
	}
	seen.first, seen.last = min(seen.first, first), a.now
	return seen
}

// fold replaces the ends of which a program has too many.
func (g *guard) fold(id identity, host string, most int) identity {
	other := end{program: WordOther, external: true}
	switch {
	case g.names.full(&id.a, &id.b, most):
		id.b = other
	case g.names.full(&id.b, &id.a, most):
		id.a = other
	default:
		return id
	}
	g.dropped[droppedExternalNames]++
	if g.names.full(&id.a, &id.b, most) || g.names.full(&id.b, &id.a, most) {
		return id.asOther(host)
	}
	return id
}

// names are the ends outside that each program talks to, and in how many series.
type names map[end]map[end]int

// full: with this one, a program would have too many.
func (n names) full(inside, outside *end, most int) bool {
	if !outside.external || outside.anonymous() {
		return false
	}
	known := n[*inside]
	return known[*outside] == 0 && len(known) >= most
}

// add counts a series that is shown from now on (1), or no longer (-1).
func (n names) add(id *identity, d int) {
	n.count(&id.a, &id.b, d)
	n.count(&id.b, &id.a, d)
}

func (n names) count(inside, outside *end, d int) {
	if !outside.external || outside.anonymous() {
		return
	}
	known := n[*inside]
	if known == nil {
		known = map[end]int{}
		n[*inside] = known
	}
	if known[*outside] += d; known[*outside] == 0 {
		delete(known, *outside)
	}
	if len(known) == 0 {
		delete(n, *inside)
	}
}

// other: it is one of the few series that have no limit.
func (i *identity) other() bool {
	return i.a.program == WordOther && i.b.program == WordOther
}

// asOther is the series for what has none.
func (i *identity) asOther(host string) identity {
	e := end{host: host, program: WordOther, external: true}
	return identity{pair: i.pair, a: e, b: e, transport: i.transport}
}

// forget lets go of that many hidden series, those first that were not seen for
// the longest time.
func (a *Accumulator) forget(n int) {
	var hidden []*series
	for _, s := range a.series {
		if s.hidden {
			hidden = append(hidden, s)
		}
	}
	slices.SortFunc(hidden, func(a, b *series) int {
		return cmp.Or(cmp.Compare(a.last, b.last), cmp.Compare(a.started, b.started))
	})
	for _, s := range hidden[:min(n, len(hidden))] {
		delete(a.series, *s.id)
	}
	a.order = nil
}

// droppedCounts is by reason, zeros too.
func (g *guard) droppedCounts() map[string]uint64 {
	out := map[string]uint64{}
	for i, name := range droppedNames {
		out[name] = g.dropped[i]
	}
	return out
}
