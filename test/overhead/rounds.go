package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"
)

// sample is one run of a load.
type sample struct {
	wrk    wrkResult
	server time.Duration // processor time of the server
	kernel time.Duration // of the kernel's threads
	others float64       // what everybody else on the machine took, in cores; stolen time too
	// With the tool:
	tool    use
	during  time.Duration // its processor time in the measured seconds
	truth   tcpCounters   // connections in its window
	inside  kernelSide
	counted []program // what its programs did, if that was counted
}

// perRequest is in microseconds.
func (s sample) perRequest(t time.Duration) float64 {
	return float64(t.Nanoseconds()) / 1000 / float64(s.wrk.requests)
}

// serving is what the judged ratio is about: the watched programs. What the
// kernel does for a connection is charged to them, but for its own threads.
func (s sample) serving() float64 { return s.perRequest(s.server + s.wrk.used) }

func (s sample) everything() float64 {
	return s.perRequest(s.server + s.wrk.used + s.kernel + s.during)
}

// rounds are the samples of a load: in each round one of each.
type rounds struct{ without, again, with []sample }

// bench runs one load against one server.
type bench struct {
	settings
	space  *space
	server *nginx
	load   load
	report *report
}

// rounds runs the load with and without the tool, in an order that no drift of
// the machine can favour.
func (b *bench) rounds(ctx context.Context) (out rounds, err error) {
	for i := range b.runs {
		var without, again, with sample
		toolFailed := false
		kinds := []func() error{
			func() (err error) { without, err = b.run(ctx, false, false); return err },
			func() (err error) { again, err = b.run(ctx, false, false); return err },
			func() (err error) {
				with, err = b.run(ctx, true, false)
				var t *toolError
				if errors.As(err, &t) {
					b.report.problem("%s, round %d: THE TOOL FAILED: %v", b.load.name, i+1, t)
					toolFailed, err = true, nil
				}
				return err
			},
		}
		rand.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
		for _, kind := range kinds {
			if err := kind(); err != nil {
				return out, fmt.Errorf("round %d: %w", i+1, err)
			}
		}
		if toolFailed {
			continue // a round is whole or not there
		}
		b.check(with, fmt.Sprintf("%s, round %d", b.load.name, i+1))
		out.without, out.again, out.with = append(out.without, without), append(out.again, again), append(out.with, with)
	}
	if len(out.with) == 0 {
		return out, errors.New("the tool failed in every round")
	}
	return out, nil
}

// toolError is a failure of the tool, not of what is around it.
type toolError struct{ err error }

func (e *toolError) Error() string { return e.err.Error() }

// run is one run, with everything but the tool as always.
func (b *bench) run(ctx context.Context, with, count bool) (s sample, err error) {
	var t *tool
	if with {
		bound := b.warm + b.length + startBound
		if t, err = startTool(ctx, b.settings, b.space, bound); err != nil {
			return s, &toolError{err}
		}
		defer t.kill()
	}
	opened, err := b.space.tcp()
	if err != nil {
		return s, err
	}
	if _, err := wrk(ctx, b.space, b.load, b.connections, b.warm); err != nil {
		return s, err
	}
	if s, err = b.measured(ctx, t, count); err != nil {
		return s, err
	}
	time.Sleep(settle)
	now, err := b.space.tcp()
	if err != nil {
		return s, err
	}
	s.truth = now.since(opened)
	if s.wrk.errors != "" {
		b.report.problem("%s: wrk met errors: %s", b.load.name, s.wrk.errors)
	}
	if with {
		if s.inside, err = lookIntoKernel(t.pid()); err != nil {
			return s, &toolError{err}
		}
		if s.tool, err = t.finish(); err != nil {
			return s, &toolError{err}
		}
	}
	return s, nil
}

// measured is the part of a run that counts; t may be nil.
func (b *bench) measured(ctx context.Context, t *tool, count bool) (s sample, err error) {
	var before kernelSide
	if count {
		counting, err := countRuns()
		if err != nil {
			return s, err
		}
		defer counting.Close()
		if before, err = lookIntoKernel(t.pid()); err != nil {
			return s, err
		}
	}
	from, err := b.clocks(t)
	if err != nil {
		return s, err
	}
	if s.wrk, err = wrk(ctx, b.space, b.load, b.connections, b.length); err != nil {
		return s, err
	}
	to, err := b.clocks(t)
	if err != nil {
		return s, err
	}
	all := time.Duration(runtime.NumCPU())*to.at.Sub(from.at) - (to.idle - from.idle)
	s.server, s.during, s.kernel = to.server-from.server, to.tool-from.tool, usedSince(from.kernel, to.kernel)
	s.others = max(0, (all-s.server-s.wrk.used-s.kernel-s.during).Seconds()/to.at.Sub(from.at).Seconds())
	if count {
		after, err := lookIntoKernel(t.pid())
		if err != nil {
			return s, err
		}
		s.counted = after.since(before)
	}
	return s, nil
}

// clocks is what everybody had used at a point in time.
type clocks struct {
	at                 time.Time
	server, tool, idle time.Duration
	kernel             map[int]time.Duration
}

func (b *bench) clocks(t *tool) (c clocks, err error) {
	if c.server, err = timeOf(b.server.workers); err != nil {
		return c, err
	}
	if c.kernel, err = kernelThreads(); err != nil {
		return c, err
	}
	if t != nil {
		if c.tool, err = processorTime(t.pid()); err != nil {
			return c, &toolError{err}
		}
	}
	c.at = time.Now()
	c.idle, err = idleTime()
	return c, err
}

// check holds the map against the kernel's own count.
func (b *bench) check(s sample, what string) {
	checkMap(b.report, what, s.tool.connected, s.truth.active)
}
