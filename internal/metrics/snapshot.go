package metrics

import (
	"cmp"
	"runtime"
	"slices"
	"time"
)

// snapshot is all that there is to tell at one moment. It does not change.
type snapshot struct {
	series  []view      // in the order of their identities
	hidden  []*identity // of series that go on where they ended if they are seen again
	host    hostTotals
	dropped map[string]uint64
	graph   bool // the service graph is wanted
	now     time.Time

	self      Self
	goVersion string
}

// view is a copy of a series.
type view struct {
	id      *identity
	started int64 // Unix milliseconds
	totals  totals
}

// snapshot copies what is shown. self may be nil.
func (a *Accumulator) snapshot(self func() Self) *snapshot {
	s := a.copy()
	s.graph, s.goVersion = a.config.ServiceGraph, runtime.Version()
	if self != nil {
		s.self = self()
	}
	return s
}

func (a *Accumulator) copy() *snapshot {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.order == nil {
		a.order, a.asleep = make([]*series, 0, len(a.series)), nil
		for _, s := range a.series {
			if s.hidden {
				a.asleep = append(a.asleep, s.id)
			} else {
				a.order = append(a.order, s)
			}
		}
		slices.SortFunc(a.order, func(x, y *series) int { return x.id.compare(y.id) })
	}
	s := &snapshot{series: make([]view, len(a.order)), hidden: a.asleep, host: a.host, dropped: a.guard.droppedCounts(), now: time.UnixMilli(a.now)}
	for i, x := range a.order {
		s.series[i] = view{x.id, x.started, x.totals}
	}
	return s
}

func (i *identity) compare(o *identity) int {
	flag := func(pair bool) int {
		if pair {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(flag(i.pair), flag(o.pair)), i.a.compare(&o.a), i.b.compare(&o.b),
		cmp.Compare(i.port, o.port), cmp.Compare(i.path, o.path), cmp.Compare(i.transport, o.transport),
		cmp.Compare(i.protocol, o.protocol), cmp.Compare(i.tls, o.tls), cmp.Compare(i.observed, o.observed))
}
