package identity

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"peerscope/internal/flow"
)

func TestMountOfVersion2(t *testing.T) {
	f := func(text, point, root string, tracksV1 bool) {
		t.Helper()
		m := parseMounts(text)
		if want := (cgroupMount{point, root}); m.unified != want || m.tracksV1 != tracksV1 {
			t.Errorf("parseMounts(%q) = %+v, %t, want %+v, %t", text, m.unified, m.tracksV1, want, tracksV1)
		}
	}
	const (
		v2      = "30 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n"
		hybrid  = "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
		memory  = "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
		systemd = "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
		netCls  = "50 31 0:47 / /sys/fs/cgroup/net_cls rw - cgroup cgroup rw,net_cls,net_prio\n"
		host    = "60 31 0:26 /../../.. /host/cgroup rw - cgroup2 cgroup2 rw\n"
		below   = "61 31 0:26 /a/b /sub rw - cgroup2 cgroup2 rw\n"
		blank   = "62 31 0:26 / /a\\040b rw - cgroup2 cgroup2 rw\n"
	)
	f("", "", "", false)
	f(v2, "/sys/fs/cgroup", "/", false)
	f(memory+systemd, "", "", true)
	f(memory+systemd+hybrid, "/sys/fs/cgroup/unified", "/", true)
	f(v2+netCls, "/sys/fs/cgroup", "/", false)
	f(v2+host, "/host/cgroup", "/../../..", false)
	f(host+v2, "/host/cgroup", "/../../..", false)
	f(below+v2, "/sys/fs/cgroup", "/", false)
	f(below, "/sub", "/a/b", false)
	f(blank, "", "", false)
}

