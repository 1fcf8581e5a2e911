package pace

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/flow"
)

const second = int64(time.Second)

// clocks are read by a Pace and moved by a test.
type clocks struct{ reading }

func (c *clocks) pass(d time.Duration) { c.wall += int64(d); c.boot += int64(d); c.awake += int64(d) }

// began is a whole multiple of ten seconds.
const began = 1_700_000_000 * second

// every ends windows at whole multiples of d.
func every(d time.Duration) Boundary {
	return func(start, _ time.Time) time.Time { return start.Truncate(d).Add(d) }
}

// run turns ten times a second and lets something happen after each second. It
// returns the windows as "start-end>next" in seconds since the beginning.
func run(t *testing.T, b Boundary, seconds int, happens map[int]func(*clocks)) (windows []string, gaps []string) {
	t.Helper()
	c := &clocks{reading{wall: began + 3*second, boot: 500 * second, awake: 400 * second}}
	p := newPace(b, func() reading { return c.reading })
	p.Begin()
	observed := p.Now()
	take := func(w Window) {
		at := func(t flow.Time) float64 { return float64(int64(t)-began) / float64(second) }
		windows = append(windows, fmt.Sprintf("%g-%g>%g", at(w.Start), at(w.End), at(w.Next)))
		for _, g := range w.Gaps {
			gaps = append(gaps, g.Code+": "+g.Reason)
		}
		if w.End < w.Start {
			t.Errorf("the window %s ends before it begins", windows[len(windows)-1])
		}
	}
	for i := range 10 * seconds {
		c.pass(100 * time.Millisecond)
		if f := happens[(i+1)/10]; f != nil && (i+1)%10 == 0 {
			f(c)
		}
		if w, over := p.Turn(); over {
			take(w)
		}
		if now := p.Now(); now <= observed {
			t.Fatalf("after %d s the time of observations went from %d to %d", i/10, observed, now)
		} else {
			observed = now
		}
	}
	take(p.End())
	return windows, gaps
}

func TestWindowsFollowEachOther(t *testing.T) {
	windows, gaps := run(t, every(10*time.Second), 20, nil)
	if d := cmp.Diff([]string{"3-10>10", "10-20>20", "20-23>23"}, windows); d != "" || len(gaps) > 0 {
		t.Errorf("gaps %v, windows (-want +got):\n%s", gaps, d)
	}
}

// TestClocks: whatever happens to the clocks, no window is endless, turned round
// or one of thousands, and what happened is told.
func TestClocks(t *testing.T) {
	set := func(d time.Duration) func(*clocks) { return func(c *clocks) { c.wall += int64(d) } }
	sleep := func(d time.Duration) func(*clocks) {
		return func(c *clocks) { c.wall += int64(d); c.boot += int64(d) }
	}
	for _, tc := range []struct {
		name    string
		happens func(*clocks)
		windows []string
		gap     string
	}{
		{"forward by an hour", set(time.Hour), []string{"3-8>3608", "3608-3610>3610", "3610-3620>3620", "3620-3620>3620"}, "forward by 1h0m0s"},
		{"forward by half a second", set(time.Second / 2), []string{"3-10>10", "10-20>20", "20-20.5>20.5"}, ""},
		{"forward beyond the boundary", set(3 * time.Second), []string{"3-8>11", "11-20>20", "20-23>23"}, "forward by 3s"},
		{"back by an hour", set(-time.Hour), []string{"3-8>-3592", "-3592--3590>-3590", "-3590--3580>-3580", "-3580--3580>-3580"}, "back by 1h0m0s"},
		{"back within the window", set(-2 * time.Second), []string{"3-10>10", "10-18>18"}, "back by 2s"},
		{"back by less than counts", set(-100 * time.Millisecond), []string{"3-10>10", "10-20>20", "20-20>20"}, ""},
		{"slept for an hour", sleep(time.Hour), []string{"3-7.9>3608", "3608-3610>3610", "3610-3620>3620", "3620-3620>3620"}, "slept for 1h0m0s"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			windows, gaps := run(t, every(10*time.Second), 17, map[int]func(*clocks){5: tc.happens})
			if d := cmp.Diff(tc.windows, windows); d != "" {
				t.Errorf("windows (-want +got):\n%s", d)
			}
			switch told := strings.Join(gaps, "; "); {
			case tc.gap == "" && told != "", !strings.Contains(told, tc.gap):
				t.Errorf("told %q, want %q", told, tc.gap)
			}
		})
	}
}

// TestOneWindow: without a boundary nothing cuts the window, and a clock that is
// set is told at its end.
func TestOneWindow(t *testing.T) {
	windows, gaps := run(t, nil, 10, map[int]func(*clocks){5: func(c *clocks) { c.wall -= 3600 * second }})
	if d := cmp.Diff([]string{"3-13>13"}, windows); d != "" || len(gaps) != 1 {
		t.Errorf("gaps %q, windows (-want +got):\n%s", gaps, d)
	}
}

// TestShorterWindows: somebody who begins to watch makes the open window end soon.
func TestShorterWindows(t *testing.T) {
	watched := time.Unix(0, began+6*second)
	b := func(start, now time.Time) time.Time {
		if now.After(watched) {
			return now.Truncate(time.Second)
		}
		return start.Add(time.Hour)
	}
	windows, _ := run(t, b, 7, nil)
	if d := cmp.Diff([]string{"3-6>6", "6-7>7", "7-8>8", "8-9>9", "9-10>10", "10-10>10"}, windows); d != "" {
		t.Errorf("windows (-want +got):\n%s", d)
	}
}

func TestLeft(t *testing.T) {
	c := &clocks{reading{wall: began + 9_950*second/1000}}
	p := newPace(every(10*time.Second), func() reading { return c.reading })
	p.Begin()
	if got := p.Left(time.Second); got != 50*time.Millisecond {
		t.Errorf("%v left of the window, want 50 ms", got)
	}
	if got := newPace(nil, func() reading { return c.reading }).Left(time.Second); got != time.Second {
		t.Errorf("%v left of a window without end, want the limit", got)
	}
}
