package identity

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"peerscope/internal/flow"
)

// scan remembers all cgroups there are, or the maxCgroups that are highest in
// the tree. It is the way of a program that may not open by handle.
//
// On 64-bit kernels the number of a cgroup's directory is its id, and reading
// the directory above tells it; nothing else is opened.
func (c *cgroups) scan(now flow.Time) {
	point := c.mounts.unified.point
	var root unix.Stat_t
	if err := unix.Stat(point, &root); err != nil {
		return
	}
	c.remember(root.Ino, knownCgroup{c.read(""), now})
	buf := make([]byte, 16<<10)
	queue := []string{""}
	for found := 1; len(queue) > 0; queue = queue[1:] {
		dir := queue[0]
		readDirectories(point+dir, buf, func(name string, inode uint64) {
			if found++; found > maxCgroups {
				return
			}
			path := dir + "/" + name
			queue = append(queue, path)
			c.remember(inode, knownCgroup{c.read(path), now})
		})
	}
}

// Where the fields of struct linux_dirent64 are (include/linux/dirent.h).
const (
	direntLength = 16 // of the entry, 16 bits
	direntType   = 18
	direntName   = 19 // ends in a NUL
)

// readDirectories tells what directories are in a directory, with their inodes.
// One that cannot be read has none.
func readDirectories(path string, buf []byte, tell func(name string, inode uint64)) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	for {
		n, err := unix.Getdents(fd, buf)
		if err != nil || n <= 0 {
			return
		}
		for b := buf[:n]; len(b) > direntName; {
			length := int(binary.NativeEndian.Uint16(b[direntLength:]))
			if length <= direntName || length > len(b) {
				return
			}
			if name := untilNUL(b[direntName:length]); b[direntType] == unix.DT_DIR && name != "." && name != ".." {
				tell(name, binary.NativeEndian.Uint64(b))
			}
			b = b[length:]
		}
	}
}

func untilNUL(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}
