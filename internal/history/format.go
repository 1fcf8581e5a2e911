package history

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Version is the version of the format that this program writes. It reads no
// newer one.
const Version = 1

const (
	formatName = "peerscope.history"
	formatFile = "format"
	lockFile   = "lock"
)

// format is the content of the file of that name: what the folder is.
type format struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
}

// NewerError is for a store that a newer program wrote. It was not touched.
type NewerError struct {
	Path    string
	Version int
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("%s was written by a newer peerscope (format %d, this one knows up to %d): use that, or another folder for the history", e.Path, e.Version, Version)
}

// NoStoreError is for a folder without a store.
type NoStoreError struct{ Dir string }

func (e *NoStoreError) Error() string {
	return fmt.Sprintf("there is no history in %s: peerscope serve writes one, and --history names another folder", e.Dir)
}

// errBroken: the folder is a store, and something in it cannot be read.
var errBroken = errors.New("the history is damaged")

// readFormat tells what the folder is: a store (nil), nothing yet (NoStoreError),
// a damaged store (errBroken), or something else.
func readFormat(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, formatFile))
	if errors.Is(err, fs.ErrNotExist) {
		return withoutFormat(dir)
	}
	if err != nil {
		return fmt.Errorf("open history: %w", err)
	}
	var f format
	if err := json.Unmarshal(text, &f); err != nil || f.Format != formatName || f.Version < 1 {
		if hasLevels(dir) {
			return fmt.Errorf("%w: %s does not say its version", errBroken, filepath.Join(dir, formatFile))
		}
		return fmt.Errorf("%s is not a history, and not empty: give another folder", dir)
	}
	if f.Version > Version {
		return &NewerError{Path: dir, Version: f.Version}
	}
	return nil
}

func withoutFormat(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return &NoStoreError{dir}
	}
	if err != nil {
		return fmt.Errorf("open history: %w", err)
	}
	entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool {
		return e.Name() == lockFile || strings.HasPrefix(e.Name(), formatFile+".") || e.Name() == "lost+found"
	})
	switch {
	case len(entries) == 0:
		return &NoStoreError{dir}
	case hasLevels(dir):
		return fmt.Errorf("%w: %s is missing", errBroken, filepath.Join(dir, formatFile))
	}
	return fmt.Errorf("%s is not a history, and not empty: give another folder", dir)
}

func hasLevels(dir string) bool {
	for _, l := range levelSpecs() {
		if found, _ := filepath.Glob(filepath.Join(dir, l.name, "*"+fileSuffix)); len(found) > 0 {
			return true
		}
	}
	return false
}

func writeFormat(dir string) error {
	text, err := json.Marshal(format{formatName, Version})
	if err != nil {
		return err
	}
	name := filepath.Join(dir, formatFile)
	if err := os.WriteFile(name+".new", append(text, '\n'), 0o640); err != nil {
		return err
	}
	if err := os.Rename(name+".new", name); err != nil {
		return err
	}
	syncDirectory(dir)
	return nil
}

// lock keeps others from writing the store. The kernel lets go of it when the
// program ends, however it ends.
func lock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		owner := make([]byte, 32)
		n, _ := f.ReadAt(owner, 0)
		f.Close()
		who := "another peerscope"
		if pid := strings.TrimSpace(string(owner[:n])); pid != "" {
			who += " (pid " + pid + ")"
		}
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s writes the history in %s: stop it, or give this one another folder", who, dir)
		}
		return nil, fmt.Errorf("lock the history in %s: %w", dir, err)
	}
	// It is told to whom the store is busy, and nothing else.
	_ = f.Truncate(0)
	_, _ = fmt.Fprintf(f, "%d\n", os.Getpid())
	return f, nil
}

// setAside gives a damaged store another name, and tells it.
func setAside(dir string, now time.Time) (string, error) {
	dir = filepath.Clean(dir)
	to := dir + ".damaged-" + now.UTC().Format("20060102T150405Z")
	for i := 2; ; i++ {
		if _, err := os.Lstat(to); errors.Is(err, fs.ErrNotExist) {
			break
		}
		to = fmt.Sprintf("%s.damaged-%s-%d", dir, now.UTC().Format("20060102T150405Z"), i)
	}
	if err := os.Rename(dir, to); err != nil {
		return "", fmt.Errorf("the history in %s is damaged and cannot be set aside: %w; move it away", dir, err)
	}
	return to, nil
}
