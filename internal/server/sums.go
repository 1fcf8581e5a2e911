package server

import (
	"peerscope/internal/topology"
)

// sums is what some edges did together over a time.
type sums struct {
	seconds float64 // that were observed
	tx, rx  amount  // bytes
	retx    amount  // segments
	active  float64 // at the end
	opened  float64
	closed  float64
	failed  float64
	rtt     latency
	connect latency
}

// amount is a sum; not known if nobody counted any part of it.
type amount struct {
	n     float64
	known bool
}

func (a *amount) add(n *uint64) {
	if n != nil {
		a.n += float64(*n)
		a.known = true
	}
}

// latency is in microseconds.
type latency struct {
	count, sum, max float64
}

func (l *latency) add(s *topology.Stat) {
	if s != nil {
		l.count += float64(s.Count)
		l.sum += float64(s.Sum)
		l.max = max(l.max, float64(s.Max))
	}
}

// sumOf adds up the edges of one window that are wanted; nil: all.
func sumOf(m *topology.Map, wanted func(*topology.Edge) bool) *sums {
	s := &sums{seconds: m.Window.Length().Seconds()}
	for i := range m.Edges {
		if e := &m.Edges[i]; wanted == nil || wanted(e) {
			s.edge(e)
		}
	}
	return s
}

func (s *sums) edge(e *topology.Edge) {
	to, back := e.Bytes.Directions()
	s.tx.add(to)
	s.rx.add(back)
	to, back = e.Retransmits.Directions()
	s.retx.add(to)
	s.retx.add(back)
	s.active += float64(e.Connections.Active)
	s.opened += float64(e.Connections.Opened)
	s.closed += float64(e.Connections.Closed)
	s.failed += float64(e.Connections.Failed)
	s.rtt.add(e.RTT)
	s.connect.add(e.Connect)
}

// then is s and what came after it.
func (s *sums) then(after *sums) *sums {
	out := *s
	out.take(after, 1)
	return &out
}

// take adds a share of what came after.
func (s *sums) take(after *sums, share float64) {
	s.seconds += after.seconds * share
	for _, a := range [...]struct{ into, of *amount }{{&s.tx, &after.tx}, {&s.rx, &after.rx}, {&s.retx, &after.retx}} {
		a.into.n += a.of.n * share
		a.into.known = a.into.known || a.of.known
	}
	s.active = after.active
	s.opened += after.opened * share
	s.closed += after.closed * share
	s.failed += after.failed * share
	for _, l := range [...]struct{ into, of *latency }{{&s.rtt, &after.rtt}, {&s.connect, &after.connect}} {
		l.into.count += l.of.count * share
		l.into.sum += l.of.sum * share
		l.into.max = max(l.into.max, l.of.max)
	}
}

// measure is the value of one of topology.Measures; nil: it is not known. Where
// nobody observed nothing is.
func (s *sums) measure(name string) *float64 {
	if s == nil || s.seconds <= 0 {
		return nil
	}
	rate := func(n float64) *float64 { return new(n / s.seconds) }
	counted := func(a amount) *float64 {
		if !a.known {
			return nil
		}
		return rate(a.n)
	}
	mean := func(l latency) *float64 {
		if l.count <= 0 {
			return nil
		}
		return new(l.sum / l.count / 1e6)
	}
	switch name {
	case topology.MeasureTx:
		return counted(s.tx)
	case topology.MeasureRx:
		return counted(s.rx)
	case topology.MeasureRetransmits:
		return counted(s.retx)
	case topology.MeasureActive:
		return new(s.active)
	case topology.MeasureOpened:
		return rate(s.opened)
	case topology.MeasureClosed:
		return rate(s.closed)
	case topology.MeasureFailed:
		return rate(s.failed)
	case topology.MeasureRTT:
		return mean(s.rtt)
	case topology.MeasureConnect:
		return mean(s.connect)
	case topology.MeasureRTTMax:
		if s.rtt.count > 0 {
			return new(s.rtt.max / 1e6)
		}
	}
	return nil
}
