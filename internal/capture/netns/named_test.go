package netns

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/capture/capturetest"
)

func TestNamedNamespacesAreFoundOnce(t *testing.T) {
	dir := t.TempDir()
	first, second := capturetest.NewNamespace(t), capturetest.NewNamespace(t)
	first.Name(t, dir, "one")
	first.Name(t, dir, "one-again")
	second.Name(t, dir, "two")
	writeFile(t, filepath.Join(dir, "stale")) // what is left when the mount is gone
	got, err := listNamed([]string{dir, filepath.Join(dir, "missing"), dir})
	if err != nil {
		t.Fatal(err)
	}
	want := []namedNamespace{
		{Name: "one", Path: filepath.Join(dir, "one"), Inode: first.Inode},
		{Name: "two", Path: filepath.Join(dir, "two"), Inode: second.Inode},
	}
	slices.SortFunc(want, func(a, b namedNamespace) int { return int(int64(a.Inode) - int64(b.Inode)) })
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("named namespaces (-want +got):\n%s", d)
	}
}
