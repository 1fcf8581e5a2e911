package history

import (
	"cmp"
	"context"
	"slices"
	"time"

	"peerscope/internal/topology"
)

// Events are what happened in [from, to), in the order of time.
func (s *Store) Events(ctx context.Context, from, to time.Time) ([]topology.Event, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	low, high := from.UnixMilli(), to.UnixMilli()
	out := []topology.Event{}
	// What is seen in a window may be said to have happened at its very end.
	for _, e := range s.plan(len(s.levels)-1, low-1, high+1) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b, err := e.segment.read(e.record(), frameEvents, nil, s.decoder)
		var list []topology.Event
		if err == nil {
			list, err = decodeEvents(b)
		}
		if err != nil {
			e.record().bad.Store(true)
			continue
		}
		for _, event := range list {
			if event.Time >= low && event.Time < high {
				out = append(out, event)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b topology.Event) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Edge, b.Edge), cmp.Compare(a.Node, b.Node))
	})
	return out, nil
}
