package main

import (
	"fmt"
	"io"
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
	longest     time.Duration // that closing a window took, by the clock
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
	l := newLife(seed, 1)
	s := steady{windows: windows, connections: l.open()}
	for w := range warm + windows {
		if w == warm {
			before = processorTime()
		}
		l.play(a.engine.Apply)
		began := time.Now()
		m := a.closeWindow()
		if took := time.Since(began); w >= warm {
			s.longest = max(s.longest, took)
		}
		a.minute = append(a.minute, m)
		if len(a.minute) == 6 {
			a.hour, a.minute = append(a.hour, topology.MergeAll(a.minute)), nil
		}
		s.edges = len(m.Edges)
	}
	s.cost = max(processorTime()-before-playing, 0) / time.Duration(windows)
	if _, err := a.turn(l); err != nil {
		return s, err
	}
	s.usage = inUse()
	return s, nil
}

func (s steady) share() float64 { return s.cost.Seconds() / window.Seconds() }

func (s steady) write(out io.Writer) {
	fmt.Fprintf(out, "steady state of %d connections, %d edges a window, %d windows:\n", s.connections, s.edges, s.windows)
	fmt.Fprintf(out, "  processor  %.1f ms a window, %.2f%% of a core (at most %.0f%%)\n", float64(s.cost.Microseconds())/1000, 100*s.share(), 100*mostShare)
	fmt.Fprintf(out, "  closing    %.1f ms at the longest, decisions, map and reset\n", float64(s.longest.Microseconds())/1000)
	fmt.Fprintf(out, "  memory     %s resident at its highest (at most %s), %s of heap in use at the end\n", mib(s.usage.highest), mib(mostMemory), mib(s.usage.heap))
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
