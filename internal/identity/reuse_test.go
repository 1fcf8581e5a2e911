package identity

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// inNamespace says that the test runs itself as process 1 of a pid namespace.
const inNamespace = "PEERSCOPE_TEST_PID_NAMESPACE"

// A pid that is used again must not answer for the process that had it. The
// test needs a pid namespace of its own, in which it chooses the next pid.
func TestReusedPIDIsAnotherProcess(t *testing.T) {
	if os.Getenv(inNamespace) != "" {
		reusePID(t)
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("a pid namespace needs root")
	}
	if _, err := os.Stat("/proc/sys/kernel/ns_last_pid"); err != nil {
		t.Skip("the kernel does not let choose pids (CONFIG_CHECKPOINT_RESTORE)")
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestReusedPIDIsAnotherProcess$", "-test.v")
	cmd.Env = append(os.Environ(), inNamespace+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
}

func reusePID(t *testing.T) {
	root := t.TempDir()
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("proc", root, "proc", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(root, unix.MNT_DETACH) })
	r := New(Config{ProcRoot: root})

	first := sleeper(t)
	pid := int32(first.Process.Pid)
	key, err := r.Key(pid)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := open(unix.AT_FDCWD, r.pathOf(pid, ""), unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(dir)
	if _, err := r.read(dir, "stat\x00", maxFile); err != nil {
		t.Fatal(err)
	}
	_ = first.Process.Kill()
	_ = first.Wait()
	time.Sleep(50 * time.Millisecond) // several ticks

	// Threads of this program take pids too, so it may need more than one try.
	for range 50 {
		last := []byte(strconv.Itoa(int(pid) - 1))
		if err := os.WriteFile(root+"/sys/kernel/ns_last_pid", last, 0); err != nil {
			t.Fatal(err)
		}
		second := sleeper(t)
		if int32(second.Process.Pid) != pid {
			continue
		}
		again, err := r.Key(pid)
		if err != nil || again == key {
			t.Errorf("Key of the second process = %v, %v, want another than %v", again, err, key)
		}
		for _, file := range []string{"stat\x00", "status\x00", "cmdline\x00", "cgroup\x00"} {
			if b, err := r.read(dir, file, maxFile); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s of the first process = %q, %v, want fs.ErrNotExist", file, b, err)
			}
		}
		for _, link := range []string{"exe\x00", "ns/net\x00"} {
			if b, err := readLink(dir, link, r.link); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s of the first process = %q, %v, want fs.ErrNotExist", link, b, err)
			}
		}
		return
	}
	t.Skip("the pid was not given again")
}

func sleeper(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "300")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}
