package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"peerscope/internal/history"
	"peerscope/internal/topology"
)

// explainer explains edges of a map by what decided them, by what a history
// remembers, or by both.
type explainer struct {
	pipeline *pipeline      // nil: the map is of the past
	store    *history.Store // nil: there is none
	of       *span          // the time of the past that was asked for; nil: now
}

// historyTime is how long the history is asked since when edges exist that are
// explained live: nobody waits for what was not asked for.
const historyTime = time.Second

// mostEvents are told of one edge.
const mostEvents = 8

// mostSteps are told of what an edge did over time.
const mostSteps = 6

// checkTime refuses times that make no sense before anything is observed.
func (o *explainOptions) checkTime(c *cobra.Command) (err error) {
	if o.at != "" {
		o.time, err = o.past.checkAt(c, o.at)
		return err
	}
	if c.Flags().Changed("window") {
		return usage(errors.New("--window says how long the time of --at is: give both"))
	}
	for _, name := range []string{"history", "config"} {
		if o.from != "" && c.Flags().Changed(name) {
			return usage(fmt.Errorf("--%s is of this host's history, and --from replays a recording; give one of them", name))
		}
	}
	return o.selection.check(c)
}

// explainer gives the map of which edges are explained, and who explains them.
func (o *explainOptions) explainer(c *cobra.Command, s streams) (*topology.Map, *explainer, error) {
	if o.at == "" {
		store, err := o.perhaps(c)
		if err != nil {
			return nil, nil, err
		}
		x := &explainer{pipeline: newPipeline(), store: store}
		m, err := o.whole(c, x.pipeline, s)
		if err != nil {
			x.close()
			return nil, nil, err
		}
		return m, x, nil
	}
	store, err := o.past.open()
	if err != nil {
		return nil, nil, err
	}
	x := &explainer{store: store, of: &o.time}
	m, err := mapAt(c.Context(), store, o.time, s.err)
	if err != nil {
		x.close()
		return nil, nil, err
	}
	return o.selected(m, s.err), x, nil
}

// perhaps is the history, if there is one that may be read; that there is none is
// an error where somebody named it.
func (o *explainOptions) perhaps(c *cobra.Command) (*history.Store, error) {
	if o.from != "" {
		return nil, nil
	}
	store, err := o.past.open()
	if err != nil && !c.Flags().Changed("history") && !c.Flags().Changed("config") {
		return nil, nil
	}
	return store, err
}

func (x *explainer) close() {
	if x.store != nil {
		_ = x.store.Close() // it was only read
	}
}

// explain says of each edge what there is to say.
func (x *explainer) explain(ctx context.Context, m *topology.Map, edges []*topology.Edge) []*topology.Explanation {
	if x.pipeline == nil {
		var out []*topology.Explanation
		for _, e := range edges {
			out = append(out, topology.ExplainPast(m, e, x.past(ctx, m, e)))
		}
		return out
	}
	out := x.pipeline.explain(m, edges)
	if x.store == nil {
		return out
	}
	ctx, stop := context.WithTimeout(ctx, historyTime)
	defer stop()
	for i, e := range edges[:min(len(edges), mostInFull)] {
		out[i].Past = x.past(ctx, m, e)
	}
	return out
}

// past is what the history tells of an edge; nil if it cannot be asked, or not in
// time.
func (x *explainer) past(ctx context.Context, m *topology.Map, e *topology.Edge) *topology.Past {
	from, to, err := m.Window.Bounds()
	oldest, newest := x.store.Bounds()
	if err != nil || newest.IsZero() {
		return nil
	}
	if x.of == nil {
		to = newest
	}
	start := lifeOf(m, e, oldest)
	if x.of != nil && !start.Before(to) {
		start = oldest // its processes have another clock than the windows
	}
	p := &topology.Past{Searched: stamp(start), Events: []topology.Event{}}
	if !start.Before(to) {
		return p
	}
	since, err := x.since(ctx, e.ID, start, to)
	if err != nil {
		return nil
	}
	if !since.IsZero() {
		p.Since, p.Older = stamp(since), !since.After(oldest)
		events, earlier, err := x.events(ctx, e, since, to)
		if err == nil {
			p.Events, p.Earlier = events, earlier
		} else if x.of != nil {
			return nil
		}
	}
	if x.of == nil {
		return p
	}
	length := to.Sub(from)
	if p.Series, err = x.store.Series(ctx, []string{e.ID}, from, to, steps(length, mostSteps)); err != nil {
		return nil
	}
	if before := from.Add(-length); before.After(oldest) {
		if p.Before, err = x.store.Series(ctx, []string{e.ID}, before, from, length); err != nil {
			return nil
		}
	}
	return p
}

// lifeOf is before when an edge cannot have been: when both of its processes began,
// where that is known, and the history did.
func lifeOf(m *topology.Map, e *topology.Edge, oldest time.Time) time.Time {
	start := oldest
	for i := range m.Nodes {
		n := &m.Nodes[i]
		if n.ID != e.Client && n.ID != e.Server && !slices.Contains(e.Ends, n.ID) {
			continue
		}
		if created, err := time.Parse(time.RFC3339Nano, n.Attributes.Created); err == nil && created.After(start) {
			start = created
		}
	}
	return start
}

// since is the beginning of the first window that has an edge: first by long steps,
// then by short ones. Zero: there is none.
func (x *explainer) since(ctx context.Context, edge string, from, to time.Time) (time.Time, error) {
	const fine = 10 * time.Second
	for step := steps(to.Sub(from), 60); ; step = fine {
		s, err := x.store.Series(ctx, []string{edge}, from, to, step)
		if err != nil {
			return time.Time{}, err
		}
		first := 0
		for first < len(s.Times) && !s.Seen(first) {
			first++
		}
		if first == len(s.Times) {
			return time.Time{}, nil
		}
		from = time.UnixMilli(s.Times[first]).UTC()
		width := time.Duration(s.StepMS) * time.Millisecond
		if step == fine || width <= fine {
			return from, nil
		}
		if end := from.Add(width); end.Before(to) {
			to = end
		}
	}
}

// events are the latest of an edge and its ends, and how many there were before.
func (x *explainer) events(ctx context.Context, e *topology.Edge, from, to time.Time) ([]topology.Event, int, error) {
	// What is seen in the last window is said to have happened at its end.
	all, err := x.store.Events(ctx, from, to.Add(time.Millisecond))
	if err != nil {
		return nil, 0, err
	}
	all = slices.DeleteFunc(all, func(v topology.Event) bool {
		return v.Edge != e.ID && (v.Node == "" || v.Node != e.Client && v.Node != e.Server && !slices.Contains(e.Ends, v.Node))
	})
	earlier := max(len(all)-mostEvents, 0)
	return all[earlier:], earlier, nil
}

// steps is how long each is of at most so many, whole seconds that people count in.
func steps(length time.Duration, most int) time.Duration {
	const day = 24 * time.Hour
	step := (length + time.Duration(most) - 1) / time.Duration(most)
	if step > day {
		return (step + day - 1) / day * day
	}
	return evenStep(step)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
