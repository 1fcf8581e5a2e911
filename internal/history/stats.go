package history

import (
	"context"
	"maps"
	"time"
)

// Stats are what a store holds.
type Stats struct {
	Dir            string
	Bytes          int64 // of its files
	MaxBytes       int64 // 0: not known, the store is open for reading only
	Windows        int   // of all lengths
	Oldest, Newest time.Time
	Levels         []LevelStats
	// Lost are windows that were told and are not in the store, by reason: of the
	// time that the store has, and since.
	Lost    map[string]uint64
	Damaged int // windows that cannot be read, as far as it was noticed
}

// LevelStats are those of the windows of one length.
type LevelStats struct {
	Name           string
	Bytes          int64
	Windows        int
	Oldest, Newest time.Time
	Keep           time.Duration // 0: not known
}

// Stats says what is in the store.
func (s *Store) Stats() Stats {
	s.countLost()
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := Stats{Dir: s.dir, Lost: maps.Clone(s.lost)}
	if !s.readOnly {
		out.MaxBytes = s.o.MaxBytes
	}
	for _, l := range s.levels {
		ls := LevelStats{Name: l.name, Bytes: l.bytes(), Windows: len(l.index)}
		if !s.readOnly {
			ls.Keep = l.keep
		}
		if n := len(l.index); n > 0 {
			ls.Oldest, ls.Newest = time.UnixMilli(l.index[0].start()).UTC(), time.UnixMilli(l.index[n-1].end()).UTC()
		}
		for _, e := range l.index {
			if !readable(e) {
				out.Damaged++
			}
		}
		out.Bytes += ls.Bytes
		out.Windows += ls.Windows
		out.Levels = append(out.Levels, ls)
	}
	if a, b := s.bounds(); b != 0 {
		out.Oldest, out.Newest = time.UnixMilli(a).UTC(), time.UnixMilli(b).UTC()
	}
	return out
}

// countLost counts once what the windows say that were there when the store was
// opened.
func (s *Store) countLost() {
	s.mu.RLock()
	counted := s.counted
	s.mu.RUnlock()
	if counted {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counted {
		return
	}
	s.counted = true
	stored := map[string]uint64{}
	_, newest := s.bounds()
	list, _, _ := s.gapsOf(context.Background(), 0, newest+1)
	for _, w := range list {
		for _, m := range w.about.Missed {
			stored[m.Reason] += m.Windows
		}
	}
	if s.lastEnd == 0 {
		for reason, n := range stored {
			s.lost[reason] += n
		}
		return
	}
	// What was lost since is in the windows too, but for what still waits.
	waiting := map[string]uint64{}
	for _, m := range s.missed {
		waiting[m.Reason] += m.Windows
	}
	s.lost = stored
	for reason, n := range waiting {
		s.lost[reason] += n
	}
}
