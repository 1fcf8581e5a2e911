package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"peerscope/internal/topology"
)

// span is what happened in some time, merged.
type span struct {
	key      string // the same for the same answer
	m        *topology.Map
	gaps     []topology.Span
	observed time.Duration // its length without gaps
	live     bool          // all of it is from memory, and its end is the last tick's
}

// past is a time that is asked for; of until the zero value is the last tick.
type past struct {
	until  time.Time
	length time.Duration
}

// bounds are [from, to) in Unix milliseconds.
func (p past) bounds(held []*tick, now time.Time) (from, to int64) {
	to = p.until.UnixMilli()
	if p.until.IsZero() {
		to = now.UnixMilli()
		if len(held) > 0 {
			to = held[len(held)-1].to
		}
	}
	return to - p.length.Milliseconds(), to
}

// span finds what happened in a time: ticks as far as they reach back, before
// them the history. No window is counted in both.
func (s *Server) span(ctx context.Context, p past) (*span, error) {
	held := s.recent.ticks()
	from, to := p.bounds(held, s.now())
	if len(held) == 0 && s.c.History == nil {
		if !p.until.IsZero() {
			return nil, s.nothing(from, to)
		}
		return s.empty(), nil
	}
	return s.spanOf(ctx, held, from, to)
}

func (s *Server) spanOf(ctx context.Context, held []*tick, from, to int64) (*span, error) {
	live := between(held, from, to)
	var before *topology.Map
	var gaps []topology.Span
	if s.c.History != nil && (len(held) == 0 || from < held[0].from) {
		cut := to
		if len(live) > 0 {
			cut = s.boundary(live, to)
		}
		var err error
		before, gaps, err = s.remembered(ctx, from, cut)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.As(err, new(*panicError)):
			return nil, err
		case err != nil && len(live) == 0:
			return nil, newProblem(http.StatusNotFound, codeNoHistory, err.Error())
		case err != nil: // what is in memory is told all the same
			gaps = append(gaps, topology.Span{From: from, To: cut, Reason: err.Error()})
		}
	}
	if before == nil && len(live) == 0 {
		if len(held) == 0 && to > s.now().UnixMilli()-int64(time.Minute/time.Millisecond) {
			return s.empty(), nil // there is no first tick yet
		}
		return nil, s.nothing(from, to)
	}
	if before != nil {
		_, end, err := before.Window.Bounds()
		if err != nil {
			return nil, fmt.Errorf("read the history: %w", err)
		}
		live = slices.DeleteFunc(slices.Clone(live), func(t *tick) bool { return t.from < end.UnixMilli() })
	}
	return s.joined(ctx, before, gaps, live, held)
}

// boundary is where the history ends and memory begins: at a whole window, since
// the history has only those; but not beyond what is asked for.
func (s *Server) boundary(live []*tick, to int64) int64 {
	window := s.c.Window.Milliseconds()
	cut := (live[0].from + window - 1) / window * window
	if _, newest := s.c.History.Bounds(); newest.UnixMilli() < cut {
		return live[0].from // it is not written yet
	}
	return min(cut, to)
}

// remembered asks the history, if it has anything of that time.
func (s *Server) remembered(ctx context.Context, from, to int64) (*topology.Map, []topology.Span, error) {
	oldest, newest := s.c.History.Bounds()
	if newest.IsZero() || to <= oldest.UnixMilli() || from >= newest.UnixMilli() || from >= to {
		return nil, nil, nil
	}
	// Windows are whole, so that the answer is the same until the next one.
	window := s.c.Window.Milliseconds()
	from -= from % window
	key := fmt.Sprintf("r%d-%d-%d", from, to, min(to, newest.UnixMilli()))
	part, err := cached(ctx, s.cache, key, func(ctx context.Context) (remembered, int64, error) {
		ctx, stop := context.WithTimeout(ctx, writeTime)
		defer stop()
		m, gaps, err := s.c.History.Range(ctx, time.UnixMilli(from).UTC(), time.UnixMilli(to).UTC())
		if err != nil || m == nil {
			return remembered{gaps: gaps}, 0, err
		}
		return remembered{s.redacted.clean(m), gaps}, cost(m), nil
	})
	switch {
	case errors.As(err, new(*panicError)) || ctx.Err() != nil:
		return nil, nil, err
	case err != nil: // also where nobody observed: it says so
		s.counters.unanswered.Add(1)
		s.c.Log.Debug("the history has no answer", "error", err)
		return nil, nil, err
	}
	return part.m, part.gaps, nil
}

