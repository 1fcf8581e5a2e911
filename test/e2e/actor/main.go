// Command actor is one process of the lab that does exactly what it is told.
//
// It reads commands from one FIFO and writes facts to another, so that it has
// no socket but those it was told to make. Sockets are made by raw system
// calls, because Go's net package connects without blocking, listens with
// MPTCP and hides which of several answers the kernel gave.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"peerscope/test/e2e/script"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == onceFlag {
		os.Exit(once(os.Args[2:]))
	}
	in := flag.String("in", "", "FIFO to read commands from")
	out := flag.String("out", "", "FIFO to write facts to")
	inherit := flag.String("inherit", "", "names of the sockets from descriptor 3 on")
	flag.Parse()
	if err := run(*in, *out, *inherit); err != nil {
		fmt.Fprintln(os.Stderr, "actor:", err)
		os.Exit(1)
	}
}

func run(in, out, inherit string) error {
	commands, err := os.OpenFile(in, os.O_RDONLY, 0)
	if err != nil {
		return fmt.Errorf("open commands: %w", err)
	}
	facts, err := os.OpenFile(out, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("open facts: %w", err)
	}
	a, err := newActor()
	if err != nil {
		return err
	}
	if inherit != "" {
		for i, name := range strings.Split(inherit, ",") {
			a.put(name, 3+i)
		}
	}
	return a.loop(commands, facts)
}

// actor is the process: its sockets by name and the services it runs.
type actor struct {
	pid   int
	start uint64

	mu         sync.Mutex
	sockets    map[string]int
	services   map[string]*service
	forwarders map[string]*forwarder
}

func newActor() (*actor, error) {
	start, err := startTime("self")
	if err != nil {
		return nil, err
	}
	return &actor{pid: os.Getpid(), start: start, sockets: map[string]int{}, services: map[string]*service{}, forwarders: map[string]*forwarder{}}, nil
}

// loop runs every command in a goroutine of its own, so that one that blocks
// holds up nothing. The end of the input is the end of the lab: exit.
func (a *actor) loop(commands *os.File, facts *os.File) error {
	var writing sync.Mutex
	lines := bufio.NewScanner(commands)
	for lines.Scan() {
		var c script.Command
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			return fmt.Errorf("parse command %q: %w", lines.Text(), err)
		}
		go func() {
			f := a.step(c)
			line, err := json.Marshal(f)
			if err != nil {
				return
			}
			writing.Lock()
			_, _ = facts.Write(append(line, '\n'))
			if c.Op == script.Exit {
				os.Exit(c.Count)
			}
			writing.Unlock()
		}()
	}
	return lines.Err()
}

// step does one command and says what became of it.
func (a *actor) step(c script.Command) script.Fact {
	f := script.Fact{ID: c.ID, PID: a.pid, Start: a.start, Began: time.Now().UnixNano()}
	if c.TimeoutMS == 0 {
		c.TimeoutMS = 10_000
	}
	err := a.do(c, &f)
	f.Ended = time.Now().UnixNano()
	if err != nil {
		f.Problem = err.Error()
	}
	return f
}
