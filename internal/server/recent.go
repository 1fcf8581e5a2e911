package server

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"peerscope/internal/topology"
)

const (
	// fine is how long ticks stay as they came; then those of one window are one.
	fine = 20 * time.Second
	// windows is how long those stay apart; then those of one minute are one.
	windows = 5 * time.Minute
	coarse  = time.Minute
	// kept is how long anything is kept.
	kept = 30 * time.Minute
)

// tick is one window of what happened, [from, to) in Unix milliseconds. It is
// not changed.
type tick struct {
	seq      uint64 // never given twice
	from, to int64
	m        *topology.Map
	cost     int64 // bytes, estimated
	total    *sums // of all edges, over the tick
}

// cost is what a map takes of memory: most is attributes and pointers of a fixed
// size.
func cost(m *topology.Map) int64 {
	const node, edge, rest = 1300, 1100, 2000
	return int64(len(m.Nodes))*node + int64(len(m.Edges))*edge + rest
}

// recent keeps the last ticks in bounded memory. Readers take no lock; Publish
// waits for nobody but the moment in which merged ticks take their place.
type recent struct {
	window int64 // milliseconds
	most   int64 // bytes
	seq    atomic.Uint64
	held   atomic.Pointer[[]*tick] // ascending, no two overlap; the slice is not changed

	mu sync.Mutex // held is replaced

	overlapped, dropped atomic.Uint64 // ticks
}

func newRecent(window time.Duration, most int64) *recent {
	r := &recent{window: window.Milliseconds(), most: most}
	r.held.Store(&[]*tick{})
	return r
}

// ticks are those that are there, oldest first. They must not be changed.
func (r *recent) ticks() []*tick { return *r.held.Load() }

// last is the newest tick; nil: there is none.
func (r *recent) last() *tick {
	t := r.ticks()
	if len(t) == 0 {
		return nil
	}
	return t[len(t)-1]
}

// begin is the begin of the oldest tick; ok is false where there is none.
func (r *recent) begin() (ms int64, ok bool) {
	t := r.ticks()
	if len(t) == 0 {
		return 0, false
	}
	return t[0].from, true
}

// add takes the next tick. If the clock was set back, what would come after it
// goes. What is far too much is dropped at once, oldest first; the newest stays.
func (r *recent) add(m *topology.Map) error {
	from, to, err := m.Window.Bounds()
	switch {
	case err != nil:
		return err
	case !from.Before(to):
		return errors.New("a tick without length")
	}
	t := &tick{seq: r.seq.Add(1), from: from.UnixMilli(), to: to.UnixMilli(), m: m, cost: cost(m), total: sumOf(m, nil)}
	r.mu.Lock()
	defer r.mu.Unlock()
	held := r.ticks()
	for len(held) > 0 && held[len(held)-1].to > t.from {
		held = held[:len(held)-1]
		r.overlapped.Add(1)
	}
	next := append(slices.Clone(held), t)
	for len(next) > 1 && (next[0].to < t.to-kept.Milliseconds() || costOf(next) > r.most+r.most/2) {
		next = next[1:]
		r.dropped.Add(1)
	}
	r.held.Store(&next)
	return nil
}

// costOf is what ticks take of memory, estimated.
func costOf(ticks []*tick) int64 {
	var sum int64
	for _, t := range ticks {
		sum += t.cost
	}
	return sum
}

// compact merges old ticks, and, where they take too much memory, younger ones;
// what is still too much is dropped. It may run beside add.
func (r *recent) compact() {
	for _, pressed := range []bool{false, true} {
		held := r.ticks()
		if len(held) < 2 || pressed && costOf(held) <= r.most {
			break
		}
		for _, run := range r.runs(held, pressed) {
			r.replace(run, r.join(run))
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	held := r.ticks()
	for len(held) > 1 && costOf(held) > r.most {
		held = held[1:]
		r.dropped.Add(1)
	}
	r.held.Store(&held)
}

// runs are ticks that follow each other and are to become one.
func (r *recent) runs(held []*tick, pressed bool) [][]*tick {
	newest := held[len(held)-1].to
	fine, windows := fine.Milliseconds(), windows.Milliseconds()
	if pressed { // the last two stay, so that what is asked for every second is no merged one
		fine, windows = newest-held[max(0, len(held)-2)].from, max(6*r.window, coarse.Milliseconds())
	}
	block := func(t *tick) int64 {
		switch age := newest - t.to; {
		case age < fine:
			return 0
		case age < windows || r.window >= coarse.Milliseconds():
			return r.window
		}
		return coarse.Milliseconds()
	}
	var out [][]*tick
	for i := 0; i < len(held); {
		j, size := i+1, block(held[i])
		for size > 0 && j < len(held) && block(held[j]) == size && held[j].from/size == held[i].from/size && held[j].from == held[j-1].to {
			j++
		}
		// A block that goes on is left until it is whole, lest it is merged again and again.
		whole := pressed || j < len(held) && (size == 0 || held[j].from/size != held[i].from/size)
		if j-i > 1 && whole {
			out = append(out, held[i:j])
		}
		i = j
	}
	return out
}

func (r *recent) join(run []*tick) *tick {
	maps := make([]*topology.Map, len(run))
	for i, t := range run {
		maps[i] = t.m
	}
	m := topology.MergeAll(maps)
	total := run[0].total
	for _, t := range run[1:] {
		total = total.then(t.total)
	}
	return &tick{seq: r.seq.Add(1), from: run[0].from, to: run[len(run)-1].to, m: m, cost: cost(m), total: total}
}

// replace puts one tick in the place of several, if they are all still there.
func (r *recent) replace(run []*tick, by *tick) {
	r.mu.Lock()
	defer r.mu.Unlock()
	held := r.ticks()
	at := slices.Index(held, run[0])
	if at < 0 || at+len(run) > len(held) || held[at+len(run)-1] != run[len(run)-1] {
		return
	}
	next := slices.Concat(held[:at], []*tick{by}, held[at+len(run):])
	r.held.Store(&next)
}

// between are the ticks that a window [from, to) is made of: those of which more
// than half lies in it. What is asked for is rounded to whole ticks.
func between(held []*tick, from, to int64) []*tick {
	middle := func(t *tick) int64 { return t.from + (t.to-t.from)/2 }
	first := len(held)
	for first > 0 && middle(held[first-1]) >= from {
		first--
	}
	last := len(held)
	for last > first && middle(held[last-1]) >= to {
		last--
	}
	return held[first:last]
}
