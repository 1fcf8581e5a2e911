package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"peerscope/internal/topology"
)

// TestSlowSinkLosesItsOwn: a sink that hangs stops nobody, and every window is
// accounted for.
func TestSlowSinkLosesItsOwn(t *testing.T) {
	const windows = 100
	release := make(chan struct{})
	s := newSink("slow", slog.New(slog.DiscardHandler), func(context.Context, *topology.Map) error { <-release; return nil })
	go s.run(t.Context())
	began := time.Now()
	for range windows {
		s.offer(&topology.Map{})
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("offering waited for %v", took)
	}
	close(release)
	s.close()
	<-s.done
	got := s.stats()
	if got.Taken+got.Dropped != windows || got.Dropped < windows-sinkQueue-1 || got.Failed != 0 {
		t.Errorf("of %d windows: %+v", windows, got)
	}
}

// TestFailingSinkSaysSoOnce: the log has the begin and the end of a trouble, the
// counts have every window.
func TestFailingSinkSaysSoOnce(t *testing.T) {
	var log bytes.Buffer
	n := 0
	s := newSink("disk", slog.New(slog.NewTextHandler(&log, nil)), func(context.Context, *topology.Map) error {
		if n++; n > 1 && n < 5 {
			return errors.New("no space left")
		}
		return nil
	})
	for range 6 {
		s.one(t.Context(), &topology.Map{})
	}
	got := s.stats()
	if got.Taken != 3 || got.Failed != 3 || got.Error != "no space left" || got.ErrorAt == "" {
		t.Errorf("%+v", got)
	}
	if c := strings.Count(log.String(), "no space left"); c != 1 || !strings.Contains(log.String(), "works again") {
		t.Errorf("log:\n%s", log.String())
	}
}

// TestSinkStops: what waits when the time is over counts as dropped.
func TestSinkStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := newSink("late", slog.New(slog.DiscardHandler), func(ctx context.Context, _ *topology.Map) error { <-ctx.Done(); return ctx.Err() })
	for range 4 {
		s.offer(&topology.Map{})
	}
	go s.run(ctx)
	s.close()
	cancel()
	<-s.done
	if got := s.stats(); got.Failed+got.Dropped != 4 || got.Taken != 0 {
		t.Errorf("%+v", got)
	}
}
