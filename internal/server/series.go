package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"peerscope/internal/topology"
)

const (
	niceSteps = 300    // as many at most, where nobody says how long a step is
	mostSteps = 10_000 // as many at most
)

// strip is what is asked of a time in steps.
type strip struct {
	from, to, step int64 // milliseconds; from and to are whole steps
	measures       []string
}

// strip reads the parameters of a series.
func (c *call) strip(s *Server) strip {
	from, to := c.p.moment("from"), c.p.moment("to")
	if to.IsZero() {
		to = c.p.now
	}
	if from.IsZero() {
		from = to.Add(-5 * time.Minute)
	}
	length := to.Sub(from)
	if length <= 0 || length > 10*maxWindow {
		c.p.fail(badParameter("from", fmt.Sprintf("from %s to %s: a series ends after it begins, and is at most %s long",
			from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339), 10*maxWindow)))
		return strip{}
	}
	step := c.p.length("step", s.niceStep(from, length), 10*maxWindow).Milliseconds()
	if step <= 0 || length.Milliseconds()/step > mostSteps {
		c.p.fail(badParameter("step", fmt.Sprintf("%d steps: at most %d are given, so a step is at least %s", length/max(time.Duration(step)*time.Millisecond, 1), mostSteps, length/mostSteps)))
		return strip{}
	}
	x := strip{from: from.UnixMilli() / step * step, to: (to.UnixMilli() + step - 1) / step * step, step: step}
	x.measures = c.measures()
	return x
}

// niceStep is one that people like, and not shorter than what is known.
func (s *Server) niceStep(from time.Time, length time.Duration) time.Duration {
	least := time.Second
	if begin, ok := s.recent.begin(); !ok || from.UnixMilli() < begin {
		least = s.c.Window
	}
	for _, n := range []time.Duration{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 2 * 3600, 3 * 3600, 6 * 3600, 12 * 3600} {
		if d := n * time.Second; d >= least && length/d <= niceSteps {
			return d
		}
	}
	return 24 * time.Hour
}

