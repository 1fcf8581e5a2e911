package history

import (
	"slices"

	"peerscope/internal/topology"
)

// Why nobody observed, in the words people are shown.
const (
	WhyStopped = "the agent was not running"
	WhyClock   = "the clock jumped, or the machine slept"
	WhyPaused  = "no window was told"
	WhyBack    = "the clock went back, and these times are in the store already"
	WhyFull    = "the disk was full"
	WhyWrite   = "the disk could not be written to"
	WhyDamaged = "what was stored is damaged"
	WhyRemoved = "nothing older is kept"
	WhyNotYet  = "nothing newer is stored"
)

// shortest gap that is told, in milliseconds: windows that follow each other may
// have a bit of time between them.
const shortestGap = 1000

// gapsBetween are the gaps between the end of a window and the start of the next
// one, which says what it knows of them.
func gapsBetween(end, start int64, next about) []topology.Span {
	if start-end < shortestGap {
		return nil
	}
	var out []topology.Span
	at := end
	for _, m := range next.Missed {
		from, to := max(m.From, at), min(m.To, start)
		if from >= to {
			continue
		}
		out = appendGap(out, topology.Span{From: at, To: from, Reason: next.Why})
		out = appendGap(out, topology.Span{From: from, To: to, Reason: m.Reason})
		at = to
	}
	return appendGap(out, topology.Span{From: at, To: start, Reason: next.Why})
}

// appendGap adds a gap after the others; one that goes on is one.
func appendGap(gaps []topology.Span, s topology.Span) []topology.Span {
	if s.From >= s.To {
		return gaps
	}
	if n := len(gaps); n > 0 && gaps[n-1].To == s.From && gaps[n-1].Reason == s.Reason {
		gaps[n-1].To = s.To
		return gaps
	}
	return append(gaps, s)
}

// clip keeps what of the gaps is within [from, to), in the order of time.
func clip(gaps []topology.Span, from, to int64) []topology.Span {
	slices.SortStableFunc(gaps, func(a, b topology.Span) int { return int(a.From - b.From) })
	out := []topology.Span{}
	for _, g := range gaps {
		g.From, g.To = max(g.From, from), min(g.To, to)
		out = appendGap(out, g)
	}
	return out
}
