package netlink

import (
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"peerscope/internal/capture/capturetest"
	"peerscope/internal/capture/nlsocket"
)

func dialSocketsIn(t testing.TB, h *capturetest.Namespace) *nlsocket.Conn {
	t.Helper()
	var c *nlsocket.Conn
	capturetest.In(t, h, func() (err error) { c, err = dialSockets(); return err })
	t.Cleanup(func() { c.Close() })
	return c
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
