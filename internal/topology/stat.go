package topology

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// Stat is a summary in microseconds that merges by adding.
type Stat struct {
	Count uint64 `json:"count"`
	Sum   uint64 `json:"sum"`
	Min   uint64 `json:"min"`
	Max   uint64 `json:"max"`
	// Buckets say where between Min and Max the samples lie. They are absent in
	// maps of versions that did not count them.
	Buckets Buckets `json:"buckets,omitempty"`
}

// BucketBounds are the upper bounds of the buckets of every Stat, microseconds:
// a sample is in the first whose bound is not below it. What is above the last
// is in a bucket of its own, Unbounded. They are part of the map's format; 1, 10
// and 100 ms, where people begin to care, are among them.
var BucketBounds = [...]uint64{10, 20, 50, 100, 200, 500,
	1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000,
	1_000_000, 2_000_000, 5_000_000, 10_000_000, 20_000_000, 50_000_000, 100_000_000}

// Unbounded is the upper bound of the bucket after the last of BucketBounds.
const Unbounded = math.MaxUint64

// unbounded is how it is written.
const unbounded = "+Inf"

// Bucket are the samples above the next lower bound and not above UpTo.
type Bucket struct {
	UpTo  uint64 // one of BucketBounds, or Unbounded
	Count uint64
}

// Buckets are those that have samples, in the order of their bounds.
type Buckets []Bucket

// BucketOf is the index into BucketBounds of the bucket that a sample of us
// microseconds is in; len(BucketBounds) stands for Unbounded.
func BucketOf(us uint64) int {
	i, _ := slices.BinarySearch(BucketBounds[:], us)
	return i
}

// bound is the upper bound of a bucket by its index.
func bound(i int) uint64 {
	if i == len(BucketBounds) {
		return Unbounded
	}
	return BucketBounds[i]
}

// add merges two sorted lists.
func (b Buckets) add(c Buckets) Buckets {
	if len(b) == 0 || len(c) == 0 {
		return append(slices.Clip(b), c...)
	}
	out := make(Buckets, 0, len(b)+len(c))
	for len(b) > 0 && len(c) > 0 {
		switch {
		case b[0].UpTo < c[0].UpTo:
			out, b = append(out, b[0]), b[1:]
		case b[0].UpTo > c[0].UpTo:
			out, c = append(out, c[0]), c[1:]
		default:
			out = append(out, Bucket{b[0].UpTo, b[0].Count + c[0].Count})
			b, c = b[1:], c[1:]
		}
	}
	return append(append(out, b...), c...)
}

func addStat(a, b *Stat) *Stat {
	if a == nil {
		return b
	}
	if b == nil {
		return a
	}
	return &Stat{Count: a.Count + b.Count, Sum: a.Sum + b.Sum, Min: min(a.Min, b.Min), Max: max(a.Max, b.Max),
		Buckets: a.Distribution().add(b.Distribution())}
}

// Distribution is in which buckets the samples are. Where nobody counted them it
// is known only if all samples must be in the same one. Its counts add up to
// Count, or something was not counted.
func (s *Stat) Distribution() Buckets {
	if s == nil || s.Count == 0 || len(s.Buckets) > 0 {
		return s.buckets()
	}
	if i := BucketOf(s.Min); i == BucketOf(s.Max) {
		return Buckets{{bound(i), s.Count}}
	}
	return nil
}

func (s *Stat) buckets() Buckets {
	if s == nil {
		return nil
	}
	return s.Buckets
}

// Quantile is an estimate of the value that the share q of the samples does not
// exceed: within the right bucket, as if its samples lay evenly in it, and never
// outside of Min and Max. It is not ok without samples, if their buckets are not
// known, and if q is not from 0 to 1.
func (s *Stat) Quantile(q float64) (us uint64, ok bool) {
	if s == nil || s.Count == 0 || !(q >= 0 && q <= 1) {
		return 0, false
	}
	buckets := s.Distribution()
	var total uint64
	for _, b := range buckets {
		total += b.Count
	}
	if total != s.Count {
		return 0, false
	}
	rank := q * float64(total)
	var below uint64
	for _, b := range buckets {
		if float64(below+b.Count) < rank {
			below += b.Count
			continue
		}
		low, high := max(lowerBound(b.UpTo), s.Min), min(b.UpTo, s.Max)
		if high <= low {
			return high, true
		}
		share := max(rank-float64(below), 0) / float64(b.Count)
		return min(low+uint64(share*float64(high-low)), high), true
	}
	return s.Max, true
}

// lowerBound is what the samples of a bucket are above.
func lowerBound(upTo uint64) uint64 {
	i := BucketOf(upTo)
	if i == 0 {
		return 0
	}
	return BucketBounds[i-1]
}

// MarshalJSON writes an object whose keys are the upper bounds in microseconds,
// in their order: {"50":3,"100":1}.
func (b Buckets) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, c := range b {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, '"')
		if c.UpTo == Unbounded {
			out = append(out, unbounded...)
		} else {
			out = strconv.AppendUint(out, c.UpTo, 10)
		}
		out = append(out, `":`...)
		out = strconv.AppendUint(out, c.Count, 10)
	}
	return append(out, '}'), nil
}

// UnmarshalJSON reads what MarshalJSON writes, in any order.
func (b *Buckets) UnmarshalJSON(text []byte) error {
	if bytes.Equal(text, []byte("null")) {
		return nil
	}
	var counts map[string]uint64
	if err := json.Unmarshal(text, &counts); err != nil {
		return fmt.Errorf("read buckets: %w", err)
	}
	*b = nil
	for i := range len(BucketBounds) + 1 {
		name := unbounded
		if i < len(BucketBounds) {
			name = strconv.FormatUint(BucketBounds[i], 10)
		}
		if n, ok := counts[name]; ok {
			delete(counts, name)
			if n > 0 {
				*b = append(*b, Bucket{bound(i), n})
			}
		}
	}
	for name := range counts {
		return fmt.Errorf("read buckets: %.20q is not the bound of one", name)
	}
	return nil
}
