package netns

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"peerscope/internal/capture/capturetest"
)

// open opens the namespace of a test by its path.
func open(t testing.TB, n *capturetest.Namespace) *Handle {
	t.Helper()
	h, err := openPath(n.Path())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.close() })
	return h
}

func TestDoComesBack(t *testing.T) {
	h := open(t, capturetest.NewNamespace(t))
	inode := func() (inode uint64) {
		inode, err := inodeOf(ownNamespace)
		if err != nil {
			t.Error(err)
		}
		return inode
	}
	before := inode()
	refuse := errors.New("refused by the caller")
	err := h.Do(func() error {
		if got := inode(); got != h.Inode {
			t.Errorf("inside: %d, want %d", got, h.Inode)
		}
		return refuse
	})
	if !errors.Is(err, refuse) {
		t.Errorf("error %v, want %v", err, refuse)
	}
	for range 4 * runtime.GOMAXPROCS(0) { // whatever thread runs this
		done := make(chan uint64)
		go func() { done <- inode() }()
		if got := <-done; got != before {
			t.Fatalf("outside: %d, want %d", got, before)
		}
	}
}

// A thread that cannot come back must not be used again for anything else.
func TestThreadThatCannotComeBackIsThrownAway(t *testing.T) {
	h := open(t, capturetest.NewNamespace(t))
	var lost int
	err := h.Do(func() error {
		lost = unix.Gettid()
		// Without the right to enter a namespace there is no way back. The right is
		// the thread's own.
		return dropSysAdmin()
	})
	if err != nil {
		t.Fatal(err)
	}
	task := filepath.Join("/proc/self/task", strconv.Itoa(lost))
	eventually(t, "the thread ends", func() bool {
		_, err := os.Stat(task)
		return errors.Is(err, os.ErrNotExist)
	})
}

func dropSysAdmin() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var caps [2]unix.CapUserData
	if err := unix.Capget(&header, &caps[0]); err != nil {
		return err
	}
	caps[0].Effective &^= 1 << unix.CAP_SYS_ADMIN
	caps[0].Permitted &^= 1 << unix.CAP_SYS_ADMIN
	return unix.Capset(&header, &caps[0])
}

func TestOwnNamespaceNeedsNoPrivilege(t *testing.T) {
	own, err := openPath(ownNamespace)
	if err != nil {
		t.Fatal(err)
	}
	defer own.close()
	ran := false
	if err := own.Do(func() error { ran = true; return nil }); err != nil || !ran {
		t.Errorf("ran %v, error %v", ran, err)
	}
}

// An ordinary user is told what is missing. The child is this test as nobody.
func TestEnteringNeedsCapability(t *testing.T) {
	if os.Getenv("PEERSCOPE_TEST_NAMESPACE") != "" {
		h := &Handle{fd: 3}
		err := h.Do(func() error { return nil })
		if !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "or with CAP_SYS_ADMIN") {
			t.Errorf("error %v", err)
		}
		return
	}
	n := capturetest.NewNamespace(t)
	c := exec.Command("/proc/self/exe", "-test.run=^TestEnteringNeedsCapability$")
	c.Env = append(os.Environ(), "PEERSCOPE_TEST_NAMESPACE=3")
	c.ExtraFiles = []*os.File{n.File}
	c.SysProcAttr = &unix.SysProcAttr{Credential: capturetest.Nobody()}
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func TestOpenRefusesOtherFiles(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	writeFile(t, file)
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil { // to open it would wait for ever
		t.Fatal(err)
	}
	f := func(path string, want error) {
		t.Helper()
		h, err := openPath(path)
		if err == nil {
			h.close()
		}
		if !errors.Is(err, want) {
			t.Errorf("open %s: %v, want %v", path, err, want)
		}
	}
	f("/proc/self/ns/net", nil)
	f("/proc/self/ns/mnt", errNotNamespace)
	f(file, errNotNamespace)
	f(fifo, errNotNamespace)
	f(filepath.Join(dir, "missing"), unix.ENOENT)
}

func BenchmarkDo(b *testing.B) {
	h := open(b, capturetest.NewNamespace(b))
	b.ReportAllocs()
	for b.Loop() {
		if err := h.Do(func() error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

func writeFile(t testing.TB, name string) {
	t.Helper()
	if err := os.WriteFile(name, nil, 0o644); err != nil {
		t.Fatal(err)
	}
}
