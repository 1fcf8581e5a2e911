package history

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"peerscope/internal/topology"
)

// TestRangeIsTheMergeOfItsWindows: whatever the range, and however much of it is
// answered from longer windows, the answer is what topology.Merge makes of the
// windows themselves.
func TestRangeIsTheMergeOfItsWindows(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(7, 25, 0.2)
	var maps []*topology.Map
	s := open(t, dir, Options{})
	at := t0.Add(-30 * time.Second)
	const length = 10 * time.Second
	for i := range 640 {
		if i == 200 || i == 420 {
			at = at.Add(7 * time.Minute) // nobody observed
		}
		if i == 201 || i == 390 {
			s.Close()
			s = open(t, dir, Options{})
		}
		m := w.window(at, length)
		at = at.Add(length)
		maps = append(maps, m)
		add(t, s, m)
	}
	if n := len(s.levels[3].index); n == 0 {
		t.Fatal("no window of an hour was made, so nothing is tested")
	}
	readOnly, err := OpenReadOnly(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer readOnly.Close()
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 12 {
		from := r.IntN(len(maps))
		to := from + 1 + r.IntN(len(maps)-from)
		if i == 0 {
			from, to = 0, len(maps)
		}
		start, _, _ := maps[from].Window.Bounds()
		_, end, _ := maps[to-1].Window.Bounds()
		want := mergeAll(maps[from:to])
		for _, store := range []*Store{s, readOnly} {
			got, _, err := store.Range(context.Background(), start, end)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, fmt.Sprintf("windows %d to %d", from, to), got, want)
		}
	}
}

func TestRangeTakesWindowsThatBeginOrEndInIt(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	w := newWorld(1, 5, 0)
	for i := range 400 {
		add(t, s, w.window(t0.Add(time.Duration(i)*10*time.Second), 10*time.Second))
	}
	for _, tt := range []struct{ from, to, start, end time.Duration }{
		{5 * time.Second, 6 * time.Second, 0, 10 * time.Second},
		{5 * time.Second, 10 * time.Second, 0, 10 * time.Second},
		{10 * time.Second, 10*time.Second + 1e6, 10 * time.Second, 20 * time.Second},
		{55 * time.Second, 3605 * time.Second, 50 * time.Second, 3610 * time.Second},
		{-time.Hour, time.Second, 0, 10 * time.Second},
	} {
		m, _, err := s.Range(context.Background(), t0.Add(tt.from), t0.Add(tt.to))
		if err != nil {
			t.Fatal(err)
		}
		got, want := m.Window, topology.Window{Start: stamp(t0.Add(tt.start)), End: stamp(t0.Add(tt.end))}
		if got != want {
			t.Errorf("%v to %v: the map is of %v, want %v", tt.from, tt.to, got, want)
		}
	}
	var empty *EmptyError
	if _, _, err := s.Range(context.Background(), t0.Add(-time.Hour), t0); !errors.As(err, &empty) || !empty.Oldest.Equal(t0) {
		t.Errorf("before the first window: %v, want an error that names what there is", err)
	}
}
