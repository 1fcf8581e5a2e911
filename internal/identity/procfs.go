package identity

import (
	"errors"
	"io/fs"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The files of one process are read through plain system calls: os.File would
// offer each of them to the poller and allocate five times for three calls.

// maxFile bounds what is read of one file. /proc/PID/status is the longest one:
// a process may be in 65,536 groups, and the line NSpid comes after them.
const maxFile = 1 << 20

// open opens path, which must end in a NUL byte, relative to the directory dir.
func open(dir int, path string, flags int) (int, error) {
	for {
		fd, _, errno := unix.Syscall6(unix.SYS_OPENAT, uintptr(dir),
			uintptr(unsafe.Pointer(unsafe.StringData(path))), uintptr(flags|unix.O_CLOEXEC), 0, 0, 0)
		switch errno {
		case 0:
			return int(fd), nil
		case unix.EINTR:
		default:
			return -1, gone(errno)
		}
	}
}

// readLink reads the target of the symbolic link path, which must end in a NUL
// byte, into buf. A target that does not fit is cut.
func readLink(dir int, path string, buf []byte) ([]byte, error) {
	n, _, errno := unix.Syscall6(unix.SYS_READLINKAT, uintptr(dir),
		uintptr(unsafe.Pointer(unsafe.StringData(path))),
		uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)), 0, 0)
	if errno != 0 {
		return nil, gone(errno)
	}
	return buf[:n], nil
}

// readInto reads the whole file into buf, which it enlarges up to limit bytes,
// and returns what was read and the buffer to use the next time. The content
// is part of that buffer, so it is valid until the buffer is used again.
//
// The kernel makes stat, status and cgroup in one piece (single_open in
// fs/seq_file.c), so a read that leaves room in the buffer was the last one.
func readInto(dir int, path string, buf []byte, limit int) (content, grown []byte, err error) {
	fd, err := open(dir, path, unix.O_RDONLY)
	if err != nil {
		return nil, buf, err
	}
	defer unix.Close(fd)
	n := 0
	for {
		m, err := unix.Read(fd, buf[n:min(len(buf), limit)])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, buf, gone(err)
		}
		n += m
		if m == 0 || n < len(buf) || n >= limit {
			return buf[:n], buf, nil
		}
		buf = append(buf, make([]byte, len(buf))...)
	}
}

// gone makes the two ways in which the kernel says that a process has ended
// one: a file that is opened is missing (ENOENT), one that was open has no
// process any more (ESRCH).
func gone(err error) error {
	if errors.Is(err, unix.ESRCH) {
		return fs.ErrNotExist
	}
	return err
}
