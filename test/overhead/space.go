package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// space is a network namespace with one thread that lives in it. Whatever is
// started from that thread is in the namespace, and the kernel ends it when the
// thread ends.
type space struct {
	name string
	jobs chan func()
	done chan struct{} // closed when the thread has left
}

// newSpace makes a namespace in which many short connections can follow each
// other.
func newSpace(prefix, subject string) (*space, error) {
	sp := &space{name: fmt.Sprintf("%s%d-%s", prefix, os.Getpid(), subject), jobs: make(chan func()), done: make(chan struct{})}
	if err := command("ip", "netns", "add", sp.name); err != nil {
		return nil, err
	}
	entered := make(chan error)
	go sp.live(entered)
	err := <-entered
	if err == nil {
		err = command("ip", "-n", sp.name, "link", "set", "lo", "up")
	}
	if err == nil {
		err = sp.do(setLimits)
	}
	if err != nil {
		_ = sp.close()
		return nil, err
	}
	return sp, nil
}

// live is the thread. It never unlocks, so it ends with its goroutine.
func (sp *space) live(entered chan<- error) {
	defer close(sp.done)
	runtime.LockOSThread()
	entered <- func() error {
		f, err := os.Open(filepath.Join("/run/netns", sp.name))
		if err != nil {
			return fmt.Errorf("open namespace: %w", err)
		}
		defer f.Close()
		if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter namespace %s: %w", sp.name, err)
		}
		return nil
	}()
	for job := range sp.jobs {
		job()
	}
}

// do runs f on the thread in the namespace.
func (sp *space) do(f func() error) error {
	result := make(chan error, 1)
	sp.jobs <- func() { result <- f() }
	return <-result
}

// setLimits makes room for many connections after each other. /proc/sys/net
// shows the namespace of the thread that opens it.
func setLimits() error {
	for key, value := range map[string]string{
		"ipv4/ip_local_port_range": "1024 65535",
		"ipv4/tcp_tw_reuse":        "1",
		"ipv4/tcp_fin_timeout":     "5",
		// Reached within the first second of a load, so that every run finds as
		// many remains of those before it.
		"ipv4/tcp_max_tw_buckets":  "16384",
		"ipv4/tcp_max_syn_backlog": "4096",
		"core/somaxconn":           "4096",
	} {
		if err := os.WriteFile("/proc/sys/net/"+key, []byte(value), 0); err != nil {
			return fmt.Errorf("set net/%s: %w", key, err)
		}
	}
	return nil
}

// start starts a command in the namespace.
func (sp *space) start(cmd *exec.Cmd) error {
	leash(cmd)
	return sp.do(cmd.Start)
}

// leash lets the kernel end a child with the thread that started it, and keeps
// a Ctrl-C of the terminal from it: it is stopped in its turn.
func leash(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// tcp reads what the kernel counted in the namespace since it was made.
func (sp *space) tcp() (c tcpCounters, err error) {
	err = sp.do(func() error {
		text, err := os.ReadFile("/proc/thread-self/net/snmp")
		if err != nil {
			return err
		}
		c, err = parseSNMP(bytes.NewReader(text))
		return err
	})
	if err != nil {
		return c, fmt.Errorf("read TCP counters of %s: %w", sp.name, err)
	}
	return c, nil
}

// close ends the thread and removes the name; what was started from the thread
// ends with it.
func (sp *space) close() error {
	close(sp.jobs)
	<-sp.done
	return command("ip", "netns", "del", sp.name)
}

// sweep removes what a run that was killed left behind: namespaces whose name
// holds the pid of a process that is gone.
func sweep(prefix string) error {
	entries, err := os.ReadDir("/run/netns")
	if err != nil {
		return nil // nobody made one yet
	}
	for _, e := range entries {
		var pid int
		if rest, ok := strings.CutPrefix(e.Name(), prefix); !ok {
			continue
		} else if _, err := fmt.Sscanf(rest, "%d-", &pid); err != nil {
			continue
		}
		if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); os.IsNotExist(err) {
			if err := command("ip", "netns", "del", e.Name()); err != nil {
				return err
			}
		}
	}
	return nil
}

// command runs a short command of this program's own making.
func command(name string, args ...string) error {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
