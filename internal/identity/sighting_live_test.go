package identity_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/flow"
	"peerscope/internal/identity"
)

// sight makes of a process that lives what the kernel would tell of it. It
// waits until the process runs a program of that command line.
func sight(t testing.TB, pid int, args ...string) identity.Sighting {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/", pid)
	s := identity.Sighting{PID: int32(pid), Args: raw(args)}
	for range 400 {
		if b, err := os.ReadFile(dir + "cmdline"); err == nil && string(b) == string(s.Args) {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	r := identity.New(identity.Config{})
	p, err := r.Process(s.PID, 1)
	if err != nil {
		t.Fatal(err)
	}
	comm, err := os.ReadFile(dir + "comm")
	if err != nil {
		t.Fatal(err)
	}
	s.Start, s.Comm, s.Exe = p.Key.Start, strings.TrimSpace(string(comm)), filepath.Base(p.Executable)
	s.Parent, s.UID, s.Netns, s.VPID = p.Parent, p.UID, p.NetnsInode, p.VPID
	if s.VPID == 0 {
		s.VPID = s.PID
	}
	return s
}

func TestSightedOnThisHost(t *testing.T) {
	cmd := start(t, nil, "2s", "3s")
	pid := int32(cmd.Process.Pid)
	s := sight(t, cmd.Process.Pid, "sleep", "300", "2s", "3s")
	r := identity.New(identity.Config{})
	alive, err := r.Process(pid, 7)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(alive, r.Sighted(&s, 7)); diff != "" {
		t.Errorf("alive (-Process +Sighted):\n%s", diff)
	}
	// Seen when it was the test's program yet.
	before := s
	before.Comm, before.Exe, before.Args = "identity.test", "identity.test", raw([]string{"identity.test", "-test.v"})
	if diff := cmp.Diff(alive, r.Sighted(&before, 7)); diff != "" {
		t.Errorf("alive and seen before it executed sleep (-Process +Sighted):\n%s", diff)
	}

	// A zombie, and then gone. What only /proc knows is missing.
	want := alive
	want.Executable, want.Cgroup, want.Unit, want.Container, want.Runtime = "", "", "", "", ""
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for range 400 {
		if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err != nil || strings.Contains(string(b), ") Z ") {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	zombie := r.Sighted(&s, 7)
	zombie.Cgroup, zombie.Unit, zombie.Container, zombie.Runtime = "", "", "", ""
	if diff := cmp.Diff(want, zombie); diff != "" {
		t.Errorf("zombie (-want +got):\n%s", diff)
	}
	_ = cmd.Wait()
	if diff := cmp.Diff(want, r.Sighted(&s, 7)); diff != "" {
		t.Errorf("gone (-want +got):\n%s", diff)
	}
}

// The owner is read without opening status; it must be that of status also
// where the files of the process belong to root, because it may not be traced.
func TestSightedKnowsOwnerOfWhatMayNotBeTraced(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("another user needs root")
	}
	r := identity.New(identity.Config{})
	f := func(what string, attr *syscall.SysProcAttr) {
		t.Helper()
		cmd := start(t, attr)
		s := sight(t, cmd.Process.Pid, "sleep", "300")
		s.UID = 99 // what the sighting says does not count
		want, err := r.Process(s.PID, 7)
		if err != nil {
			t.Fatal(err)
		}
		got := r.Sighted(&s, 7)
		if diff := cmp.Diff(want, got); diff != "" || got.UID == 99 || got.Owner == "" {
			t.Errorf("%s (-Process +Sighted):\n%s", what, diff)
		}
	}
	f("root", nil)
	f("another user", &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 4711, Gid: 4711}})
	f("pid namespace", &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID})
	f("user namespace", &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: 4711, Size: 1}}})

	// This program's own effective user, while it is not that of its files: a
	// change of the effective user makes a process one that may not be traced.
	// A helper does it, because the test must stay who it is.
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestHelperChangesUser$")
	cmd.Env = append(os.Environ(), "PEERSCOPE_TEST_CHANGE_USER=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	want, err := r.Process(int32(cmd.Process.Pid), 7)
	if err != nil {
		t.Fatal(err)
	}
	s := identity.Sighting{PID: want.Key.PID, Start: want.Key.Start, VPID: want.Key.PID, UID: 99}
	if got := r.Sighted(&s, 7); got.UID != 4712 || want.UID != 4712 {
		t.Errorf("user %d by the directory, %d by status, want 4712", got.UID, want.UID)
	}
	var st syscall.Stat_t
	if err := syscall.Stat(fmt.Sprintf("/proc/%d/stat", cmd.Process.Pid), &st); err != nil || st.Uid != 0 {
		t.Errorf("files of the helper belong to %d (%v), want root's: it can be traced", st.Uid, err)
	}
}

