package history

import "slices"

// segmentBytes is how large a file gets before the next one is begun, so that
// removing the oldest one is removing little.
func (s *Store) segmentBytes() int64 {
	return min(s.o.MaxBytes/32, 64<<20)
}

// makeRoom removes files of which all windows are too old, and the oldest ones
// while there are too many bytes, so that there is room for a window as large as the
// largest. Those that are written to go last, the largest first.
func (s *Store) makeRoom(now int64) {
	for i, l := range s.levels {
		for _, seg := range slices.Clone(l.segments) {
			if seg != l.active && seg.end() < now-l.keep.Milliseconds() && s.inLonger(i, seg.end()) {
				_ = l.drop(seg) // a file that stays is tried again
			}
		}
	}
	for s.bytes() > s.o.MaxBytes-s.reserve() {
		l, seg := s.oldest()
		if seg == nil {
			l, seg = s.largest()
		}
		if seg == nil || l.drop(seg) != nil {
			return
		}
	}
}

// reserve is what is left free: one window may be written for each level at a time.
// Where that is half of all there may be, the limit is too small for such windows.
func (s *Store) reserve() int64 {
	each := s.record + s.record/4
	return min(max(s.segmentBytes(), each*int64(len(s.levels))), s.o.MaxBytes/2)
}

// measure looks how large the last windows are.
func (s *Store) measure() {
	for _, l := range s.levels {
		if l.active != nil && len(l.active.records) > 0 {
			s.record = max(s.record, l.active.records[len(l.active.records)-1].size)
		}
	}
}

// inLonger: the windows of a level up to that time are in longer ones.
func (s *Store) inLonger(level int, end int64) bool {
	if level+1 == len(s.levels) {
		return true
	}
	index := s.levels[level+1].index
	return len(index) > 0 && index[len(index)-1].end() >= end
}

func (s *segment) end() int64 { return s.records[len(s.records)-1].end }

// oldest is the file whose last window ended first.
func (s *Store) oldest() (of *level, oldest *segment) {
	for _, l := range s.levels {
		for _, seg := range l.segments {
			if seg != l.active && (oldest == nil || seg.end() < oldest.end()) {
				of, oldest = l, seg
			}
		}
	}
	return of, oldest
}

// largest is the largest of the files that are written to.
func (s *Store) largest() (of *level, largest *segment) {
	for _, l := range s.levels {
		if l.active != nil && (largest == nil || l.active.size > largest.size) {
			of, largest = l, l.active
		}
	}
	return of, largest
}

func (s *Store) bytes() (n int64) {
	for _, l := range s.levels {
		n += l.bytes()
	}
	return n
}
