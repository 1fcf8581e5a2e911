package identity

import (
	"encoding/binary"
	"errors"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"peerscope/internal/flow"
)

// cgroups finds cgroups of version 2 by their ids. An id is the kernel's number
// of the cgroup's directory (kernfs_node.id, since Linux 5.5 one of 64 bits that
// is not used again), and a cgroup never changes its path. So what was found
// once stays true, also when the cgroup is gone.
type cgroups struct {
	proc    string // where procfs is, with a slash at the end
	mounts  mounts
	mounted answer // there is a mount of version 2
	refused bool   // this program may not open by handle
	scanned flow.Time

	// known are those asked for lately, and older those before them.
	known, older map[uint64]knownCgroup
}

// knownCgroup has no path if the cgroup was not found at that time.
type knownCgroup struct {
	Cgroup
	asked flow.Time
}

const (
	// maxCgroups bounds each of the two generations that are remembered.
	maxCgroups = 4096
	// cgroupRetry is how long a cgroup that was not found is not looked for again.
	cgroupRetry = flow.Time(10 * time.Second)
)

func newCgroups(proc string) cgroups {
	return cgroups{proc: proc, known: map[uint64]knownCgroup{}}
}

// find says what the cgroup's path says. The result is zero if there is no such
// cgroup any more or it cannot be known.
func (c *cgroups) find(id uint64, now flow.Time) Cgroup {
	if c.mounted == notAsked {
		c.readMounts()
	}
	if id == 0 || c.mounted == no {
		return Cgroup{}
	}
	k, ok := c.recall(id)
	if ok && (k.Path != "" || !isApart(now, k.asked, cgroupRetry)) {
		return k.Cgroup
	}
	k = knownCgroup{c.look(id, now), now}
	c.remember(id, k)
	return k.Cgroup
}

// look asks the kernel.
func (c *cgroups) look(id uint64, now flow.Time) Cgroup {
	if !c.refused {
		path, err := c.open(id)
		switch {
		case err == nil:
			return c.read(path)
		case !refusesHandles(err):
			return Cgroup{}
		}
		c.refused = true
	}
	if c.scanned == 0 || isApart(now, c.scanned, cgroupRetry) {
		c.scanned = now
		c.scan(now)
	}
	k, _ := c.recall(id)
	return k.Cgroup
}

// recall is what is remembered of a cgroup. It keeps what is asked for.
func (c *cgroups) recall(id uint64) (knownCgroup, bool) {
	k, ok := c.known[id]
	if !ok {
		if k, ok = c.older[id]; ok {
			c.remember(id, k)
		}
	}
	return k, ok
}

func (c *cgroups) remember(id uint64, k knownCgroup) {
	if len(c.known) >= maxCgroups {
		c.known, c.older = map[uint64]knownCgroup{}, c.known
	}
	c.known[id] = k
}

// readMounts finds where the hierarchy is to be seen.
func (c *cgroups) readMounts() {
	c.mounted = no
	b, err := os.ReadFile(c.proc + "self/mountinfo")
	if err != nil {
		return
	}
	c.mounts = parseMounts(string(b))
	if c.mounts.unified.point != "" {
		c.mounted = yes
	}
}

// read makes a cgroup of a path below the mount point.
//
// With version 1 beside it, a process may belong elsewhere than version 2 says:
// the path is that of the daemon that started it, or the root. Only what names
// a container is to be trusted then.
func (c *cgroups) read(path string) Cgroup {
	if root := strings.TrimRight(c.mounts.unified.root, "/"); root != "" {
		path = root + path
	}
	if path == "" {
		path = "/"
	}
	g := cgroupOf(path)
	if c.mounts.tracksV1 && g.Container == "" {
		return Cgroup{}
	}
	return g
}

// kernfsHandle is the type of a file handle that holds the id of a node
// (FILEID_KERNFS in include/linux/exportfs.h); it has 8 bytes in host order.
const kernfsHandle = 0xfe

var errNotBelow = errors.New("outside of the mount")

// open finds the path of a cgroup below the mount point, empty for its root. It
// needs CAP_DAC_READ_SEARCH. ESTALE says that the cgroup is gone.
func (c *cgroups) open(id uint64) (string, error) {
	mount, err := unix.Open(c.mounts.unified.point, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(mount)
	handle := unix.NewFileHandle(kernfsHandle, binary.NativeEndian.AppendUint64(nil, id))
	// The files of cgroups have such ids too.
	fd, err := unix.OpenByHandleAt(mount, handle, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	target, err := os.Readlink(c.proc + "self/fd/" + strconv.Itoa(fd))
	if err != nil {
		return "", err
	}
	path, ok := strings.CutPrefix(target, strings.TrimRight(c.mounts.unified.point, "/"))
	if !ok || path != "" && path[0] != '/' {
		return "", errNotBelow
	}
	return path, nil
}

// refusesHandles tells what this program may not do from a cgroup that is gone.
func refusesHandles(err error) bool {
	return errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EOPNOTSUPP)
}
