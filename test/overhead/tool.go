package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// startBound is how long the tool may take until it observes, or until it
	// has printed its map.
	startBound = time.Minute
	// settle is the time that the last packets of a load, and what the kernel
	// tells of them, get before the window ends.
	settle = 500 * time.Millisecond
)

// tool is one run of `peerscope map` on a namespace.
type tool struct {
	cmd   *exec.Cmd
	out   bytes.Buffer
	said  said
	ready chan struct{} // closed at its first line that begins with "observing"
	done  chan struct{} // closed when it has ended
	err   error         // of its end, once done

	began   time.Time
	start   time.Duration // from the start of the program to the first look
	atReady time.Duration // processor time until then
}

// use is what a run of the tool took.
type use struct {
	start     time.Duration // from its start until it observed
	window    time.Duration // processor time while it observed
	total     time.Duration // processor time, from its start until the map was printed
	system    time.Duration // of total
	resident  uint64        // at the end of the window, in bytes
	peak      uint64        // with the printing of the map
	observed  time.Duration // how long it observed
	connected mapCount
}

// said is what the tool said on standard error.
type said struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *said) add(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.WriteString(line + "\n")
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.TrimSpace(s.text.String())
}

// startTool runs the tool on a namespace and waits for its first look. It is
// ended by finish, or by itself after bound.
func startTool(ctx context.Context, s settings, sp *space, bound time.Duration) (*tool, error) {
	t := &tool{ready: make(chan struct{}), done: make(chan struct{}), began: time.Now()}
	t.cmd = exec.Command(s.tool, "map", "--for", bound.String(), "--source", s.source, "--netns", sp.name, "-o", "json")
	t.cmd.Stdout = &t.out
	leash(t.cmd)
	stderr, err := t.cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", s.tool, err)
	}
	if err := t.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.tool, err)
	}
	go func() {
		t.follow(stderr) // Wait closes the pipe, so everything is read first
		t.err = t.cmd.Wait()
		close(t.done)
	}()
	select {
	case <-t.ready:
	case <-t.done:
		return nil, fmt.Errorf("%s ended before it observed: %v: %s", t, t.err, t.said.String())
	case <-ctx.Done():
		t.kill()
		return nil, ctx.Err()
	case <-time.After(startBound):
		t.kill()
		return nil, fmt.Errorf("%s did not observe within %v: %s", t, startBound, t.said.String())
	}
	t.start = time.Since(t.began)
	if t.atReady, err = processorTime(t.pid()); err != nil {
		t.kill()
		return nil, err
	}
	return t, nil
}

func (t *tool) String() string { return strings.Join(t.cmd.Args, " ") }

func (t *tool) pid() int { return t.cmd.Process.Pid }

// kill ends the tool if it still runs.
func (t *tool) kill() {
	_ = t.cmd.Process.Kill()
	<-t.done
}

func (t *tool) follow(r io.Reader) {
	seen := false
	for lines := bufio.NewScanner(r); lines.Scan(); {
		t.said.add(lines.Text())
		if !seen && strings.HasPrefix(lines.Text(), "observing") {
			seen = true
			close(t.ready)
		}
	}
}

// finish ends the window, waits for the map, and says what all of it took.
func (t *tool) finish() (use, error) {
	u := use{start: t.start, observed: time.Since(t.began) - t.start}
	atEnd, err := processorTime(t.pid())
	m, memErr := residentOf(t.pid())
	if err = errors.Join(err, memErr); err != nil {
		t.kill()
		return u, fmt.Errorf("%s: %w: %s", t, err, t.said.String())
	}
	u.window, u.resident, u.peak = atEnd-t.atReady, m.now, m.peak
	if err := t.cmd.Process.Signal(os.Interrupt); err != nil {
		t.kill()
		return u, fmt.Errorf("%s ended too early: %w: %s", t, err, t.said.String())
	}
	if err := t.await(&u); err != nil {
		return u, err
	}
	ended, _ := t.cmd.ProcessState.SysUsage().(*syscall.Rusage)
	u.system = time.Duration(ended.Stime.Nano())
	u.total = time.Duration(ended.Utime.Nano()) + u.system
	// A child begins with its parent's peak, so the kernel's own figure is good
	// only where it is above that.
	if own, err := residentOf(os.Getpid()); err == nil && uint64(ended.Maxrss)<<10 > own.peak {
		u.peak = max(u.peak, uint64(ended.Maxrss)<<10)
	}
	u.connected, err = countMap(&t.out)
	if err != nil {
		return u, fmt.Errorf("%s: %w: %s", t, err, t.said.String())
	}
	return u, nil
}

// await follows the memory of the tool while it prints its map.
func (t *tool) await(u *use) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	bound := time.After(startBound)
	for {
		select {
		case <-t.done:
			if t.err != nil {
				return fmt.Errorf("%s: %w: %s", t, t.err, t.said.String())
			}
			return nil
		case <-tick.C:
			if m, err := residentOf(t.pid()); err == nil {
				u.peak = max(u.peak, m.peak)
			}
		case <-bound:
			t.kill()
			return fmt.Errorf("%s did not print its map within %v: %s", t, startBound, t.said.String())
		}
	}
}

// snapshot runs a map of what is open now and says how long it took from the
// start of the program to its end.
func snapshot(ctx context.Context, s settings, sp *space) (time.Duration, mapCount, error) {
	ctx, cancel := context.WithTimeout(ctx, startBound)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.tool, "map", "--for", "0", "--source", s.source, "--netns", sp.name, "-o", "json")
	leash(cmd)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	began := time.Now()
	err := cmd.Run()
	took := time.Since(began)
	if err != nil {
		return took, mapCount{}, fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(said.String()))
	}
	count, err := countMap(&out)
	return took, count, err
}
