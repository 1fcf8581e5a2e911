package netns

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// nearestNames is how many names an error about a wrong one offers.
const nearestNames = 3

// resolve opens the namespace that a person asked for: by the name of
// its file under dirs, by a path, or by inode number. An inode is looked for
// among the named namespaces and those of the processes under procRoot. The
// error says what does not exist and what comes nearest to it.
func resolve(selector string, dirs []string, procRoot string) (*Handle, error) {
	switch {
	case selector == "" || selector == "." || selector == "..":
		return nil, fmt.Errorf("%q is no network namespace: give a name, a path or an inode", selector)
	case strings.ContainsRune(selector, '/'):
		return resolvePath(selector)
	}
	named, err := listNamed(dirs)
	if err != nil {
		return nil, err
	}
	// A name of digits wins over an inode.
	if i := slices.IndexFunc(named, func(n namedNamespace) bool { return n.Name == selector }); i >= 0 {
		return openNamed(named[i])
	}
	// The same namespace may be mounted under several names, of which named has
	// one, and a file of this name may be there without a namespace.
	for _, dir := range dirs {
		path := filepath.Join(dir, selector)
		switch _, err := inodeOf(path); {
		case err == nil:
			return openNamed(namedNamespace{Name: selector, Path: path})
		case errors.Is(err, errNotNamespace):
			return nil, fmt.Errorf("network namespace %q: %s is %w: nothing is mounted on it any more", selector, path, err)
		}
	}
	if inode, err := strconv.ParseUint(selector, 10, 64); err == nil {
		return resolveInode(inode, named, procRoot)
	}
	return nil, fmt.Errorf("no network namespace is named %q%s", selector, suggest(selector, named))
}

func resolvePath(path string) (*Handle, error) {
	h, err := openPath(path)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil, fmt.Errorf("network namespace %s: there is no such file", path)
	case errors.Is(err, errNotNamespace):
		return nil, fmt.Errorf("%s is %w", path, errNotNamespace)
	case err != nil:
		return nil, err
	}
	return h, nil
}

func resolveInode(inode uint64, named []namedNamespace, procRoot string) (*Handle, error) {
	if i := slices.IndexFunc(named, func(n namedNamespace) bool { return n.Inode == inode }); i >= 0 {
		return openNamed(named[i])
	}
	processes, err := readProcesses(procRoot)
	if err != nil {
		return nil, err
	}
	for _, pid := range processes.byInode[inode] {
		h, err := openProcess(procRoot, pid)
		if err != nil { // the process has ended
			continue
		}
		if h.Inode == inode {
			return h, nil
		}
		h.close() // the process moved, or its pid is another's now
	}
	hidden := ""
	if processes.denied > 0 {
		hidden = fmt.Sprintf(" (the namespaces of %d processes cannot be read by this user)", processes.denied)
	}
	return nil, fmt.Errorf("no network namespace has the inode %d%s%s", inode, hidden,
		suggest(strconv.FormatUint(inode, 10), named))
}

// suggest lists the names nearest to a wrong one, for the end of an error.
func suggest(wrong string, named []namedNamespace) string {
	if len(named) == 0 {
		return "; no namespace here has a name"
	}
	names := make([]string, 0, len(named))
	for _, n := range named {
		names = append(names, n.Name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(editDistance(wrong, a), editDistance(wrong, b)), cmp.Compare(a, b))
	})
	if len(names) > nearestNames {
		return fmt.Sprintf("; the nearest of %d names: %s", len(names), strings.Join(names[:nearestNames], ", "))
	}
	return "; the names: " + strings.Join(names, ", ")
}

// editDistance is how many bytes must be put in, taken out or changed to make b
// of a.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
