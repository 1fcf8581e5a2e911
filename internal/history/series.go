package history

import (
	"context"
	"errors"
	"slices"
	"time"

	"peerscope/internal/topology"
)

// maxSteps are the most points that a series has.
const maxSteps = 10_000

// Series is what edges did over time, by their ids, all together; nil: all edges
// of the host. A step is as long as was asked for, or as long as the windows are
// that are still kept of that time, as the result says.
func (s *Store) Series(ctx context.Context, edges []string, from, to time.Time, step time.Duration) (*topology.Series, error) {
	if !from.Before(to) || step <= 0 {
		return nil, errors.New("a series needs a time that ends after it begins, and a step")
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	defer s.trim()
	low, high, width := from.UnixMilli(), to.UnixMilli(), step.Milliseconds()
	level, width := s.levelFor(low, max(width, 1))
	entries := s.plan(level, low, high)
	for _, e := range entries {
		width = max(width, e.end()-e.start())
	}
	width = max(width, (high-low)/maxSteps)
	if w := s.levels[level].width; w > 0 {
		width = (width + w - 1) / w * w
	}
	p := newPoints(low, high, width)
	r := seriesReader{s: s, edges: edges}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		t, known, err := r.read(e)
		if err != nil {
			e.record().bad.Store(true) // the step has a gap
			continue
		}
		p.add(e.start(), int64(e.record().observed), t, known)
	}
	out := p.series()
	_, gaps, err := s.gapsOf(ctx, low, high)
	out.Gaps = gaps
	return out, err
}

// levelFor is the level whose windows fit into steps of that width and are kept
// since then, and the width made long enough for it.
func (s *Store) levelFor(since, width int64) (int, int64) {
	at := 0
	for i, l := range s.levels {
		if l.width > 0 && width%l.width == 0 {
			at = i
		}
	}
	oldest, _ := s.bounds()
	since = max(since, oldest)
	for at+1 < len(s.levels) && (len(s.levels[at].index) == 0 || s.levels[at].index[0].start() > since) && s.older(at+1, at) {
		at++
		width = max(width, s.levels[at].width)
	}
	return at, width
}

// older: a level has windows before those of another one.
func (s *Store) older(a, b int) bool {
	x, y := s.levels[a].index, s.levels[b].index
	return len(x) > 0 && (len(y) == 0 || x[0].start() < y[0].start())
}

// gapsOf are the gaps alone.
func (s *Store) gapsOf(ctx context.Context, from, to int64) ([]seen, []topology.Span, error) {
	var list []seen
	for _, e := range s.plan(len(s.levels)-1, from, to) {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		b, err := e.segment.read(e.record(), frameAbout, nil, s.decoder)
		var a about
		if err == nil {
			a, err = decodeAbout(b)
		}
		if err != nil {
			e.record().bad.Store(true)
			return s.gapsOf(ctx, from, to)
		}
		list = append(list, seenOf(e, a))
	}
	return list, s.gaps(list, from, to), nil
}

// seriesReader reads the totals of the edges that are wanted.
type seriesReader struct {
	s     *Store
	edges []string

	segment *segment
	numbers []int32 // of the edges in the segment's dictionary, sorted
	group   group
	plain   []byte
	sums    totals
	row     []uint64
}

// read gives numbers that stay until the next call. It is nil and true if the edges are not in the window.
func (r *seriesReader) read(e entry) (t *totals, ok bool, err error) {
	if r.edges == nil {
		if r.plain, err = e.segment.read(e.record(), frameTotals, r.plain[:0], r.s.decoder); err != nil {
			return nil, false, err
		}
		t, err = decodeTotals(r.plain)
		return t, true, err
	}
	d, err := e.segment.dictionaryOf(e.number, r.s.forms, r.s.decoder)
	if err != nil {
		return nil, false, err
	}
	if r.segment != e.segment {
		r.segment, r.numbers = e.segment, []int32{}
		for i, id := range d.edges {
			if slices.Contains(r.edges, id.id) {
				r.numbers = append(r.numbers, int32(i))
			}
		}
	}
	if len(r.numbers) == 0 {
		return nil, false, nil
	}
	t = &r.sums
	*t = totals{}
	var chunks []int
	for _, id := range r.edges {
		chunks = append(chunks, chunkOf(id, e.record().chunks()))
	}
	slices.Sort(chunks)
	for _, c := range slices.Compact(chunks) {
		if r.plain, err = e.segment.read(e.record(), fixedFrames+c, r.plain[:0], r.s.decoder); err != nil {
			return nil, false, err
		}
		err := d.groups(r.plain, &r.group, r.numbers, func() {
			for i, n := range r.group.edges {
				if _, wanted := slices.BinarySearch(r.numbers, n); wanted {
					ok = true
					r.row = r.group.row(i, r.row[:0])
					t.add(r.group.form, r.row)
				}
			}
		})
		if err != nil {
			return nil, false, err
		}
	}
	return t, ok, nil
}
