package e2e

import (
	"bufio"
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Program is a real program in a scenario.
type Program struct {
	Name string
	Proc Proc
	NS   *Netns
	Out  syncBuffer

	cmd  *exec.Cmd
	exe  string // name of its executable when it was started
	lab  *Lab
	done chan error
}

// ProgramOptions say how a program is run.
type ProgramOptions struct {
	// User runs it as somebody else, who gets Dir.
	User string
	Dir  string
	Env  []string
	// Stop is the signal that asks it to end; 0 means SIGTERM.
	Stop syscall.Signal
}

// Program starts a real program in a namespace, in a process group of its own
// so that whatever it forks is ended with it.
func (l *Lab) Program(ns *Netns, o ProgramOptions, path string, args ...string) *Program {
	l.T.Helper()
	p := &Program{Name: filepath.Base(path), NS: ns, lab: l, done: make(chan error, 1), cmd: exec.Command(path, args...)}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.Dir = o.Dir
	p.cmd.Env = append(os.Environ(), o.Env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.Out, &p.Out
	if o.User != "" {
		uid, gid := l.userIDs(o.User)
		p.cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: gid}
		if o.Dir != "" {
			if err := os.Chown(o.Dir, int(uid), int(gid)); err != nil {
				l.T.Fatalf("give %s to %s: %v", o.Dir, o.User, err)
			}
		}
	}
	if err := ns.start(p.cmd); err != nil {
		l.T.Fatalf("start %s: %v", path, err)
	}
	pid := p.cmd.Process.Pid
	go func() { p.done <- p.cmd.Wait() }()
	stop := o.Stop
	if stop == 0 {
		stop = syscall.SIGTERM
	}
	l.T.Cleanup(func() { p.end(stop) })
	var err error
	if p.Proc, err = procOf(pid); err != nil {
		l.T.Fatalf("start %s: %v\n%s", path, err, p.Out.String())
	}
	l.procs[p.Proc] = true
	p.exe = executableOf(p.Proc)
	return p
}

func (l *Lab) userIDs(name string) (uid, gid uint32) {
	l.T.Helper()
	u, err := user.Lookup(name)
	if err != nil {
		skip(l.T, "no user %s: %v", name, err)
	}
	id := func(s string) uint32 { n, _ := strconv.ParseUint(s, 10, 32); return uint32(n) }
	return id(u.Uid), id(u.Gid)
}

// end asks the program to end, then ends what is left of its group. Children
// that left the group are noted before.
func (p *Program) end(stop syscall.Signal) {
	var left []Proc
	pids, _ := children(p.Proc.PID)
	for _, pid := range pids {
		if child, err := procOf(pid); err == nil {
			left = append(left, child)
		}
	}
	_ = p.cmd.Process.Signal(stop)
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
	}
	_ = syscall.Kill(-p.Proc.PID, syscall.SIGKILL)
	for _, child := range left {
		if now, err := procOf(child.PID); err == nil && now == child {
			_ = syscall.Kill(child.PID, syscall.SIGKILL)
		}
	}
}

// Wait waits for a program that ends by itself.
func (p *Program) Wait(bound time.Duration) {
	p.lab.T.Helper()
	select {
	case err := <-p.done:
		if err != nil {
			p.lab.T.Fatalf("%s: %v\n%s", p.Name, err, p.Out.String())
		}
		p.done <- nil
	case <-time.After(bound):
		p.lab.T.Fatalf("%s did not end within %v", p.Name, bound)
	}
}

// as is the program as one end of a connection. One that is a wrapper has become
// another since it was started.
func (p *Program) as(addrs ...string) End {
	return End{Name: p.Name, Exe: cmp.Or(executableOf(p.Proc), p.exe), Proc: p.Proc, NS: p.NS, Addrs: addrs}
}

// Listening waits until the program's namespace has a TCP listener on a port,
// without calling it: a call would be traffic.
func (p *Program) Listening(port uint16) {
	p.lab.T.Helper()
	for range 400 {
		select {
		case err := <-p.done:
			p.lab.T.Fatalf("%s ended: %v\n%s", p.Name, err, p.Out.String())
		default:
		}
		for _, family := range []string{"tcp", "tcp6"} {
			text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", p.Proc.PID, family))
			if err == nil && listens(string(text), port) {
				return
			}
		}
		pause(25)
	}
	p.lab.T.Fatalf("%s does not listen on %d\n%s", p.Name, port, p.Out.String())
}

// listens finds a listener (state 0A) in the text of /proc/net/tcp, whose
// second column is local address and port in hexadecimal.
func listens(text string, port uint16) bool {
	suffix := fmt.Sprintf(":%04X", port)
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) > 3 && strings.HasSuffix(f[1], suffix) && f[3] == "0A" {
			return true
		}
	}
	return false
}

// lines are the lines of a file a program wrote.
func (l *Lab) lines(path string) []string {
	l.T.Helper()
	f, err := os.Open(path)
	if err != nil {
		l.T.Fatalf("read log: %v", err)
	}
	defer f.Close()
	var out []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		out = append(out, lines.Text())
	}
	return out
}

// openDir makes a folder that other users can reach; the test's own is closed
// to them.
func (l *Lab) openDir() string {
	l.T.Helper()
	dir, err := os.MkdirTemp("", netnsPrefix)
	if err != nil {
		l.T.Fatalf("make folder: %v", err)
	}
	l.T.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// write makes a file in the scenario's folder.
func (l *Lab) write(name, text string) string {
	l.T.Helper()
	path := filepath.Join(l.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		l.T.Fatalf("write %s: %v", name, err)
	}
	return path
}
