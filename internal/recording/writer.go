package recording

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"peerscope/internal/flow"
)

// Options says how to write a recording.
type Options struct {
	Compress bool      // with zstd
	Tool     string    // name and version of the program that writes
	Created  time.Time // of the recording; given, so that equal input makes equal bytes
}

// bufferSize is what is collected before the underlying writer is called.
const bufferSize = 64 << 10

// Writer writes a recording. It serves one goroutine at a time.
type Writer struct {
	out  *bufio.Writer
	zstd *zstd.Encoder // nil if not compressed
	json *json.Encoder // into line
	line bytes.Buffer

	err    error // of the first write that failed; all later calls return it
	closed bool
}

var errClosed = errors.New("write to a closed recording")

// NewWriter writes the header, at the latest when the writer is flushed.
// Closing the writer does not close w.
func NewWriter(w io.Writer, o Options) (*Writer, error) {
	r := &Writer{}
	r.json = json.NewEncoder(&r.line)
	r.json.SetEscapeHTML(false)
	if err := r.json.Encode(Header{Format: Format, Version: Version, Created: o.Created.UTC(), Tool: o.Tool}); err != nil {
		return nil, fmt.Errorf("make header of recording: %w", err)
	}
	if r.line.Len() > maxHeader {
		return nil, fmt.Errorf("make header of recording: longer than %d bytes", maxHeader)
	}
	if o.Compress {
		// One block at a time, in this goroutine: the bytes do not depend on how
		// many processors there are. The window is small because the lines repeat
		// what stands just before them, and readers have to hold it in memory.
		z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20), zstd.WithEncoderLevel(zstd.SpeedFastest))
		if err != nil {
			return nil, fmt.Errorf("start compression of recording: %w", err)
		}
		r.zstd = z
		w = z
	}
	r.out = bufio.NewWriterSize(w, bufferSize)
	if _, err := r.out.Write(r.line.Bytes()); err != nil {
		return nil, r.keep(err)
	}
	return r, nil
}

// Write adds an observation and keeps no reference to it. It may stay in a
// buffer until Flush or Close. Text that is no UTF-8 is written with
// replacement characters, as JSON demands.
//
// An observation that cannot be written is refused and leaves the recording
// as it was; an error of the underlying writer is returned by every later call.
func (r *Writer) Write(o flow.Observation) error {
	switch {
	case r.err != nil:
		return r.err
	case r.closed:
		return errClosed
	}
	if err := r.encode(o); err != nil {
		return fmt.Errorf("record %T: %w", o, err)
	}
	_, err := r.out.Write(r.line.Bytes())
	return r.keep(err)
}

// encode makes the line of an observation.
func (r *Writer) encode(o flow.Observation) error {
	word := wordOf(o)
	if word == "" {
		return errors.New("no word for this type of observation")
	}
	value, err := encodable(o)
	if err != nil {
		return err
	}
	r.line.Reset()
	r.line.WriteString(lineStart)
	r.line.WriteString(word)
	r.line.WriteString(lineMiddle)
	if err := r.json.Encode(value); err != nil {
		return err
	}
	r.line.Truncate(r.line.Len() - 1) // the encoder's newline
	if b := r.line.Bytes(); b[len(b)-1] != '}' {
		return errors.New("nil observation")
	}
	r.line.WriteString(lineEnd)
	if r.line.Len() > maxLine {
		return fmt.Errorf("longer than %d bytes", maxLine)
	}
	return nil
}

// encodable checks what a reader would refuse, and keeps what the tags of the
// vocabulary lose: no holders (a look found none) are not unknown holders.
func encodable(o flow.Observation) (any, error) {
	switch o := o.(type) {
	case *flow.Socket:
		if o == nil {
			break
		}
		if err := named(o.Transport, o.State); err != nil {
			return nil, err
		}
		if o.Holders != nil && len(o.Holders) == 0 {
			return struct {
				*flow.Socket
				Holders []flow.ProcessKey `json:"holders"`
			}{o, o.Holders}, nil
		}
	case *flow.UnixSocket:
		if o == nil {
			break
		}
		if err := named(o.State); err != nil {
			return nil, err
		}
		if o.Holders != nil && len(o.Holders) == 0 {
			return struct {
				*flow.UnixSocket
				Holders []flow.ProcessKey `json:"holders"`
			}{o, o.Holders}, nil
		}
	case *flow.Translation:
		if o != nil {
			return o, named(o.Transport)
		}
	case *flow.AddressName:
		if o != nil {
			return o, named(o.Transport, o.Kind)
		}
	case *flow.Loss:
		if o != nil {
			return o, named(o.Reason)
		}
	}
	return o, nil
}

// named refuses numbers without a word: a newer kernel may have states that
// this program has no word for, and one such line would end every replay.
func named(values ...fmt.Stringer) error {
	for _, v := range values {
		if s := v.String(); strings.HasPrefix(s, "invalid(") {
			return fmt.Errorf("%T %s has no word", v, s)
		}
	}
	return nil
}

// Flush hands everything written so far to the underlying writer, so that a
// reader of a file that is still being written gets it all.
func (r *Writer) Flush() error {
	switch {
	case r.err != nil:
		return r.err
	case r.closed:
		return errClosed
	}
	return r.flush()
}

// flush empties the buffer, and then the compressor, which ends its block: what
// comes before can be decoded without what comes after.
func (r *Writer) flush() error {
	err := r.out.Flush()
	if err == nil && r.zstd != nil {
		err = r.zstd.Flush()
	}
	return r.keep(err)
}

// Close flushes and ends the recording. A second call returns the same.
func (r *Writer) Close() error {
	if r.closed {
		return r.err
	}
	r.closed = true
	if r.err == nil {
		_ = r.flush() // kept in r.err
	}
	if r.zstd != nil {
		// It is closed after an error too, to give back its memory; its own error
		// is then a consequence of the first.
		if err := r.zstd.Close(); r.err == nil {
			_ = r.keep(err)
		}
	}
	return r.err
}

// keep remembers the first error of the underlying writer.
func (r *Writer) keep(err error) error {
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("write recording: %w", err)
	}
	return r.err
}