func (c *call) measures() []string {
	known := topology.Measures()
	v := c.p.values.Get("m")
	if v == "" {
		return known
	}
	var out []string
	for name := range strings.SplitSeq(v, ",") {
		if !slices.Contains(known, name) {
			c.p.fail(badParameter("m", fmt.Sprintf("unknown measure %.40q: it is one of %s", name, strings.Join(known, ", "))))
			return nil
		}
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// edgeSeries answers with what one edge did.
func (s *Server) edgeSeries(c *call) error {
	x, level, id := c.strip(s), c.anyLevel(), c.r.PathValue("id")
	if c.p.wrong != nil {
		return c.p.wrong
	}
	ctx := c.r.Context()
	all, err := s.spanOf(ctx, s.recent.ticks(), x.from, x.to)
	if err != nil {
		return err
	}
	w, e, err := s.findEdge(ctx, all, level, id)
	if err != nil {
		return err
	}
	ids := map[string]bool{}
	for _, p := range w.parts[e.ID] {
		ids[p.ID] = true
	}
	return s.sendSeries(c, x, ids)
}

// allSeries answers with what all edges that match did together.
func (s *Server) allSeries(c *call) error {
	x, f := c.strip(s), c.p.filter("filter")
	if c.p.wrong != nil {
		return c.p.wrong
	}
	if f == nil {
		return s.sendSeries(c, x, nil)
	}
	all, err := s.spanOf(c.r.Context(), s.recent.ticks(), x.from, x.to)
	if err != nil {
		return err
	}
	ids := map[string]bool{}
	for _, e := range f.Select(all.m).Edges {
		ids[e.ID] = true
	}
	return s.sendSeries(c, x, ids)
}

func (s *Server) sendSeries(c *call, x strip, ids map[string]bool) error {
	series, err := s.series(c.r.Context(), x, ids)
	if err != nil {
		return err
	}
	return c.sendJSON(series)
}

// series is what edges did, nil: all; from memory as far as it reaches back, from
// the history before. Where the history has longer steps only, all have those.
func (s *Server) series(ctx context.Context, x strip, ids map[string]bool) (*topology.Series, error) {
	held := s.recent.ticks()
	cut := x.to
	if len(held) > 0 {
		cut = min(max((held[0].from+x.step-1)/x.step*x.step, x.from), x.to)
	}
	if s.c.History == nil || cut == x.from {
		return s.assemble(x, nil, x.from, held, ids), nil
	}
	_, newest := s.c.History.Bounds()
	if newest.UnixMilli() < cut && len(held) > 0 { // what is not written yet is in memory
		cut = max(min(cut, held[0].from/x.step*x.step), x.from)
		var err error
		if held, err = s.prefixed(ctx, cut, x.to, held); err != nil {
			return nil, err
		}
	}
	before, err := s.c.History.Series(ctx, sorted(ids), time.UnixMilli(x.from).UTC(), time.UnixMilli(cut).UTC(), time.Duration(x.step)*time.Millisecond)
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	if before != nil && before.StepMS > x.step {
		x.step = before.StepMS
		x.from, x.to = x.from/x.step*x.step, (x.to+x.step-1)/x.step*x.step
		cut = min((cut+x.step-1)/x.step*x.step, x.to)
		if before, err = s.c.History.Series(ctx, sorted(ids), time.UnixMilli(x.from).UTC(), time.UnixMilli(cut).UTC(), time.Duration(x.step)*time.Millisecond); err != nil {
			return nil, fmt.Errorf("read the history: %w", err)
		}
	}
	return s.assemble(x, before, cut, held, ids), nil
}

// prefixed are the ticks with what the history has between a time and the first of
// them as one more.
func (s *Server) prefixed(ctx context.Context, from, to int64, held []*tick) ([]*tick, error) {
	m, _, err := s.remembered(ctx, from, s.boundary(held, to))
	if ctx.Err() != nil || errors.As(err, new(*panicError)) {
		return nil, err
	}
	if m == nil { // nobody observed then
		return held, nil
	}
	start, end, err := m.Window.Bounds()
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	first := &tick{from: start.UnixMilli(), to: end.UnixMilli(), m: m, total: sumOf(m, nil)}
	for len(held) > 0 && held[0].from < first.to {
		held = held[1:]
	}
	return append([]*tick{first}, held...), nil
}

// sorted are ids as the history takes them; nil: all edges.
func sorted(ids map[string]bool) []string {
	if ids == nil {
		return nil
	}
	out := make([]string, 0, len(ids))
	for id := range ids {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

// assemble puts what the history says before cut and what memory says from then
// on into one series.
func (s *Server) assemble(x strip, before *topology.Series, cut int64, held []*tick, ids map[string]bool) *topology.Series {
	n := int((x.to - x.from) / x.step)
	out := &topology.Series{StepMS: x.step, Times: make([]int64, n), Columns: map[string][]*float64{}, Gaps: []topology.Span{}}
	for i := range n {
		out.Times[i] = x.from + int64(i)*x.step
	}
	for _, m := range x.measures {
		out.Columns[m] = make([]*float64, n)
	}
	if before != nil {
		out.Gaps = append(out.Gaps, before.Gaps...)
		for i, t := range before.Times {
			at := int((t - x.from) / x.step)
			if t < x.from || t >= cut || at >= n {
				continue
			}
			for _, m := range x.measures {
				if values := before.Columns[m]; i < len(values) {
					out.Columns[m][at] = values[i]
				}
			}
		}
	}
	for i, sum := range stepSums(held, ids, cut, x.to, x.step) {
		at := int((cut-x.from)/x.step) + i
		for _, m := range x.measures {
			out.Columns[m][at] = sum.measure(m)
		}
	}
	out.Gaps = append(out.Gaps, gapsOf(held, cut, x.to, s.now().UnixMilli())...)
	return out
}

// stepSums adds ticks up by steps of [from, to). A tick that is longer than a step
// is spread over several, as if it was the same all the time. nil: nobody
// observed.
func stepSums(held []*tick, ids map[string]bool, from, to, step int64) []*sums {
	out := make([]*sums, max(0, (to-from)/step))
	for _, t := range held {
		if t.to <= from || t.from >= to {
			continue
		}
		total := t.total
		if ids != nil {
			total = sumOf(t.m, func(e *topology.Edge) bool { return ids[e.ID] })
		}
		for at := max(t.from, from); at < min(t.to, to); {
			i := (at - from) / step
			end := min(from+(i+1)*step, t.to, to)
			if out[i] == nil {
				out[i] = &sums{}
			}
			out[i].take(total, float64(end-at)/float64(t.to-t.from))
			at = end
		}
	}
	return out
}

// gapsOf are when no tick was in [from, to), up to now.
func gapsOf(held []*tick, from, to, now int64) []topology.Span {
	var out []topology.Span
	at := from
	for _, t := range held {
		if t.to <= at {
			continue
		}
		if t.from >= to {
			break
		}
		if t.from > at {
			out = append(out, topology.Span{From: at, To: t.from, Reason: "nobody observed"})
		}
		at = t.to
	}
	// What is not over yet is no gap.
	if len(held) == 0 && at < min(to, now) {
		out = append(out, topology.Span{From: at, To: min(to, now), Reason: "nobody observed"})
	}
	return out
}
