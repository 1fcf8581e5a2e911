package netlink

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"peerscope/internal/flow"
)

// namespaceDirs are where network namespaces are given names: by ip(8), and by
// Docker. /var/run is usually a link to /run, so an inode may be found twice.
func namespaceDirs() []string { return []string{"/run/netns", "/var/run/netns", "/run/docker/netns"} }

// namedNamespace is a network namespace that has a file of its own, so that it
// may live without a process.
type namedNamespace struct {
	Name  string
	Path  string
	Inode uint64
}

// listNamedNamespaces finds the network namespaces mounted in dirs, sorted by
// inode, each once. A file that lost its mount, and a directory that is not
// there or not ours to read, are skipped.
func listNamedNamespaces(dirs []string) ([]namedNamespace, error) {
	var found []namedNamespace
	for _, dir := range dirs {
		files, err := os.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("list named network namespaces: %w", err)
		}
		for _, f := range files {
			path := filepath.Join(dir, f.Name())
			if inode, err := namespaceInode(path); err == nil {
				found = append(found, namedNamespace{Name: f.Name(), Path: path, Inode: inode})
			}
		}
	}
	slices.SortStableFunc(found, func(a, b namedNamespace) int { return cmp.Compare(a.Inode, b.Inode) })
	return slices.CompactFunc(found, func(a, b namedNamespace) bool { return a.Inode == b.Inode }), nil
}

// namespaceInode is the inode of the namespace that path is mounted on or leads
// to. It fails for a file of any other file system without opening it.
func namespaceInode(path string) (uint64, error) {
	var fsStat unix.Statfs_t
	if err := unix.Statfs(path, &fsStat); err != nil {
		return 0, err
	}
	if int64(fsStat.Type) != unix.NSFS_MAGIC {
		return 0, errNotNamespace
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return 0, err
	}
	return st.Ino, nil
}

// processNamespaces is which processes live in which network namespace.
type processNamespaces struct {
	ByInode map[uint64][]int32 // processes by the namespace's inode, rising
	Denied  int                // processes whose namespace this user may not see
}

// readProcessNamespaces reads /proc/PID/ns/net of the processes pids (all there
// are, if nil). A process counts for the namespace of its main thread. Those
// that vanish are skipped.
func readProcessNamespaces(procRoot string, pids []int32) (processNamespaces, error) {
	out := processNamespaces{ByInode: map[uint64][]int32{}}
	if pids == nil {
		var err error
		if pids, err = listPIDs(procRoot, nil); err != nil {
			return out, err
		}
	}
	root, err := unix.Open(procRoot, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return out, fmt.Errorf("read namespaces of processes: open %s: %w", procRoot, err)
	}
	defer unix.Close(root)

	var path []byte
	link := make([]byte, 64)
	for _, pid := range pids {
		path = appendProcPath(path[:0], pid, "ns/net")
		n, errno := readLink(root, path, link)
		switch errno {
		case 0:
			if inode, ok := parseLinkInode(link[:n], "net"); ok {
				out.ByInode[inode] = append(out.ByInode[inode], pid)
			}
		case unix.ENOENT, unix.ESRCH:
		case unix.EACCES, unix.EPERM:
			out.Denied++
		default:
			return out, fmt.Errorf("read network namespace of pid %d: %w", pid, errno)
		}
	}
	return out, nil
}

// netnsID is the name of a namespace for the life of the host: its cookie,
// asked of a socket that is in it (SO_NETNS_COOKIE, since Linux 5.14), or, on
// an older kernel, the inode with the highest bit set.
func (c *conn) netnsID(inode uint64) (flow.NetnsID, error) {
	var cookie uint64
	err := c.control(func(fd int) error {
		var err error
		cookie, err = unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
		return err
	})
	if errors.Is(err, unix.ENOPROTOOPT) {
		return flow.NetnsID(inode | 1<<63), nil
	}
	if err != nil {
		return 0, fmt.Errorf("read cookie of network namespace %d: %w", inode, err)
	}
	return flow.NetnsID(cookie), nil
}