type remembered struct {
	m    *topology.Map
	gaps []topology.Span
}

// joined merges both parts, once for all who ask.
func (s *Server) joined(ctx context.Context, before *topology.Map, gaps []topology.Span, live, held []*tick) (*span, error) {
	out := &span{gaps: slices.Clone(gaps), key: joinKey(before, live)}
	if before != nil {
		out.observed = before.Window.Length() - lengthOfSpans(gaps)
	}
	for i, t := range live {
		out.observed += time.Duration(t.to-t.from) * time.Millisecond
		if i > 0 && live[i-1].to < t.from {
			out.gaps = append(out.gaps, topology.Span{From: live[i-1].to, To: t.from, Reason: "nobody observed"})
		}
	}
	out.live = len(live) > 0 && live[len(live)-1] == held[len(held)-1]
	parts := make([]*topology.Map, 0, len(live)+1)
	if before != nil {
		parts = append(parts, before)
	}
	for _, t := range live {
		parts = append(parts, t.m)
	}
	if len(parts) == 1 {
		out.m = parts[0]
		return out, nil
	}
	// From one tick to the next only the last is new. What begins with others is merged
	// from its whole windows, which stay, and the ticks since.
	if len(live) > 1 {
		if earlier, ok := s.cache.get("m" + joinKey(before, live[:len(live)-1])); ok {
			parts = []*topology.Map{earlier.(*topology.Map), live[len(live)-1].m}
		}
	}
	m, err := s.merged(ctx, "m"+out.key, parts)
	out.m = m
	return out, err
}

// joinKey names what is merged of these.
func joinKey(before *topology.Map, live []*tick) (key string) {
	if before != nil {
		key = "h" + before.Window.Start + before.Window.End
	}
	if len(live) > 0 {
		key += fmt.Sprintf("l%d-%d", live[0].seq, live[len(live)-1].seq)
	}
	return key
}

// merged merges maps once for all who ask.
func (s *Server) merged(ctx context.Context, key string, maps []*topology.Map) (*topology.Map, error) {
	return cached(ctx, s.cache, key, func(ctx context.Context) (*topology.Map, int64, error) {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		m := topology.MergeAll(maps)
		return m, cost(m), nil
	})
}

func lengthOfSpans(list []topology.Span) time.Duration {
	var sum int64
	for _, g := range list {
		sum += max(0, g.To-g.From)
	}
	return time.Duration(sum) * time.Millisecond
}

// empty is what there is before the first tick.
func (s *Server) empty() *span {
	now := s.now().UTC().Format("2006-01-02T15:04:05.000Z")
	return &span{key: "none", live: true, m: &topology.Map{Schema: topology.Schema, Window: topology.Window{Start: now, End: now},
		Capture: topology.Capture{Degraded: []topology.Degraded{}, Lost: map[string]uint64{}}, Nodes: []topology.Node{}, Edges: []topology.Edge{}}}
}

// bounds are those of all there is, Unix milliseconds; ok is false where there is
// nothing.
func (s *Server) bounds() (b bounds, ok bool) {
	if s.c.History != nil {
		if oldest, newest := s.c.History.Bounds(); !newest.IsZero() {
			b, ok = bounds{oldest.UnixMilli(), newest.UnixMilli()}, true
		}
	}
	if held := s.recent.ticks(); len(held) > 0 {
		live := bounds{held[0].from, held[len(held)-1].to}
		if !ok {
			return live, true
		}
		b = bounds{min(b.Oldest, live.Oldest), max(b.Newest, live.Newest)}
	}
	return b, ok
}

type bounds struct {
	Oldest int64 `json:"oldest"`
	Newest int64 `json:"newest"`
}

// nothing says what there is, where nothing is of the time that was asked for.
func (s *Server) nothing(from, to int64) *problem {
	stamp := func(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }
	b, ok := s.bounds()
	detail := fmt.Sprintf("nothing is remembered between %s and %s", stamp(from), stamp(to))
	switch {
	case !ok:
		detail += ": there is nothing at all yet"
	case s.c.History == nil:
		detail += fmt.Sprintf(": the history is off, and memory reaches from %s to %s", stamp(b.Oldest), stamp(b.Newest))
	default:
		detail += fmt.Sprintf(": what there is reaches from %s to %s", stamp(b.Oldest), stamp(b.Newest))
	}
	return newProblem(http.StatusNotFound, codeNoHistory, detail)
}
