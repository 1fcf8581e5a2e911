package history

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/zstd"

	"peerscope/internal/topology"
)

// Store is a history that was opened. It is safe for concurrent use.
type Store struct {
	dir      string
	o        Options
	readOnly bool
	lock     *os.File // nil: read only

	mu      sync.RWMutex // of what is below; writers hold it while they write
	levels  [4]*level
	forms   *forms
	nodes   *nodeReader
	encoder *zstd.Encoder
	decoder *zstd.Decoder

	converter *converter
	observer  *topology.Observer
	events    []topology.Event  // since the last window that was written
	missed    []Missed          // likewise
	lost      map[string]uint64 // windows by reason, since the store was opened
	lastEnd   int64             // of the last window that was written since; 0: none
	lastSeen  time.Time         // when that was
	behind    bool              // a longer window could not be written
	counted   bool              // what was lost before is in lost
	record    int64             // bytes of the largest window, of those that were written since and the last before

	// extent are the bounds, for who must not wait until a long question is answered.
	extent atomic.Pointer[[2]int64]
}

// maxEdges is how many edges the observer of events remembers, maxPending how
// many events are kept while nothing can be written.
const (
	maxEdges   = 50_000
	maxPending = 10_000
)

// Open opens the store in dir for writing, and makes it if there is none. A
// damaged one is set aside under another name, which is told, and a new one
// begun. Only one program may write a store.
func Open(dir string, o Options) (*Store, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	o = o.filled()
	s, err := openWriting(dir, o)
	if !errors.Is(err, errBroken) {
		return s, err
	}
	to, aside := setAside(dir, o.now())
	if aside != nil {
		return nil, aside
	}
	o.Tell(fmt.Sprintf("%v: it was set aside as %s, and a new history is begun", err, to))
	return openWriting(dir, o)
}

func openWriting(dir string, o Options) (*Store, error) {
	err := readFormat(dir)
	var none *NoStoreError
	fresh := errors.As(err, &none)
	if err != nil && !fresh && !errors.Is(err, errBroken) {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("make the folder of the history: %w", err)
	}
	l, lockErr := lock(dir)
	if lockErr != nil {
		return nil, lockErr
	}
	s := newStore(dir, o)
	s.lock = l
	if err == nil || fresh {
		err = s.start(fresh)
		s.measure()
	}
	s.reach()
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// OpenReadOnly opens a store that another program may be writing, as it is now.
func OpenReadOnly(dir string) (*Store, error) {
	if err := readFormat(dir); err != nil && !errors.Is(err, errBroken) {
		return nil, err
	}
	s := newStore(dir, Options{}.filled())
	s.readOnly = true
	for _, l := range s.levels {
		if err := l.open(false); err != nil {
			s.Close()
			return nil, err
		}
	}
	s.reach()
	return s, nil
}

// encoderWindow is how far back the encoder looks for what repeats. It keeps twice as
// much memory for good, and few frames are longer.
const encoderWindow = 1 << 20

func newStore(dir string, o Options) *Store {
	s := &Store{dir: dir, o: o, forms: newForms(), nodes: newNodeReader(), lost: map[string]uint64{}}
	keep := [...]time.Duration{o.Keep.Fine, o.Keep.Minute, o.Keep.TenMinutes, o.Keep.Hour}
	for i, spec := range levelSpecs() {
		s.levels[i] = &level{levelSpec: spec, dir: filepath.Join(dir, spec.name), keep: keep[i]}
	}
	// With valid options these do not fail.
	s.encoder, _ = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderCRC(false), zstd.WithWindowSize(encoderWindow))
	s.decoder, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(256<<20))
	return s
}

// start makes a new store, or takes up one that is there where it was left.
func (s *Store) start(fresh bool) error {
	for _, l := range s.levels {
		if err := os.Mkdir(l.dir, 0o750); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("make the folder of the history: %w", err)
		}
	}
	if fresh {
		if err := writeFormat(s.dir); err != nil {
			return fmt.Errorf("begin the history: %w", err)
		}
	}
	for _, l := range s.levels {
		if err := l.open(true); err != nil {
			return err
		}
		if err := s.resume(l); err != nil {
			return err
		}
	}
	s.converter = newConverter(s.forms)
	s.observer = topology.NewObserver(maxEdges)
	s.rebuild()
	return s.learn()
}

// resume cuts off what was left in the middle of a write, and lets the newest
// file of a level be written on.
func (s *Store) resume(l *level) error {
	if len(l.segments) == 0 {
		return nil
	}
	newest := l.segments[len(l.segments)-1]
	for len(newest.records) > 0 {
		// After a loss of power the last one may be there by its size only.
		n := len(newest.records) - 1
		last := newest.records[n]
		if newest.whole(last) {
			break
		}
		newest.records, newest.size = newest.records[:n], last.offset
		at, _ := l.find(last.start)
		l.index = append(l.index[:at], l.index[at+1:]...)
	}
	for _, seg := range l.segments {
		if st, err := seg.file.Stat(); err == nil && st.Size() > seg.size {
			if err := seg.file.Truncate(seg.size); err != nil {
				return fmt.Errorf("open history: %w", err)
			}
		}
	}
	if len(newest.records) == 0 {
		return l.drop(newest)
	}
	if _, err := newest.dictionaryOf(len(newest.records)-1, s.forms, s.decoder); err != nil {
		return fmt.Errorf("%w: %w", errBroken, err)
	}
	newest.dictionary.index()
	l.active = newest
	return nil
}

// whole: all of a record is as it was written.
func (s *segment) whole(r *record) bool {
	b := make([]byte, r.size)
	if _, err := s.file.ReadAt(b, r.offset); err != nil {
		return false
	}
	for _, f := range r.frames {
		if castagnoli(b[f.at:f.at+int64(f.size)]) != f.sum {
			return false
		}
	}
	return true
}

// learn tells the observer of events which edges are known from before.
func (s *Store) learn() error {
	_, newest := s.bounds()
	if newest == 0 {
		return nil
	}
	w, _, err := s.merged(newest-day, newest)
	if err != nil || w == nil {
		return err
	}
	m, err := w.toMap(s.nodes)
	if err != nil {
		return err
	}
	s.observer.Learn(m)
	return nil
}

// Close lets go of the store. What was added is in it.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.levels {
		for _, seg := range l.segments {
			seg.file.Close()
		}
		l.segments, l.index, l.active, l.sum = nil, nil, nil, nil
	}
	s.encoder.Close()
	s.decoder.Close()
	if s.lock != nil {
		_ = s.lock.Truncate(0)
		err := s.lock.Close()
		s.lock = nil
		return err
	}
	return nil
}

// bounds are the start of the oldest and the end of the newest window; 0: there
// is none.
func (s *Store) bounds() (oldest, newest int64) {
	for _, l := range s.levels {
		if n := len(l.index); n > 0 {
			if first := l.index[0].start(); oldest == 0 || first < oldest {
				oldest = first
			}
			newest = max(newest, l.index[n-1].end())
		}
	}
	return oldest, newest
}

// Bounds are the start of the oldest and the end of the newest window; zero if
// there is none.
func (s *Store) Bounds() (oldest, newest time.Time) {
	b := s.extent.Load()
	if b == nil || b[0] == 0 && b[1] == 0 {
		return time.Time{}, time.Time{}
	}
	return time.UnixMilli(b[0]).UTC(), time.UnixMilli(b[1]).UTC()
}

// reach notes the bounds. The index is read or locked.
func (s *Store) reach() {
	a, b := s.bounds()
	s.extent.Store(&[2]int64{a, b})
}
