package netns

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// nameDirs are where network namespaces are given names: by ip(8), and by
// Docker. /var/run is usually a link to /run, so an inode may be found twice.
func nameDirs() []string { return []string{"/run/netns", "/var/run/netns", "/run/docker/netns"} }

// namedNamespace is a network namespace that has a file of its own, so that it
// may live without a process.
type namedNamespace struct {
	Name  string
	Path  string
	Inode uint64
}

// listNamed finds the network namespaces mounted in dirs, sorted by inode, each
// once. A file that lost its mount, and a directory that is not there or not
// ours to read, are skipped.
func listNamed(dirs []string) ([]namedNamespace, error) {
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
			if inode, err := inodeOf(path); err == nil {
				found = append(found, namedNamespace{Name: f.Name(), Path: path, Inode: inode})
			}
		}
	}
	slices.SortStableFunc(found, func(a, b namedNamespace) int { return cmp.Compare(a.Inode, b.Inode) })
	return slices.CompactFunc(found, func(a, b namedNamespace) bool { return a.Inode == b.Inode }), nil
}

// inodeOf is the inode of the namespace that path is mounted on or leads to.
func inodeOf(path string) (uint64, error) {
	if err := checkFile(path); err != nil {
		return 0, err
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return 0, err
	}
	return st.Ino, nil
}

// checkFile fails for a file that is not a namespace's, without opening it.
func checkFile(path string) error {
	var fsStat unix.Statfs_t
	if err := unix.Statfs(path, &fsStat); err != nil {
		return err
	}
	if int64(fsStat.Type) != unix.NSFS_MAGIC {
		return errNotNamespace
	}
	return nil
}
