package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"peerscope/internal/export"
	"peerscope/internal/filter"
	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// watchOptions are the flags of watch.
type watchOptions struct {
	selection
	look
	filter *filter.Expr
	format string
}

// How watch observes, and what it keeps for whom.
const (
	watchTick     = time.Second
	knownEdges    = 100_000 // edges that are remembered, so that they are not new
	watchQueue    = 1 << 16 // lines that wait for a slow reader
	watchFarewell = 5 * time.Second
)

func newWatch(s streams) *cobra.Command {
	var o watchOptions
	c := &cobra.Command{
		Use:   "watch [FILTER...]",
		Short: "Tell each connection that opens, closes or fails, as it happens",
		Long: "Watch writes one line for each connection that opens, closes or fails and for each edge that is new, fails or is mended,\n" +
			"two seconds after it happened at the latest. Each is told once, in order of time within a second. What was\n" +
			"lost has a line too. It goes on until it is interrupted, or its reader goes away.",
		Example: "  peerscope watch                              # all there is, until Ctrl-C\n" +
			"  peerscope watch to:port:5432                 # who connects to PostgreSQL\n" +
			"  peerscope watch | jq -r 'select(.event == \"connection.failed\") | .\"error.type\"'\n" +
			"  peerscope watch --from incident.rec.zst      # a recording",
		Args:              filterArgs(&o.filter),
		ValidArgsFunction: completeFilter,
		RunE:              func(c *cobra.Command, _ []string) error { return o.run(c, s) },
	}
	o.selection.flags(c)
	filterFlag(c)
	quietFlag(c, s)
	o.look.flags(c)
	c.Flags().StringVarP(&o.format, "output", "o", "", "`FORMAT`: "+strings.Join(export.HappeningFormats(), ", ")+" (default text on a terminal, else ndjson)")
	_ = c.RegisterFlagCompletionFunc("output", fixed(export.HappeningFormats()))
	length := c.Flags().Lookup("for")
	length.Usage, length.DefValue, o.length = "how long to observe; 0: until it is interrupted", "0s", 0
	return c
}

func (o *watchOptions) run(c *cobra.Command, s streams) error {
	if o.format == "" {
		o.format = "ndjson"
		if isTerminal(s.out) {
			o.format = "text"
		}
	}
	if o.format != "ndjson" && o.format != "text" {
		return usage(fmt.Errorf("unknown output format %q: it is ndjson or text", o.format))
	}
	if err := o.selection.check(c); err != nil {
		return err
	}
	if keys := o.filter.Absent(); len(keys) > 0 {
		fmt.Fprintf(s.err, "peerscope: filter: this version does not know the values of %s, so no comparison with them holds\n", strings.Join(keys, ", "))
	}
	ctx, stop := context.WithCancel(c.Context())
	defer stop()
	q := newLineQueue(s.out, watchQueue, o.lostLine, stop)
	err := o.watch(ctx, s, q)
	left, failed := q.close(watchFarewell)
	switch {
	case err != nil:
		return err
	case errors.Is(failed, syscall.EPIPE): // its reader has seen enough
		return nil
	case failed != nil:
		return fmt.Errorf("write what happens: %w", failed)
	case left > 0:
		fmt.Fprintf(s.err, "peerscope: %s not read in time\n", plural(left, "line"))
	}
	return nil
}

// watch gives what happens to q until ctx ends.
func (o *watchOptions) watch(ctx context.Context, s streams, q *lineQueue) error {
	p := newPipeline()
	watcher := topology.NewWatcher(p.engine, knownEdges)
	p.changed = func(c *flow.Change) { watcher.Note(c, func() flow.Connection { return p.engine.Connection(c) }) }
	style := o.style(s.out)
	var failed error
	tick := func(m *topology.Map) {
		for _, h := range watcher.Happenings(m, o.wantedOf(m)) {
			line, err := o.line(&h, style)
			if err != nil && failed == nil {
				failed = err
			}
			q.put(line)
		}
	}
	if err := o.windows(ctx, s, p, tick); err != nil {
		return err
	}
	return failed
}

// windows closes windows of what is observed or replayed.
func (o *watchOptions) windows(ctx context.Context, s streams, p *pipeline, tick func(*topology.Map)) error {
	w := newWindows(p, tick)
	if o.from != "" {
		if err := replay(ctx, o.from, w.take, s.err); err != nil {
			return err
		}
		w.rest()
		return nil
	}
	ob := o.observation
	if ob.length == 0 {
		ob.length = -1
	}
	live := liveOptions{Window: watchTick}.withDefaults()
	ob.boundary, ob.patience = live.boundary, watchTick/5
	show := newProgress(s.err)
	show.terminal = false // lines come all the time: one more says that it has begun
	if err := observe(ctx, ob, w.take, show); err != nil {
		return err
	}
	w.rest()
	return nil
}

// wantedOf is the part of a map that is asked for.
func (o *watchOptions) wantedOf(m *topology.Map) *topology.Map {
	if len(o.pids) > 0 || len(o.cgroups) > 0 {
		m = topology.Select(m, o.wanted)
	}
	if !o.filter.Empty() {
		m = o.filter.Select(m)
	}
	return m
}

func (o *watchOptions) line(h *topology.Happening, style export.Style) ([]byte, error) {
	if o.format == "text" {
		return export.HappeningText(h, style), nil
	}
	return export.HappeningJSON(h)
}

// lostLine says what a slow reader missed.
func (o *watchOptions) lostLine(n uint64) []byte {
	line, _ := o.line(&topology.Happening{Kind: topology.HappenedLost, Time: flow.Time(time.Now().UnixNano()), Reason: "slow_reader", Count: n}, export.Style{ASCII: o.ascii})
	return line
}
