package netlink

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Reading /proc by hand: os.ReadDir and os.Readlink allocate several times an
// entry, and a host has a hundred thousand of them.

// direntBufferSize is what one getdents64 may fill, about 1,300 entries.
const direntBufferSize = 32 << 10

// nameOffset is where d_name starts in struct linux_dirent64: after d_ino (8
// bytes), d_off (8), d_reclen (2) and d_type (1).
const nameOffset = 19

// openDirectory opens a path, relative to the directory at. The path ends in a
// NUL byte.
func openDirectory(at int, path []byte) (int, unix.Errno) {
	for {
		fd, _, errno := unix.Syscall6(unix.SYS_OPENAT, uintptr(at), uintptr(unsafe.Pointer(&path[0])),
			unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0, 0, 0)
		if errno != unix.EINTR {
			return int(fd), errno
		}
	}
}

// eachEntry calls each with the name of every entry of the open directory, with
// its terminating NUL byte; the name is valid only during the call. "." and ".."
// come too.
func eachEntry(fd int, buf []byte, each func(name []byte)) error {
	for {
		n, err := unix.Getdents(fd, buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
		entries(buf[:n], each)
	}
}

// entries goes through what one getdents64 returned.
func entries(b []byte, each func(name []byte)) {
	for len(b) > nameOffset {
		size := int(binary.NativeEndian.Uint16(b[16:]))
		if size <= nameOffset || size > len(b) {
			return
		}
		name := b[nameOffset:size]
		for i, c := range name {
			if c == 0 {
				each(name[:i+1])
				break
			}
		}
		b = b[size:]
	}
}

// readLink reads the link name (with its NUL byte) in directory at into buf.
func readLink(at int, name, buf []byte) (int, unix.Errno) {
	n, _, errno := unix.Syscall6(unix.SYS_READLINKAT, uintptr(at), uintptr(unsafe.Pointer(&name[0])),
		uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), 0, 0)
	return int(n), errno
}

// parseDecimal reads a number that has only digits.
func parseDecimal(b []byte) (n uint64, ok bool) {
	if len(b) == 0 || len(b) > 19 { // 19 digits always fit
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}

// parseLinkInode reads the inode of a link such as "socket:[123]" whose part
// before the bracket is kind.
func parseLinkInode(link []byte, kind string) (inode uint64, ok bool) {
	if len(link) < len(kind)+4 || string(link[:len(kind)]) != kind ||
		link[len(kind)] != ':' || link[len(kind)+1] != '[' || link[len(link)-1] != ']' {
		return 0, false
	}
	return parseDecimal(link[len(kind)+2 : len(link)-1])
}

// listPIDs appends the processes (not the threads) under procRoot to pids, in
// the kernel's order, which is rising.
func listPIDs(procRoot string, pids []int32) ([]int32, error) {
	fd, err := unix.Open(procRoot, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return pids, fmt.Errorf("list processes: open %s: %w", procRoot, err)
	}
	defer unix.Close(fd)
	err = eachEntry(fd, make([]byte, direntBufferSize), func(name []byte) {
		if pid, ok := parseDecimal(name[:len(name)-1]); ok && pid <= 1<<31-1 {
			pids = append(pids, int32(pid))
		}
	})
	if err != nil {
		return pids, fmt.Errorf("list processes: read %s: %w", procRoot, err)
	}
	return pids, nil
}

// appendProcPath appends "PID/rest" and a NUL byte to b.
func appendProcPath(b []byte, pid int32, rest string) []byte {
	b = strconv.AppendInt(b, int64(pid), 10)
	b = append(b, '/')
	b = append(b, rest...)
	return append(b, 0)
}
