package netns

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"peerscope/internal/capture/capturetest"
)

func TestResolve(t *testing.T) {
	dir := t.TempDir()
	n := capturetest.NewNamespace(t)
	n.Name(t, dir, "tenant-a")
	n.Name(t, dir, "tenant-alias")
	digits := capturetest.NewNamespace(t)
	digits.Name(t, dir, "4242")
	unnamed := capturetest.NewNamespace(t)
	capturetest.Live(t, unnamed)
	writeFile(t, filepath.Join(dir, "stale"))

	f := func(selector string, want uint64, wantErr string) {
		t.Helper()
		got, err := resolve(selector, []string{dir}, "/proc")
		switch {
		case wantErr != "":
			if err == nil || !strings.Contains(err.Error(), wantErr) {
				t.Errorf("resolve %q: %v, want %q", selector, err, wantErr)
			}
		case err != nil:
			t.Errorf("resolve %q: %v", selector, err)
		case got.Inode != want:
			t.Errorf("resolve %q = %d, want %d", selector, got.Inode, want)
		}
		if got != nil {
			got.close()
		}
	}
	f("tenant-a", n.Inode, "")
	f("tenant-alias", n.Inode, "")
	f(filepath.Join(dir, "tenant-a"), n.Inode, "")
	f(fmt.Sprint(n.Inode), n.Inode, "")
	f(fmt.Sprint(unnamed.Inode), unnamed.Inode, "")
	f("4242", digits.Inode, "") // a name of digits is a name
	f("tenant-b", 0, `no network namespace is named "tenant-b"; the names: tenant-a, 4242`)
	f("4243", 0, `no network namespace has the inode 4243`)
	f("stale", 0, "nothing is mounted on it any more")
	f("/no/such/file", 0, "network namespace /no/such/file: there is no such file")
	f("/proc/self/ns/mnt", 0, "/proc/self/ns/mnt is not a network namespace")
	f("/etc", 0, "/etc is not a network namespace")
	f("", 0, "give a name, a path or an inode")
}

func TestSuggestNearestNames(t *testing.T) {
	f := func(wrong, want string, names ...string) {
		t.Helper()
		var named []namedNamespace
		for _, n := range names {
			named = append(named, namedNamespace{Name: n})
		}
		if got := suggest(wrong, named); got != want {
			t.Errorf("suggest(%q, %q) = %q, want %q", wrong, names, got, want)
		}
	}
	f("web", "; no namespace here has a name")
	f("wep", "; the names: web, db", "db", "web")
	f("tenant-x", "; the nearest of 5 names: tenant-a, tenant-b, tenant-c", "zzz", "tenant-c", "tenant-b", "tenant-a", "db")
}

func TestEditDistance(t *testing.T) {
	f := func(a, b string, want int) {
		t.Helper()
		if got := editDistance(a, b); got != want {
			t.Errorf("editDistance(%q, %q) = %d, want %d", a, b, got, want)
		}
	}
	f("", "", 0)
	f("", "abc", 3)
	f("abc", "", 3)
	f("kitten", "sitting", 3)
	f("web-1", "web-2", 1)
}
