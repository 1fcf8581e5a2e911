package netns

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// errNotNamespace is a path that does not lead to a network namespace.
var errNotNamespace = errors.New("not a network namespace")

// ownNamespace is the namespace of the calling thread, which is that of the
// whole program outside inNamespace.
const ownNamespace = "/proc/thread-self/ns/net"

// Handle is an open network namespace. It keeps the namespace alive, so it is
// closed as soon as nothing else does.
type Handle struct {
	Inode uint64
	Name  string // of its file under /run/netns, if it was opened by that
	fd    int
}

// openPath opens a network namespace by the path of its file.
func openPath(path string) (*Handle, error) {
	// Looked at before it is opened: to open a device or a pipe may do something.
	if err := checkFile(path); err != nil {
		return nil, fmt.Errorf("open network namespace %s: %w", path, err)
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open network namespace %s: %w", path, err)
	}
	// Mount, pid and other namespaces are files of the same kind (Linux 4.11).
	if kind, err := unix.IoctlRetInt(fd, unix.NS_GET_NSTYPE); err == nil && kind != unix.CLONE_NEWNET {
		unix.Close(fd)
		return nil, fmt.Errorf("open network namespace %s: %w", path, errNotNamespace)
	}
	var st unix.Stat_t // of what was opened: the path may lead elsewhere by now
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("open network namespace %s: %w", path, err)
	}
	return &Handle{Inode: st.Ino, fd: fd}, nil
}

// openProcess opens the network namespace a process lives in. Another user's
// needs CAP_SYS_PTRACE.
func openProcess(procRoot string, pid int32) (*Handle, error) {
	return openPath(filepath.Join(procRoot, strconv.Itoa(int(pid)), "ns/net"))
}

// openNamed opens a namespace that listNamed found.
func openNamed(n namedNamespace) (*Handle, error) {
	h, err := openPath(n.Path)
	if err != nil {
		return nil, err
	}
	h.Name = n.Name
	return h, nil
}

func (h *Handle) close() error { return os.NewSyscallError("close", unix.Close(h.fd)) }

// Do runs f on a thread that is in the namespace, and waits for it. What f opens
// stays in that namespace; goroutines that it starts do not run there, and f
// must not end its goroutine. A thread that cannot come back is thrown away.
// Nothing is changed if the program lives there already, so that needs no
// privilege; any other needs CAP_SYS_ADMIN, and its lack is an error around
// unix.EPERM.
func (h *Handle) Do(f func() error) error {
	if err := inNamespace(h.fd, f); err != nil {
		return fmt.Errorf("in network namespace %d: %w", h.Inode, err)
	}
	return nil
}

func inNamespace(fd int, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			// The first thread cannot be thrown away, and its namespace counts as
			// that of the program. While it waits, f runs on another one.
			done <- inNamespace(fd, f)
			runtime.UnlockOSThread()
			return
		}
		ok, err := enterAndLeave(fd, f)
		if ok {
			runtime.UnlockOSThread()
		}
		// Else the thread is in the wrong namespace: a locked goroutine that ends
		// takes its thread along.
		done <- err
	}()
	return <-done
}

// enterAndLeave reports whether the thread is back where it was.
func enterAndLeave(fd int, f func() error) (restored bool, err error) {
	own, err := unix.Open(ownNamespace, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return true, fmt.Errorf("open own network namespace: %w", err)
	}
	defer unix.Close(own)
	if same, err := sameFile(own, fd); err != nil || same {
		if err != nil {
			return true, fmt.Errorf("look at network namespace: %w", err)
		}
		return true, f()
	}
	if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
		return true, setnsError(err)
	}
	err = f()
	if unix.Setns(own, unix.CLONE_NEWNET) != nil {
		return false, err // f's result is good all the same
	}
	return true, err
}

func setnsError(err error) error {
	if errors.Is(err, unix.EPERM) {
		return fmt.Errorf("no right to enter other network namespaces: %w (run as root, or with CAP_SYS_ADMIN)", err)
	}
	return fmt.Errorf("enter network namespace: %w", err)
}

func sameFile(a, b int) (bool, error) {
	var x, y unix.Stat_t
	if err := unix.Fstat(a, &x); err != nil {
		return false, err
	}
	if err := unix.Fstat(b, &y); err != nil {
		return false, err
	}
	return x.Dev == y.Dev && x.Ino == y.Ino, nil
}
