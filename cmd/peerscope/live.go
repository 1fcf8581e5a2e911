package main

import (
	"context"
	"io"
	"time"

	"peerscope/internal/attribution"
	"peerscope/internal/topology"
)

// liveOptions say in what windows a host is observed.
type liveOptions struct {
	// Window is the length of a window, and what windows are aligned to; 0: 10 s.
	Window time.Duration
	// Tick is the length of windows while somebody watches; 0: 1 s.
	Tick time.Duration
	// Watched reports whether somebody does. It is asked ten times a second, by the
	// goroutine that observes; nil: nobody.
	Watched func() bool
	// First is how long the first window lasts at most, so that somebody who waits
	// sees soon what was open already; 0: as long as any.
	First time.Duration
	// Closed is called with each window's map while the pipeline still holds what it
	// was decided from; nil: nobody asks.
	Closed func(*pipeline, *topology.Map)
	// Logical asks for who gets through proxies to whom, too.
	Logical bool
	// Progress is where people are told what goes on; nil: nowhere.
	Progress *progress
}

func (o liveOptions) withDefaults() liveOptions {
	if o.Window == 0 {
		o.Window = 10 * time.Second
	}
	if o.Tick == 0 {
		o.Tick = time.Second
	}
	if o.Watched == nil {
		o.Watched = func() bool { return false }
	}
	if o.Progress == nil {
		o.Progress = newProgress(io.Discard)
	}
	return o
}

// boundary is where the open window ends, by who watches just now.
func (o liveOptions) boundary(start, now time.Time) time.Time {
	length := o.Window
	if o.Watched() {
		length = min(length, o.Tick)
	}
	return topology.NextBoundary(start, now, length)
}

// runLive observes in windows until ctx ends, or as long as ob says, and gives
// the map of each, aligned windows or the ticks of somebody who watches. They
// follow each other without a gap (a Joiner makes whole windows of ticks). All
// calls come from the calling goroutine, which observes in between: onTick must
// not wait for anybody. A map is never changed after it was given.
func runLive(ctx context.Context, ob observation, o liveOptions, onTick func(*topology.Map)) error {
	o = o.withDefaults()
	var first time.Time // when the first window began
	ob.boundary = func(start, now time.Time) time.Time {
		end := o.boundary(start, now)
		if first.IsZero() {
			first = start
		}
		if early := start.Add(o.First); o.First > 0 && start.Equal(first) && early.Before(end) {
			return early
		}
		return end
	}
	ob.patience = o.Tick / 5
	w := newWindows(newPipelineOf(attribution.Config{Legs: o.Logical}), onTick)
	w.closed = o.Closed
	if err := observe(ctx, ob, w.take, o.Progress); err != nil {
		return err
	}
	w.rest()
	return nil
}