// TestHelperChangesUser is no test: it is the helper of the one above.
func TestHelperChangesUser(t *testing.T) {
	if os.Getenv("PEERSCOPE_TEST_CHANGE_USER") == "" {
		return // not started as the helper
	}
	if err := syscall.Setreuid(-1, 4712); err != nil {
		t.Fatal(err)
	}
	_, _ = os.Stdout.Write([]byte{'.'})
	_, _ = os.Stdin.Read(make([]byte, 1))
}

func TestSightedInContainerThatIsGone(t *testing.T) {
	name := "docker-" + id1 + ".scope"
	dir := filepath.Join(unified(t), "peerscope-test-"+fmt.Sprint(os.Getpid()))
	group := filepath.Join(dir, name)
	t.Cleanup(func() {
		for _, d := range []string{group, dir} {
			if err := os.Remove(d); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Error(err)
			}
		}
	})
	if err := os.MkdirAll(group, 0o755); err != nil {
		t.Skipf("may not make cgroups: %v", err)
	}
	f, err := os.Open(group)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	first := start(t, &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(f.Fd())})
	second := start(t, &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(f.Fd())})
	var st syscall.Stat_t
	if err := syscall.Fstat(int(f.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	s1 := sight(t, first.Process.Pid, "sleep", "300")
	s2 := sight(t, second.Process.Pid, "sleep", "300")
	s1.Cgroup, s2.Cgroup = st.Ino, st.Ino

	r := identity.New(identity.Config{})
	check := func(what string, p flow.Process) {
		t.Helper()
		if p.Name != "sleep" || p.Container != id1 || p.Runtime != "docker" || p.Unit != name || !strings.HasSuffix(p.Cgroup, "/"+name) {
			t.Errorf("%s: %+v, want sleep in %s", what, p, name)
		}
	}
	_ = first.Process.Kill()
	_ = first.Wait()
	check("gone, in a cgroup that is there", identity.New(identity.Config{}).Sighted(&s1, 1))
	check("alive", r.Sighted(&s2, 1))
	_ = second.Process.Kill()
	_ = second.Wait()
	if err := syscall.Rmdir(group); err != nil {
		t.Fatal(err)
	}
	check("gone, in a cgroup that was there", r.Sighted(&s1, 1))
	if p := identity.New(identity.Config{}).Sighted(&s1, 1); p.Cgroup != "" || p.Container != "" {
		t.Errorf("in a cgroup that is gone and was never asked for: %+v, want none", p)
	}
}

// unified is where this host has cgroups of version 2.
func unified(t testing.TB) string {
	t.Helper()
	for _, dir := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		if _, err := os.Stat(dir + "/cgroup.procs"); err == nil {
			return dir
		}
	}
	t.Skip("no cgroups of version 2 here")
	return ""
}

func TestSightedWhileProcessesEnd(t *testing.T) {
	r := identity.New(identity.Config{})
	alive, gone := 0, 0
	for range 40 {
		cmd := exec.Command("true", "--an-argument")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		pid := int32(cmd.Process.Pid)
		key, err := r.Key(pid)
		if err != nil {
			t.Fatal(err)
		}
		waited := make(chan error, 1)
		go func() { waited <- cmd.Wait() }()
		s := identity.Sighting{PID: pid, Start: key.Start, Comm: "true", Exe: "true", Args: raw([]string{"true", "--an-argument"}),
			VPID: pid, UID: 77, Netns: 5, Parent: int32(os.Getpid())}
		for over := false; !over; {
			if _, err := r.Key(pid); err != nil {
				over = true // this time it is surely gone
			}
			p := r.Sighted(&s, 1)
			if p.Key != key || p.Name == "" || p.Owner == "" || p.NetnsInode == 0 || p.Parent != s.Parent {
				t.Fatalf("half a process: %+v", p)
			}
			switch p.UID {
			case uint32(os.Geteuid()):
				alive++
			case s.UID:
				gone++
			default:
				t.Fatalf("user %d, want %d, or %d when it is gone", p.UID, os.Geteuid(), s.UID)
			}
			// Before it has executed true, it is this program.
			if p.Name == "true" && p.CommandLine != "true --an-argument" {
				t.Fatalf("half a process: %+v", p)
			}
		}
		if err := <-waited; err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("read %d times alive, %d times gone", alive, gone)
}

func BenchmarkSighted(b *testing.B) {
	args := []string{"300"}
	for i := range 20 {
		args = append(args, fmt.Sprintf("%d.000000s", i))
	}
	cmd := start(b, nil, args[1:]...)
	alive := sight(b, cmd.Process.Pid, append([]string{"sleep"}, args...)...)
	alive.Cgroup = 1
	dead := alive
	dead.Start++ // the pid is another's: what is read is its stat
	missing := alive
	missing.PID = 1 << 30
	for _, c := range []struct {
		name string
		s    identity.Sighting
	}{{"alive", alive}, {"dead", missing}, {"reused", dead}} {
		b.Run(c.name, func(b *testing.B) {
			r := identity.New(identity.Config{})
			b.ReportAllocs()
			for b.Loop() {
				r.Sighted(&c.s, 1)
			}
		})
	}
}
