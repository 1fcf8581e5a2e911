package netns

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"peerscope/internal/capture/capturetest"
)

func TestNamespaceIsThatOfItsProcesses(t *testing.T) {
	n := capturetest.NewNamespace(t)
	first, _ := capturetest.Live(t, n)
	second, _ := capturetest.Live(t, n)
	pids := []int32{first, second}
	slices.Sort(pids)
	got, err := readProcesses("/proc")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(pids, got.byInode[n.Inode]); d != "" {
		t.Errorf("processes of %d (-want +got):\n%s", n.Inode, d)
	}
	h, err := openProcess("/proc", first)
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	if h.Inode != n.Inode {
		t.Errorf("namespace of pid %d: %d, want %d", first, h.Inode, n.Inode)
	}
}

// What cannot be a process, and a process that is gone, are passed over.
func TestReadProcessesPassesOver(t *testing.T) {
	root := t.TempDir()
	link := func(pid, target string) {
		dir := filepath.Join(root, pid, "ns")
		if err := errors.Join(os.MkdirAll(dir, 0o755), os.Symlink(target, filepath.Join(dir, "net"))); err != nil {
			t.Fatal(err)
		}
	}
	link("1", "net:[4026531840]")
	link("22", "net:[4026532000]")
	link("self", "net:[4026531840]")
	link("3", "mnt:[4026531841]")
	if err := os.Mkdir(filepath.Join(root, "4"), 0o755); err != nil {
		t.Fatal(err)
	}
	got, err := readProcesses(root)
	if d := cmp.Diff(map[uint64][]int32{4026531840: {1}, 4026532000: {22}}, got.byInode); d != "" || err != nil || got.denied != 0 {
		t.Errorf("denied %d, error %v, processes (-want +got):\n%s", got.denied, err, d)
	}
	if _, err := readProcesses(filepath.Join(root, "missing")); !errors.Is(err, unix.ENOENT) {
		t.Errorf("without /proc: %v", err)
	}
}

// An ordinary user learns how much is hidden. The child is this test as nobody.
func TestReadProcessesCountsWhatIsDenied(t *testing.T) {
	if pid := os.Getenv("PEERSCOPE_TEST_PID"); pid != "" {
		n, _ := strconv.Atoi(pid)
		got, err := readProcesses("/proc")
		if err != nil || got.denied == 0 {
			t.Errorf("namespaces: %+v, %v", got, err)
		}
		for inode, pids := range got.byInode {
			if slices.Contains(pids, int32(n)) {
				t.Errorf("nobody sees that pid %d of root is in %d", n, inode)
			}
		}
		return
	}
	capturetest.RequireRoot(t)
	c := exec.Command("/proc/self/exe", "-test.run=^TestReadProcessesCountsWhatIsDenied$")
	c.Env = append(os.Environ(), fmt.Sprintf("PEERSCOPE_TEST_PID=%d", os.Getpid()))
	c.SysProcAttr = &unix.SysProcAttr{Credential: capturetest.Nobody()}
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func TestParseLink(t *testing.T) {
	f := func(link string, want uint64, wantOK bool) {
		t.Helper()
		if got, ok := parseLink(link); got != want || ok != wantOK {
			t.Errorf("parseLink(%q) = %d, %v; want %d, %v", link, got, ok, want, wantOK)
		}
	}
	f("net:[4026531840]", 4026531840, true)
	f("net:[123", 0, false)
	f("net:[]", 0, false)
	f("net:[-1]", 0, false)
	f("mnt:[123]", 0, false)
	f("/net:[123]", 0, false)
	f("", 0, false)
	if _, ok := parseLink("net:[99999999999999999999]"); ok {
		t.Error("a number that does not fit is read")
	}
}

func BenchmarkReadProcesses(b *testing.B) {
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		got, err := readProcesses("/proc")
		if err != nil {
			b.Fatal(err)
		}
		n = got.denied
		for _, pids := range got.byInode {
			n += len(pids)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/process")
}
