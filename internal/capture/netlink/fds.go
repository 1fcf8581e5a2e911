package netlink

import (
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// parallelFrom is the number of processes from which a walk is worth a second
// worker. The kernel needs about 10 us for an ordinary process.
const parallelFrom = 64

// walkStats says how much of the world a walk saw.
type walkStats struct {
	Processes int // whose files were read
	Denied    int // whose files this user may not see (EACCES): they need CAP_SYS_PTRACE
	Sockets   int // links to sockets, wanted or not
}

func (s *walkStats) add(o walkStats) {
	s.Processes += o.Processes
	s.Denied += o.Denied
	s.Sockets += o.Sockets
}

// walkFDs reads the open files of the processes pids under procRoot (all there
// are, if pids is nil) and calls found for every socket whose inode is wanted,
// once for each descriptor that leads to it.
//
// A big walk runs on several workers, numbered from 0 and at most walkWorkers:
// want is called by all of them at once and must only read, found may keep
// state by worker. A process that vanishes is skipped. Files that only one
// thread of a process has (clone without CLONE_FILES) are not seen.
func walkFDs(procRoot string, pids []int32, want func(inode uint64) bool,
	found func(worker int, pid int32, inode uint64)) (walkStats, error) {
	if pids == nil {
		var err error
		if pids, err = listPIDs(procRoot, nil); err != nil {
			return walkStats{}, err
		}
	}
	root, err := unix.Open(procRoot, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return walkStats{}, fmt.Errorf("walk open files: open %s: %w", procRoot, err)
	}
	defer unix.Close(root)

	workers := make([]fdWalker, 1)
	if len(pids) >= parallelFrom {
		workers = make([]fdWalker, walkWorkers())
	}
	var next atomic.Int64
	var wait sync.WaitGroup
	for i := range workers {
		workers[i] = fdWalker{worker: i, root: root, want: want, found: found}
		wait.Go(func() { workers[i].walk(pids, &next) })
	}
	wait.Wait()

	var stats walkStats
	var errs []error
	for i := range workers {
		stats.add(workers[i].stats)
		errs = append(errs, workers[i].err)
	}
	return stats, errors.Join(errs...)
}

// walkWorkers is how many workers a big walk has. The kernel's own locks bound
// what more would bring.
func walkWorkers() int { return min(max(runtime.GOMAXPROCS(0), 1), 4) }

// fdWalker is one worker of a walk. Its buffers are used again for every
// process, so that a walk allocates by worker and not by file.
type fdWalker struct {
	worker int
	root   int // the open procRoot
	want   func(inode uint64) bool
	found  func(worker int, pid int32, inode uint64)

	stats walkStats
	err   error

	path    []byte
	name    []byte
	entries []byte
	link    [64]byte // "socket:[" and 20 digits fit; of longer links the start is enough
	denied  bool     // a link of this process could not be read
}

// walk takes processes off the common list until it is done.
func (w *fdWalker) walk(pids []int32, next *atomic.Int64) {
	for {
		i := next.Add(1) - 1
		if i >= int64(len(pids)) {
			return
		}
		if err := w.process(pids[i]); err != nil {
			w.err = fmt.Errorf("read open files of pid %d: %w", pids[i], err)
			next.Store(int64(len(pids))) // ends the other workers too
			return
		}
	}
}

func (w *fdWalker) process(pid int32) error {
	w.path = appendProcPath(w.path[:0], pid, "fd")
	dir, errno := openDirectory(w.root, w.path)
	switch errno {
	case 0:
	case unix.ENOENT, unix.ESRCH:
		return nil
	case unix.EACCES, unix.EPERM:
		w.stats.Denied++
		return nil
	default:
		return errno
	}
	defer unix.Close(dir)
	w.denied = false
	err := w.files(dir, pid)
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ESRCH):
		return nil
	case err != nil:
		return err
	case w.denied:
		w.stats.Denied++
	default:
		w.stats.Processes++
	}
	return nil
}

// files reads the links of one process, at about 3.5 us each, all of them the
// kernel's. Since Linux 6.2 the size of the directory is the number of open
// files, and descriptors are almost always numbered without gaps: trying the
// numbers in turn costs a fifth less than listing the directory first. What
// gaps hide is found by listing.
func (w *fdWalker) files(dir int, pid int32) error {
	var st unix.Stat_t
	if err := unix.Fstat(dir, &st); err != nil {
		return err
	}
	number, missed := int64(0), int64(0)
	for open := st.Size; open > 0 && missed <= 8; number++ {
		w.name = append(strconv.AppendInt(w.name[:0], number, 10), 0)
		if w.file(dir, w.name, pid) {
			open--
		} else {
			missed++
		}
		if open == 0 || w.denied {
			return nil
		}
	}
	if w.entries == nil {
		w.entries = make([]byte, direntBufferSize)
	}
	return eachEntry(dir, w.entries, func(name []byte) {
		n, ok := parseDecimal(name[:len(name)-1])
		if ok && n >= uint64(number) && !w.denied {
			w.file(dir, name, pid)
		}
	})
}

// file looks at one descriptor and reports whether there is one. The link is
// read and not followed: stat would be no faster, and waits for the file system
// of the file, which may be a network mount that is gone.
func (w *fdWalker) file(dir int, name []byte, pid int32) bool {
	n, errno := readLink(dir, name, w.link[:])
	if errno != 0 {
		w.denied = w.denied || errno == unix.EACCES || errno == unix.EPERM
		return false
	}
	if inode, ok := parseLinkInode(w.link[:n], "socket"); ok {
		w.stats.Sockets++
		if w.want(inode) {
			w.found(w.worker, pid, inode)
		}
	}
	return true
}
