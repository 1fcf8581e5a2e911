package server

import (
	"slices"
	"sync"

	"peerscope/internal/topology"
)

const (
	mostEvents   = 2000
	mostObserved = 50_000 // edges that are remembered, to know new ones
)

// happened gathers what happened from tick to tick.
type happened struct {
	observer *topology.Observer // of one goroutine
	seen     int64              // the end of the last tick that was observed

	mu      sync.Mutex
	list    []topology.Event // in the order of time
	dropped uint64
}

func newHappened() *happened { return &happened{observer: topology.NewObserver(mostObserved)} }

// observe takes the ticks that it did not see yet.
func (h *happened) observe(held []*tick) {
	for _, t := range held {
		if len(held) > 0 && h.seen > held[len(held)-1].to {
			h.seen = held[0].from // the clock was set back
		}
		if t.from < h.seen {
			continue
		}
		h.seen = t.to
		events := h.observer.Observe(t.m)
		h.mu.Lock()
		h.list = append(h.list, events...)
		if n := len(h.list) - mostEvents; n > 0 {
			h.list = slices.Delete(h.list, 0, n)
			h.dropped += uint64(n)
		}
		h.mu.Unlock()
	}
}

// between are the events in [from, to), in the order of time.
func (h *happened) between(from, to int64) []topology.Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := []topology.Event{}
	for _, e := range h.list {
		if e.Time >= from && e.Time < to {
			out = append(out, e)
		}
	}
	return out
}

// lost is how many events were forgotten to make room.
func (h *happened) lost() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.dropped
}
