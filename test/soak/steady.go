package main

import (
	"fmt"
	"io"
	"runtime"
	"time"

	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// steady is what a window costs on a host of scale 1.
type steady struct {
	windows     int
	edges       int // of the last window's map
	connections int
	cost        time.Duration // processor time a window, of all threads, without playing
	longest     time.Duration // that closing a window took of its thread's time
	usage       usage
}

// measure plays some windows twice: into nothing, to know what playing costs, and
// into an agent. What the collector does meanwhile counts as the agent's.
func measure(seed uint64, windows int) (steady, error) {
	const warm = 12
	idle := newLife(seed, 1)
	var before time.Duration
	for w := range warm + windows {
		if w == warm {
			before = processorTime()
		}
		idle.play(func(flow.Observation) {})
	}
	playing := processorTime() - before
	idle = nil

	a, err := newAgent(false, "")
	if err != nil {
		return steady{}, err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	l := newLife(seed, 1)
	var latest *topology.Map
	s := steady{windows: windows, connections: l.open()}
	for w := range warm + windows {
		if w == warm {
			before = processorTime()
		}
		l.play(a.engine.Apply)
		began := threadTime()
		m := a.closeWindow()
		if took := threadTime() - began; w >= warm {
			s.longest = max(s.longest, took)
		}
		if latest != nil {
			topology.Merge(latest, m) // as ticks are; whoever takes it is not measured here
		}
		latest, s.edges = m, len(m.Edges)
	}
	s.cost = max(processorTime()-before-playing, 0) / time.Duration(windows)
	s.usage = inUse()
	runtime.KeepAlive(a)
	runtime.KeepAlive(latest)
	return s, nil
}

func (s steady) share() float64 { return s.cost.Seconds() / window.Seconds() }

func (s steady) write(out io.Writer) {
	fmt.Fprintf(out, "steady state of %d connections, %d edges a window, %d windows:\n", s.connections, s.edges, s.windows)
	fmt.Fprintf(out, "  processor  %.1f ms a window, %.2f%% of a core (at most %.0f%%)\n", float64(s.cost.Microseconds())/1000, 100*s.share(), 100*mostShare)
	fmt.Fprintf(out, "  closing    %.1f ms of processor time at the longest: decisions, map and reset\n", float64(s.longest.Microseconds())/1000)
	fmt.Fprintf(out, "  memory     %s resident at its highest (at most %s), %s of heap in use between two windows, with the latest map and the player\n", mib(s.usage.highest), mib(mostMemory), mib(s.usage.heap))
}

func (s steady) judge() error {
	if s.share() > mostShare {
		return fmt.Errorf("a window costs %.2f%% of a core, at most %.0f%% are allowed", 100*s.share(), 100*mostShare)
	}
	if s.usage.highest > mostMemory {
		return fmt.Errorf("%s were resident, at most %s are allowed", mib(s.usage.highest), mib(mostMemory))
	}
	return nil
}
