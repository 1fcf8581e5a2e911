package netlink

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"peerscope/internal/flow"
)

// nameNamespace gives a namespace a file in dir, as ip(8) does, for the length
// of the test.
func nameNamespace(t *testing.T, h *nsHandle, dir, name string) {
	t.Helper()
	path := filepath.Join(dir, name)
	writeFile(t, path, nil)
	if err := unix.Mount(fmt.Sprintf("/proc/self/fd/%d", h.fd), path, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Unmount(path, unix.MNT_DETACH) })
}

func TestNamedNamespacesAreFoundOnce(t *testing.T) {
	dir := t.TempDir()
	first, second := newNamespace(t), newNamespace(t)
	nameNamespace(t, first, dir, "one")
	nameNamespace(t, first, dir, "one-again")
	nameNamespace(t, second, dir, "two")
	writeFile(t, filepath.Join(dir, "stale"), nil) // what is left when the mount is gone
	got, err := listNamedNamespaces([]string{dir, filepath.Join(dir, "missing"), dir})
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

func TestNamespaceByNameIsThatOfItsProcesses(t *testing.T) {
	h := newNamespace(t)
	pids := startPopulation(t, h, 2, 1)
	procs, err := readProcessNamespaces("/proc", nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(pids, procs.ByInode[h.Inode]); d != "" {
		t.Errorf("processes of %d (-want +got):\n%s", h.Inode, d)
	}
	byProcess, err := openProcessNamespace("/proc", pids[0])
	if err != nil {
		t.Fatal(err)
	}
	defer byProcess.close()
	if byProcess.Inode != h.Inode {
		t.Errorf("namespace of pid %d: %d, want %d", pids[0], byProcess.Inode, h.Inode)
	}
}

func TestNamespaceCookies(t *testing.T) {
	seen := map[flow.NetnsID]uint64{}
	for range 3 {
		h := newNamespace(t)
		for range 2 {
			id, err := dialSocketsIn(t, h).netnsID(h.Inode)
			if err != nil {
				t.Fatal(err)
			}
			if other, ok := seen[id]; ok && other != h.Inode {
				t.Errorf("namespaces %d and %d are both %d", h.Inode, other, id)
			}
			seen[id] = h.Inode
		}
	}
	if len(seen) != 3 {
		t.Errorf("3 namespaces have the names %v", seen)
	}
}

func TestInNamespaceComesBack(t *testing.T) {
	h := newNamespace(t)
	inode := func() (inode uint64) {
		inode, err := namespaceInode(ownNamespace)
		if err != nil {
			t.Error(err)
		}
		return inode
	}
	before := inode()
	refuse := errors.New("refused by the caller")
	err := h.do(func() error {
		if got := inode(); got != h.Inode {
			t.Errorf("inside: %d, want %d", got, h.Inode)
		}
		return refuse
	})
	if !errors.Is(err, refuse) {
		t.Errorf("error %v, want %v", err, refuse)
	}
	for range 4 * runtime.GOMAXPROCS(0) { // whatever thread runs this
		done := make(chan uint64)
		go func() { done <- inode() }()
		if got := <-done; got != before {
			t.Fatalf("outside: %d, want %d", got, before)
		}
	}
}

func TestOwnNamespaceNeedsNoPrivilege(t *testing.T) {
	own, err := openOwnNamespace()
	if err != nil {
		t.Fatal(err)
	}
	defer own.close()
	ran := false
	if err := own.do(func() error { ran = true; return nil }); err != nil || !ran {
		t.Errorf("ran %v, error %v", ran, err)
	}
}

// An ordinary user is told what is missing. The child is this test as nobody.
func TestEnteringNeedsCapability(t *testing.T) {
	if fd := os.Getenv("PEERSCOPE_TEST_NAMESPACE"); fd != "" {
		h := &nsHandle{fd: 3}
		err := h.do(func() error { return nil })
		var gap *gapError
		if !errors.As(err, &gap) || !errors.Is(err, unix.EPERM) || !strings.Contains(gap.Fix, "CAP_SYS_ADMIN") {
			t.Errorf("error %v", err)
		}
		return
	}
	h := newNamespace(t)
	c := exec.Command("/proc/self/exe", "-test.run=^TestEnteringNeedsCapability$")
	c.Env = append(os.Environ(), "PEERSCOPE_TEST_NAMESPACE=3")
	c.ExtraFiles = []*os.File{dupFile(t, h.fd)}
	c.SysProcAttr = &unix.SysProcAttr{Credential: nobody()}
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func TestOpenNamespaceRefusesOtherFiles(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	writeFile(t, file, nil)
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil { // to open it would wait for ever
		t.Fatal(err)
	}
	f := func(path string, want error) {
		t.Helper()
		h, err := openNamespace(path)
		if err == nil {
			h.close()
		}
		if !errors.Is(err, want) {
			t.Errorf("open %s: %v, want %v", path, err, want)
		}
	}
	f("/proc/self/ns/net", nil)
	f("/proc/self/ns/mnt", errNotNamespace)
	f(file, errNotNamespace)
	f(fifo, errNotNamespace)
	f(filepath.Join(dir, "missing"), unix.ENOENT)
}

func TestResolveNamespace(t *testing.T) {
	dir := t.TempDir()
	h := newNamespace(t)
	nameNamespace(t, h, dir, "tenant-a")
	nameNamespace(t, h, dir, "tenant-alias")
	digits := newNamespace(t)
	nameNamespace(t, digits, dir, "4242")
	unnamed := newNamespace(t)
	startPopulation(t, unnamed, 1, 1)
	writeFile(t, filepath.Join(dir, "stale"), nil)

	f := func(selector string, want uint64, wantErr string) {
		t.Helper()
		got, err := resolveNamespace(selector, []string{dir}, "/proc")
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
	f("tenant-a", h.Inode, "")
	f("tenant-alias", h.Inode, "")
	f(filepath.Join(dir, "tenant-a"), h.Inode, "")
	f(fmt.Sprint(h.Inode), h.Inode, "")
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

func BenchmarkInNamespace(b *testing.B) {
	h := newNamespace(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := h.do(func() error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadProcessNamespaces(b *testing.B) {
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		procs, err := readProcessNamespaces("/proc", nil)
		if err != nil {
			b.Fatal(err)
		}
		n = procs.Denied
		for _, pids := range procs.ByInode {
			n += len(pids)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/process")
}
