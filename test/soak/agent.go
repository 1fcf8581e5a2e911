package main

import (
	"fmt"
	"io"
	"slices"
	"time"

	"peerscope/internal/attribution"
	"peerscope/internal/history"
	"peerscope/internal/metrics"
	"peerscope/internal/topology"
)

// agent is the data path of the program from observations to windows, and what
// takes these.
type agent struct {
	engine *attribution.Engine
	ledger *topology.Ledger
	sinks  []sink
	failed error // of a sink
	judged int

	merged  merged        // this hour
	spent   time.Duration // processor time, and in how many windows
	windows int
}

// sink takes each window.
type sink interface {
	Add(*topology.Map) error
}

// newAgent adds up metrics if that is wanted, and keeps a history in a folder, if
// that is not empty.
func newAgent(series bool, folder string) (*agent, error) {
	a := &agent{engine: attribution.New(attribution.Config{}), ledger: topology.NewLedger()}
	if series {
		a.sinks = append(a.sinks, metrics.NewAccumulator(metrics.DefaultSeries()))
	}
	if folder != "" {
		s, err := history.Open(folder, history.Options{NoSync: true})
		if err != nil {
			return nil, err
		}
		a.sinks = append(a.sinks, s)
	}
	return a, nil
}

func (a *agent) close() {
	for _, s := range a.sinks {
		if c, ok := s.(io.Closer); ok {
			_ = c.Close() // what it wrote is judged by nobody
		}
	}
}

// play lives a window and takes its map.
func (a *agent) play(l *life) {
	before := processorTime()
	l.play(a.engine.Apply)
	a.merged.add(a.closeWindow())
	a.spent += processorTime() - before
	a.windows++
}

// closeWindow decides the window and writes it down.
func (a *agent) closeWindow() *topology.Map {
	a.engine.Close(a.ledger.Add)
	s := a.engine.Summary()
	m := a.ledger.Map(a.engine, topology.Facts{Host: s.Host, Capture: s.Capture, Window: s.Window, Gaps: s.Gaps, Lost: s.Lost,
		Listening: a.engine.Listening(), Names: a.engine.AddressNames()})
	a.ledger.Reset()
	for _, k := range a.sinks {
		if err := k.Add(m); err != nil && a.failed == nil {
			a.failed = err
		}
	}
	return m
}

// merged are the windows of an hour: six to a minute, ten of these to one map, as
// agents merge ticks to windows and these to longer ones.
type merged struct{ windows, minutes, tens []*topology.Map }

func (m *merged) add(w *topology.Map) {
	if m.windows = append(m.windows, w); len(m.windows) == 6 {
		m.minutes, m.windows = append(m.minutes, topology.MergeAll(m.windows)), nil
	}
	if len(m.minutes) == 10 {
		m.tens, m.minutes = append(m.tens, topology.MergeAll(m.minutes)), nil
	}
}

func (m *merged) all() *topology.Map {
	return topology.MergeAll(slices.Concat(m.tens, m.minutes, m.windows))
}

// hour is what became of one.
type hour struct {
	counts
	usage usage
	edges int
	lost  uint64
	cost  time.Duration // processor time a window, with what playing costs
}

// turn ends an hour: its map is judged and let go of, and what is in use then is
// the agent's and the player's alone.
func (a *agent) turn(l *life) (hour, error) {
	if a.failed != nil {
		return hour{}, fmt.Errorf("a sink: %w", a.failed)
	}
	m := a.merged.all()
	a.merged = merged{}
	sum, err := l.truth.judge(m)
	if err != nil {
		return hour{}, err
	}
	h := hour{counts: sum, edges: len(m.Edges), lost: l.truth.lost, cost: a.spent / time.Duration(max(a.windows, 1))}
	a.judged += len(m.Edges)
	a.spent, a.windows = 0, 0
	l.truth.turn()
	m = nil
	h.usage = inUse()
	return h, nil
}

func (h hour) write(out io.Writer, n int) {
	fmt.Fprintf(out, "%5d %8s %8s %9d %9d %8d %8d %6d %9.1f\n", n, mib(h.usage.heap), mib(h.usage.resident), h.opened, h.closed, h.failed, h.edges, h.lost,
		float64(h.cost.Microseconds())/1000)
}
