package history

import (
	"context"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A day of a host with 5,000 edges, as it is kept when it is over: windows of ten
// seconds for the last six hours, and the longer ones of all of it. What is older
// than six hours is told in windows of a minute, which leaves the same files and
// takes a third of the time to make.
const (
	dayEdges = 5000
	dayChurn = 1 // edges that are new in a window of ten seconds
)

// theDay is made once for all benchmarks that read it.
type theDay struct {
	once  sync.Once
	dir   string
	edge  string
	bytes int64
	took  time.Duration // processor time of a window of ten seconds
}

//nolint:gochecknoglobals
var benchDay theDay

func TestMain(m *testing.M) {
	code := m.Run()
	if benchDay.dir != "" {
		os.RemoveAll(benchDay.dir)
	}
	os.Exit(code)
}

func processorTime() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func (d *theDay) make(b *testing.B) {
	d.once.Do(func() {
		dir, err := os.MkdirTemp("", "history-bench-")
		if err != nil {
			b.Fatal(err)
		}
		d.dir = dir
		s, err := Open(dir, Options{NoSync: true, MaxBytes: 16 << 30})
		if err != nil {
			b.Fatal(err)
		}
		w := newWorld(3, dayEdges, dayChurn)
		d.edge = w.edges[1].edge.ID
		var spent time.Duration
		n := 0
		for at := t0; at.Before(t0.Add(24 * time.Hour)); {
			length := 10 * time.Second
			if at.Before(t0.Add(18 * time.Hour)) {
				length = time.Minute
				w.replace(5)
			}
			m := w.window(at, length)
			at = at.Add(length)
			before := processorTime()
			if err := s.Add(m); err != nil {
				b.Fatal(err)
			}
			if length < time.Minute {
				spent += processorTime() - before
				n++
			}
		}
		d.took = spent / time.Duration(n)
		d.bytes = s.Stats().Bytes
		for _, l := range s.Stats().Levels {
			b.Logf("%s: %d windows, %d KiB", l.Name, l.Windows, l.Bytes>>10)
		}
		s.Close()
		runtime.GC()
	})
}

func BenchmarkHistoryDay(b *testing.B) {
	benchDay.make(b)
	b.ResetTimer()
	for b.Loop() {
	}
	b.ReportMetric(float64(benchDay.bytes)/(1<<20), "MiB")
	b.ReportMetric(float64(benchDay.took.Microseconds())/1000, "cpu-ms/window")
	b.ReportMetric(0, "ns/op")
}

func (d *theDay) open(b *testing.B) *Store {
	d.make(b)
	s, err := OpenReadOnly(d.dir)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// BenchmarkHistoryRangeOfDay opens the store each time, as a command does, and
// asks for a range whose boundaries are in the middle of everything.
func BenchmarkHistoryRangeOfDay(b *testing.B) {
	benchDay.make(b)
	b.ReportAllocs()
	for b.Loop() {
		s := benchDay.open(b)
		m, _, err := s.Range(context.Background(), t0.Add(13*time.Second), t0.Add(24*time.Hour-13*time.Second))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(m.Edges)), "edges")
		s.Close()
	}
}

func BenchmarkHistoryRangeOfDayOpen(b *testing.B) {
	s := benchDay.open(b)
	defer s.Close()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := s.Range(context.Background(), t0.Add(13*time.Second), t0.Add(24*time.Hour-13*time.Second)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHistorySeriesOfDay(b *testing.B) {
	for _, tt := range []struct {
		name  string
		edges []string
		step  time.Duration
	}{{"minutes", []string{""}, time.Minute}, {"ten-minutes", []string{""}, 10 * time.Minute}, {"all-edges", nil, time.Minute}} {
		b.Run(tt.name, func(b *testing.B) {
			benchDay.make(b)
			if tt.edges != nil {
				tt.edges = []string{benchDay.edge}
			}
			b.ReportAllocs()
			for b.Loop() {
				s := benchDay.open(b)
				if _, err := s.Series(context.Background(), tt.edges, t0, t0.Add(24*time.Hour), tt.step); err != nil {
					b.Fatal(err)
				}
				s.Close()
			}
		})
	}
}

// BenchmarkHistoryAdd is a window of ten seconds, with what it takes to add it to
// longer ones.
func BenchmarkHistoryAdd(b *testing.B) {
	w := newWorld(3, dayEdges, dayChurn)
	s := open(b, b.TempDir(), Options{})
	at := t0
	var spent time.Duration
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		b.StopTimer()
		m := w.window(at, 10*time.Second)
		at = at.Add(10 * time.Second)
		b.StartTimer()
		before := processorTime()
		if err := s.Add(m); err != nil {
			b.Fatal(err)
		}
		spent += processorTime() - before
		n++
	}
	b.ReportMetric(float64(spent.Microseconds())/1000/float64(n), "cpu-ms/op")
	b.ReportMetric(float64(s.Stats().Levels[0].Bytes)/float64(n), "B/window")
}