// scanning makes a hierarchy of directories to be scanned.
func scanning(t *testing.T, paths ...string) *cgroups {
	t.Helper()
	c := newCgroups("testdata/none/")
	c.mounts.unified = cgroupMount{t.TempDir(), "/"}
	c.mounted, c.refused = yes, true
	for _, p := range paths {
		if err := os.MkdirAll(c.mounts.unified.point+p, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return &c
}

func inode(t testing.TB, path string) uint64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st.Ino
}

func TestCgroupIsScannedFor(t *testing.T) {
	container := "/system.slice/docker-" + strings.Repeat("a1", 32) + ".scope"
	c := scanning(t, "/system.slice/nginx.service", container+"/init")
	point := c.mounts.unified.point
	if err := os.WriteFile(point+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]Cgroup{
		"/":                           {Path: "/"},
		"/system.slice":               {Path: "/system.slice"},
		"/system.slice/nginx.service": {Path: "/system.slice/nginx.service", Unit: "nginx.service"},
		container + "/init": {Path: container + "/init", Unit: filepath.Base(container),
			Container: strings.Repeat("a1", 32), Runtime: "docker"},
		"/file": {},
	} {
		if diff := cmp.Diff(want, c.find(inode(t, point+path), 5)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	if got := c.find(0, 5); got != (Cgroup{}) {
		t.Errorf("cgroup 0 is %+v, want none", got)
	}

	// Where the mount begins above this program's namespace, paths do as in /proc.
	c = scanning(t, "/a.service")
	c.mounts.unified.root = "/../.."
	if got := c.find(inode(t, c.mounts.unified.point+"/a.service"), 5); got.Path != "/../../a.service" || got.Unit != "a.service" {
		t.Errorf("got %+v, want /../../a.service", got)
	}
	// Version 1 may know better, unless a container is named.
	c = scanning(t, "/system.slice/containerd.service", container)
	c.mounts.tracksV1 = true
	if got := c.find(inode(t, c.mounts.unified.point+"/system.slice/containerd.service"), 5); got != (Cgroup{}) {
		t.Errorf("with version 1 got %+v, want none", got)
	}
	if got := c.find(inode(t, c.mounts.unified.point+container), 5); got.Runtime != "docker" {
		t.Errorf("with version 1 got %+v, want the container", got)
	}
}

func TestCgroupIsAskedForAgainLater(t *testing.T) {
	c := scanning(t, "/first")
	path := c.mounts.unified.point + "/later"
	find := func(id uint64, now flow.Time, want string) {
		t.Helper()
		if got := c.find(id, now); got.Path != want {
			t.Errorf("at %d: %q, want %q", now, got.Path, want)
		}
	}
	first := inode(t, c.mounts.unified.point+"/first")
	const begin = flow.Time(1e18)
	find(first, begin, "/first")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	later := inode(t, path)
	find(later, begin+1, "")
	find(later, begin-1, "") // records come a little out of order
	find(later, begin+cgroupRetry, "")
	find(later, begin+1+cgroupRetry, "/later")
	// Both are gone and still known, also when the clock is set back.
	for _, p := range []string{path, c.mounts.unified.point + "/first"} {
		if err := os.Remove(p); err != nil {
			t.Fatal(err)
		}
	}
	find(first, begin+100*cgroupRetry, "/first")
	find(later, begin-100*cgroupRetry, "/later")
}

func TestRememberedCgroupsAreBounded(t *testing.T) {
	c := scanning(t, "/kept")
	kept := inode(t, c.mounts.unified.point+"/kept")
	if got := c.find(kept, 1); got.Path != "/kept" {
		t.Fatalf("got %+v, want /kept", got)
	}
	if err := os.Remove(c.mounts.unified.point + "/kept"); err != nil {
		t.Fatal(err)
	}
	for id := uint64(1 << 60); id < 1<<60+3*maxCgroups; id++ {
		c.find(id, 2)
		if id%1000 == 0 && c.find(kept, 2).Path != "/kept" {
			t.Fatalf("what is asked for was forgotten after %d others", id-1<<60)
		}
	}
	if n := len(c.known) + len(c.older); n > 2*maxCgroups {
		t.Errorf("%d are remembered, want at most %d", n, 2*maxCgroups)
	}
}

func TestWithoutVersion2NothingIsKnown(t *testing.T) {
	c := newCgroups("testdata/none/")
	if got := c.find(1, 1); got != (Cgroup{}) || len(c.known) != 0 {
		t.Errorf("got %+v, want none and nothing remembered", got)
	}
}

func TestParsedCgroupsAreBounded(t *testing.T) {
	r := New(Config{})
	for i := range 3000 {
		text := fmt.Appendf(nil, "0::/x/%d.service\n", i)
		for range 2 {
			if diff := cmp.Diff(ParseCgroup(text), r.parseCgroup(text)); diff != "" {
				t.Fatal(diff)
			}
		}
	}
	r.parseCgroup(bytes.Repeat([]byte("0::/y\n"), 1000))
	if len(r.parsed) == 0 || len(r.parsed) > 1024 {
		t.Errorf("%d are remembered, want 1 to 1024", len(r.parsed))
	}
}

// unifiedMount is where this host has version 2, or the test is skipped.
func unifiedMount(t testing.TB) string {
	t.Helper()
	c := newCgroups("/proc/")
	c.readMounts()
	if c.mounted != yes || c.mounts.unified.root != "/" {
		t.Skip("no cgroups of version 2 here")
	}
	return c.mounts.unified.point
}

// makeCgroup makes an empty cgroup that the test removes.
func makeCgroup(t testing.TB, name string) (dir string) {
	t.Helper()
	dir = filepath.Join(unifiedMount(t), name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
			t.Skipf("may not make cgroups: %v", err)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
	})
	return dir
}

func TestCgroupOfThisHost(t *testing.T) {
	name := fmt.Sprintf("peerscope-test-%d.service", os.Getpid())
	dir := makeCgroup(t, name)
	id := inode(t, dir)
	file := inode(t, dir+"/cgroup.procs")
	// Version 1 beside it is another test's matter.
	version2 := func() *cgroups {
		c := newCgroups("/proc/")
		c.readMounts()
		c.mounts.tracksV1 = false
		return &c
	}
	want := Cgroup{Path: "/" + name, Unit: name}
	privileged := version2()
	if got := privileged.find(id, 1); got != want {
		t.Errorf("by handle %+v, want %+v", got, want)
	}
	if privileged.refused {
		t.Log("this program may not open by handle")
	}
	if got := privileged.find(inode(t, filepath.Dir(dir)), 1); got.Path != "/" {
		t.Errorf("the root is %+v, want /", got)
	}
	if got := privileged.find(file, 1); got != (Cgroup{}) {
		t.Errorf("a file is %+v, want none", got)
	}

	// The same without the right to open by handle.
	scanner := version2()
	done := make(chan Cgroup)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with its rights
		dropCapability(t, unix.CAP_DAC_READ_SEARCH)
		done <- scanner.find(id, 1)
	}()
	if got := <-done; got != want || !scanner.refused {
		t.Errorf("by scan %+v (refused %t), want %+v", got, scanner.refused, want)
	}

	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if got := privileged.find(id, 1+2*cgroupRetry); got != want {
		t.Errorf("after its end %+v, want %+v as before", got, want)
	}
	if got := version2().find(id, 1); got != (Cgroup{}) {
		t.Errorf("after its end, asked for the first time, %+v, want none", got)
	}
}

// dropCapability takes a capability from this thread.
func dropCapability(t *testing.T, capability int) {
	t.Helper()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		t.Error(err)
	}
	data[capability/32].Effective &^= 1 << (capability % 32)
	if err := unix.Capset(&header, &data[0]); err != nil {
		t.Error(err)
	}
}

func BenchmarkCgroupByID(b *testing.B) {
	id := inode(b, makeCgroup(b, fmt.Sprintf("peerscope-bench-%d", os.Getpid())))
	for _, how := range []string{"handle", "scan"} {
		b.Run(how, func(b *testing.B) {
			b.ReportAllocs()
			c := newCgroups("/proc/")
			c.readMounts()
			c.refused = how == "scan"
			for b.Loop() {
				c.scanned = 0
				c.look(id, 1)
			}
		})
	}
}
