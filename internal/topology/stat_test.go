package topology_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// statOf is what a ledger makes of these samples.
func statOf(samples []uint32) *topology.Stat {
	l := topology.NewLedger()
	for _, us := range samples {
		c := change(1, 1, 1)
		c.RTT = us
		l.Add(c)
	}
	m := l.Map(world(), topology.Facts{})
	if len(m.Edges) == 0 {
		return nil
	}
	return m.Edges[0].RTT
}

// drawn are samples whose magnitudes are spread evenly, so that each bucket
// gets some; now and then they are few or alike.
func drawn(r *rand.Rand) []uint32 {
	out := make([]uint32, 1+r.IntN(1<<r.IntN(8)))
	widest := 1 + r.IntN(32)
	for i := range out {
		out[i] = 1 + r.Uint32()>>(32-widest+r.IntN(widest))>>1
	}
	return out
}

func TestBucketsOfSamples(t *testing.T) {
	for _, tt := range []struct {
		samples []uint32
		want    topology.Buckets
	}{
		{[]uint32{1, 10}, topology.Buckets{{10, 2}}},
		{[]uint32{11}, topology.Buckets{{20, 1}}},
		{[]uint32{1000, 1001, 2000}, topology.Buckets{{1000, 1}, {2000, 2}}},
		{[]uint32{300, 20, 4, 300, math.MaxUint32}, topology.Buckets{{10, 1}, {20, 1}, {500, 2}, {topology.Unbounded, 1}}},
		{[]uint32{100_000_000, 100_000_001}, topology.Buckets{{100_000_000, 1}, {topology.Unbounded, 1}}},
	} {
		if d := cmp.Diff(tt.want, statOf(tt.samples).Buckets); d != "" {
			t.Errorf("%v (-want +got):\n%s", tt.samples, d)
		}
	}
	if s := statOf([]uint32{0}); s != nil {
		t.Errorf("0 is no sample: %+v", s)
	}
}

// TestQuantileIsInTheRightBucket: it lies between the bounds of the bucket that
// the true value is in, never outside of the samples, and never falls as q grows.
func TestQuantileIsInTheRightBucket(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		samples := drawn(r)
		s := statOf(samples)
		slices.Sort(samples)
		before := uint64(0)
		for _, q := range []float64{0, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 1} {
			got, ok := s.Quantile(q)
			if !ok || got < uint64(samples[0]) || got > uint64(samples[len(samples)-1]) || got < before {
				t.Fatalf("quantile %v of %v = %d, %v", q, samples, got, ok)
			}
			before = got
			truth := uint64(samples[max(0, int(math.Ceil(q*float64(len(samples))))-1)])
			low, high := uint64(0), uint64(math.MaxUint64)
			if i := topology.BucketOf(truth); i > 0 {
				low = topology.BucketBounds[i-1]
			}
			if i := topology.BucketOf(truth); i < len(topology.BucketBounds) {
				high = topology.BucketBounds[i]
			}
			if got < low || got > high {
				t.Fatalf("quantile %v of %v = %d, but the bucket of %d is %d to %d", q, samples, got, truth, low, high)
			}
		}
		if first, _ := s.Quantile(0); first != s.Min {
			t.Fatalf("quantile 0 of %v = %d", samples, first)
		}
		if last, _ := s.Quantile(1); last != s.Max {
			t.Fatalf("quantile 1 of %v = %d", samples, last)
		}
	}
}

func TestQuantileIsNotKnown(t *testing.T) {
	some := &topology.Stat{Count: 2, Sum: 300, Min: 100, Max: 200}
	part := &topology.Stat{Count: 3, Sum: 300, Min: 100, Max: 200, Buckets: topology.Buckets{{100, 1}, {200, 1}}}
	for name, f := range map[string]func() (uint64, bool){
		"of nothing":         func() (uint64, bool) { return (*topology.Stat)(nil).Quantile(0.5) },
		"of no samples":      func() (uint64, bool) { return (&topology.Stat{}).Quantile(0.5) },
		"without buckets":    func() (uint64, bool) { return some.Quantile(0.5) },
		"with some of them":  func() (uint64, bool) { return part.Quantile(0.5) },
		"of more than all":   func() (uint64, bool) { return statOf([]uint32{1}).Quantile(1.01) },
		"of less than none":  func() (uint64, bool) { return statOf([]uint32{1}).Quantile(-0.01) },
		"of what is no part": func() (uint64, bool) { return statOf([]uint32{1}).Quantile(math.NaN()) },
	} {
		if us, ok := f(); ok {
			t.Errorf("%s: %d", name, us)
		}
	}
	same := &topology.Stat{Count: 2, Sum: 300, Min: 140, Max: 160} // of a map without buckets
	if us, ok := same.Quantile(0.5); !ok || us != 150 {
		t.Errorf("all in one bucket: %d, %v, want 150", us, ok)
	}
}

