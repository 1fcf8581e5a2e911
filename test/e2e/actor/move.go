package main

import (
	"fmt"

	"golang.org/x/sys/unix"

	"peerscope/test/e2e/script"
)

const (
	// chunk is how much one system call moves at most: the size of a pipe.
	chunk = 64 << 10
	// bulk is the same for a transfer that has to be quick.
	bulk = 4 << 20
)

// send gives c.Bytes to the socket by the way asked for.
func send(fd int, c script.Command, f *script.Fact) error {
	defer names(fd, f)
	switch c.Via {
	case script.BySplice:
		return sendSpliced(fd, c.Bytes, f)
	case script.BySendFile:
		return sendFile(fd, c.Bytes, f)
	case script.ByUring:
		return sendByRing(fd, c.Bytes, f)
	}
	size := int64(chunk)
	if c.Via == script.Bulk {
		size = bulk
	}
	buf := make([]byte, size)
	if c.Text != "" {
		c.Bytes = int64(copy(buf, c.Text))
	}
	for f.Bytes < c.Bytes {
		n := 0
		err := again(func() (err error) {
			// The buffer repeats, except that a text fits into it once.
			from := f.Bytes % size
			n, err = unix.SendmsgN(fd, buf[from:min(size, from+c.Bytes-f.Bytes)], nil, nil, unix.MSG_NOSIGNAL)
			return err
		})
		if !answer(f, err) {
			return nil
		}
		f.Bytes += int64(n)
	}
	return nil
}

// sendSpliced moves bytes from a pipe to the socket: no send system call ever
// carries them.
func sendSpliced(fd int, total int64, f *script.Fact) error {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("make pipe: %w", err)
	}
	defer unix.Close(p[0])
	defer unix.Close(p[1])
	buf := make([]byte, chunk)
	for f.Bytes < total {
		filled, err := unix.Write(p[1], buf[:min(chunk, total-f.Bytes)])
		if err != nil {
			return fmt.Errorf("fill pipe: %w", err)
		}
		for filled > 0 {
			n, err := unix.Splice(p[0], nil, fd, nil, filled, unix.SPLICE_F_MOVE)
			if !answer(f, err) {
				return nil
			}
			filled -= int(n)
			f.Bytes += int64(n)
		}
	}
	return nil
}

// sendFile sends a file that lives in memory only.
func sendFile(fd int, total int64, f *script.Fact) error {
	file, err := unix.MemfdCreate("actor", unix.MFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("make file: %w", err)
	}
	defer unix.Close(file)
	if err := unix.Ftruncate(file, total); err != nil {
		return fmt.Errorf("size file: %w", err)
	}
	var offset int64
	for f.Bytes < total {
		n, err := unix.Sendfile(fd, file, &offset, int(total-f.Bytes))
		if !answer(f, err) {
			return nil
		}
		f.Bytes += int64(n)
	}
	return nil
}

// receive takes exactly c.Bytes, or everything until the end of the stream.
func receive(fd int, c script.Command, f *script.Fact) error {
	defer names(fd, f)
	take, most := new(reader).take, int64(chunk)
	switch c.Via {
	case script.BySplice:
		s, err := newDrain()
		if err != nil {
			return err
		}
		defer s.close()
		take = s.take
	case script.Bulk:
		take, most = discard, bulk
	case script.ByUring:
		r, err := newRing()
		if err != nil {
			return err
		}
		defer r.close()
		take = r.receive
	}
	for c.Bytes < 0 || f.Bytes < c.Bytes {
		want := most
		if c.Bytes >= 0 {
			want = min(want, c.Bytes-f.Bytes)
		}
		if err := ready(fd, unix.POLLIN, c.TimeoutMS); err != nil {
			return fmt.Errorf("after %d bytes: %w", f.Bytes, err)
		}
		n, err := take(fd, int(want))
		if !answer(f, err) {
			return nil
		}
		if n == 0 {
			f.End = true
			return nil
		}
		f.Bytes += int64(n)
	}
	return nil
}

// readText takes what is there and reports it.
func readText(fd int, c script.Command, f *script.Fact) error {
	if err := ready(fd, unix.POLLIN, c.TimeoutMS); err != nil {
		return err
	}
	buf := make([]byte, chunk)
	n, _, err := unix.Recvfrom(fd, buf, 0)
	if answer(f, err) {
		f.Bytes, f.Text, f.End = int64(n), string(buf[:n]), n == 0
	}
	return nil
}

// reader receives into one buffer.
type reader struct{ buf []byte }

func (r *reader) take(fd, want int) (n int, err error) {
	if len(r.buf) < want {
		r.buf = make([]byte, want)
	}
	err = again(func() (err error) {
		n, _, err = unix.Recvfrom(fd, r.buf[:want], 0)
		return err
	})
	return n, err
}

// discard takes what there is without copying it (MSG_TRUNC of TCP).
func discard(fd, want int) (int, error) {
	for {
		n, _, errno := unix.Syscall6(unix.SYS_RECVFROM, uintptr(fd), 0, uintptr(want), unix.MSG_TRUNC, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

// drain receives by splice: socket to pipe to /dev/null.
type drain struct {
	pipe [2]int
	null int
}

func newDrain() (*drain, error) {
	d := &drain{}
	if err := unix.Pipe2(d.pipe[:], unix.O_CLOEXEC); err != nil {
		return nil, fmt.Errorf("make pipe: %w", err)
	}
	null, err := unix.Open("/dev/null", unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/null: %w", err)
	}
	d.null = null
	return d, nil
}

func (d *drain) take(fd, want int) (int, error) {
	n, err := unix.Splice(fd, nil, d.pipe[1], nil, want, unix.SPLICE_F_MOVE)
	if err != nil {
		return 0, err
	}
	for left := n; left > 0; {
		moved, err := unix.Splice(d.pipe[0], nil, d.null, nil, int(left), 0)
		if err != nil {
			return 0, err
		}
		left -= moved
	}
	return int(n), nil
}

func (d *drain) close() {
	_ = unix.Close(d.pipe[0])
	_ = unix.Close(d.pipe[1])
	_ = unix.Close(d.null)
}
