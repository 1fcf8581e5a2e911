package netlink

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"peerscope/internal/capture/capturetest"
)

// socketsHere opens n sockets in this process and returns their inodes.
func socketsHere(t testing.TB, n int) (fds []int, inodes []uint64) {
	t.Helper()
	for range n {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			t.Fatal(err)
		}
		fds, inodes = append(fds, fd), append(inodes, st.Ino)
	}
	return fds, inodes
}

// holdersOf walks and returns who holds the wanted inodes.
func holdersOf(t testing.TB, pids []int32, wanted ...uint64) (map[uint64][]int32, walkStats) {
	t.Helper()
	var mu sync.Mutex
	got := map[uint64][]int32{}
	stats, err := walkFDs("/proc", pids, func(inode uint64) bool { return slices.Contains(wanted, inode) },
		func(_ int, pid int32, inode uint64) {
			mu.Lock()
			defer mu.Unlock()
			got[inode] = append(got[inode], pid)
		})
	if err != nil {
		t.Fatal(err)
	}
	return got, stats
}

func TestWalkFindsEveryHolder(t *testing.T) {
	_, inodes := socketsHere(t, 3)
	fds, _ := socketsHere(t, 1)
	shared := dupFile(t, fds[0])
	var st unix.Stat_t
	if err := unix.Fstat(int(shared.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	child := exec.Command("/bin/cat") // inherits the shared one, and waits
	child.ExtraFiles = []*os.File{shared}
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer child.Wait()
	defer stdin.Close()

	own, other := int32(os.Getpid()), int32(child.Process.Pid)
	order := map[int32]int{own: 1}
	want := map[uint64][]int32{inodes[0]: {own}, inodes[2]: {own}, st.Ino: {own, own, other}} // two descriptors here
	for _, pids := range [][]int32{nil, {own, other}} {
		got, stats := holdersOf(t, pids, inodes[0], inodes[2], st.Ino)
		for _, holders := range got {
			slices.SortFunc(holders, func(a, b int32) int { return order[b] - order[a] })
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("holders, of pids %v (-want +got):\n%s", pids, d)
		}
		if stats.Processes < 2 || stats.Sockets < 6 {
			t.Errorf("walk of pids %v: %+v", pids, stats)
		}
	}
}

// Descriptors with gaps are found by listing what trying the numbers missed.
func TestWalkFindsDescriptorsBehindGaps(t *testing.T) {
	fds, inodes := socketsHere(t, 1)
	for _, number := range []int{300, 301, 900} {
		if err := unix.Dup3(fds[0], number, unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		defer unix.Close(number)
	}
	own := int32(os.Getpid())
	got, _ := holdersOf(t, []int32{own}, inodes[0])
	if d := cmp.Diff(map[uint64][]int32{inodes[0]: {own, own, own, own}}, got); d != "" {
		t.Errorf("holders (-want +got):\n%s", d)
	}
}

func TestWalkSkipsProcessesThatVanish(t *testing.T) {
	c := exec.Command("/bin/true")
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	_, stats := holdersOf(t, []int32{int32(c.Process.Pid), int32(os.Getpid())})
	if stats.Processes != 1 || stats.Denied != 0 {
		t.Errorf("walk: %+v", stats)
	}
}

// Big walks have several workers; together they see what one sees.
func TestWalkOfManyProcessesIsShared(t *testing.T) {
	capturetest.RequireRoot(t)
	const processes, connections = 3, 20
	pids := capturetest.Population(t, capturetest.NewNamespace(t), processes, connections)
	for len(pids) < parallelFrom {
		pids = append(pids, pids...)
	}
	counts := make([]int, walkWorkers())
	stats, err := walkFDs("/proc", pids, func(uint64) bool { return true }, func(worker int, _ int32, _ uint64) { counts[worker]++ })
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, n := range counts {
		total += n
	}
	if want := len(pids) * (2*connections + 1); total != want || stats.Sockets != want || stats.Processes != len(pids) {
		t.Errorf("found %d, stats %+v, want %d", total, stats, want)
	}
}

// An ordinary user learns how much is hidden. The child is this test as nobody.
func TestWalkCountsWhatIsDenied(t *testing.T) {
	if pid := os.Getenv("PEERSCOPE_TEST_PID"); pid != "" {
		n, _ := strconv.Atoi(pid)
		_, stats := holdersOf(t, []int32{int32(n), int32(os.Getpid())})
		if stats.Denied != 1 || stats.Processes != 1 {
			t.Errorf("walk: %+v", stats)
		}
		return
	}
	capturetest.RequireRoot(t)
	c := exec.Command("/proc/self/exe", "-test.run=^TestWalkCountsWhatIsDenied$")
	c.Env = append(os.Environ(), fmt.Sprintf("PEERSCOPE_TEST_PID=%d", os.Getpid()))
	c.SysProcAttr = &unix.SysProcAttr{Credential: capturetest.Nobody()}
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func TestWalkNeedsProc(t *testing.T) {
	_, err := walkFDs(t.TempDir()+"/missing", nil, nil, nil)
	if !errors.Is(err, unix.ENOENT) {
		t.Errorf("walk of no /proc: %v", err)
	}
}

func TestListPIDs(t *testing.T) {
	pids, err := listPIDs("/proc", nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(pids, int32(os.Getpid())) || !slices.IsSorted(pids) {
		t.Errorf("pids %v", pids)
	}
}

func TestParseLinkInode(t *testing.T) {
	f := func(link, kind string, want uint64, wantOK bool) {
		t.Helper()
		if got, ok := parseLinkInode([]byte(link), kind); got != want || ok != wantOK {
			t.Errorf("parseLinkInode(%q, %q) = %d, %v; want %d, %v", link, kind, got, ok, want, wantOK)
		}
	}
	f("socket:[123]", "socket", 123, true)
	f("net:[4026531840]", "net", 4026531840, true)
	f("socket:[123", "socket", 0, false)
	f("socket:[]", "socket", 0, false)
	f("socket:[-1]", "socket", 0, false)
	f("socket:[99999999999999999999]", "socket", 0, false)
	f("pipe:[123]", "socket", 0, false)
	f("/socket:[123]", "socket", 0, false)
	f("/dev/null", "socket", 0, false)
	f("", "socket", 0, false)
}

func FuzzLinkInode(f *testing.F) {
	f.Add([]byte("socket:[123]"))
	f.Add([]byte("socket:["))
	f.Fuzz(func(t *testing.T, link []byte) {
		inode, ok := parseLinkInode(link, "socket")
		if again := fmt.Sprintf("socket:[%d]", inode); ok && again != string(link) && !strings.HasPrefix(string(link), "socket:[0") {
			t.Errorf("%q is read as %q", link, again)
		}
	})
}

func FuzzEntries(f *testing.F) {
	buf := make([]byte, 4096)
	dir, err := unix.Open("/proc/self/fd", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		f.Fatal(err)
	}
	defer unix.Close(dir)
	n, err := unix.Getdents(dir, buf)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(buf[:n])
	f.Fuzz(func(t *testing.T, b []byte) {
		entries(b, func(name []byte) {
			if bytes.IndexByte(name, 0) != len(name)-1 {
				t.Errorf("name %q", name)
			}
		})
	})
}
