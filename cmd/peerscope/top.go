package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"peerscope/internal/filter"
	"peerscope/internal/spelling"
	"peerscope/internal/topology"
	"peerscope/internal/tui"
	"peerscope/internal/view"
)

// topOptions are the flags of top.
type topOptions struct {
	selection
	look
	filter *filter.Expr
	level  string
	speed  float64
}

func newTop(s streams) *cobra.Command {
	var o topOptions
	c := &cobra.Command{
		Use:   "top [FILTER...]",
		Short: "Show live who talks to whom, a row an edge",
		Long: "Top shows who talks to whom, second by second, until you quit with q; ? lists its keys.\n" +
			"A filter says which edges are wanted; / changes it. docs/TOP.md has the rest.",
		Example: "  peerscope top                       # this host\n" +
			"  peerscope top nginx to:port:5432    # edges of nginx to a port 5432\n" +
			"  peerscope top --level process       # a row for each two processes\n" +
			"  peerscope top --from incident.rec   # a recording, at its pace",
		Args:              filterArgs(&o.filter),
		ValidArgsFunction: completeFilter,
		RunE:              func(c *cobra.Command, _ []string) error { return o.run(c, s) },
	}
	o.selection.flags(c)
	filterFlag(c)
	// Of the other commands the same flag has a default.
	long := c.Flags().Lookup("for")
	long.DefValue, long.Usage = "0s", "how long to observe (default until you quit)"
	o.look.flags(c)
	c.Flags().StringVar(&o.level, "level", view.LevelProgram, "rows between nodes of a `LEVEL`: "+strings.Join(view.Levels(), ", "))
	c.Flags().Float64Var(&o.speed, "speed", 1, "of --from, `N` times: 2 is twice as fast as it was recorded, 0 as fast as it goes")
	_ = c.RegisterFlagCompletionFunc("level", fixed(view.Levels()))
	return c
}

// check refuses wrong values before anything is observed.
func (o *topOptions) check(c *cobra.Command, s streams) error {
	if !slices.Contains(view.Levels(), o.level) {
		text := fmt.Sprintf("unknown level %q: it is one of %s", o.level, strings.Join(view.Levels(), ", "))
		if near := spelling.Nearest(o.level, view.Levels()); near != "" {
			text = fmt.Sprintf("unknown level %q, did you mean %q?", o.level, near)
		}
		return usage(errors.New(text))
	}
	if o.speed < 0 {
		return usage(fmt.Errorf("--speed %v: it cannot be negative", o.speed))
	}
	if err := o.selection.check(c); err != nil {
		return err
	}
	switch {
	case !isTerminal(s.out) || !isTerminal(os.Stdin):
		return errors.New("top needs a terminal for input and output; without one: peerscope map")
	case os.Getenv("TERM") == "dumb":
		return errors.New("top needs a terminal that can move its cursor, and TERM is dumb; without one: peerscope map")
	}
	return nil
}

func (o *topOptions) run(c *cobra.Command, s streams) error {
	if err := o.check(c, s); err != nil {
		return err
	}
	if !c.Flags().Changed("for") {
		o.length = -1
	}
	ctx, stop := context.WithCancel(c.Context())
	defer stop()
	f := newTicks()
	var notes bytes.Buffer // for after the view, which has the whole terminal
	observed := make(chan error, 1)
	web := &webView{from: o.from}
	go func() {
		err := o.feed(ctx, f.offer, web, &notes)
		f.end()
		if err != nil {
			stop()
		}
		observed <- err
	}()
	look := o.look.style(s.out)
	ended := "observation is over"
	if o.from != "" {
		ended = "the recording ended"
	}
	limits := ""
	if o.from == "" {
		limits = topLimits()
	}
	summary, err := tui.Run(ctx, tui.Config{Maps: f.maps, Filter: o.filter, Level: o.level, Limited: limits, Web: web.open, Color: look.Color, ASCII: look.ASCII,
		Ended: ended, Zone: time.Local, Out: s.out})
	stop()
	notes.WriteString(web.close())
	if failed := <-observed; failed != nil {
		return failed
	}
	if err != nil {
		return err
	}
	if _, err := io.WriteString(s.err, notes.String()); err != nil {
		return fmt.Errorf("write notes: %w", err)
	}
	if _, err := io.WriteString(s.out, summary.String()); err != nil {
		return fmt.Errorf("write the summary: %w", err)
	}
	return nil
}

// soon is how long the first window lasts: what was open before is shown at once.
const soon = 50 * time.Millisecond

// feed observes or replays in ticks.
func (o *topOptions) feed(ctx context.Context, offer func(*topology.Map), web *webView, notes io.Writer) error {
	give := func(m *topology.Map) {
		m = o.selected(m, io.Discard)
		web.tick(m)
		offer(m)
	}
	if o.from != "" {
		return replayWindows(ctx, o.from, o.speed, give, notes)
	}
	ob := o.observation
	ob.opened = web.opened
	return runLive(ctx, ob, liveOptions{Watched: func() bool { return true }, First: soon, Closed: web.asked.answer}, give)
}

// ticks hands maps to a view that may be slower than they come: those that wait
// become one, so that nothing is missing from it but when it happened.
type ticks struct {
	maps    chan *topology.Map
	waiting *topology.Map
}

func newTicks() *ticks { return &ticks{maps: make(chan *topology.Map, 2)} }

// offer never waits. It is called by one goroutine.
func (t *ticks) offer(m *topology.Map) {
	if t.waiting != nil {
		m = topology.Merge(t.waiting, m)
	}
	select {
	case t.maps <- m:
		t.waiting = nil
	default:
		t.waiting = m
	}
}

// end gives what still waits, if there is room, and ends the ticks.
func (t *ticks) end() {
	if t.waiting != nil {
		select {
		case t.maps <- t.waiting:
		default:
		}
	}
	close(t.maps)
}
