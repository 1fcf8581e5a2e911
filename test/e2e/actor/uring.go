package main

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"peerscope/test/e2e/script"
)

// Numbers of include/uapi/linux/io_uring.h.
const (
	opSend     = 26
	opReceive  = 27
	offEntries = 0x10000000 // IORING_OFF_SQES
	getEvents  = 1          // IORING_ENTER_GETEVENTS
	singleMap  = 1          // IORING_FEAT_SINGLE_MMAP: both rings are one piece of memory
)

// ringParams is struct io_uring_params: its last two parts are where the fields
// of the two rings are.
type ringParams struct {
	entries, completions, flags, cpu, idle, features, wq uint32
	_                                                    [3]uint32
	sq                                                   struct {
		head, tail, mask, entries, flags, dropped, array, _ uint32
		_                                                   uint64
	}
	cq struct {
		head, tail, mask, entries, overflow, cqes, flags, _ uint32
		_                                                   uint64
	}
}

// ringEntry is struct io_uring_sqe, ringResult struct io_uring_cqe.
type ringEntry struct {
	op, flags uint8
	ioprio    uint16
	fd        int32
	off, addr uint64
	len, how  uint32
	user      uint64
	_         [3]uint64
}

type ringResult struct {
	user   uint64
	result int32
	flags  uint32
}

// ring is an io_uring that does one operation at a time.
type ring struct {
	fd            int
	params        ringParams
	rings, places []byte
	buf           []byte
}

func newRing() (*ring, error) {
	r := &ring{buf: make([]byte, chunk)}
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&r.params)), 0)
	if errno != 0 {
		return nil, fmt.Errorf("set up io_uring: %w", errno)
	}
	r.fd = int(fd)
	if r.params.features&singleMap == 0 {
		return nil, fmt.Errorf("set up io_uring: two maps, as before Linux 5.4")
	}
	size := max(r.params.sq.array+4*r.params.entries, r.params.cq.cqes+16*r.params.completions)
	var err error
	if r.rings, err = r.mapped(0, int(size)); err != nil {
		return nil, err
	}
	r.places, err = r.mapped(offEntries, int(r.params.entries)*int(unsafe.Sizeof(ringEntry{})))
	return r, err
}

func (r *ring) mapped(offset int64, size int) ([]byte, error) {
	m, err := unix.Mmap(r.fd, offset, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return nil, fmt.Errorf("map io_uring: %w", err)
	}
	return m, nil
}

func (r *ring) close() {
	_ = unix.Munmap(r.rings)
	_ = unix.Munmap(r.places)
	_ = unix.Close(r.fd)
}

func (r *ring) word(offset uint32) *uint32 { return (*uint32)(unsafe.Pointer(&r.rings[offset])) }

// do is one operation from start to end: with room for one entry it is always
// the first.
func (r *ring) do(op uint8, fd int, buf []byte) (int, error) {
	*(*ringEntry)(unsafe.Pointer(&r.places[0])) = ringEntry{op: op, fd: int32(fd), len: uint32(len(buf)),
		addr: uint64(uintptr(unsafe.Pointer(&buf[0]))), how: unix.MSG_NOSIGNAL}
	*r.word(r.params.sq.array) = 0
	atomic.AddUint32(r.word(r.params.sq.tail), 1)
	err := again(func() error {
		_, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), 1, 1, getEvents, 0, 0)
		if errno != 0 {
			return errno
		}
		return nil
	})
	runtime.KeepAlive(buf)
	if err != nil {
		return 0, fmt.Errorf("enter io_uring: %w", err)
	}
	head := r.word(r.params.cq.head)
	at := r.params.cq.cqes + (*head&*r.word(r.params.cq.mask))*16
	result := (*ringResult)(unsafe.Pointer(&r.rings[at])).result
	atomic.AddUint32(head, 1)
	if result < 0 {
		return 0, unix.Errno(-result)
	}
	return int(result), nil
}

func (r *ring) receive(fd, want int) (int, error) { return r.do(opReceive, fd, r.buf[:want]) }

// sendByRing sends without a system call that names the socket.
func sendByRing(fd int, total int64, f *script.Fact) error {
	r, err := newRing()
	if err != nil {
		return err
	}
	defer r.close()
	for f.Bytes < total {
		n, err := r.do(opSend, fd, r.buf[:min(chunk, total-f.Bytes)])
		if !answer(f, err) {
			return nil
		}
		f.Bytes += int64(n)
	}
	return nil
}
