package history

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"
)

// segment is one file of windows in ascending order, with the dictionary that
// they need. Only the newest of each level is written to.
type segment struct {
	path    string
	file    *os.File
	size    int64 // up to the end of the last whole record
	records []*record
	damaged bool // what follows the last record cannot be read

	mu         sync.Mutex  // of the dictionary, while it is read
	dictionary *dictionary // nil: it is not loaded
	loaded     int         // how many records have all they need in it
}

// The header of a file: the magic, the version of the format and its sum.
const (
	fileMagic  = "peerscope-hist\n\x00"
	fileHeader = int64(len(fileMagic) + 4 + 4)
	fileSuffix = ".windows"
)

func createSegment(dir string, start int64) (*segment, error) {
	name := time.UnixMilli(start).UTC().Format("20060102T150405.000Z")
	path := filepath.Join(dir, name+fileSuffix)
	for i := 1; ; i++ {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o640)
		if errors.Is(err, os.ErrExist) && i < 100 {
			path = filepath.Join(dir, fmt.Sprintf("%s-%d%s", name, i, fileSuffix))
			continue
		}
		if err != nil {
			return nil, err
		}
		h := binary.LittleEndian.AppendUint32([]byte(fileMagic), Version)
		h = binary.LittleEndian.AppendUint32(h, castagnoli(h))
		if _, err := f.WriteAt(h, 0); err != nil {
			f.Close()
			os.Remove(path)
			return nil, err
		}
		syncDirectory(dir)
		return &segment{path: path, file: f, size: fileHeader, dictionary: newDictionary()}, nil
	}
}

// syncDirectory makes a new or removed name last. Where that is not possible the
// name may be lost with the power, and nothing else.
func syncDirectory(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		d.Close()
	}
}

var errEmpty = errors.New("empty")

// openSegment finds the records of a file. What is not whole at its end is left
// out: a writer that ended in the middle left it.
func openSegment(path string, flag int) (*segment, error) {
	f, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return nil, err
	}
	s := &segment{path: path, file: f, size: fileHeader}
	if err := s.scan(); err != nil {
		f.Close()
		return nil, err
	}
	return s, nil
}

func (s *segment) scan() error {
	st, err := s.file.Stat()
	if err != nil {
		return err
	}
	h := make([]byte, fileHeader)
	if n, err := s.file.ReadAt(h, 0); int64(n) < fileHeader {
		if errors.Is(err, io.EOF) {
			return errEmpty
		}
		return err
	}
	version := binary.LittleEndian.Uint32(h[len(fileMagic):])
	switch {
	case string(h[:len(fileMagic)]) != fileMagic, binary.LittleEndian.Uint32(h[fileHeader-4:]) != castagnoli(h[:fileHeader-4]):
		return fmt.Errorf("%s: the header is %w", s.path, errDamaged)
	case version > Version:
		return &NewerError{Path: s.path, Version: int(version)}
	}
	buf := make([]byte, headerFixed+8*mostFrames+4)
	for s.size < st.Size() {
		r, torn := s.recordAt(s.size, st.Size(), buf)
		if r == nil {
			s.damaged = !torn
			return nil
		}
		s.records = append(s.records, r)
		s.size += r.size
	}
	return nil
}

// recordAt reads the header at an offset. Without a record there, torn says that
// the file just ends in the middle of one; else it is damaged.
func (s *segment) recordAt(offset, end int64, buf []byte) (r *record, torn bool) {
	if end-offset < headerFixed {
		return nil, true
	}
	n, err := s.file.ReadAt(buf[:min(end-offset, 1024)], offset)
	if err != nil && !errors.Is(err, io.EOF) || n < headerFixed {
		return nil, false
	}
	size := headerSize(buf)
	if size == 0 {
		return nil, s.zeros(offset, end)
	}
	if offset+int64(size) > end {
		return nil, true
	}
	if size > n {
		if _, err := s.file.ReadAt(buf[n:size], offset+int64(n)); err != nil {
			return nil, false
		}
	}
	r, ok := readHeader(buf[:size], offset)
	if !ok {
		return nil, false
	}
	if offset+r.size > end {
		return nil, true
	}
	return r, false
}

