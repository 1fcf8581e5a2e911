package history

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/topology"
)

func hasGap(gaps []topology.Span, reason string) bool {
	return slices.ContainsFunc(gaps, func(s topology.Span) bool { return s.Reason == reason })
}

func at(d time.Duration) int64 { return t0.Add(d).UnixMilli() }

// clock is a store's clock that a test moves.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func TestGapsSayWhyNobodyObserved(t *testing.T) {
	dir := t.TempDir()
	c := &clock{t0}
	s := open(t, dir, Options{now: c.Now})
	w := newWorld(1, 5, 0)
	put := func(from, to time.Duration) {
		t.Helper()
		for d := from; d < to; d += 10 * time.Second {
			c.now = c.now.Add(10 * time.Second)
			add(t, s, w.window(t0.Add(d), 10*time.Second))
		}
	}
	put(0, 3*time.Minute)
	s.Close()
	s = open(t, dir, Options{now: c.Now})
	put(5*time.Minute, 7*time.Minute)
	put(9*time.Minute, 12*time.Minute) // 10 seconds passed
	c.now = c.now.Add(2 * time.Minute)
	put(14*time.Minute, 15*time.Minute)
	s.Missed(t0.Add(15*time.Minute), t0.Add(16*time.Minute), 6, "its reader was slow")
	c.now = c.now.Add(time.Minute)
	put(16*time.Minute, 130*time.Minute)
	want := []topology.Span{
		{From: at(-time.Minute), To: at(0), Reason: WhyRemoved},
		{From: at(3 * time.Minute), To: at(5 * time.Minute), Reason: WhyStopped},
		{From: at(7 * time.Minute), To: at(9 * time.Minute), Reason: WhyClock},
		{From: at(12 * time.Minute), To: at(14 * time.Minute), Reason: WhyPaused},
		{From: at(15 * time.Minute), To: at(16 * time.Minute), Reason: "its reader was slow"},
		{From: at(130 * time.Minute), To: at(131 * time.Minute), Reason: WhyNotYet},
	}
	check := func(s *Store) {
		t.Helper()
		_, got, err := s.Range(context.Background(), t0.Add(-time.Minute), t0.Add(131*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("(-want +got)\n%s", d)
		}
		_, got, err = s.Range(context.Background(), t0.Add(4*time.Minute), t0.Add(12*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]topology.Span{{From: at(4 * time.Minute), To: at(5 * time.Minute), Reason: WhyStopped}, want[2]}, got); d != "" {
			t.Errorf("in the middle of a gap: (-want +got)\n%s", d)
		}
		_, got, _ = s.Range(context.Background(), t0.Add(3*time.Minute+10*time.Second), t0.Add(4*time.Minute))
		if d := cmp.Diff([]topology.Span{{From: at(190 * time.Second), To: at(4 * time.Minute), Reason: WhyStopped}}, got); d != "" {
			t.Errorf("nothing but a gap: (-want +got)\n%s", d)
		}
	}
	check(s)
	if got := s.Stats().Lost["its reader was slow"]; got != 6 {
		t.Errorf("%d windows counted as lost, want 6", got)
	}
	events, err := s.Events(context.Background(), t0, t0.Add(3*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(events, func(e topology.Event) bool { return e.Kind == topology.EventLost }) {
		t.Errorf("no event tells of the lost windows: %v", events)
	}
	s.Close()
	readOnly, err := OpenReadOnly(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer readOnly.Close()
	check(readOnly)
}

// TestClockThatGoesBack: what overlaps stored windows is counted and not stored;
// what comes to lie between or before stored windows is.
func TestClockThatGoesBack(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	w := newWorld(1, 5, 0)
	var stored []*topology.Map
	put := func(from, to time.Duration) (lost int) {
		t.Helper()
		for d := from; d < to; d += 10 * time.Second {
			m := w.window(t0.Add(d), 10*time.Second)
			err := s.Add(m)
			var l *LostError
			switch {
			case err == nil:
				stored = append(stored, m)
			case errors.As(err, &l) && l.Reason == WhyBack:
				lost++
			default:
				t.Fatal(err)
			}
		}
		return lost
	}
	put(0, 10*time.Minute)
	put(2*time.Hour, 2*time.Hour+30*time.Second) // the clock is two hours ahead
	if lost := put(10*time.Minute+30*time.Second, 20*time.Minute); lost != 0 {
		t.Errorf("%d windows lost between stored ones, want 0", lost)
	}
	if lost := put(19*time.Minute, 21*time.Minute); lost != 6 {
		t.Errorf("%d windows lost that overlap the last minute, want 6", lost)
	}
	if lost := put(21*time.Minute, 3*time.Hour); lost != 3 {
		t.Errorf("%d windows lost when the clock got there again, want 3", lost)
	}
	check := func(s *Store) {
		t.Helper()
		slices.SortFunc(stored, func(a, b *topology.Map) int {
			if a.Window.Start < b.Window.Start {
				return -1
			}
			return 1
		})
		m, gaps, err := s.Range(context.Background(), t0, t0.Add(3*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "all windows", m, mergeAll(stored))
		want := []topology.Span{{From: at(10 * time.Minute), To: at(10*time.Minute + 30*time.Second), Reason: WhyClock}}
		if d := cmp.Diff(want, gaps); d != "" {
			t.Errorf("gaps: (-want +got)\n%s", d)
		}
		if got := s.Stats().Lost[WhyBack]; got != 9 {
			t.Errorf("%d windows counted, want 9", got)
		}
	}
	check(s)
	s.Close()
	s = open(t, dir, Options{})
	check(s)
}
