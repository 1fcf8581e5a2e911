package netlink

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"peerscope/internal/capture/capturetest"
)

func procEventLine(payload []byte) (string, error) {
	e, err := parseProcEvent(payload)
	return fmt.Sprintf("%#x at=%d pid=%d tid=%d thread=%v parent=%d exit=%d comm=%q",
		uint32(e.Kind), e.Monotonic, e.PID, e.TID, e.thread(), e.Parent, e.ExitCode, e.Comm), err
}

func TestParseRecordedProcEvents(t *testing.T) {
	capturetest.CheckRecorded(t, "proc_events", *update, recordProcEvents, procEventLine)
}

// dialProcEventsHere subscribes, or skips where this is no initial namespace.
func dialProcEventsHere(t *testing.T, each func(procEvent)) *procEvents {
	t.Helper()
	capturetest.RequireRoot(t)
	p, err := dialProcEvents(each)
	var gap *gapError
	if errors.As(err, &gap) {
		t.Skip(gap)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.close() })
	return p
}

// recordProcEvents takes down the events of one child, and leaves out those of
// whatever else runs here.
func recordProcEvents(t *testing.T, r *capturetest.Recording) {
	p := dialProcEventsHere(t, func(procEvent) {})
	c := childOfEvents(t)
	p.conn.SetDeadline(time.Now().Add(2 * time.Second))
	for ended := false; !ended; {
		_, _, err := p.conn.Receive(func(msgType uint16, payload []byte) error {
			e, err := parseProcEvent(payload)
			if err != nil || e.PID != int32(c.Process.Pid) {
				return err
			}
			ended = ended || e.Kind == procExit && !e.thread()
			return r.Add(msgType, payload)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// childOfEvents runs a program that ends with status 3.
func childOfEvents(t testing.TB) *exec.Cmd {
	t.Helper()
	c := exec.Command("/bin/sh", "-c", "exit 3")
	var exit *exec.ExitError
	if err := c.Run(); !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Fatal(err)
	}
	return c
}

func TestEventsOfAProcessFromBirthToDeath(t *testing.T) {
	var events []procEvent
	p := dialProcEventsHere(t, func(e procEvent) { events = append(events, e) })
	before := monotonic(t)
	c := childOfEvents(t)
	pid := int32(c.Process.Pid)
	var got []string
	p.conn.SetDeadline(time.Now().Add(2 * time.Second))
	for !strings.HasSuffix(strings.Join(got, " "), "exit") {
		if _, _, err := p.receive(); err != nil {
			t.Fatalf("after %v: %v", got, err)
		}
		for _, e := range events {
			switch {
			case e.PID != pid || e.thread():
			case e.Kind == procFork:
				got = append(got, "fork")
				if e.Parent != int32(os.Getpid()) {
					t.Errorf("forked by %d, not %d", e.Parent, os.Getpid())
				}
			case e.Kind == procExec:
				got = append(got, "exec")
			case e.Kind == procExit:
				got = append(got, "exit")
				if e.ExitCode != 3<<8 || e.Parent != 0 && e.Parent != int32(os.Getpid()) {
					t.Errorf("exit: %+v", e)
				}
				if now := monotonic(t); e.Monotonic < before || e.Monotonic > now {
					t.Errorf("ended at %d, not within %d and %d", e.Monotonic, before, now)
				}
			}
		}
		events = events[:0]
	}
	if s := strings.Join(got, " "); s != "fork exec exit" {
		t.Errorf("events %q", s)
	}
}

func monotonic(t testing.TB) uint64 {
	t.Helper()
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		t.Fatal(err)
	}
	return uint64(ts.Nano())
}

func TestThreadsAreToldApart(t *testing.T) {
	if got := (procEvent{PID: 7, TID: 8}).thread(); !got {
		t.Error("tid 8 of pid 7 is no thread")
	}
	if got := (procEvent{PID: 7, TID: 7}).thread(); got {
		t.Error("tid 7 of pid 7 is a thread")
	}
}

func TestMissingProcEventsAreExplained(t *testing.T) {
	h := capturetest.NewNamespace(t)
	var err error
	capturetest.In(t, h, func() error {
		var p *procEvents
		if p, err = dialProcEvents(func(procEvent) {}); err == nil {
			p.close()
		}
		return nil
	})
	var gap *gapError
	if !errors.As(err, &gap) || !strings.Contains(gap.Reason, "initial network namespace") {
		t.Errorf("in another network namespace: %v", err)
	}
	f := func(err error, want string) {
		t.Helper()
		if got := procEventsError(err); !errors.As(got, &gap) || !strings.Contains(got.Error(), want) {
			t.Errorf("procEventsError(%v) = %v, want %q", err, got, want)
		}
	}
	f(unix.EPROTONOSUPPORT, "CONFIG_CONNECTOR")
	f(unix.EPERM, "CAP_NET_ADMIN")
	f(os.ErrDeadlineExceeded, "initial pid and user namespaces")
	if err := procEventsError(unix.ENOMEM); errors.As(err, &gap) || !errors.Is(err, unix.ENOMEM) {
		t.Errorf("another error: %v", err)
	}
}

func TestParseProcEvent(t *testing.T) {
	message := func(kind procEventKind, words ...uint32) []byte {
		b := make([]byte, connectorLen+procEventLen)
		binary.NativeEndian.PutUint32(b, connectorProc)
		binary.NativeEndian.PutUint32(b[4:], connectorProc)
		binary.NativeEndian.PutUint32(b[connectorLen:], uint32(kind))
		binary.NativeEndian.PutUint64(b[connectorLen+8:], 99)
		for _, w := range words {
			b = binary.NativeEndian.AppendUint32(b, w)
		}
		return b
	}
	f := func(payload []byte, want procEvent, wantErr bool) {
		t.Helper()
		got, err := parseProcEvent(payload)
		if (err != nil) != wantErr || err == nil && got != want {
			t.Errorf("parseProcEvent(%x) = %+v, %v; want %+v, error %v", payload, got, err, want, wantErr)
		}
	}
	f(message(procFork, 1, 2, 3, 4), procEvent{Kind: procFork, Monotonic: 99, Parent: 2, TID: 3, PID: 4}, false)
	f(message(procFork, 1, 2, 3), procEvent{}, true)
	f(message(procExec, 5, 5), procEvent{Kind: procExec, Monotonic: 99, TID: 5, PID: 5}, false)
	f(message(procExit, 6, 6, 256, 17), procEvent{Kind: procExit, Monotonic: 99, TID: 6, PID: 6, ExitCode: 256}, false) // before Linux 4.18
	f(message(procExit, 6, 6, 256, 17, 1, 2), procEvent{Kind: procExit, Monotonic: 99, TID: 6, PID: 6, ExitCode: 256, Parent: 2}, false)
	f(message(0x4, 1), procEvent{Kind: 0x4, Monotonic: 99}, false) // a change of user: not used
	f(message(procNone, 22), procEvent{Kind: procNone, Monotonic: 99, ExitCode: 22}, false)
	other := message(procExec, 5, 5)
	other[0] = 7
	f(other, procEvent{}, true)
	f(nil, procEvent{}, true)
}

func TestRefusal(t *testing.T) {
	f := func(code uint32, want error) {
		t.Helper()
		if got := (procEvent{ExitCode: code}).refusal(); got != want {
			t.Errorf("refusal of %#x = %v, want %v", code, got, want)
		}
	}
	f(0, nil)
	f(1, unix.EPERM)
	f(0xffffffff, unix.EPERM)
}

func FuzzProcEvent(f *testing.F) {
	for _, p := range capturetest.RecordedPayloads(f, "proc_events") {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		if e, err := parseProcEvent(payload); err == nil && strings.ContainsRune(e.Comm, 0) {
			t.Errorf("name %q", e.Comm)
		}
	})
}

func BenchmarkParseProcEvent(b *testing.B) {
	payload := capturetest.RecordedPayloads(b, "proc_events")[0]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parseProcEvent(payload); err != nil {
			b.Fatal(err)
		}
	}
}
