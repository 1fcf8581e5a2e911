package identity

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// State files belong to container runtimes, and below a user's home to that
// user. So they may be anything: links out of their tree, pipes, garbage, or
// endless.

// maxState bounds one state file. A container's is a few KiB; the list of all
// containers of a host has 1 KiB for each.
const maxState = 16 << 20

// stamp tells whether a file is still the one that was read.
type stamp struct {
	inode, size uint64
	modified    time.Time
}

var (
	errNotRegular = errors.New("not a regular file")
	errTooLarge   = fmt.Errorf("larger than %d MiB", maxState>>20)
	errUnchanged  = errors.New("unchanged")
)

// place is a directory with state. Links within base are followed; one that
// leads out of it is an error. Below a user's home the home is the base.
type place struct{ base, dir string }

func (p place) path(name string) string { return filepath.Join(p.base, p.dir, name) }

// read reads the file called name. If it still has the stamp before, the error
// is errUnchanged and nothing was read.
func (p place) read(name string, before stamp) ([]byte, stamp, error) {
	fail := func(err error) ([]byte, stamp, error) {
		return nil, stamp{}, &fs.PathError{Op: "read", Path: p.path(name), Err: cause(err)}
	}
	root, err := os.OpenRoot(p.base)
	if err != nil {
		return fail(err)
	}
	defer root.Close()
	// Without waiting: opening a pipe would wait for whoever writes to it.
	f, err := root.OpenFile(filepath.Join(p.dir, name), os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return fail(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fail(err)
	}
	if !info.Mode().IsRegular() {
		return fail(errNotRegular)
	}
	now := stamp{size: uint64(info.Size()), modified: info.ModTime()}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		now.inode = st.Ino
	}
	if now == before {
		return nil, now, errUnchanged
	}
	b, err := io.ReadAll(io.LimitReader(f, maxState+1))
	switch {
	case err != nil:
		return fail(err)
	case len(b) > maxState:
		return fail(errTooLarge)
	}
	return b, now, nil
}

// decode reads of a file what is asked for, and keeps nothing else of it.
func (p place) decode(name string, before stamp, into any) (stamp, error) {
	b, now, err := p.read(name, before)
	if err != nil {
		return now, err
	}
	if err := json.Unmarshal(b, into); err != nil {
		return stamp{}, &fs.PathError{Op: "read", Path: p.path(name), Err: err}
	}
	return now, nil
}

// cause takes the path out of an error that gets a longer one.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// directories remembers which directories are in a directory, and reads it once
// an interval.
type directories struct {
	known map[place]listing
	now   func() time.Time
}

type listing struct {
	names []string
	read  time.Time
}

const (
	// directoryCheck is how often a directory is read.
	directoryCheck = 10 * time.Second
	// maxDirectories bounds what is taken of one: namespaces of containerd,
	// drivers of a storage.
	maxDirectories = 256
)

// in lists a place, sorted. One that cannot be read has none.
func (d *directories) in(p place) []string {
	l, ok := d.known[p]
	if now := d.now(); !ok || now.Sub(l.read) >= directoryCheck {
		l = listing{names: p.directories(), read: now}
		d.known[p] = l
	}
	return l.names
}

func (p place) directories() []string {
	root, err := os.OpenRoot(p.base)
	if err != nil {
		return nil
	}
	defer root.Close()
	f, err := root.Open(filepath.Join(".", p.dir))
	if err != nil {
		return nil
	}
	defer f.Close()
	entries, _ := f.ReadDir(maxDirectories)
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names
}
