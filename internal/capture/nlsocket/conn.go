package nlsocket

import (
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// BufferSize is the room for one answer of a dump. The kernel learns the size
// of the reader's buffer and fills up to 32 KiB an answer (netlink_dump, net/
// netlink/af_netlink.c), so more than 64 KiB would never be used.
const BufferSize = 64 << 10

// Conn is one netlink socket. It belongs for ever to the network namespace of
// the thread that dialled it, keeps that namespace alive, and talks to the
// kernel only. It is for one goroutine; Close alone may come from another one
// and ends a wait.
//
// The socket is non-blocking and waits in Go's own poller, so a waiting Conn
// costs a goroutine and no thread.
type Conn struct {
	file   *os.File
	raw    syscall.RawConn
	closed atomic.Bool
	seq    uint32
	buf    []byte // answers of Dump

	// The one read in progress. The function is made once, so that a read
	// does not allocate.
	readOnce func(fd uintptr) bool
	got      int
	gotErr   error
	from     unix.RawSockaddrNetlink
	fromLen  uint32

	// Multicast messages, see multicast.go; made at the first Receive.
	batch     *batch
	batchOnce func(fd uintptr) bool
	pollOnce  func(fd uintptr) bool
}

// Dial opens a netlink socket of one protocol (unix.NETLINK_*) in the network
// namespace of the calling thread and joins multicast groups by number.
func Dial(protocol int, groups ...uint32) (*Conn, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
	if err != nil {
		return nil, fmt.Errorf("open netlink socket of protocol %d: %w", protocol, err)
	}
	if err := bindGroups(fd, groups); err != nil {
		unix.Close(fd)
		return nil, err
	}
	c := &Conn{file: os.NewFile(uintptr(fd), "netlink")}
	if c.raw, err = c.file.SyscallConn(); err != nil {
		c.file.Close()
		return nil, fmt.Errorf("open netlink socket of protocol %d: %w", protocol, err)
	}
	c.readOnce = c.tryRead
	return c, nil
}

func bindGroups(fd int, groups []uint32) error {
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("bind netlink socket: %w", err)
	}
	for _, g := range groups {
		if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, int(g)); err != nil {
			return fmt.Errorf("join netlink group %d: %w", g, err)
		}
	}
	return nil
}

// Close ends the socket, and a wait on it with os.ErrClosed.
func (c *Conn) Close() error {
	c.closed.Store(true)
	return c.file.Close()
}

// wait runs try when the socket may be readable, until it returns true.
func (c *Conn) wait(try func(fd uintptr) bool) error {
	err := c.raw.Read(try)
	if err != nil && c.closed.Load() { // what the poller says then is internal to it
		return os.ErrClosed
	}
	return err
}

// ShareBuffer makes c use buf for its answers, so that many connections that
// are read one after another need one buffer between them.
func (c *Conn) ShareBuffer(buf []byte) { c.buf = buf }

// SetDeadline makes a wait that is not over by t end in os.ErrDeadlineExceeded.
// The zero time waits for ever.
func (c *Conn) SetDeadline(t time.Time) error { return c.file.SetReadDeadline(t) }

// SetReceiveBuffer asks for room for n bytes of waiting messages (the kernel's
// bookkeeping counts in) and returns what it got: with CAP_NET_ADMIN any
// amount, else at most net.core.rmem_max.
func (c *Conn) SetReceiveBuffer(n int) (int, error) {
	var got int
	err := c.Control(func(fd int) error {
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, n) != nil {
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, n); err != nil {
				return err
			}
		}
		var err error
		// The kernel doubles what it is given, for its bookkeeping (socket(7)).
		got, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("set netlink receive buffer: %w", err)
	}
	return got / 2, nil
}

// Control calls f with the socket's descriptor, which stays open during the
// call.
func (c *Conn) Control(f func(fd int) error) error {
	var inner error
	if err := c.raw.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil {
		if c.closed.Load() {
			return os.ErrClosed
		}
		return err
	}
	return inner
}

