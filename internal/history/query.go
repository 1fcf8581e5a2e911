package history

import (
	"context"
	"fmt"
	"time"

	"peerscope/internal/topology"
)

// EmptyError says that nobody observed in the time that was asked for.
type EmptyError struct {
	From, To       time.Time
	Oldest, Newest time.Time // of what there is; zero: there is nothing
}

func (e *EmptyError) Error() string {
	if e.Newest.IsZero() {
		return "the history is empty: nothing was observed yet"
	}
	stamp := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	return fmt.Sprintf("the history has nothing between %s and %s: it has %s to %s", stamp(e.From), stamp(e.To), stamp(e.Oldest), stamp(e.Newest))
}

// Range is what was seen in [from, to), merged, and when nobody observed within
// it. A window that is partly in that time is in it as a whole, as its map says:
// windows are not divided. If there is nothing the error is an *EmptyError.
func (s *Store) Range(ctx context.Context, from, to time.Time) (*topology.Map, []topology.Span, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	w, gaps, err := s.mergedBy(ctx, from.UnixMilli(), to.UnixMilli(), false)
	if err != nil {
		return nil, nil, err
	}
	if w == nil {
		e := &EmptyError{From: from, To: to}
		if a, b := s.bounds(); b != 0 {
			e.Oldest, e.Newest = time.UnixMilli(a), time.UnixMilli(b)
		}
		return nil, gaps, e
	}
	m, err := w.toMap(s.nodes)
	return m, gaps, err
}

func (s *Store) merged(from, to int64) (*window, []topology.Span, error) {
	return s.mergedBy(context.Background(), from, to, false)
}

// mergedBy is nil if there is nothing.
func (s *Store) mergedBy(ctx context.Context, from, to int64, events bool) (*window, []topology.Span, error) {
	defer s.trim()
	for {
		entries := s.plan(len(s.levels)-1, from, to)
		if len(entries) == 0 {
			return nil, s.gaps(nil, from, to), nil
		}
		s.loadAll(entries)
		// Merging is associative: two halves are merged at the same time.
		half := halfOf(entries)
		later := make(chan part, 1)
		go func() { later <- s.part(ctx, entries[half:], events) }()
		a := s.part(ctx, entries[:half], events)
		b := <-later
		switch {
		case ctx.Err() != nil:
			return nil, nil, ctx.Err()
		case a.failed || b.failed:
			continue // what is damaged is not asked for again
		case half > 0:
			a.sum.addWindow(b.sum.window())
		default:
			a.sum = b.sum
		}
		return a.sum.window(), s.gaps(append(a.seen, b.seen...), from, to), nil
	}
}

// loadAll reads the dictionaries of the files of some windows, two at a time.
func (s *Store) loadAll(entries []entry) {
	files := segmentsOf(entries)
	oneByOne(len(files), func(i int) {
		// An error comes again with the window that needs it.
		_, _ = files[i].dictionaryOf(0, s.forms, s.decoder)
	})
}

// segmentsOf are the files of windows, each once.
func segmentsOf(entries []entry) (out []*segment) {
	seen := map[*segment]bool{}
	for _, e := range entries {
		if !seen[e.segment] {
			seen[e.segment] = true
			out = append(out, e.segment)
		}
	}
	return out
}

// halfOf is how many of the windows have half of the edges.
func halfOf(entries []entry) int {
	all := 0
	for _, e := range entries {
		all += int(e.record().edges)
	}
	before := 0
	for i, e := range entries {
		if before += int(e.record().edges); before*2 >= all {
			return i
		}
	}
	return len(entries) / 2
}

// part is the sum of some windows.
type part struct {
	sum    *merger
	seen   []seen
	failed bool
}

func (s *Store) part(ctx context.Context, entries []entry, events bool) part {
	p := part{sum: newMerger(s.forms)}
	t := taker{s: s, m: p.sum}
	for _, e := range entries {
		if ctx.Err() != nil {
			return p
		}
		a, err := t.take(e, events)
		if err != nil {
			e.record().bad.Store(true)
			p.failed = true
			return p
		}
		p.seen = append(p.seen, seenOf(e, a))
	}
	return p
}

// take adds a window that is in the store to a sum.
func (s *Store) take(m *merger, e entry, events bool) error {
	t := taker{s: s, m: m}
	_, err := t.take(e, events)
	return err
}

// trim forgets the dictionaries of files that are read only, if they are many.
func (s *Store) trim() {
	const most = 400_000
	n := 0
	for _, l := range s.levels {
		for _, seg := range l.segments {
			if seg == l.active {
				continue
			}
			seg.mu.Lock()
			if seg.dictionary != nil {
				if n += len(seg.dictionary.edges) + len(seg.dictionary.nodes); n > most {
					seg.dictionary, seg.loaded = nil, 0
				}
			}
			seg.mu.Unlock()
		}
	}
}

// seen is a window as far as gaps are told by it.
type seen struct {
	start, end int64
	about      about
}

func seenOf(e entry, a about) seen { return seen{e.start(), e.end(), a} }

// gaps are the times in [from, to) of which there is no window, with what is
// known of why.
func (s *Store) gaps(list []seen, from, to int64) []topology.Span {
	var out []topology.Span
	oldest, newest := s.bounds()
	if newest == 0 {
		return clip([]topology.Span{{From: from, To: to, Reason: WhyNotYet}}, from, to)
	}
	at := from
	if oldest > at {
		out = append(out, topology.Span{From: at, To: min(oldest, to), Reason: WhyRemoved})
		at = oldest
	}
	for _, w := range list {
		out = append(out, s.gapsBetween(at, w.start, w.about)...)
		out = append(out, w.about.Gaps...)
		at = max(at, w.end)
	}
	if end := min(to, newest); end > at {
		next := about{}
		if a, ok := s.aboutAfter(end); ok {
			next = a
		}
		out = append(out, s.gapsBetween(at, end, next)...)
		at = end
	}
	if to > at {
		out = append(out, s.after(at, to)...)
	}
	return clip(out, from, to)
}

// gapsBetween is gapsBetween, and what is damaged there.
func (s *Store) gapsBetween(from, to int64, next about) []topology.Span {
	if from >= to {
		return nil
	}
	gaps := gapsBetween(from, to, next)
	l := s.levels[0]
	at, _ := l.find(from)
	for _, e := range l.index[at:] {
		if e.start() >= to {
			break
		}
		if !readable(e) {
			for i := range gaps {
				if gaps[i].From < e.end() && gaps[i].To > e.start() {
					gaps[i].Reason = WhyDamaged
				}
			}
		}
	}
	return gaps
}

// aboutAfter is what the first window from then on says.
func (s *Store) aboutAfter(start int64) (about, bool) {
	for _, l := range s.levels {
		at, _ := l.find(start)
		if at == len(l.index) {
			continue
		}
		e := l.index[at]
		b, err := e.segment.read(e.record(), frameAbout, nil, s.decoder)
		if err != nil {
			continue
		}
		if a, err := decodeAbout(b); err == nil {
			return a, true
		}
	}
	return about{}, false
}

// after are the gaps behind the newest window.
func (s *Store) after(at, to int64) []topology.Span {
	var out []topology.Span
	for _, m := range s.missed {
		if from, end := max(m.From, at), min(m.To, to); from < end {
			out = append(out, topology.Span{From: at, To: from, Reason: WhyNotYet}, topology.Span{From: from, To: end, Reason: m.Reason})
			at = end
		}
	}
	return append(out, topology.Span{From: at, To: to, Reason: WhyNotYet})
}
