package recording

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"peerscope/internal/flow"
)

// maxWindow bounds the memory that a compressed stream can ask for. It is what
// `zstd -19` uses at most, times four.
const maxWindow = 32 << 20

// zstdMagic begins a frame (RFC 8878 section 3.1.1).
const zstdMagic = "\x28\xb5\x2f\xfd"

// Reader reads a recording. It serves one goroutine at a time.
type Reader struct {
	source *source
	in     *bufio.Reader
	header Header

	line    int    // number of the line last read
	long    []byte // a line that is longer than the buffer of in
	skipped uint64
	err     error // that ended reading
}

// source remembers the errors of the underlying reader, so that they can be
// told from those of a damaged compression.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// NewReader reads the header. The error is ErrEmpty, ErrNotRecording, a
// *VersionError, *SyntaxError or *TruncatedError, or that of in.
func NewReader(in io.Reader) (*Reader, error) {
	r := &Reader{source: &source{r: in}}
	r.in = bufio.NewReaderSize(r.source, bufferSize)
	magic, err := r.in.Peek(len(zstdMagic))
	switch {
	case r.source.err != nil:
		return nil, fmt.Errorf("read recording: %w", r.source.err)
	case len(magic) == 0:
		return nil, ErrEmpty
	case err != nil && bytes.HasPrefix([]byte(zstdMagic), magic):
		return nil, &TruncatedError{Line: 1}
	case string(magic) == zstdMagic:
		// Decoded in this goroutine: nothing is left behind if the reader is not
		// read to its end.
		z, err := zstd.NewReader(r.in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, fmt.Errorf("start decompression of recording: %w", err)
		}
		r.in = bufio.NewReaderSize(z, bufferSize)
	}
	if err := r.readHeader(); err != nil {
		return nil, err
	}
	return r, nil
}

// readHeader reads the first line, and no more than maxHeader of what may be
// any file.
func (r *Reader) readHeader() error {
	line, err := r.readLine(maxHeader)
	r.line = 1
	var tooLong *longError
	switch {
	case errors.As(err, &tooLong), len(line) > 0 && line[0] != '{':
		return ErrNotRecording
	case err != nil && len(line) == 0 && errors.Is(err, io.EOF): // compressed nothing
		return ErrEmpty
	}
	// Newer versions may have another header, but they say so.
	var kind struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if jsonErr := json.Unmarshal(line, &kind); jsonErr != nil && err != nil {
		if end := r.endOf(err); !isTruncated(end) {
			return end
		}
		const start = `{"format":"` + Format + `"`
		if n := min(len(line), len(start)); string(line[:n]) != start[:n] {
			return ErrNotRecording
		}
		return &TruncatedError{Line: 1}
	}
	switch {
	case kind.Format != Format || kind.Version < 1:
		return ErrNotRecording
	case kind.Version > Version:
		return &VersionError{Got: kind.Version, Want: Version}
	}
	if jsonErr := json.Unmarshal(line, &r.header); jsonErr != nil {
		return &SyntaxError{Line: 1, Err: jsonErr}
	}
	if err != nil { // the header lacks only its newline
		r.err = r.endOf(err)
	}
	return nil
}

// Header is the first line of the recording.
func (r *Reader) Header() Header { return r.header }

// Skipped counts the observations that were left out because a newer program
// wrote them: of a type, or with a state or reason, that this one does not know.
func (r *Reader) Skipped() uint64 { return r.skipped }

// Next is the next observation, which belongs to the caller. At the end it
// returns io.EOF, or a *TruncatedError if the recording was cut off; a
// *SyntaxError or an error of the underlying reader ends it too. The call
// after an error returns the same error.
func (r *Reader) Next() (flow.Observation, error) {
	for r.err == nil {
		// Two things may be wrong, and what the second one means depends on the
		// first: a bad line that has its newline was written so or damaged, one
		// without is where the file was cut.
		line, err := r.readLine(maxLine)
		r.line++
		blank := len(bytes.TrimSpace(line)) == 0
		var o flow.Observation
		var syntax error
		if !blank {
			o, syntax = r.parse(line)
		}
		switch {
		case err == nil && syntax == nil:
		case err == nil:
			r.err = &SyntaxError{Line: r.line, Err: syntax}
		case !blank && syntax == nil:
			// The last line lacks only its newline; what ended it comes after it.
			r.line++
			r.err = r.endOf(err)
		case !blank && errors.Is(err, io.EOF):
			r.err = &TruncatedError{Line: r.line}
		default:
			r.err = r.endOf(err)
		}
		if o != nil {
			return o, nil
		}
	}
	return nil, r.err
}