// Dump sends a request, made with AppendHeader, for a whole table and hands
// every answer to each, whose payload is valid only during the call. If each
// returns an error it is not called again, and Dump returns that error after
// reading the rest, which the kernel insists on. A table that changed meanwhile
// ends in ErrInterrupted, after all answers.
func (c *Conn) Dump(request []byte, each func(msgType uint16, payload []byte) error) error {
	if c.buf == nil {
		c.buf = make([]byte, BufferSize)
	}
	c.seq++
	completeHeader(request, unix.NLM_F_REQUEST|unix.NLM_F_DUMP, c.seq)
	if err := c.Send(request); err != nil {
		return err
	}
	a := answers{seq: c.seq, each: each}
	for !a.done {
		b, err := c.read()
		if err != nil {
			return err
		}
		if err := a.take(b); err != nil {
			return err
		}
	}
	return a.err()
}

// Send gives a complete request to the kernel, which acts on it before Send
// returns. It changes nothing in c.
func (c *Conn) Send(request []byte) error {
	err := c.Control(func(fd int) error {
		return unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	})
	if err != nil {
		return fmt.Errorf("send netlink request: %w", err)
	}
	return nil
}

// read waits for one answer of the kernel. It is valid until the next read.
func (c *Conn) read() ([]byte, error) {
	for {
		if err := c.wait(c.readOnce); err != nil {
			return nil, fmt.Errorf("read netlink answer: %w", err)
		}
		if c.gotErr != nil {
			return nil, fmt.Errorf("read netlink answer: %w", c.gotErr)
		}
		// Whoever has CAP_NET_ADMIN in the namespace, such as the root of a
		// container, may send to this socket too. Port 0 is the kernel.
		if c.from.Pid != 0 {
			continue
		}
		if c.got > len(c.buf) {
			return nil, fmt.Errorf("netlink answer of %d bytes: %w", c.got, ErrTruncated)
		}
		return c.buf[:c.got], nil
	}
}

// tryRead is one attempt of read; false makes the poller wait. The system call
// is made by hand because unix.Recvfrom allocates an address every time.
func (c *Conn) tryRead(fd uintptr) bool {
	for {
		c.fromLen = unix.SizeofSockaddrNetlink
		// MSG_TRUNC returns the true length of an answer that did not fit.
		n, _, errno := unix.Syscall6(unix.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&c.buf[0])), uintptr(len(c.buf)),
			unix.MSG_TRUNC, uintptr(unsafe.Pointer(&c.from)), uintptr(unsafe.Pointer(&c.fromLen)))
		switch errno {
		case 0:
			c.got, c.gotErr = int(n), nil
			return true
		case unix.EINTR:
		case unix.EAGAIN:
			return false
		default:
			c.got, c.gotErr = 0, errno
			return true
		}
	}
}

// answers collects what one request is answered with, over any number of
// reads.
type answers struct {
	seq  uint32
	each func(msgType uint16, payload []byte) error

	done        bool
	interrupted bool
	failed      error // the first error of the kernel or of each
}

// take goes through the messages of one read. It fails only where the bytes
// are not netlink.
func (a *answers) take(b []byte) error {
	for len(b) > 0 && !a.done {
		h, payload, rest, err := nextMessage(b)
		if err != nil {
			return err
		}
		b = rest
		if h.Seq != a.seq { // left over from an earlier request that failed
			continue
		}
		if h.Flags&unix.NLM_F_DUMP_INTR != 0 {
			a.interrupted = true
		}
		switch h.Type {
		case unix.NLMSG_NOOP:
		case unix.NLMSG_DONE, unix.NLMSG_ERROR: // an error of errno 0 is an acknowledgement
			a.done = true
			if a.failed == nil {
				a.failed = errnoOf(payload)
			}
		default:
			if a.failed == nil {
				a.failed = a.each(h.Type, payload)
			}
		}
	}
	return nil
}

func (a *answers) err() error {
	if a.failed == nil && a.interrupted {
		return ErrInterrupted
	}
	return a.failed
}
