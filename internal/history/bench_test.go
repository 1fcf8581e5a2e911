package history

import (
	"context"
	"os"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"peerscope/internal/topology"
)

// A day of a host with 5,000 edges, as it is kept when it is over: windows of ten
// seconds for the last six hours, and the longer ones of all of it. What is older
// than six hours is told in windows of a minute, which leaves the same files and
// takes a third of the time to make.
const (
	dayEdges = 5000
	dayChurn = 1 // edges that are new in a window of ten seconds
)

// dayVariable names a folder in which the day stays for the next run: making it
// takes minutes. It may be of another version of this program.
const dayVariable = "PEERSCOPE_HISTORY_DAY"

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
	if benchDay.dir != "" && os.Getenv(dayVariable) == "" {
		os.RemoveAll(benchDay.dir)
	}
	os.Exit(code)
}

func processorTime() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// processorTimeOf begins to count, and reports when what it returns is called.
// Where other work runs beside it says more than the time that passed.
func processorTimeOf(b *testing.B) func() {
	before := processorTime()
	return func() {
		b.ReportMetric(float64((processorTime()-before).Microseconds())/1000/float64(b.N), "cpu-ms/op")
	}
}

// variants are a few windows of a world that stand for all that follow, but for
// the edges that are replaced: making each anew would take longer than what is
// measured.
type variants struct {
	*world
	maps []*topology.Map
	made int
	seen map[string]bool // ids of nodes
}

func newVariants(edges int) *variants {
	v := &variants{world: newWorld(3, edges, 0), seen: map[string]bool{}}
	for range 12 {
		v.maps = append(v.maps, v.window(t0, 10*time.Second))
	}
	for _, n := range v.maps[0].Nodes {
		v.seen[n.ID] = true
	}
	return v
}

// next is the next window, in which that many edges are new.
func (v *variants) next(start time.Time, length time.Duration, replaced int) *topology.Map {
	for range replaced {
		i, l := v.rand.IntN(len(v.edges)), v.link()
		v.edges[i] = l
		for _, m := range v.maps {
			m.Edges[i] = v.edge(l, length)
			for _, n := range []topology.Node{l.client, l.server} {
				if !v.seen[n.ID] {
					m.Nodes = append(m.Nodes, n)
				}
			}
		}
		v.seen[l.client.ID], v.seen[l.server.ID] = true, true
	}
	m := *v.maps[v.made%len(v.maps)]
	v.made++
	m.Window = topology.Window{Start: stamp(start), End: stamp(start.Add(length))}
	m.Edges, m.Nodes = slices.Clone(m.Edges), slices.Clone(m.Nodes)
	return &m
}

func (d *theDay) make(b *testing.B) {
	d.once.Do(func() {
		v := newVariants(dayEdges)
		d.edge = v.edges[1].edge.ID
		dir := os.Getenv(dayVariable)
		if kept, err := OpenReadOnly(dir); dir != "" && err == nil {
			d.dir, d.bytes = dir, kept.Stats().Bytes
			kept.Close()
			return
		}
		if dir == "" {
			var err error
			if dir, err = os.MkdirTemp("", "history-bench-"); err != nil {
				b.Fatal(err)
			}
		}
		d.dir = dir
		s, err := Open(dir, Options{NoSync: true, MaxBytes: 16 << 30})
		if err != nil {
			b.Fatal(err)
		}
		var spent time.Duration
		n := 0
		for at := t0; at.Before(t0.Add(24 * time.Hour)); {
			length, replaced := 10*time.Second, dayChurn
			if at.Before(t0.Add(18 * time.Hour)) {
				length, replaced = time.Minute, 6*dayChurn
			}
			m := v.next(at, length, replaced)
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
	defer processorTimeOf(b)()
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
	defer processorTimeOf(b)()
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
			defer processorTimeOf(b)()
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
	v := newVariants(dayEdges)
	s := open(b, b.TempDir(), Options{})
	at := t0
	var spent time.Duration
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		b.StopTimer()
		m := v.next(at, 10*time.Second, dayChurn)
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