// zeros: nothing but zeros is left, as a file system leaves it that lost power.
func (s *segment) zeros(offset, end int64) bool {
	buf := make([]byte, 64<<10)
	for offset < end {
		n, err := s.file.ReadAt(buf[:min(end-offset, int64(len(buf)))], offset)
		for _, c := range buf[:n] {
			if c != 0 {
				return false
			}
		}
		if err != nil && !errors.Is(err, io.EOF) || n == 0 {
			return false
		}
		offset += int64(n)
	}
	return true
}

// append writes a window behind the others. If it cannot be written nothing of
// it is left.
func (s *segment) append(w *window, z *zstd.Encoder) error {
	before := s.dictionary.mark()
	b, r, err := s.dictionary.appendRecord(nil, w, z)
	if err == nil {
		r.offset = s.size
		_, err = s.file.WriteAt(b, s.size)
	}
	if err != nil {
		s.dictionary.back(before)
		_ = s.file.Truncate(s.size)
		return err
	}
	s.records = append(s.records, r)
	s.size += r.size
	s.loaded = len(s.records)
	return nil
}

func (s *segment) sync() error { return unix.Fdatasync(int(s.file.Fd())) }

// read is a frame of a record, decompressed to the end of dst.
func (s *segment) read(r *record, which int, dst []byte, z *zstd.Decoder) ([]byte, error) {
	f := r.frames[which]
	if f.size == 0 {
		return dst, nil
	}
	b := make([]byte, f.size)
	if _, err := s.file.ReadAt(b, r.offset+f.at); err != nil {
		return nil, fmt.Errorf("%s: %w", s.path, err)
	}
	return s.decode(f, b, dst, z)
}

func (s *segment) decode(f frame, b, dst []byte, z *zstd.Decoder) ([]byte, error) {
	if castagnoli(b) != f.sum {
		return nil, fmt.Errorf("%s: a window is %w", s.path, errDamaged)
	}
	if len(b) == 0 {
		return dst, nil
	}
	out, err := z.DecodeAll(b, dst)
	if err != nil {
		return nil, fmt.Errorf("%s: a window is %w: %w", s.path, errDamaged, err)
	}
	return out, nil
}

// dictionaryOf is what the records of the file need, for record number n.
func (s *segment) dictionaryOf(n int, known *forms, z *zstd.Decoder) (*dictionary, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dictionary == nil {
		s.load(known, z)
	}
	if n >= s.loaded {
		return nil, fmt.Errorf("%s: what windows name is %w", s.path, errDamaged)
	}
	return s.dictionary, nil
}

// load reads the dictionary as far as it is whole. It is not changed after, but
// by who writes the file.
func (s *segment) load(known *forms, z *zstd.Decoder) {
	d := &dictionary{sets: []*sets{nil}}
	s.dictionary, s.loaded = d, 0
	var b []byte
	for ; s.loaded < len(s.records); s.loaded++ {
		r := s.records[s.loaded]
		if r.frames[frameDictionary].size == 0 {
			continue
		}
		var err error
		if b, err = s.read(r, frameDictionary, b[:0], z); err != nil || d.decode(b, known) != nil {
			return
		}
	}
}

// found is what the records of a file need to be read for some edges.
type found struct {
	dictionary *dictionary
	loaded     int     // how many records have all they need in it
	numbers    []int32 // of the edges, ascending
}

// find looks for edges. It does not load the dictionary.
func (s *segment) find(wanted func(id string) bool, known *forms, z *zstd.Decoder) *found {
	s.mu.Lock()
	f := &found{dictionary: s.dictionary, loaded: s.loaded}
	s.mu.Unlock()
	if f.dictionary != nil {
		for i, e := range f.dictionary.edges {
			if wanted(e.id) {
				f.numbers = append(f.numbers, int32(i))
			}
		}
		return f
	}
	f.dictionary = &dictionary{sets: []*sets{nil}}
	var b []byte
	for f.loaded = 0; f.loaded < len(s.records); f.loaded++ {
		r := s.records[f.loaded]
		if r.frames[frameDictionary].size == 0 {
			continue
		}
		var err error
		if b, err = s.read(r, frameDictionary, b[:0], z); err != nil {
			break
		}
		more, err := f.dictionary.skim(b, known, wanted)
		if err != nil {
			break
		}
		f.numbers = append(f.numbers, more...)
	}
	return f
}

// remove deletes the file. What was read of it stays.
func (s *segment) remove() error {
	s.file.Close()
	return os.Remove(s.path)
}
