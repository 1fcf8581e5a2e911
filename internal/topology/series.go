package topology

import (
	"fmt"
	"time"
)

// Series is what an edge, or all edges of a map together, did over time: one
// value of each measure a step.
type Series struct {
	StepMS int64 `json:"step_ms"`
	// Times are where the steps begin, Unix milliseconds, ascending and even.
	Times []int64 `json:"times"`
	// Columns have one value a step, by measure (see Measures). Nil: nothing is
	// known of that step; an edge that was idle while somebody observed has 0.
	Columns map[string][]*float64 `json:"columns"`
	// Gaps are when nobody observed, within the time asked for.
	Gaps []Span `json:"gaps"`
}

// Span is [From, To) in Unix milliseconds.
type Span struct {
	From   int64  `json:"from"`
	To     int64  `json:"to"`
	Reason string `json:"reason,omitempty"`
}

// The measures of a Series. Rates are per second of observed time, over the
// step; of two ends without roles, tx is first to second.
const (
	MeasureTx          = "tx"          // bytes/s, client to server
	MeasureRx          = "rx"          // bytes/s, server to client
	MeasureActive      = "active"      // open connections, at the step's end
	MeasureOpened      = "opened"      // connections/s
	MeasureClosed      = "closed"      // connections/s
	MeasureFailed      = "failed"      // connections/s
	MeasureRetransmits = "retransmits" // segments/s, both directions
	MeasureRTT         = "rtt"         // seconds, mean of the samples
	MeasureRTTMax      = "rtt_max"     // seconds
	MeasureConnect     = "connect"     // seconds, mean
)

// Measures are all measures, in the order people are shown them.
func Measures() []string {
	return []string{MeasureTx, MeasureRx, MeasureActive, MeasureOpened, MeasureClosed, MeasureFailed,
		MeasureRetransmits, MeasureRTT, MeasureRTTMax, MeasureConnect}
}

// Bounds are the window as times. The error is for a map that was not made by
// this program.
func (w Window) Bounds() (start, end time.Time, err error) {
	if start, err = time.Parse(time.RFC3339Nano, w.Start); err != nil {
		return start, end, fmt.Errorf("window start: %w", err)
	}
	if end, err = time.Parse(time.RFC3339Nano, w.End); err != nil {
		return start, end, fmt.Errorf("window end: %w", err)
	}
	return start, end, nil
}

// Length is how long the window is; 0 for one look, or where it is not known.
func (w Window) Length() time.Duration {
	start, end, err := w.Bounds()
	if err != nil {
		return 0
	}
	return end.Sub(start)
}

// Measure is the value of a measure over a window of that length; ok is false
// where nothing is known.
func (e *Edge) Measure(name string, length time.Duration) (value float64, ok bool) {
	rate := func(n uint64) (float64, bool) {
		if length <= 0 {
			return 0, false
		}
		return float64(n) / length.Seconds(), true
	}
	switch name {
	case MeasureActive:
		return float64(e.Connections.Active), true
	case MeasureOpened:
		return rate(e.Connections.Opened)
	case MeasureClosed:
		return rate(e.Connections.Closed)
	case MeasureFailed:
		return rate(e.Connections.Failed)
	case MeasureTx, MeasureRx:
		to, back := e.Bytes.Directions()
		n := to
		if name == MeasureRx {
			n = back
		}
		if n == nil {
			return 0, false
		}
		return rate(*n)
	case MeasureRetransmits:
		to, back := e.Retransmits.Directions()
		if to == nil && back == nil {
			return 0, false
		}
		return rate(valueOf(to) + valueOf(back))
	case MeasureRTT:
		return e.RTT.mean()
	case MeasureRTTMax:
		if e.RTT == nil || e.RTT.Count == 0 {
			return 0, false
		}
		return float64(e.RTT.Max) / 1e6, true
	case MeasureConnect:
		return e.Connect.mean()
	}
	return 0, false
}

// Directions are the counts to the server (or from the first end to the second)
// and back. Nil: nobody could count it. It may be called on nil.
func (b *Bytes) Directions() (to, back *uint64) {
	if b == nil {
		return nil, nil
	}
	if b.ToServer != nil || b.ToClient != nil {
		return b.ToServer, b.ToClient
	}
	return b.FirstToSecond, b.SecondToFirst
}

func valueOf(n *uint64) uint64 {
	if n == nil {
		return 0
	}
	return *n
}

// mean is in seconds.
func (s *Stat) mean() (float64, bool) {
	if s == nil || s.Count == 0 {
		return 0, false
	}
	return float64(s.Sum) / float64(s.Count) / 1e6, true
}
