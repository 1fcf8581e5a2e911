package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"peerscope/test/e2e/script"
)

// stepTimeout bounds one step of an actor, as the lab sees it, unless the step
// itself may take longer.
const stepTimeout = 20 * time.Second

// Actor is one process that the lab tells what to do.
type Actor struct {
	Name string
	Proc Proc
	NS   *Netns

	lab    *Lab
	in     *os.File
	cmd    *exec.Cmd // nil for the child of another actor
	parent *Actor
	gone   bool

	mu      sync.Mutex
	next    int
	waiting map[int]chan script.Fact
}

// Actor starts a process in a namespace. Its executable has its name, so that
// maps read well.
func (l *Lab) Actor(ns *Netns, name string) *Actor {
	l.T.Helper()
	a, in, out := l.newActor(ns, name)
	a.cmd = exec.Command(l.executable(name), "-in", in, "-out", out)
	a.cmd.Stderr = &l.stderr
	// Without preemption signals no system call of an actor is interrupted.
	a.cmd.Env = append(os.Environ(), "GODEBUG=asyncpreemptoff=1")
	if err := ns.start(a.cmd); err != nil {
		l.T.Fatalf("start actor %s: %v", name, err)
	}
	l.T.Cleanup(a.stop)
	a.hello(a.cmd.Process.Pid)
	return a
}

// newActor prepares the two FIFOs of an actor. The lab opens both for reading
// and writing: no open blocks and no write meets a missing reader.
func (l *Lab) newActor(ns *Netns, name string) (a *Actor, in, out string) {
	l.T.Helper()
	l.fifos++
	stem := filepath.Join(l.dir, fmt.Sprintf("%s.%d", name, l.fifos))
	in, out = stem+".in", stem+".out"
	a = &Actor{Name: name, NS: ns, lab: l, waiting: map[int]chan script.Fact{}}
	open := func(path string) *os.File {
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			l.T.Fatalf("make %s: %v", path, err)
		}
		f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK, 0)
		if err != nil {
			l.T.Fatalf("open %s: %v", path, err)
		}
		l.T.Cleanup(func() { _ = f.Close() })
		return f
	}
	a.in = open(in)
	go a.listen(open(out))
	return a, in, out
}

// hello learns who the process is and checks it against /proc.
func (a *Actor) hello(pid int) {
	a.lab.T.Helper()
	f := a.Do(script.Command{Op: script.Hello})
	a.Proc = Proc{PID: f.PID, Start: f.Start}
	seen, err := procOf(pid)
	if err != nil || seen != a.Proc {
		a.lab.T.Fatalf("actor %s says it is %v, /proc says %v: %v", a.Name, a.Proc, seen, err)
	}
	a.lab.procs[a.Proc] = true
}

// listen hands each fact to the step that waits for it, until the FIFO closes.
func (a *Actor) listen(out *os.File) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var f script.Fact
		if err := json.Unmarshal(lines.Bytes(), &f); err != nil {
			continue
		}
		a.mu.Lock()
		ch := a.waiting[f.ID]
		delete(a.waiting, f.ID)
		a.mu.Unlock()
		if ch != nil {
			ch <- f
		}
	}
}

// start sends a command; its fact comes on the channel.
func (a *Actor) start(c script.Command) <-chan script.Fact {
	a.lab.T.Helper()
	a.mu.Lock()
	a.next++
	c.ID = a.next
	ch := make(chan script.Fact, 1)
	a.waiting[c.ID] = ch
	a.mu.Unlock()
	line, err := json.Marshal(c)
	if err == nil {
		_, err = a.in.Write(append(line, '\n'))
	}
	if err != nil {
		a.lab.T.Fatalf("tell %s: %v", a.Name, err)
	}
	return ch
}

// Step starts a command and returns how to wait for its fact.
func (a *Actor) Step(c script.Command) func() script.Fact {
	a.lab.T.Helper()
	ch := a.start(c)
	return func() script.Fact {
		a.lab.T.Helper()
		select {
		case f := <-ch:
			a.check(c, f)
			return f
		case <-time.After(a.lab.bench.within(max(stepTimeout, 2*time.Duration(c.TimeoutMS)*time.Millisecond))):
			a.lab.T.Fatalf("%s did not answer %s %s", a.Name, c.Op, c.Sock)
			return script.Fact{}
		}
	}
}

// check ends the test if the actor could not do the step.
func (a *Actor) check(c script.Command, f script.Fact) {
	a.lab.T.Helper()
	if f.Problem != "" {
		a.lab.T.Fatalf("%s could not %s %s: %s", a.Name, c.Op, c.Sock, f.Problem)
	}
}

// Do is one step from start to end.
func (a *Actor) Do(c script.Command) script.Fact {
	a.lab.T.Helper()
	return a.Step(c)()
}

// Must is a step that the kernel has to allow.
func (a *Actor) Must(c script.Command) script.Fact {
	a.lab.T.Helper()
	f := a.Do(c)
	if f.Errno != "" {
		a.lab.T.Fatalf("%s: %s %s %s: %s", a.Name, c.Op, c.Sock, c.Addr, f.Errno)
	}
	return f
}

// Spawn starts a child that inherits sockets, under a name of its own. A pid
// other than 0 asks for exactly that one.
func (a *Actor) Spawn(name string, pid int, inherit ...string) *Actor {
	a.lab.T.Helper()
	c, in, out := a.lab.newActor(a.NS, name)
	c.parent = a
	f := a.Must(script.Command{Op: script.Spawn, Exe: a.lab.executable(name), In: in, Out: out, Inherit: inherit, PID: pid})
	a.lab.T.Cleanup(c.stop)
	c.hello(f.Child)
	return c
}

// Exit ends the process with all its sockets open and reaps it.
func (a *Actor) Exit() {
	a.lab.T.Helper()
	if a.gone {
		return
	}
	a.gone = true
	a.Do(script.Command{Op: script.Exit})
	if a.parent != nil {
		a.parent.Must(script.Command{Op: script.Wait, PID: a.Proc.PID})
		return
	}
	_ = a.cmd.Wait()
}

// Kill ends a process of the lab's own without asking it.
func (a *Actor) Kill() {
	a.gone = true
	_ = a.cmd.Process.Kill()
	_ = a.cmd.Wait()
}

// stop ends what still runs. A pid is only signalled while it is still the
// process that the lab started.
func (a *Actor) stop() {
	if a.gone {
		return
	}
	a.gone = true
	if a.cmd != nil {
		_ = a.cmd.Process.Kill()
		_ = a.cmd.Wait()
		return
	}
	if now, err := procOf(a.Proc.PID); err == nil && now == a.Proc {
		_ = syscall.Kill(a.Proc.PID, syscall.SIGKILL)
	}
}
