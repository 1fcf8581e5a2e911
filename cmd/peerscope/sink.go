package main

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"peerscope/internal/topology"
)

// sinkQueue is how many windows may wait for a sink. More are dropped, and
// counted: a slow sink loses its own windows and stops nobody.
const sinkQueue = 8

// sink takes windows on a goroutine of its own.
type sink struct {
	name string
	take func(context.Context, *topology.Map) error
	// missed is told of each window that is dropped; nil: nobody asks.
	missed func(*topology.Map)
	log    *slog.Logger

	queue chan *topology.Map
	done  chan struct{}

	taken, failed, dropped atomic.Uint64
	mu                     sync.Mutex
	lastErr                error
	lastErrAt              time.Time
	failing                bool // the last one failed: said once, not at every window
}

// sinkStats is what became of the windows that a sink was given.
type sinkStats struct {
	Name    string `json:"name"`
	Taken   uint64 `json:"taken"`
	Failed  uint64 `json:"failed"`
	Dropped uint64 `json:"dropped"`
	Waiting int    `json:"waiting"`
	Error   string `json:"error,omitempty"`    // the last one
	ErrorAt string `json:"error_at,omitempty"` // RFC 3339
}

func newSink(name string, log *slog.Logger, take func(context.Context, *topology.Map) error) *sink {
	return &sink{name: name, take: take, log: log, queue: make(chan *topology.Map, sinkQueue), done: make(chan struct{})}
}

// offer never waits.
func (s *sink) offer(m *topology.Map) {
	select {
	case s.queue <- m:
	default:
		if s.drop(m) == 1 {
			s.log.Warn("windows are dropped, since this sink does not keep up", "sink", s.name)
		}
	}
}

// drop counts, and says how many that makes.
func (s *sink) drop(m *topology.Map) uint64 {
	if s.missed != nil {
		s.missed(m)
	}
	return s.dropped.Add(1)
}

// run takes windows until close, and what still waits then for as long as ctx
// allows; the rest is counted as dropped.
func (s *sink) run(ctx context.Context) {
	defer close(s.done)
	for m := range s.queue {
		if ctx.Err() != nil {
			s.drop(m)
			continue
		}
		s.one(ctx, m)
	}
}

func (s *sink) one(ctx context.Context, m *topology.Map) {
	err := s.take(ctx, m)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.taken.Add(1)
		if s.failing {
			s.log.Info("works again", "sink", s.name)
		}
		s.failing = false
		return
	}
	s.failed.Add(1)
	s.lastErr, s.lastErrAt = err, time.Now()
	if !s.failing {
		s.log.Error("a window was lost", "sink", s.name, "error", oneLine(err))
	}
	s.failing = true
}

// close lets run end. Nothing may be offered afterwards.
func (s *sink) close() { close(s.queue) }

func (s *sink) stats() sinkStats {
	out := sinkStats{Name: s.name, Taken: s.taken.Load(), Failed: s.failed.Load(), Dropped: s.dropped.Load(), Waiting: len(s.queue)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lastErr != nil {
		out.Error, out.ErrorAt = oneLine(s.lastErr), s.lastErrAt.UTC().Format(time.RFC3339)
	}
	return out
}
