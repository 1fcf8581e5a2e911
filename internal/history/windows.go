package history

import (
	"context"
	"time"

	"peerscope/internal/topology"
)

// Windows gives the windows that are kept of [from, to), one after the other: as
// fine as they are kept, or where step is at least a minute, ten minutes or an
// hour and longer ones begin and end in that time, those. It stops at the first
// error of yield.
func (s *Store) Windows(ctx context.Context, from, to time.Time, step time.Duration, yield func(*topology.Map) error) error {
	most := 0
	for i, l := range levelSpecs() {
		if l.width <= step.Milliseconds() {
			most = i
		}
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	defer s.trim()
	for _, e := range s.planFine(most, from.UnixMilli(), to.UnixMilli()) {
		if err := ctx.Err(); err != nil {
			return err
		}
		m := newMerger(s.forms)
		if s.take(m, e, false) != nil {
			e.record().bad.Store(true)
			continue
		}
		got, err := m.window().toMap(s.nodes)
		if err != nil {
			continue
		}
		if err := yield(got); err != nil {
			return err
		}
	}
	return nil
}

// planFine is plan with windows of a level at most, and where they are not kept
// any more with as long ones as it takes.
func (s *Store) planFine(most int, from, to int64) []entry {
	for ; most < len(s.levels)-1; most++ {
		l, longer := s.levels[most], s.levels[most+1:]
		if len(l.index) == 0 {
			continue
		}
		// Until when only longer windows are kept.
		until := from
		for _, o := range longer {
			if n, _ := o.find(l.index[0].start()); n > 0 && o.index[0].start() < l.index[0].start() {
				until = max(until, o.index[n-1].end())
			}
		}
		if until > from {
			until = min(until, to)
			return append(s.planFine(most+1, from, until), s.plan(most, until, to)...)
		}
		break
	}
	return s.plan(most, from, to)
}
