package identity_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"peerscope/internal/flow"
	"peerscope/internal/identity"
)

// start starts a sleep that the test ends.
func start(t testing.TB, attr *syscall.SysProcAttr, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", append([]string{"300"}, args...)...)
	cmd.SysProcAttr = attr
	if err := cmd.Start(); err != nil {
		if errors.Is(err, fs.ErrPermission) {
			t.Skipf("namespaces need privileges: %v", err)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

func TestProcessOfThisHost(t *testing.T) {
	r := identity.New(identity.Config{})
	before := time.Now()
	cmd := start(t, nil, "1s")
	after := time.Now()
	pid := int32(cmd.Process.Pid)

	// The child is the test's own program until it has executed sleep.
	var p flow.Process
	for range 200 {
		var err error
		if p, err = r.Process(pid, 7); err != nil {
			t.Fatal(err)
		}
		if p.CommandLine == "sleep 300 1s" {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	// Where sleep is a link (to busybox, coreutils), exe names the target.
	path, err := filepath.EvalSymlinks(cmd.Path)
	if err != nil {
		t.Fatal(err)
	}
	if p.Executable != path || p.Name != filepath.Base(path) || p.CommandLine != "sleep 300 1s" || p.Time != 7 {
		t.Errorf("got %+v, want %s running sleep 300 1s", p, path)
	}
	if me, err := user.Current(); err == nil && (p.Owner != me.Username || strconv.Itoa(int(p.UID)) != me.Uid) {
		t.Errorf("owner %s (%d), want %s (%s)", p.Owner, p.UID, me.Username, me.Uid)
	}
	if p.Parent != int32(os.Getpid()) || p.VPID != 0 {
		t.Errorf("parent %d, vpid %d, want %d and none", p.Parent, p.VPID, os.Getpid())
	}
	var st syscall.Stat_t
	if err := syscall.Stat("/proc/self/ns/net", &st); err != nil || p.NetnsInode != st.Ino {
		t.Errorf("network namespace %d, want %d (%v)", p.NetnsInode, st.Ino, err)
	}
	// A tick is 10 ms, rounded down.
	created := time.Unix(0, int64(p.Created))
	if created.Before(before.Add(-20*time.Millisecond)) || created.After(after.Add(10*time.Millisecond)) {
		t.Errorf("created %v, want between %v and %v", created, before, after)
	}
	if key, err := r.Key(pid); err != nil || key != p.Key {
		t.Errorf("Key = %v, %v, want %v", key, err, p.Key)
	}
	if again, err := r.Process(pid, 8); err != nil || again.Created != p.Created {
		t.Errorf("created %v the second time (%v), want %v", again.Created, err, p.Created)
	}

	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if _, err := r.Process(pid, 9); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Process of an ended process: %v, want fs.ErrNotExist", err)
	}
	if _, err := r.Key(pid); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Key of an ended process: %v, want fs.ErrNotExist", err)
	}
}

func TestProcessInOtherNamespaces(t *testing.T) {
	r := identity.New(identity.Config{})
	mine, err := r.Process(int32(os.Getpid()), 0)
	if err != nil {
		t.Fatal(err)
	}
	cmd := start(t, &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNET})
	p, err := r.Process(int32(cmd.Process.Pid), 0)
	if err != nil {
		t.Fatal(err)
	}
	if p.VPID != 1 {
		t.Errorf("vpid %d, want 1", p.VPID)
	}
	if p.NetnsInode == 0 || p.NetnsInode == mine.NetnsInode {
		t.Errorf("network namespace %d, want another than %d", p.NetnsInode, mine.NetnsInode)
	}
}

func TestProcessesMayEndWhileTheyAreRead(t *testing.T) {
	r := identity.New(identity.Config{})
	seen := 0
	for range 40 {
		cmd := exec.Command("true")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		waited := make(chan error, 1)
		go func() { waited <- cmd.Wait() }()
		for {
			p, err := r.Process(int32(cmd.Process.Pid), 1)
			if errors.Is(err, fs.ErrNotExist) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if p.Key.IsZero() || p.Name == "" {
				t.Fatalf("half a process without an error: %+v", p)
			}
			seen++
		}
		if err := <-waited; err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("read %d times", seen)
}

func TestSelfOfThisHost(t *testing.T) {
	s := identity.ReadSelf()
	t.Logf("%+v", s)
	if s.Kernel == "" || s.PIDNamespace.Inode == 0 || s.UserNamespace.Inode == 0 || s.HidePID == "" {
		t.Errorf("facts that every Linux has are missing: %+v", s)
	}
	if s.UID != uint32(os.Geteuid()) {
		t.Errorf("uid %d, want %d", s.UID, os.Geteuid())
	}
	h := identity.ReadHost()
	if name, err := os.Hostname(); err != nil || h.Name != name || h.Kernel != s.Kernel || h.BootID == "" {
		t.Errorf("got %+v, want host %q (%v)", h, name, err)
	}
}

func BenchmarkProcess(b *testing.B) {
	args := []string{}
	for i := range 20 {
		args = append(args, fmt.Sprintf("%d.000000s", i))
	}
	cmd := start(b, nil, args...)
	r := identity.New(identity.Config{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Process(int32(cmd.Process.Pid), 1); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkKey(b *testing.B) {
	cmd := start(b, nil)
	r := identity.New(identity.Config{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Key(int32(cmd.Process.Pid)); err != nil {
			b.Fatal(err)
		}
	}
}
