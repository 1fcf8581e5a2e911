package history

import (
	"context"
	"errors"
	"fmt"
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
	files := s.find(entries, edges)
	read := make([]windowTotals, len(entries))
	inTwo(len(entries), func(from, to int) {
		r := seriesReader{s: s, edges: edges, files: files}
		for i := from; i < to && ctx.Err() == nil; i++ {
			read[i] = r.read(entries[i])
		}
	})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p := newPoints(low, high, width)
	for i, e := range entries {
		if read[i].err != nil {
			e.record().bad.Store(true) // the step has a gap
			continue
		}
		p.add(e.start(), int64(e.record().observed), read[i].totals, read[i].present)
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

// windowTotals is what a window says of the edges that are wanted. No totals: the
// edges are not in it.
type windowTotals struct {
	totals  *totals
	present bool
	err     error
}

// seriesReader reads the totals of the edges that are wanted.
type seriesReader struct {
	s     *Store
	edges []string
	files map[*segment]*found

	file  *found // that is read
	group group
	plain []byte
	row   []uint64
}

// find looks for edges in the files of some windows, in two at a time.
func (s *Store) find(entries []entry, edges []string) map[*segment]*found {
	if edges == nil {
		return nil
	}
	wanted := make(map[string]bool, len(edges))
	for _, id := range edges {
		wanted[id] = true
	}
	files := segmentsOf(entries)
	list := make([]*found, len(files))
	oneByOne(len(files), func(i int) {
		list[i] = files[i].find(func(id string) bool { return wanted[id] }, s.forms, s.decoder)
	})
	out := make(map[*segment]*found, len(files))
	for i, f := range files {
		out[f] = list[i]
	}
	return out
}

func (r *seriesReader) read(e entry) (out windowTotals) {
	if r.edges == nil {
		if r.plain, out.err = e.segment.read(e.record(), frameTotals, r.plain[:0], r.s.decoder); out.err == nil {
			out.present = true
			out.totals, out.err = decodeTotals(r.plain)
		}
		return out
	}
	r.file = r.files[e.segment]
	if e.number >= r.file.loaded {
		return windowTotals{err: fmt.Errorf("%s: what windows name is %w", e.segment.path, errDamaged)}
	}
	if len(r.file.numbers) == 0 {
		return out
	}
	for _, c := range r.chunks(e.record().chunks()) {
		if r.plain, out.err = e.segment.read(e.record(), fixedFrames+c, r.plain[:0], r.s.decoder); out.err != nil {
			return out
		}
		if out.err = r.file.dictionary.groups(r.plain, &r.group, r.file.numbers, func() { r.take(&out) }); out.err != nil {
			return out
		}
	}
	return out
}

// chunks are those of n in which the edges may be.
func (r *seriesReader) chunks(n int) (out []int) {
	for _, id := range r.edges {
		out = append(out, chunkOf(id, n))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// take adds up the edges that are in the group.
func (r *seriesReader) take(out *windowTotals) {
	for i, n := range r.group.edges {
		if _, wanted := slices.BinarySearch(r.file.numbers, n); !wanted {
			continue
		}
		if !out.present {
			out.totals, out.present = &totals{}, true
		}
		r.row = r.group.row(i, r.row[:0])
		out.totals.add(r.group.form, r.row)
	}
}
