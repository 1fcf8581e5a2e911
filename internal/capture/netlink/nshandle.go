package netlink

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"

	"peerscope/internal/flow"
)

// errNotNamespace is a path that does not lead to a network namespace.
var errNotNamespace = errors.New("not a network namespace")

// ownNamespace is the namespace of the calling thread, which is that of the
// whole program outside inNamespace.
const ownNamespace = "/proc/thread-self/ns/net"

// nsHandle is an open network namespace. It keeps the namespace alive, so it
// is closed as soon as nothing else does.
type nsHandle struct {
	Inode uint64
	Name  string // of its file under /run/netns, if it was opened by that
	fd    int
}

// openNamespace opens a network namespace by the path of its file.
func openNamespace(path string) (*nsHandle, error) {
	// Looked at before it is opened: to open a device or a pipe may do something.
	inode, err := namespaceInode(path)
	if err != nil {
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
	return &nsHandle{Inode: inode, fd: fd}, nil
}

// openProcessNamespace opens the network namespace a process lives in. Another
// user's needs CAP_SYS_PTRACE.
func openProcessNamespace(procRoot string, pid int32) (*nsHandle, error) {
	return openNamespace(filepath.Join(procRoot, strconv.Itoa(int(pid)), "ns/net"))
}

// openOwnNamespace opens the namespace the program lives in.
func openOwnNamespace() (*nsHandle, error) { return openNamespace(ownNamespace) }

// openNamed opens a namespace that listNamedNamespaces found.
func openNamed(n namedNamespace) (*nsHandle, error) {
	h, err := openNamespace(n.Path)
	if err != nil {
		return nil, err
	}
	h.Name = n.Name
	return h, nil
}

func (h *nsHandle) close() error { return os.NewSyscallError("close", unix.Close(h.fd)) }

// do runs fn inside the namespace; see inNamespace.
func (h *nsHandle) do(fn func() error) error {
	if err := inNamespace(h.fd, fn); err != nil {
		return fmt.Errorf("in network namespace %d: %w", h.Inode, err)
	}
	return nil
}

// inNamespace runs fn on a thread that is in the network namespace fd, and
// waits for it. What fn opens stays in that namespace; goroutines that it
// starts do not run there. Nothing is changed if the program lives there
// already, so that needs no privilege; any other needs CAP_SYS_ADMIN, and its
// lack is a *gapError around unix.EPERM.
func inNamespace(fd int, fn func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		ok, err := enterAndLeave(fd, fn)
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
func enterAndLeave(fd int, fn func() error) (restored bool, err error) {
	own, err := unix.Open(ownNamespace, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return true, fmt.Errorf("open own network namespace: %w", err)
	}
	defer unix.Close(own)
	if same, err := sameFile(own, fd); err != nil || same {
		if err != nil {
			return true, fmt.Errorf("look at network namespace: %w", err)
		}
		return true, fn()
	}
	if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
		return true, setnsError(err)
	}
	err = fn()
	if unix.Setns(own, unix.CLONE_NEWNET) != nil {
		return false, err // fn's result is good all the same
	}
	return true, err
}

func setnsError(err error) error {
	if errors.Is(err, unix.EPERM) {
		return &gapError{err: err, Gap: flow.Gap{
			Code:   "no_setns",
			Reason: "no right to enter other network namespaces",
			Fix:    "run as root, or with CAP_SYS_ADMIN",
		}}
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
