package history

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"peerscope/internal/capture/capturetest"
)

// TestFullDisk writes to a small file system until it is full, and on when there
// is room again.
func TestFullDisk(t *testing.T) {
	capturetest.RequireRoot(t)
	disk := t.TempDir()
	if err := unix.Mount("none", disk, "tmpfs", 0, "size=1m"); err != nil {
		t.Fatalf("mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(disk, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	ballast := filepath.Join(disk, "ballast")
	if err := os.WriteFile(ballast, bytes.Repeat([]byte{1}, 600<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(disk, "history")
	s := open(t, dir, Options{})
	lost, i := 0, 0
	for ; i < 2000 && lost < 12; i++ {
		err := s.Add(numberedWindow(i))
		var l *LostError
		if errors.As(err, &l) {
			lost++
			if l.Reason != WhyFull {
				t.Fatalf("lost for %q: %v", l.Reason, err)
			}
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if lost == 0 {
		t.Fatal("the disk did not get full")
	}
	if got := s.Stats().Lost[WhyFull]; got != uint64(lost) {
		t.Errorf("%d windows counted as lost, want %d", got, lost)
	}
	m, gaps, err := s.Range(context.Background(), t0, t0.Add(24*time.Hour))
	if err != nil {
		t.Fatalf("read while the disk is full: %v", err)
	}
	if want := uint64(i-lost) * 1000; m.Capture.Totals.Kernel != want {
		t.Errorf("the windows have %d together, want %d", m.Capture.Totals.Kernel, want)
	}
	if !hasGap(gaps, WhyFull) {
		t.Errorf("gaps %v do not say that the disk was full", gaps)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		add(t, s, numberedWindow(i))
		i++
	}
	s.Close()
	s = open(t, dir, Options{})
	if got := s.Stats().Lost[WhyFull]; got != uint64(lost) {
		t.Errorf("after a new start %d windows counted as lost, want %d", got, lost)
	}
	m, gaps, err = s.Range(context.Background(), t0, t0.Add(24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if want := uint64(i-lost) * 1000; m.Capture.Totals.Kernel != want {
		t.Errorf("the windows have %d together, want %d", m.Capture.Totals.Kernel, want)
	}
	if !hasGap(gaps, WhyFull) {
		t.Errorf("gaps %v do not say that the disk was full", gaps)
	}
}
