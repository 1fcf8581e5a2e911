package history

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"peerscope/internal/topology"
)

// LostError is of a window that is not in the store. It is counted.
type LostError struct {
	Start  time.Time
	Reason string
	Err    error // nil: there is no more to say
}

func (e *LostError) Error() string {
	text := fmt.Sprintf("the window of %s is not in the history: %s", e.Start.UTC().Format(time.RFC3339), e.Reason)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *LostError) Unwrap() error { return e.Err }

// Add writes a window. One that overlaps what is stored, because the clock went
// back, is not written but counted, as is one that cannot be written. The map is
// not changed, and must not be changed later.
func (s *Store) Add(m *topology.Map) error {
	if s.readOnly {
		return errors.New("the history is open for reading only")
	}
	written, err := s.add(m)
	for _, seg := range written {
		if e := seg.sync(); e != nil && err == nil {
			err = fmt.Errorf("write the history: %w", e)
		}
	}
	return err
}

// add gives the files that were written to.
func (s *Store) add(m *topology.Map) ([]*segment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.reach()
	if s.lock == nil {
		return nil, errors.New("the history is closed")
	}
	w, err := s.converter.window(m)
	if err != nil {
		return nil, fmt.Errorf("add to the history: %w", err)
	}
	_, newest := s.bounds()
	if w.start < newest {
		// What is being made must not span what comes now.
		for i := range s.levels[1:] {
			s.finish(i+1, true)
		}
		for _, l := range s.levels {
			if l.overlaps(w.start, w.end) {
				return nil, s.lose(w, WhyBack, nil)
			}
		}
	}
	w.about.Why, w.about.Missed = s.why(w, newest), s.missed
	s.events = append(s.events, s.observer.Observe(m)...)
	w.events = append(s.events, lostEvents(s.missed)...)
	s.makeRoom(w.end)
	defer s.measure()
	if err := s.levels[0].append(w, s.segmentBytes(), s.encoder); err != nil {
		reason := WhyWrite
		if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
			reason = WhyFull
		}
		s.events = s.events[:min(len(s.events), maxPending)]
		return nil, s.lose(w, reason, err)
	}
	s.events, s.missed, s.lastEnd, s.lastSeen = nil, nil, w.end, s.o.now()
	before := s.actives()
	if s.behind {
		s.behind = false
		s.rebuild() // w too
	} else {
		s.fold(1, w)
	}
	if s.o.NoSync {
		return nil, err
	}
	return s.changed(before), err
}

// lostEvents tell on the timeline what is not in the store.
func lostEvents(missed []Missed) []topology.Event {
	var out []topology.Event
	for _, m := range missed {
		out = append(out, topology.Event{Time: m.From, Kind: topology.EventLost, Text: fmt.Sprintf("%d windows are not in the history: %s", m.Windows, m.Reason)})
	}
	return out
}

// state is how far the files of the levels were written.
type state struct {
	segment *segment
	records int
}

func (s *Store) actives() (out [4]state) {
	for i, l := range s.levels {
		if l.active != nil {
			out[i] = state{l.active, len(l.active.records)}
		}
	}
	return out
}

// changed are the files to which more was written, and the one of fine windows.
func (s *Store) changed(before [4]state) []*segment {
	var out []*segment
	for i, now := range s.actives() {
		if now.segment != nil && (i == 0 || now != before[i]) {
			out = append(out, now.segment)
		}
	}
	return out
}

// why nobody observed between the window before and this one; empty if they
// follow each other.
func (s *Store) why(w *window, newest int64) string {
	switch {
	case newest == 0:
		return ""
	case s.lastEnd == 0:
		return WhyStopped
	case w.start-s.lastEnd < shortestGap && w.start >= s.lastEnd:
		return ""
	}
	// How much the clock went on beyond the time that really passed.
	if jump := w.end - s.lastEnd - s.o.now().Sub(s.lastSeen).Milliseconds(); jump > 5000 || w.start < s.lastEnd {
		return WhyClock
	}
	return WhyPaused
}

// Missed counts windows that were told and did not get as far as Add.
func (s *Store) Missed(from, to time.Time, windows uint64, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.miss(Missed{topology.Span{From: from.UnixMilli(), To: to.UnixMilli(), Reason: reason}, windows})
}

func (s *Store) miss(m Missed) {
	s.lost[m.Reason] += m.Windows
	if n := len(s.missed); n > 0 {
		if last := &s.missed[n-1]; last.Reason == m.Reason && m.From >= last.From && m.From-last.To < shortestGap {
			last.To = max(last.To, m.To)
			last.Windows += m.Windows
			return
		}
	}
	s.missed = append(s.missed, m)
}

func (s *Store) lose(w *window, reason string, err error) error {
	s.miss(Missed{topology.Span{From: w.start, To: w.end, Reason: reason}, 1})
	return &LostError{Start: time.UnixMilli(w.start), Reason: reason, Err: err}
}

// fold adds a window to the longer one that it belongs to, and writes that when
// it is over.
func (s *Store) fold(at int, w *window) {
	l := s.levels[at]
	bucket := l.bucketOf(w.start)
	if l.sum != nil && l.bucket != bucket {
		s.finish(at, true)
	}
	if l.sum == nil {
		l.sum, l.bucket = newMerger(s.forms), bucket
	}
	l.sum.addWindow(w)
	if w.end >= bucket+l.width {
		s.finish(at, true)
	}
}

// finish writes the window that is being made, and with onward adds it to the
// longer one. What cannot be written is made again when there is room.
func (s *Store) finish(at int, onward bool) {
	l := s.levels[at]
	sum := l.sum
	if l.sum = nil; sum == nil || sum.windows == 0 {
		return
	}
	w := sum.window()
	if err := l.append(w, s.segmentBytes(), s.encoder); err != nil {
		s.behind = true
		return
	}
	if onward && at+1 < len(s.levels) {
		s.fold(at+1, w)
	}
}

// rebuild makes the longer windows that are missing, and takes up those that are
// not over, from what is in the store.
func (s *Store) rebuild() {
	for at := 1; at < len(s.levels); at++ {
		l, below := s.levels[at], s.levels[at-1]
		l.sum = nil
		for _, e := range append([]entry(nil), below.index...) {
			if l.overlaps(e.start(), e.end()) || len(l.index) > 0 && e.start() < l.index[0].start() {
				s.finish(at, false)
				continue
			}
			bucket := l.bucketOf(e.start())
			if l.sum != nil && l.bucket != bucket {
				s.finish(at, false)
			}
			if l.sum == nil {
				l.sum, l.bucket = newMerger(s.forms), bucket
			}
			if !readable(e) {
				continue
			}
			if s.take(l.sum, e, true) != nil {
				e.record().bad.Store(true) // it stays a gap
			}
			if e.end() >= bucket+l.width {
				s.finish(at, false)
			}
		}
	}
}
