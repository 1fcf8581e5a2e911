package ebpf

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"peerscope/internal/flow"
)

// census is about the ends of connections that found no room in the ring: nobody
// tells of them again, and looks tell only what is new of what is open. So now and
// then all that is open is told, and what is not among it is over.
type census struct {
	on     bool
	losses uint64   // of the ring, when the latest one began
	missed []uint64 // inodes of namespaces that it could not enter
}

// uncounted: the ring had no room since the latest census began. Where the tables of
// namespaces cannot be read, not all that is open is met, and there is none.
func (s *Source) uncounted() bool {
	return s.lost.RingFull != s.counted.losses && s.kernel.looks.namespace != nil
}

// recountEvery is how long a census waits after a look: the ring has no room where
// this process has no time, and looks are not to take more of it.
func (s *Source) recountEvery() time.Duration {
	return max(refreshEvery/2, s.lookPause())
}

// recount takes a census.
func (s *Source) recount() error {
	s.counted = census{on: true, losses: s.lost.RingFull}
	defer func() { s.counted.on = false }()
	if err := s.refresh(); err != nil {
		return err
	}
	if err := s.drainRing(); err != nil {
		return err
	}
	time.Sleep(2 * time.Millisecond) // what was told until now is older by a millisecond at least
	began := s.now()
	if err := s.kernel.vars.recount.Set(true); err != nil {
		return fmt.Errorf("begin a census: %w", err)
	}
	if err := s.takeLook(); err != nil {
		return err
	}
	if err := s.kernel.vars.recount.Set(false); err != nil {
		return fmt.Errorf("end a census: %w", err)
	}
	// The ends of what it did not meet any more, which were told since it began.
	if err := s.drainRing(); err != nil {
		return err
	}
	s.releaseOld(math.MaxUint64)
	for _, id := range slices.Sorted(maps.Keys(s.places)) {
		if !slices.Contains(s.counted.missed, s.places[id].inode) {
			s.emit(&flow.Census{Time: began, Netns: id})
		}
	}
	return nil
}
