package identity

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"time"

	"peerscope/internal/flow"
)

// runtimes asks the container runtimes of the host what a container is, by the
// files they keep. It serves one goroutine, which may have to wait for it.
type runtimes struct {
	root  string // before every path; empty: this host
	now   func() time.Time
	dirs  directories
	lists map[string]storageList
	users users

	dockerDown time.Time // when its daemon last failed to answer
	dockerErr  error
}

func newRuntimes(root string) *runtimes {
	r := &runtimes{root: root, now: time.Now, lists: map[string]storageList{}, users: users{path: root + "/etc/passwd"}}
	r.dirs = directories{known: map[place]listing{}, now: r.now}
	return r
}

// errOther: a file or an answer speaks of another container than it should.
var errOther = errors.New("is of another container")

// source is one kind of runtime. before is what it told the last time.
type source func(ref containerRef, before stamp) (container, stamp, error)

// find asks first the runtime that the cgroup speaks for, then the others: the
// path of a cgroup does not always tell. The error wraps fs.ErrNotExist if none
// of them has such a container, and is errUnchanged if what before stands for is
// still all there is.
func (r *runtimes) find(ref containerRef, before stamp) (container, stamp, error) {
	order := [...]source{r.docker, r.containerd, r.stored}
	switch ref.runtime {
	case "containerd":
		order = [...]source{r.containerd, r.docker, r.stored}
	case "cri-o", "podman":
		order = [...]source{r.stored, r.docker, r.containerd}
	}
	failed := error(fs.ErrNotExist)
	for _, ask := range order {
		c, now, err := ask(ref, before)
		if err == nil || errors.Is(err, errUnchanged) {
			return c, now, err
		}
		failed = worse(failed, err)
	}
	return container{}, stamp{}, failed
}

// below is a directory below the home of a user; none if the home is not known.
func (r *runtimes) below(user, dir string) []place {
	uid, err := strconv.ParseUint(user, 10, 32)
	if err != nil {
		return nil
	}
	home := r.users.home(uint32(uid), flow.Time(r.now().UnixNano()))
	if home == "" {
		return nil
	}
	return []place{{base: r.root + home, dir: dir}}
}

// worse keeps the error that says more: that something is missing is the usual
// case, as most hosts have one runtime.
func worse(a, b error) error {
	if a == nil || isMissing(a) && b != nil && !isMissing(b) {
		return b
	}
	return a
}

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// HostRoot is where the host's root directory is, if this program has another:
// in a container with the host's pid namespace, process 1 has the host's. Empty
// if it has the same, or may not be looked into.
func HostRoot() string { return hostRoot("/", "/proc/1/root") }

func hostRoot(own, first string) string {
	a, err := os.Stat(own + "/")
	if err != nil {
		return ""
	}
	b, err := os.Stat(first + "/")
	if err != nil || os.SameFile(a, b) {
		return ""
	}
	return first
}
