package netlink

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// requireRoot skips a test that needs a real kernel's privileged side. With
// PEERSCOPE_REQUIRE_PRIVILEGED=1 it fails instead, so that a test run as root
// cannot pass by skipping.
func requireRoot(t testing.TB) {
	t.Helper()
	reason := missingPrivilege()
	if reason == "" {
		return
	}
	if os.Getenv("PEERSCOPE_REQUIRE_PRIVILEGED") == "1" {
		t.Fatalf("%s needs privileges: %s", t.Name(), reason)
	}
	t.Skipf("%s needs privileges: %s", t.Name(), reason)
}

func missingPrivilege() string {
	if os.Geteuid() != 0 {
		return "not root"
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var caps [2]unix.CapUserData
	if err := unix.Capget(&header, &caps[0]); err != nil {
		return fmt.Sprintf("read capabilities: %v", err)
	}
	for name, bit := range map[string]uint{"CAP_NET_ADMIN": unix.CAP_NET_ADMIN, "CAP_SYS_ADMIN": unix.CAP_SYS_ADMIN} {
		if caps[0].Effective&(1<<bit) == 0 {
			return "no " + name
		}
	}
	return ""
}

// newNamespace makes a network namespace with lo up, which is gone when its
// handle and everything opened in it are closed.
func newNamespace(t testing.TB) *nsHandle {
	t.Helper()
	requireRoot(t)
	var h *nsHandle
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // until the thread is back where it was
		own, err := openOwnNamespace()
		if err == nil {
			defer own.close()
			err = unix.Unshare(unix.CLONE_NEWNET)
		}
		if err == nil {
			h, err = openOwnNamespace()
		}
		if err == nil {
			err = linkUp("lo")
		}
		if err == nil {
			err = unix.Setns(own.fd, unix.CLONE_NEWNET)
		}
		if err == nil {
			runtime.UnlockOSThread()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatalf("make network namespace: %v", err)
	}
	t.Cleanup(func() { h.close() })
	return h
}

func linkUp(name string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
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

// in runs f in the namespace and fails the test on its error. f must not call
// methods of t that end the test: it is on another goroutine.
func in(t testing.TB, h *nsHandle, f func() error) {
	t.Helper()
	if err := h.do(f); err != nil {
		t.Fatal(err)
	}
}

func dialSocketsIn(t testing.TB, h *nsHandle) *conn {
	t.Helper()
	var c *conn
	in(t, h, func() (err error) { c, err = dialSockets(); return err })
	t.Cleanup(func() { c.close() })
	return c
}

// listenTCP listens in the namespace, as plain TCP and not, as Go does by
// itself, as MPTCP.
func listenTCP(t testing.TB, h *nsHandle, address string) net.Listener {
	t.Helper()
	var config net.ListenConfig
	config.SetMultipathTCP(false)
	var l net.Listener
	in(t, h, func() (err error) {
		l, err = config.Listen(context.Background(), "tcp", address)
		return err
	})
	t.Cleanup(func() { l.Close() })
	return l
}

// connectTCP makes a connection to l inside the namespace and returns both ends.
// A listener for all addresses is called at 127.0.0.1.
func connectTCP(t testing.TB, h *nsHandle, l net.Listener) (client, server net.Conn) {
	t.Helper()
	address := strings.Replace(l.Addr().String(), "[::]", "127.0.0.1", 1)
	in(t, h, func() (err error) { client, err = net.Dial("tcp", address); return err })
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

// inodeOf is the inode of the file of a connection, as in /proc/PID/fd.
func inodeOf(t testing.TB, c syscall.Conn) uint64 {
	t.Helper()
	var st unix.Stat_t
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) { err = unix.Fstat(int(fd), &st) })
	if err != nil {
		t.Fatal(err)
	}
	return st.Ino
}

// cookieOf is the cookie of a connection as the process itself sees it.
func cookieOf(t testing.TB, c syscall.Conn) uint64 {
	t.Helper()
	var cookie uint64
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) { cookie, err = unix.GetsockoptUint64(int(fd), unix.SOL_SOCKET, unix.SO_COOKIE) })
	if err != nil {
		t.Fatal(err)
	}
	return cookie
}

// nobody is an ordinary user.
func nobody() *syscall.Credential { return &syscall.Credential{Uid: 65534, Gid: 65534} }

func dupFile(t testing.TB, fd int) *os.File {
	t.Helper()
	copied, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(copied), "copy")
	t.Cleanup(func() { f.Close() })
	return f
}