// endOf says in what the reading of the line numbered r.line ended.
func (r *Reader) endOf(err error) error {
	switch {
	case r.source.err != nil:
		return fmt.Errorf("read line %d of recording: %w", r.line, r.source.err)
	case errors.Is(err, io.ErrUnexpectedEOF): // inside of a compressed frame
		return &TruncatedError{Line: r.line}
	case errors.Is(err, io.EOF):
		return io.EOF
	}
	return &SyntaxError{Line: r.line, Err: err}
}

func isTruncated(err error) bool {
	var t *TruncatedError
	return errors.As(err, &t) || errors.Is(err, io.EOF)
}

// longError: a line has no end within the limit.
type longError struct{ limit int }

func (e *longError) Error() string { return fmt.Sprintf("longer than %d bytes", e.limit) }

// readLine reads up to the next newline, without it. The result is valid until
// the next call. With an error it is the rest that was there.
func (r *Reader) readLine(limit int) ([]byte, error) {
	part, err := r.in.ReadSlice('\n')
	if err == nil && len(part) <= limit {
		return part[:len(part)-1], nil
	}
	r.long = r.long[:0]
	for {
		if len(r.long)+len(part) > limit {
			return nil, &longError{limit}
		}
		r.long = append(r.long, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return bytes.TrimSuffix(r.long, []byte{'\n'}), err
		}
		part, err = r.in.ReadSlice('\n')
	}
}

// parse reads the observation of a line; nil without an error for one that is
// to be skipped.
func (r *Reader) parse(line []byte) (flow.Observation, error) {
	word, body, ok := cutLine(line)
	if ok {
		if o := observationOf(word); o != nil && json.Unmarshal(body, o) == nil {
			return o, nil
		}
	}
	// Not as this package writes it: by hand, by a newer program, or wrong.
	var l struct {
		Type        string          `json:"t"`
		Observation json.RawMessage `json:"o"`
	}
	if err := json.Unmarshal(line, &l); err != nil {
		return nil, err
	}
	switch {
	case l.Type == "":
		return nil, errors.New("no type of observation")
	case len(l.Observation) == 0 || l.Observation[0] != '{':
		return nil, errors.New("no observation")
	}
	o := observationOf([]byte(l.Type))
	if o == nil {
		r.skipped++
		return nil, nil
	}
	if err := json.Unmarshal(l.Observation, o); err != nil {
		if hasNewWord(o, l.Observation) {
			r.skipped++
			return nil, nil
		}
		return nil, err
	}
	return o, nil
}

// cutLine takes a line apart as Writer puts it together.
func cutLine(line []byte) (word, body []byte, ok bool) {
	rest, ok := bytes.CutPrefix(line, []byte(lineStart))
	if !ok {
		return nil, nil, false
	}
	word, rest, ok = bytes.Cut(rest, []byte(lineMiddle))
	if !ok || len(rest) < 2 || rest[0] != '{' || rest[len(rest)-1] != '}' {
		return nil, nil, false
	}
	return word, rest[:len(rest)-1], true
}

// hasNewWord reports whether an observation uses a word that its enumeration
// does not have here: within a version they may grow.
func hasNewWord(o flow.Observation, body []byte) bool {
	var words struct {
		Transport string `json:"transport"`
		State     string `json:"state"`
		Reason    string `json:"reason"`
		Kind      string `json:"kind"`
	}
	if json.Unmarshal(body, &words) != nil {
		return false
	}
	isNew := func(word string, into interface{ UnmarshalText([]byte) error }) bool {
		return word != "" && into.UnmarshalText([]byte(word)) != nil
	}
	switch o.(type) {
	case *flow.Socket, *flow.UnixSocket, *flow.Translation:
		return isNew(words.Transport, new(flow.Transport)) || isNew(words.State, new(flow.State))
	case *flow.AddressName:
		return isNew(words.Transport, new(flow.Transport)) || isNew(words.Kind, new(flow.AddressKind))
	case *flow.Loss:
		return isNew(words.Reason, new(flow.LossReason))
	}
	return false
}
