package topology_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/topology"
)

// clock is a time of one day, "15:04:05.000".
func clock(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, "2026-01-02T"+s+"Z")
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestNextBoundary(t *testing.T) {
	for _, tc := range []struct {
		start, now, want string
		length           time.Duration
	}{
		{"10:00:03.2", "10:00:04", "10:00:10", 10 * time.Second},
		{"10:00:10", "10:00:10", "10:00:20", 10 * time.Second},
		{"10:00:10", "10:00:13", "10:00:20", 10 * time.Second},
		{"10:00:10", "10:00:10.3", "10:00:11", time.Second},
		{"10:00:10", "10:00:11.4", "10:00:11", time.Second},    // a little late
		{"10:00:10", "10:00:13.4", "10:00:13", time.Second},    // somebody begins to watch
		{"10:00:10", "10:00:11.5", "10:00:12", time.Second},    // too late
		{"10:00:10", "10:00:13.7", "10:00:14", time.Second},    // the same
		{"10:00:10", "12:00:07", "12:00:10", 10 * time.Second}, // stopped for hours
	} {
		got := topology.NextBoundary(clock(t, tc.start), clock(t, tc.now), tc.length)
		if want := clock(t, tc.want); !got.Equal(want) {
			t.Errorf("of %s at %s with %v: %s, want %s", tc.start, tc.now, tc.length, got.Format("15:04:05.000"), tc.want)
		}
	}
}

// TestJoiner: every tick is in exactly one window, and windows end where they
// should whatever the ticks do.
func TestJoiner(t *testing.T) {
	for _, tc := range []struct {
		name  string
		ticks [][2]string
		want  []string // start-end ticks
	}{
		{"windows as they are", [][2]string{{"10:00:03", "10:00:10"}, {"10:00:10", "10:00:20"}}, []string{"10:00:03.000-10:00:10.000 1", "10:00:10.000-10:00:20.000 1"}},
		{"ticks", [][2]string{{"10:00:07", "10:00:08"}, {"10:00:08", "10:00:09"}, {"10:00:09", "10:00:10"}, {"10:00:10", "10:00:11"}},
			[]string{"10:00:07.000-10:00:10.000 3", "10:00:10.000-10:00:11.000 1"}},
		{"a tick across the boundary", [][2]string{{"10:00:08", "10:00:09"}, {"10:00:09", "10:00:12"}, {"10:00:12", "10:00:13"}},
			[]string{"10:00:08.000-10:00:12.000 2", "10:00:12.000-10:00:13.000 1"}},
		{"nobody observed", [][2]string{{"10:00:01", "10:00:02"}, {"10:00:05", "10:00:06"}}, []string{"10:00:01.000-10:00:02.000 1", "10:00:05.000-10:00:06.000 1"}},
		{"set forward over a boundary", [][2]string{{"10:00:08", "10:00:09"}, {"11:00:05", "11:00:10"}}, []string{"10:00:08.000-10:00:09.000 1", "11:00:05.000-11:00:10.000 1"}},
		{"set back", [][2]string{{"10:00:08", "10:00:09"}, {"09:00:05", "09:00:06"}, {"09:00:06", "09:00:10"}}, []string{"10:00:08.000-10:00:09.000 1", "09:00:05.000-09:00:10.000 2"}},
		{"nothing", nil, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			j := topology.NewJoiner(10 * time.Second)
			var got []string
			take := func(m *topology.Map) {
				got = append(got, fmt.Sprintf("%s-%s %d", m.Window.Start[11:23], m.Window.End[11:23], m.Capture.Lost["late"]))
			}
			for _, tick := range tc.ticks {
				m := &topology.Map{Window: topology.Window{Start: clock(t, tick[0]).Format("2006-01-02T15:04:05.000Z"), End: clock(t, tick[1]).Format("2006-01-02T15:04:05.000Z")},
					Capture: topology.Capture{Lost: map[string]uint64{"late": 1}}}
				before := *m
				complete, err := j.Add(m)
				if err != nil {
					t.Fatal(err)
				}
				for _, w := range complete {
					take(w)
				}
				if d := cmp.Diff(before.Window, m.Window); d != "" {
					t.Errorf("a tick was changed:\n%s", d)
				}
			}
			if m := j.Rest(); m != nil {
				take(m)
			}
			if m := j.Rest(); m != nil {
				t.Error("the rest is given twice")
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Errorf("windows (-want +got):\n%s", d)
			}
		})
	}
}

func TestJoinerRefusesStrangeTimes(t *testing.T) {
	if _, err := topology.NewJoiner(time.Second).Add(&topology.Map{Window: topology.Window{Start: "yesterday"}}); err == nil {
		t.Error("a window without times is taken")
	}
}
