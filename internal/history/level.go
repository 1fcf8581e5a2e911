package history

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
)

// levelSpec is one length of windows.
type levelSpec struct {
	name  string // of its folder
	width int64  // milliseconds; 0: as the windows come
	span  int64  // how long the times of one file are, milliseconds
}

const (
	minute = int64(60_000)
	hour   = 60 * minute
	day    = 24 * hour
)

// levelSpecs are part of the format.
func levelSpecs() [4]levelSpec {
	return [4]levelSpec{{"fine", 0, hour}, {"1m", minute, 6 * hour}, {"10m", 10 * minute, day}, {"1h", hour, day}}
}

// level are the windows of one length, each of which is made of windows of the
// level below: of those that begin within it. Windows of a level never overlap.
type level struct {
	levelSpec
	dir      string
	keep     time.Duration
	segments []*segment // in the order they were begun
	active   *segment   // that is written to; nil: the next window begins one
	index    []entry    // by start

	sum    *merger // the window that is being made; nil: none is
	bucket int64   // when it begins, at the earliest
}

// entry is where a window is.
type entry struct {
	segment *segment
	number  int
}

func (e entry) record() *record { return e.segment.records[e.number] }
func (e entry) start() int64    { return e.record().start }
func (e entry) end() int64      { return e.record().end }

// bucketOf is when the window of this level begins, at the earliest, that a
// shorter one which begins then belongs to.
func (l *level) bucketOf(start int64) int64 {
	b := start / l.width * l.width
	if b > start {
		b -= l.width
	}
	return b
}

// open finds the files of a level.
func (l *level) open(writing bool) error {
	names, err := os.ReadDir(l.dir)
	if errors.Is(err, fs.ErrNotExist) && !writing {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open history: %w", err)
	}
	flag := os.O_RDONLY
	if writing {
		flag = os.O_RDWR
	}
	for _, n := range names {
		if !strings.HasSuffix(n.Name(), fileSuffix) {
			continue
		}
		path := filepath.Join(l.dir, n.Name())
		s, err := openSegment(path, flag)
		switch {
		case errors.Is(err, errEmpty), err == nil && len(s.records) == 0 && !s.damaged:
			// A writer ended just when it had made it.
			if writing {
				os.Remove(path)
			}
			if s != nil {
				s.file.Close()
			}
			continue
		case errors.Is(err, fs.ErrNotExist):
			continue // it was removed meanwhile
		case errors.Is(err, errDamaged), err == nil && s.damaged && writing:
			if s != nil {
				s.file.Close()
			}
			if writing {
				return fmt.Errorf("%w: %s", errBroken, path)
			}
			continue
		case err != nil:
			return err
		}
		l.segments = append(l.segments, s)
		for i := range s.records {
			l.index = append(l.index, entry{s, i})
		}
	}
	slices.SortStableFunc(l.index, func(a, b entry) int { return cmp.Compare(a.start(), b.start()) })
	return nil
}

// mayAppend: a window may be written behind the others of the active file.
func (l *level) mayAppend(w *window, most int64) bool {
	s := l.active
	if s == nil || s.size >= most {
		return false
	}
	first, last := s.records[0], s.records[len(s.records)-1]
	if w.start < last.end || w.start >= first.start/l.span*l.span+l.span {
		return false
	}
	// A file in which most edges are of the past is slow to read.
	return len(s.dictionary.edges) < max(4*len(w.rows), 1<<15) && len(s.dictionary.nodes) < max(4*len(w.nodes), 1<<15)
}

// append writes a window behind the others, or to a new file.
func (l *level) append(w *window, most int64, z *zstd.Encoder) error {
	if !l.mayAppend(w, most) {
		s, err := createSegment(l.dir, w.start)
		if err != nil {
			return err
		}
		if err := s.append(w, z); err != nil {
			_ = s.remove()
			return err
		}
		l.rest()
		l.active = s
		l.segments = append(l.segments, s)
	} else if err := l.active.append(w, z); err != nil {
		return err
	}
	e := entry{l.active, len(l.active.records) - 1}
	at := len(l.index)
	if at > 0 && l.index[at-1].start() > w.start {
		at, _ = l.find(w.start)
	}
	l.index = slices.Insert(l.index, at, e)
	return nil
}

// rest lets go of what is needed to write the active file.
func (l *level) rest() {
	if l.active != nil {
		l.active.dictionary, l.active.loaded = nil, 0
		l.active = nil
	}
}

// find is the first window that begins then or later, and whether it begins
// then.
func (l *level) find(start int64) (int, bool) {
	return slices.BinarySearchFunc(l.index, start, func(e entry, t int64) int { return cmp.Compare(e.start(), t) })
}

// overlaps: a window of the level has a part of the time.
func (l *level) overlaps(start, end int64) bool {
	at, _ := l.find(end)
	return at > 0 && l.index[at-1].end() > start
}

// drop removes a file.
func (l *level) drop(s *segment) error {
	if s == l.active {
		l.active = nil
	}
	l.segments = slices.DeleteFunc(l.segments, func(o *segment) bool { return o == s })
	l.index = slices.DeleteFunc(l.index, func(e entry) bool { return e.segment == s })
	return s.remove()
}

func (l *level) bytes() (n int64) {
	for _, s := range l.segments {
		n += s.size
	}
	return n
}
