package history

import (
	"context"
	"fmt"
	"testing"
	"time"

	"peerscope/internal/topology"
)

// TestSeriesIsWhatItsWindowsSay compares each step with the merge of its windows.
func TestSeriesIsWhatItsWindowsSay(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	w := newWorld(3, 30, 0.1)
	var maps []*topology.Map
	start := t0.Add(-20 * time.Minute)
	for i := range 900 {
		if i == 500 {
			w.replace(10)
		}
		at := start.Add(time.Duration(i) * 10 * time.Second)
		if i >= 400 && i < 430 {
			continue // nobody observed
		}
		m := w.window(at, 10*time.Second)
		maps = append(maps, m)
		add(t, s, m)
	}
	end := start.Add(9000 * time.Second)
	first, last := maps[0].Edges, maps[len(maps)-1].Edges
	for _, edges := range [][]string{{first[0].ID}, {first[3].ID, last[5].ID, first[7].ID}, nil, {"e:0000000000000000"}} {
		for _, step := range []time.Duration{10 * time.Second, 25 * time.Second, time.Minute, 10 * time.Minute, time.Hour} {
			what := fmt.Sprintf("%v in steps of %v", edges, step)
			got, err := s.Series(context.Background(), edges, start, end, step)
			if err != nil {
				t.Fatal(err)
			}
			if got.StepMS != step.Milliseconds() {
				t.Errorf("%s: the step is %d ms", what, got.StepMS)
			}
			if len(got.Gaps) != 1 || got.Gaps[0].To-got.Gaps[0].From != 300_000 {
				t.Errorf("%s: gaps %v", what, got.Gaps)
			}
			for i, at := range got.Times {
				compareStep(t, fmt.Sprintf("%s at %s", what, time.UnixMilli(at).UTC().Format(time.TimeOnly)), got, i, inStep(maps, at, at+got.StepMS), edges)
			}
		}
	}
}

// inStep are the windows that begin in [from, to).
func inStep(maps []*topology.Map, from, to int64) (out []*topology.Map) {
	for _, m := range maps {
		if start, _, _ := m.Window.Bounds(); start.UnixMilli() >= from && start.UnixMilli() < to {
			out = append(out, m)
		}
	}
	return out
}

// compareStep adds up what the edges of the merged windows measure.
func compareStep(t *testing.T, what string, got *topology.Series, i int, maps []*topology.Map, edges []string) {
	t.Helper()
	if len(maps) == 0 {
		for name, c := range got.Columns {
			if c[i] != nil {
				t.Fatalf("%s: %s is %v while nobody observed", what, name, *c[i])
			}
		}
		return
	}
	m := mergeAll(maps)
	length := time.Duration(len(maps)) * 10 * time.Second
	want := map[string]float64{}
	for _, e := range m.Edges {
		for _, id := range append([]string{}, edges...) {
			if id == e.ID {
				addMeasures(want, &e, length)
			}
		}
		if edges == nil {
			addMeasures(want, &e, length)
		}
	}
	for _, name := range []string{topology.MeasureTx, topology.MeasureRx, topology.MeasureActive, topology.MeasureOpened, topology.MeasureClosed, topology.MeasureFailed, topology.MeasureRTTMax} {
		v := got.Columns[name][i]
		if v == nil {
			if name != topology.MeasureRTTMax || want[name] != 0 {
				t.Fatalf("%s: %s is not known, want %v", what, name, want[name])
			}
			continue
		}
		if d := *v - want[name]; d > 1e-6*want[name]+1e-9 || -d > 1e-6*want[name]+1e-9 {
			t.Fatalf("%s: %s is %v, want %v", what, name, *v, want[name])
		}
	}
}

func addMeasures(into map[string]float64, e *topology.Edge, length time.Duration) {
	for _, name := range topology.Measures() {
		v, ok := e.Measure(name, length)
		if !ok {
			continue
		}
		if name == topology.MeasureRTTMax {
			into[name] = max(into[name], v)
		} else {
			into[name] += v
		}
	}
}

func TestStepsGrowWithTheWindowsThatAreKept(t *testing.T) {
	s := open(t, t.TempDir(), Options{Keep: Keep{Fine: time.Hour, Minute: 3 * time.Hour, TenMinutes: 6 * time.Hour, Hour: 24 * time.Hour}})
	w := newWorld(5, 5, 0)
	now := t0.Add(12 * time.Hour)
	for at := t0; at.Before(now); at = at.Add(30 * time.Second) {
		add(t, s, w.window(at, 30*time.Second))
	}
	for since, want := range map[time.Duration]time.Duration{30 * time.Minute: 30 * time.Second, 150 * time.Minute: time.Minute, 12 * time.Hour: 10 * time.Minute} {
		got, err := s.Series(context.Background(), nil, now.Add(-since), now, 30*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if step := time.Duration(got.StepMS) * time.Millisecond; step != want {
			t.Errorf("since %v: steps of %v, want %v", since, step, want)
		}
	}
}