// TestStatsMerge: merged windows and grouped edges have the buckets that all
// samples together have, and what is merged is not changed.
func TestStatsMerge(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	of := func(edge flow.EdgeRef, samples []uint32) *topology.Map {
		l := topology.NewLedger()
		for _, us := range samples {
			c := change(edge, 1, 1)
			c.RTT, c.Connect = us, us
			l.Add(c)
		}
		return l.Map(world(), topology.Facts{})
	}
	for range 500 {
		a, b, c := drawn(r), drawn(r), drawn(r)
		ma, mb, mc := of(1, a), of(1, b), of(1, c)
		kept, _ := json.Marshal(ma)
		want := statOf(slices.Concat(a, b, c))
		left := topology.Merge(topology.Merge(ma, mb), mc)
		right := topology.Merge(ma, topology.Merge(mb, mc))
		grouped := topology.Group(topology.Merge(ma, of(2, slices.Concat(b, c))), "exe")
		for name, m := range map[string]*topology.Map{"left": left, "right": right, "grouped": grouped} {
			if len(m.Edges) != 1 {
				t.Fatalf("%s: %d edges", name, len(m.Edges))
			}
			if d := cmp.Diff(want, m.Edges[0].RTT); d != "" {
				t.Fatalf("%s (-want +got):\n%s", name, d)
			}
			if d := cmp.Diff(want, m.Edges[0].Connect); d != "" {
				t.Fatalf("%s (-want +got):\n%s", name, d)
			}
		}
		if again, _ := json.Marshal(ma); string(again) != string(kept) {
			t.Fatalf("merging changed its argument from\n%s to\n%s", kept, again)
		}
	}
}

// TestStatsOfEachWindow: nothing of a window's samples is left in the next.
func TestStatsOfEachWindow(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	l := topology.NewLedger()
	for range 50 {
		samples := map[flow.EdgeRef][]uint32{1: drawn(r), 2: drawn(r)}
		for edge, list := range samples {
			for _, us := range list {
				c := change(edge, 1, 1)
				c.RTT = us
				l.Add(c)
			}
		}
		m := l.Map(world(), topology.Facts{})
		for _, e := range m.Edges {
			edge := flow.EdgeRef(1)
			if strings.Contains(e.Server, "21") {
				edge = 2
			}
			if d := cmp.Diff(statOf(samples[edge]), e.RTT); d != "" {
				t.Fatalf("edge %d (-want +got):\n%s", edge, d)
			}
		}
		l.Reset()
	}
}

func TestBucketsInJSON(t *testing.T) {
	s := topology.Stat{Count: 6, Sum: 1000, Min: 3, Max: 1 << 40, Buckets: topology.Buckets{{10, 1}, {200, 3}, {topology.Unbounded, 2}}}
	text, err := json.Marshal(s)
	if want := `{"count":6,"sum":1000,"min":3,"max":1099511627776,"buckets":{"10":1,"200":3,"+Inf":2}}`; err != nil || string(text) != want {
		t.Errorf("%s, %v, want %s", text, err, want)
	}
	var again topology.Stat
	if err := json.Unmarshal(text, &again); err != nil || cmp.Diff(s, again) != "" {
		t.Errorf("%v: %s", err, cmp.Diff(s, again))
	}
	for in, want := range map[string]string{
		`{"buckets":null}`: "", `{"buckets":{}}`: "", `{"buckets":{"200":1,"+Inf":1,"10":0}}`: "",
		`{"buckets":{"11":1}}`: `"11" is not the bound`, `{"buckets":{"010":1}}`: `"010" is not the bound`,
		`{"buckets":{"10":-1}}`: "read buckets", `{"buckets":[1]}`: "read buckets",
	} {
		var s topology.Stat
		err := json.Unmarshal([]byte(in), &s)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", in, err, want)
		}
		if err == nil && !slices.IsSortedFunc(s.Buckets, func(a, b topology.Bucket) int { return int(a.UpTo>>1) - int(b.UpTo>>1) }) {
			t.Errorf("%s: %v is not sorted", in, s.Buckets)
		}
	}
}

// TestSamplesAreCheap: counting a sample allocates nothing once the window's
// edges are there.
func TestSamplesAreCheap(t *testing.T) {
	l := topology.NewLedger()
	c := change(1, 1, 1)
	us := uint32(1)
	add := func() {
		us = us*2654435761 + 12345
		c.RTT, c.Connect = us|1, us>>7|1
		l.Add(c)
	}
	add()
	add()
	if n := testing.AllocsPerRun(1000, add); n != 0 {
		t.Errorf("%v allocations a sample", n)
	}
}
