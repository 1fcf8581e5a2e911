package nlsocket

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// batchMessages is how many multicast messages one system call fetches. Past
	// a few dozen the system call no longer shows in the cost of a message.
	batchMessages = 32
	// batchSlot is the room for one message. The death of a TCP socket takes
	// about 370 bytes on Linux 6.18, an event of a process 92.
	batchSlot = 1 << 10
)

// batch is the memory of one recvmmsg: slots for messages and their senders.
// It is small because there may be a Conn for every namespace of the host.
type batch struct {
	slab    []byte
	vectors [batchMessages]unix.Iovec
	senders [batchMessages]unix.RawSockaddrNetlink
	headers [batchMessages]messageHeader
}

// messageHeader is struct mmsghdr.
type messageHeader struct {
	unix.Msghdr
	length uint32
}

func newBatch() *batch {
	b := &batch{slab: make([]byte, batchMessages*batchSlot)}
	for i := range b.headers {
		b.vectors[i].Base = &b.slab[i*batchSlot]
		b.vectors[i].SetLen(batchSlot)
		b.headers[i].Iov = &b.vectors[i]
		b.headers[i].SetIovlen(1)
		b.headers[i].Name = (*byte)(unsafe.Pointer(&b.senders[i]))
	}
	return b
}

// Receive waits for multicast messages, takes what is there, at most
// batchMessages of them, and hands each to each, whose payload is valid only
// during the call. more says that others may be waiting already.
//
// overrun says that the receive buffer was full and the kernel threw messages
// away; nobody knows how many. It is told before the messages that were in the
// buffer. The kernel goes on throwing away until the queue has been read empty
// (NETLINK_S_CONGESTED), so drain before taking a dump that is to make up for it.
//
// A caller that sleeps a few milliseconds between calls pays one wake-up for
// many messages instead of one for each: 1.6 us for the death of a socket,
// nearly all of it the kernel's, measured on Linux 6.18.
func (c *Conn) Receive(each func(msgType uint16, payload []byte) error) (more, overrun bool, err error) {
	if c.batch == nil {
		c.batch = newBatch()
		c.batchOnce = c.tryBatch
	}
	return c.takeBatch(c.batchOnce, each)
}

// Poll is Receive without waiting: it takes what is there.
func (c *Conn) Poll(each func(msgType uint16, payload []byte) error) (more, overrun bool, err error) {
	if c.batch == nil {
		c.batch = newBatch()
		c.batchOnce = c.tryBatch
	}
	if c.pollOnce == nil {
		c.pollOnce = func(fd uintptr) bool {
			if !c.tryBatch(fd) {
				c.got, c.gotErr = 0, nil
			}
			return true
		}
	}
	return c.takeBatch(c.pollOnce, each)
}

// takeBatch reads once, by try, and hands out what came.
func (c *Conn) takeBatch(try func(fd uintptr) bool, each func(msgType uint16, payload []byte) error) (more, overrun bool, err error) {
	if err := c.wait(try); err != nil {
		return false, false, fmt.Errorf("wait for netlink messages: %w", err)
	}
	if errors.Is(c.gotErr, unix.ENOBUFS) {
		return true, true, nil
	}
	if c.gotErr != nil {
		return false, false, fmt.Errorf("read netlink messages: %w", c.gotErr)
	}
	for i := range c.got {
		m := &c.batch.headers[i]
		if c.batch.senders[i].Pid != 0 { // not the kernel, see read
			continue
		}
		if m.Flags&unix.MSG_TRUNC != 0 {
			// A kernel with far larger messages. Its message is lost all the same.
			overrun = true
			continue
		}
		if err := EachMessage(c.batch.slab[i*batchSlot:][:m.length], each); err != nil {
			return true, overrun, err
		}
	}
	return c.got == batchMessages, overrun, nil
}

// tryBatch is one attempt of receive; false makes the poller wait.
func (c *Conn) tryBatch(fd uintptr) bool {
	b := c.batch
	for i := range b.headers {
		b.headers[i].Namelen = unix.SizeofSockaddrNetlink
	}
	for {
		n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&b.headers[0])), batchMessages,
			unix.MSG_DONTWAIT, 0, 0)
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
