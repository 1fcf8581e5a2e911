package main

import (
	"fmt"
	"math"
	"slices"
)

// series are the values of one figure in several runs.
type series []float64

// median is the middle one, or the mean of the middle two; NaN of nothing.
func (s series) median() float64 { return s.quantile(0.5) }

// quantile interpolates between neighbours.
func (s series) quantile(q float64) float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(s))
	at := q * float64(len(sorted)-1)
	low := int(at)
	if low == len(sorted)-1 {
		return sorted[low]
	}
	return sorted[low] + (at-float64(low))*(sorted[low+1]-sorted[low])
}

// spread is the lowest and the highest value.
func (s series) spread() (low, high float64) {
	if len(s) == 0 {
		return math.NaN(), math.NaN()
	}
	return slices.Min(s), slices.Max(s)
}

// over divides value by value, as of one round each.
func (s series) over(t series) series {
	out := make(series, min(len(s), len(t)))
	for i := range out {
		out[i] = s[i] / t[i]
	}
	return out
}

// figure writes a number with as many decimals as tell something.
func figure(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v):
		return "-"
	case a >= 1000:
		return fmt.Sprintf("%.0f", v)
	case a >= 100:
		return fmt.Sprintf("%.1f", v)
	case a >= 10:
		return fmt.Sprintf("%.2f", v)
	default:
		return fmt.Sprintf("%.3f", v)
	}
}

// describe is the median with the spread behind it.
func (s series) describe() string {
	low, high := s.spread()
	return fmt.Sprintf("%s (%s to %s)", figure(s.median()), figure(low), figure(high))
}
