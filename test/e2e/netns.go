package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// netnsPrefix begins the name of every namespace of the lab; the pid of the
// lab follows, so that two labs at once do not meet.
const netnsPrefix = "pslab"

// Netns is a network namespace of the lab.
type Netns struct {
	Name  string // under /run/netns
	Inode uint64 // what the map shows
	t     testing.TB
}

// newNetns makes a namespace with its loopback up and removes it when the test ends.
func newNetns(t testing.TB, name string) *Netns {
	t.Helper()
	n := &Netns{Name: name, t: t}
	must(t, "ip", "netns", "add", name)
	t.Cleanup(n.Delete)
	var st unix.Stat_t
	if err := unix.Stat(n.path(), &st); err != nil {
		t.Fatalf("stat namespace %s: %v", name, err)
	}
	n.Inode = st.Ino
	n.IP("link", "set", "lo", "up")
	return n
}

func (n *Netns) path() string { return filepath.Join("/run/netns", n.Name) }

// Delete removes the name; the namespace itself lives as long as a process or
// socket is in it.
func (n *Netns) Delete() {
	if _, err := os.Stat(n.path()); err == nil {
		must(n.t, "ip", "netns", "del", n.Name)
	}
}

// IP runs `ip` inside the namespace.
func (n *Netns) IP(args ...string) {
	n.t.Helper()
	must(n.t, "ip", append([]string{"-n", n.Name}, args...)...)
}

// hasLink reports whether the namespace has an interface.
func (n *Netns) hasLink(name string) bool {
	return exec.Command("ip", "-n", n.Name, "link", "show", name).Run() == nil
}

// Nft loads a ruleset inside the namespace.
func (n *Netns) Nft(rules string) {
	n.t.Helper()
	cmd := exec.CommandContext(n.t.Context(), "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(rules)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	err := n.start(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		n.t.Fatalf("load rules in %s: %v\n%s\n%s", n.Name, err, out.String(), rules)
	}
}

// Sysctl sets a value below /proc/sys, which shows the net values of the
// namespace of the thread that opens it.
func (n *Netns) Sysctl(key, value string) {
	n.t.Helper()
	err := n.enter(func() error {
		return os.WriteFile("/proc/sys/"+strings.ReplaceAll(key, ".", "/"), []byte(value), 0)
	})
	if err != nil {
		n.t.Fatalf("set %s in %s: %v", key, n.Name, err)
	}
}

// start starts a command inside the namespace: a child belongs to the network
// namespace of the thread that forked it.
func (n *Netns) start(cmd *exec.Cmd) error { return n.enter(cmd.Start) }

// enter runs f on a thread that is in the namespace. A thread that cannot
// return stays locked, and so ends with its goroutine.
func (n *Netns) enter(f func() error) error {
	done := make(chan error, 1)
	go func() {
		done <- func() error {
			runtime.LockOSThread()
			home, err := os.Open(fmt.Sprintf("/proc/self/task/%d/ns/net", syscall.Gettid()))
			if err != nil {
				return fmt.Errorf("open own namespace: %w", err)
			}
			defer home.Close()
			there, err := os.Open(n.path())
			if err != nil {
				return fmt.Errorf("open namespace: %w", err)
			}
			defer there.Close()
			if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
				return fmt.Errorf("enter namespace %s: %w", n.Name, err)
			}
			err = f()
			if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
				runtime.UnlockOSThread()
			}
			return err
		}()
	}()
	return <-done
}

// must runs a command of the lab's own making and fails the test with its words.
func must(t testing.TB, name string, args ...string) {
	t.Helper()
	// The test's context is over when it cleans up, so it does not bound this.
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Errorf("%s %s: %v: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
		if t.Context().Err() == nil {
			t.FailNow()
		}
	}
}

// sweep removes what a lab that was killed left behind: namespaces whose name
// holds the pid of a process that is gone.
func sweep(t testing.TB) {
	entries, err := os.ReadDir("/run/netns")
	if err != nil {
		return
	}
	for _, e := range entries {
		var pid int
		if _, err := fmt.Sscanf(e.Name(), netnsPrefix+"%d-", &pid); err != nil {
			continue
		}
		if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); os.IsNotExist(err) {
			must(t, "ip", "netns", "del", e.Name())
		}
	}
}
