package server

import (
	"context"
	"errors"
	"testing"
	"time"

	"peerscope/internal/topology"
)

// TestNothingIsCountedTwice: of every window that history and memory make up
// together, each second counts once, wherever the border between both is.
func TestNothingIsCountedTwice(t *testing.T) {
	perSecond := sent(shop(noon, noon.Add(time.Second), 1000))
	for _, first := range []time.Duration{30 * time.Second, 37 * time.Second, 2 * time.Minute} { // memory begins so long before noon
		for _, lag := range []time.Duration{0, 10 * time.Second, 30 * time.Second} { // the history ends so long before
			s := tester(t, func(c *Config) { c.History = remembering(noon.Add(-10*time.Minute), noon.Add(-lag)) })
			ticking(t, s, int(first/time.Second))
			s.after()
			for _, length := range []time.Duration{10 * time.Second, 35 * time.Second, time.Minute, 5 * time.Minute, 9 * time.Minute} {
				x, err := s.span(context.Background(), past{length: length})
				if err != nil {
					t.Fatal(err)
				}
				start, end, err := x.m.Window.Bounds()
				if err != nil {
					t.Fatal(err)
				}
				if got, want := sent(x.m), uint64(x.observed.Seconds())*perSecond; got != want {
					t.Errorf("memory of %s, history until -%s, window of %s: %d bytes, want %d of %s", first, lag, length, got, want, x.observed)
				}
				// The first window may begin up to ten seconds before what was asked for, as
				// windows are not divided.
				if want := noon.Add(-length); !end.Equal(noon) || start.After(want) || want.Sub(start) >= 10*time.Second {
					t.Errorf("memory of %s, history until -%s, window of %s: [%s, %s)", first, lag, length, start, end)
				}
				if whole := end.Sub(start); x.observed != whole {
					t.Errorf("memory of %s, history until -%s, window of %s: %s of %s is observed", first, lag, length, x.observed, whole)
				}
			}
		}
	}
}

func TestSpanInThePast(t *testing.T) {
	h := remembering(noon.Add(-10*time.Minute), noon.Add(-10*time.Second))
	s := tester(t, func(c *Config) { c.History = h })
	ticking(t, s, 30)
	for range 3 {
		x, err := s.span(context.Background(), past{until: noon.Add(-5 * time.Minute), length: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		if x.live || x.m.Window != (topology.Window{Start: stamp(noon.Add(-6 * time.Minute)), End: stamp(noon.Add(-5 * time.Minute))}) {
			t.Errorf("live %t, window %v", x.live, x.m.Window)
		}
	}
	if h.asked != 1 {
		t.Errorf("the history was asked %d times for the same time, want once", h.asked)
	}
	var p *problem
	if _, err := s.span(context.Background(), past{until: noon.Add(-time.Hour), length: time.Minute}); !errors.As(err, &p) || p.Code != codeNoHistory {
		t.Errorf("of a time that nobody observed: %v", err)
	}
}

// TestSeriesSpansBoth: a step is in one of both.
func TestSeriesSpansBoth(t *testing.T) {
	for _, lag := range []time.Duration{0, 20 * time.Second} {
		s := tester(t, func(c *Config) { c.History = remembering(noon.Add(-10*time.Minute), noon.Add(-lag)) })
		ticking(t, s, 47)
		want := float64(sent(shop(noon, noon.Add(time.Second), 1000)))
		for _, target := range []string{"/api/v1/series?from=-5m&step=10s&m=tx", "/api/v1/series?from=-5m&step=60s&m=tx", "/api/v1/series?from=-5m&m=tx&filter=proto:tcp+or+proto:unix+or+proto:udp"} {
			got := into[topology.Series](t, get(t, s, target), 200)
			for i, v := range got.Columns["tx"] {
				if v == nil || *v < want*0.999 || *v > want*1.001 {
					t.Errorf("lag %s, %s: at %d s %v, want %g", lag, target, (got.Times[i]-noon.UnixMilli())/1000, v, want)
				}
			}
			if len(got.Times) == 0 || len(got.Times) != len(got.Columns["tx"]) || len(got.Gaps) > 0 {
				t.Errorf("lag %s, %s: %d times, gaps %v", lag, target, len(got.Times), got.Gaps)
			}
		}
	}
}

func TestSeriesOfMemory(t *testing.T) {
	s := tester(t, nil)
	ticking(t, s, 20)
	got := into[topology.Series](t, get(t, s, "/api/v1/series?from=-40s&to=now&step=10s"), 200)
	for _, m := range topology.Measures() {
		column := got.Columns[m]
		if len(column) != 4 || column[0] != nil || column[1] != nil {
			t.Fatalf("%s: %v, want nothing of the first two of four steps", m, column)
		}
		if column[3] == nil {
			t.Errorf("%s is not known of the last step", m)
		}
	}
	x := func(m string) float64 { return *got.Columns[m][3] }
	if x("failed") != 4 || x("active") != 5 || x("rtt") != 0.00015 || x("rtt_max") != 0.0002 {
		t.Errorf("failed %g, active %g, rtt %g, at most %g", x("failed"), x("active"), x("rtt"), x("rtt_max"))
	}
	e := shop(noon, noon.Add(time.Second), 1).Edges[0].ID
	one := into[topology.Series](t, get(t, s, "/api/v1/edges/"+e+"/series?from=-20s&step=5s&m=opened"), 200)
	if len(one.Columns) != 1 || len(one.Columns["opened"]) != 4 {
		t.Errorf("series of one edge: %v", one)
	}
}

// emptyHistory has bounds, and in between nothing that it can give.
type emptyHistory struct{ *memoryHistory }

func (emptyHistory) Range(context.Context, time.Time, time.Time) (*topology.Map, []topology.Span, error) {
	return nil, nil, errors.New("the history has nothing between then and then")
}

// TestHistoryWithoutAnswer: where it has none, what is in memory is told, with the
// gap and its reason; of the past alone it is said.
func TestHistoryWithoutAnswer(t *testing.T) {
	s := tester(t, func(c *Config) {
		c.History = emptyHistory{remembering(noon.Add(-10*time.Minute), noon.Add(-10*time.Second))}
	})
	ticking(t, s, 30)
	x, err := s.span(context.Background(), past{length: 5 * time.Minute})
	if err != nil || len(x.gaps) != 1 || x.gaps[0].Reason != "the history has nothing between then and then" || x.observed != 30*time.Second {
		t.Errorf("%+v, %v", x, err)
	}
	if p := into[problem](t, get(t, s, "/api/v1/graph?at=-5m"), 404); p.Code != codeNoHistory || p.Detail != "the history has nothing between then and then" {
		t.Errorf("%+v", p)
	}
	if got := s.Counters()["history_unanswered"]; got != 2 {
		t.Errorf("%d times the history had no answer, want 2", got)
	}
}
