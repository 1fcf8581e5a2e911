package conntrack

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"peerscope/internal/capture/capturetest"
	"peerscope/internal/flow"
)

// BenchmarkDump reads a table of 50,000 translated entries, and one of as many
// of which one in a hundred is translated.
func BenchmarkDump(b *testing.B) {
	const entries = 50_000
	for name, every := range map[string]int{"all": 1, "few": 100} {
		b.Run(name, func(b *testing.B) {
			n := capturetest.NewNamespace(b)
			c := dialIn(b, n)
			for i := range entries {
				fill(b, c, i, 1, i%every == 0)
			}
			s := newSource(b)
			enter(b, s, n)
			b.ReportAllocs()
			began := processorTime(b)
			for b.Loop() {
				told := 0
				s.dump(s.spaces[n.Inode], false, func(flow.Observation) { told++ })
				if told != entries/every {
					b.Fatalf("told %d, want %d", told, entries/every)
				}
			}
			b.ReportMetric(float64((processorTime(b)-began).Nanoseconds())/float64(b.N), "cpu-ns/op")
			empty(b, c)
		})
	}
}

// processorTime is what the program has used, in user and system.
func processorTime(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkEvents makes 5,000 translated entries a second for two seconds, and
// takes what is told ten times a second, as the sources do.
func BenchmarkEvents(b *testing.B) {
	const rate, seconds, takes = 5000, 2, 10
	n := capturetest.NewNamespace(b)
	c := dialIn(b, n)
	s := newSource(b)
	enter(b, s, n)
	take(s)
	var busy time.Duration
	for b.Loop() {
		told, losses := 0, 0
		began := time.Now()
		for i := range seconds * takes {
			fill(b, c, i*rate/takes, rate/takes, true)
			time.Sleep(time.Until(began.Add(time.Duration(i+1) * time.Second / takes)))
			t := time.Now()
			s.Take(func(o flow.Observation) {
				if _, ok := o.(*flow.Loss); ok {
					losses++
					return
				}
				told++
			})
			busy += time.Since(t)
		}
		if told != rate*seconds || losses != 0 {
			b.Fatalf("told %d of %d, %d losses", told, rate*seconds, losses)
		}
		empty(b, c)
		take(s)
	}
	b.ReportMetric(float64(busy.Nanoseconds())/float64(b.N*rate*seconds), "ns/entry")
	b.ReportMetric(0, "losses")
}
