package ebpf

import (
	"testing"
	"time"
)

// TestRestIsNoBusyWait: a window that is over while no look may be taken yet is waited
// with, and nothing else is done but to read.
func TestRestIsNoBusyWait(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Boundary = func(start, _ time.Time) time.Time { return start.Add(time.Nanosecond) }
	s := newSource(cfg)
	s.pace.Begin()
	s.looked, s.lookCost = time.Now(), time.Second
	if _, over := s.turn(); over {
		t.Error("a look may be taken although the one before took a second just now")
	}
	if got := s.left(); got != drainEvery {
		t.Errorf("nothing is to be done for %v, want %v", got, drainEvery)
	}
	s.looked = time.Now().Add(-time.Hour)
	if got := s.left(); got != 0 {
		t.Errorf("the window is over and may be closed, but nothing is done for %v", got)
	}
	if _, over := s.turn(); !over {
		t.Error("the window is not closed")
	}
}
