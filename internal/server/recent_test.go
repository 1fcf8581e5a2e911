package server

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/topology"
)

// sent is how many bytes went to servers, in all of a map.
func sent(m *topology.Map) uint64 {
	var sum uint64
	for i := range m.Edges {
		if to, _ := m.Edges[i].Bytes.Directions(); to != nil {
			sum += *to
		}
	}
	return sum
}

func sentIn(ticks []*tick) (sum uint64) {
	for _, t := range ticks {
		sum += sent(t.m)
	}
	return sum
}

func addTicks(t testing.TB, r *recent, from time.Time, length time.Duration, n int) {
	t.Helper()
	for i := range n {
		at := from.Add(time.Duration(i) * length)
		if err := r.add(shop(at, at.Add(length), 1000)); err != nil {
			t.Fatal(err)
		}
		r.compact()
	}
}

// TestCompactKeepsEveryByte: old ticks become windows of ten seconds, then of one
// minute, aligned, and nothing is lost or moved by it.
func TestCompactKeepsEveryByte(t *testing.T) {
	r := newRecent(10*time.Second, 1<<40)
	begin := noon.Add(3 * time.Second)
	const n = 20 * 60
	addTicks(t, r, begin, time.Second, n)
	held := r.ticks()
	one := sent(shop(noon, noon.Add(time.Second), 1000))
	if got, want := sentIn(held), n*one; got != want {
		t.Errorf("%d bytes are kept, want %d", got, want)
	}
	at := begin.UnixMilli()
	lengths := map[int64]int{}
	var total float64
	for _, x := range held {
		if x.from != at {
			t.Fatalf("a tick begins at %d, want %d", x.from, at)
		}
		lengths[x.to-x.from]++
		if size := x.to - x.from; x.from%size != 0 && x.from != begin.UnixMilli() {
			t.Errorf("a tick of %d ms begins at %d", size, x.from)
		}
		at = x.to
		total += x.total.tx.n
	}
	if total != float64(n*one) {
		t.Errorf("%g bytes in the totals, want %d", total, n*one)
	}
	if lengths[1000] < 20 || lengths[1000] > 31 || lengths[10_000] < 28 || lengths[60_000] < 13 {
		t.Errorf("ticks by length: %v", lengths)
	}
}

// TestMemoryIsBounded: with less room ticks become coarser earlier, and what is
// still too much goes, oldest first, counted. The newest stays as it is.
func TestMemoryIsBounded(t *testing.T) {
	one := cost(shop(noon, noon.Add(time.Second), 1))
	for _, room := range []int64{1, 3 * one, 8 * one, 20 * one} {
		r := newRecent(10*time.Second, room)
		addTicks(t, r, noon, time.Second, 300)
		held := r.ticks()
		last := held[len(held)-1]
		if got := costOf(held); got > max(room, one) {
			t.Errorf("with room for %d: %d are kept", room, got)
		}
		if last.to-last.from != 1000 || last.to != noon.Add(300*time.Second).UnixMilli() {
			t.Errorf("with room for %d: the newest tick is [%d, %d)", room, last.from, last.to)
		}
		if room >= 20*one && held[0].from != noon.UnixMilli() {
			t.Errorf("with room for 20 ticks only %d s are kept of 300", (last.to-held[0].from)/1000)
		}
		if got := r.dropped.Load(); (got == 0) != (held[0].from == noon.UnixMilli()) {
			t.Errorf("with room for %d: %d ticks are said to be dropped, and what is kept begins at %d s", room, got, (held[0].from-noon.UnixMilli())/1000)
		}
	}
	// Without anybody who compacts, too.
	r := newRecent(10*time.Second, 4*one)
	for i := range 100 {
		if err := r.add(shop(noon.Add(time.Duration(i)*time.Second), noon.Add(time.Duration(i+1)*time.Second), 1)); err != nil {
			t.Fatal(err)
		}
	}
	if got := costOf(r.ticks()); got > 6*one {
		t.Errorf("%d are kept, want at most %d", got, 6*one)
	}
}

func TestClockSetBack(t *testing.T) {
	r := newRecent(10*time.Second, 1<<30)
	addTicks(t, r, noon, time.Second, 5)
	addTicks(t, r, noon.Add(2500*time.Millisecond), time.Second, 1)
	var got [][2]int64
	for _, x := range r.ticks() {
		got = append(got, [2]int64{x.from - noon.UnixMilli(), x.to - noon.UnixMilli()})
	}
	if diff := cmp.Diff([][2]int64{{0, 1000}, {1000, 2000}, {2500, 3500}}, got); diff != "" {
		t.Errorf("ticks (-want +got):\n%s", diff)
	}
	if got := r.overlapped.Load(); got != 3 {
		t.Errorf("%d ticks overlapped, want 3", got)
	}
	m := shop(noon, noon, 1)
	if err := r.add(m); err == nil {
		t.Error("a tick without length is taken")
	}
	m.Window.End = "soon"
	if err := r.add(m); err == nil {
		t.Error("a tick of no time is taken")
	}
}

func TestBetweenRoundsToWholeTicks(t *testing.T) {
	var held []*tick
	for i := range int64(6) {
		held = append(held, &tick{from: i * 10, to: i*10 + 10})
	}
	for _, x := range []struct{ from, to, first, n int64 }{
		{0, 60, 0, 6}, {10, 30, 10, 2}, {14, 36, 10, 3}, {16, 34, 20, 1}, {-100, 5, 0, 0}, {-100, 6, 0, 1}, {55, 100, 50, 1}, {56, 100, 0, 0}, {100, 200, 0, 0}, {30, 30, 0, 0},
	} {
		got := between(held, x.from, x.to)
		if int64(len(got)) != x.n || x.n > 0 && got[0].from != x.first {
			t.Errorf("[%d, %d) is %d ticks, want %d from %d", x.from, x.to, len(got), x.n, x.first)
		}
	}
}
