package recording_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/flow"
	"peerscope/internal/recording"
)

// smallDisk takes so many bytes and then is full, in the middle of a write.
type smallDisk struct {
	bytes.Buffer
	free int
}

func (d *smallDisk) Write(b []byte) (int, error) {
	if len(b) > d.free {
		n, _ := d.Buffer.Write(b[:d.free])
		d.free = 0
		return n, syscall.ENOSPC
	}
	d.free -= len(b)
	return d.Buffer.Write(b)
}

func TestFullDiskKeepsWholeLines(t *testing.T) {
	for _, compress := range []bool{false, true} {
		disk := &smallDisk{free: 100_000}
		w, err := recording.NewWriter(disk, recording.Options{Compress: compress, Created: created})
		if err != nil {
			t.Fatal(err)
		}
		var first error
		for i := 0; first == nil; i++ {
			if i > 1_000_000 {
				t.Fatal("no error from a full disk")
			}
			first = w.Write(&flow.Exit{Time: flow.Time(i), Key: flow.ProcessKey{PID: int32(i * 7919), Start: uint64(i * i)}})
		}
		if !errors.Is(first, syscall.ENOSPC) {
			t.Errorf("compress %v: got %v, want ENOSPC", compress, first)
		}
		for name, err := range map[string]error{"Write": w.Write(&flow.Window{}), "Flush": w.Flush(), "Close": w.Close(), "Close again": w.Close()} {
			if err != first { // the very same error
				t.Errorf("compress %v: %s after the error: %v, want %v", compress, name, err, first)
			}
		}
		got, _, err := readAll(disk.Bytes())
		var cut *recording.TruncatedError
		if !errors.As(err, &cut) || len(got) < 1000 {
			t.Errorf("compress %v: read %d observations and then %v", compress, len(got), err)
		}
		for i, o := range got {
			if e, ok := o.(*flow.Exit); !ok || e.Time != flow.Time(i) {
				t.Fatalf("compress %v: observation %d is %+v", compress, i, o)
			}
		}
		if !compress && cut != nil && cut.Line != len(got)+2 {
			t.Errorf("cut off in line %d after %d observations", cut.Line, len(got))
		}
	}
}

func TestFullDeviceIsReportedByClose(t *testing.T) {
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	for _, compress := range []bool{false, true} {
		w, err := recording.NewWriter(f, recording.Options{Compress: compress})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(&flow.Window{}); err != nil {
			t.Errorf("buffered write: %v", err)
		}
		if err := w.Close(); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("compress %v: Close = %v, want ENOSPC", compress, err)
		}
	}
}

func TestFlushMakesAllReadable(t *testing.T) {
	for _, compress := range []bool{false, true} {
		var b bytes.Buffer
		w, err := recording.NewWriter(&b, recording.Options{Compress: compress})
		if err != nil {
			t.Fatal(err)
		}
		var want []flow.Observation
		for i := range 5 {
			o := &flow.Window{Start: flow.Time(i)}
			want = append(want, o)
			if err := errors.Join(w.Write(o), w.Flush()); err != nil {
				t.Fatal(err)
			}
			got, _, _ := readAll(b.Bytes())
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("compress %v, after flush %d (-written +read):\n%s", compress, i, diff)
			}
		}
	}
}

func TestRefusedObservationLeavesRecordingAsItWas(t *testing.T) {
	var b bytes.Buffer
	w, err := recording.NewWriter(&b, recording.Options{Created: created})
	if err != nil {
		t.Fatal(err)
	}
	var none *flow.Socket
	for _, o := range []flow.Observation{nil, none, (*flow.Loss)(nil), (*flow.Window)(nil), &flow.Socket{State: 99}, &flow.Socket{Transport: 99},
		&flow.UnixSocket{State: 99}, &flow.Translation{Transport: 99}, &flow.Loss{Reason: 99}, &flow.Host{Name: strings.Repeat("x", 16<<20)}} {
		if err := w.Write(o); err == nil {
			t.Errorf("%T %.80v was written", o, o)
		}
	}
	if err := errors.Join(w.Write(&flow.Window{Start: 1}), w.Close()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(write(t, recording.Options{}, &flow.Window{Start: 1})), b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := w.Write(&flow.Window{}); err == nil {
		t.Error("written after Close")
	}
	if err := w.Flush(); err == nil {
		t.Error("flushed after Close")
	}
	if err := w.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestHeaderThatNobodyCouldRead(t *testing.T) {
	for _, o := range []recording.Options{{Tool: strings.Repeat("x", 64<<10)}, {Created: time.Date(99999, 1, 1, 0, 0, 0, 0, time.UTC)}} {
		if _, err := recording.NewWriter(io.Discard, o); err == nil {
			t.Errorf("NewWriter(%.60v) gave no error", o)
		}
	}
}
