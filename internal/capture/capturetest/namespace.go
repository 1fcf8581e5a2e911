package capturetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const here = "/proc/thread-self/ns/net"

// Namespace is a network namespace that a test made, with lo up. Nothing but
// its file keeps it alive, besides what the test opens and starts in it.
type Namespace struct {
	Inode uint64
	File  *os.File
}

// NewNamespace makes a network namespace that is gone when the test ends.
func NewNamespace(t testing.TB) *Namespace {
	t.Helper()
	RequireRoot(t)
	n := &Namespace{}
	err := onThread(func() error { return unix.Unshare(unix.CLONE_NEWNET) }, func() error {
		var st unix.Stat_t
		var err error
		if n.File, err = os.Open(here); err != nil {
			return err
		}
		if err := unix.Fstat(int(n.File.Fd()), &st); err != nil {
			return err
		}
		n.Inode = st.Ino
		return linkUp("lo")
	})
	if err != nil {
		t.Fatalf("make network namespace: %v", err)
	}
	t.Cleanup(func() { n.File.Close() })
	return n
}

// Path leads to the namespace as long as its file is open, in this process.
func (n *Namespace) Path() string { return fmt.Sprintf("/proc/self/fd/%d", n.File.Fd()) }

// In runs f in the namespace and fails the test on its error.
func In(t testing.TB, n *Namespace, f func() error) {
	t.Helper()
	if err := onThread(func() error { return unix.Setns(int(n.File.Fd()), unix.CLONE_NEWNET) }, f); err != nil {
		t.Fatal(err)
	}
}

// Name gives the namespace a file in dir, as ip(8) does, until the test ends or
// remove is called.
func (n *Namespace) Name(t testing.TB, dir, name string) (remove func()) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(n.Path(), path, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	remove = func() {
		if unix.Unmount(path, unix.MNT_DETACH) == nil {
			os.Remove(path)
		}
	}
	t.Cleanup(remove)
	return remove
}

// IP runs ip(8) in the namespace, and skips the test where there is none.
func IP(t testing.TB, n *Namespace, commands ...string) {
	t.Helper()
	path, err := exec.LookPath("ip")
	if err != nil {
		t.Skip("needs ip(8)")
	}
	for _, command := range commands {
		In(t, n, func() error {
			out, err := exec.CommandContext(context.Background(), path, strings.Fields(command)...).CombinedOutput()
			if err != nil {
				return errors.New("ip " + command + ": " + string(out))
			}
			return nil
		})
	}
}

// onThread runs f after enter on a thread that is brought back, or thrown away
// if that fails.
func onThread(enter, f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		own, err := os.Open(here)
		if err != nil {
			done <- err
			return
		}
		defer own.Close()
		if err = enter(); err == nil {
			err = f()
		}
		if unix.Setns(int(own.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
		done <- err
	}()
	return <-done
}

func linkUp(name string) error {
	// Not an inet socket: its death would be told to whoever watches them.
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request)
}
