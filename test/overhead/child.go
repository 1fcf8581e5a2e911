package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// childArg makes this program one of its own helpers: an end of connections.
// They make their sockets by plain system calls, which cost least. Each says
// one line when it is ready, and ends when its standard input does.
const childArg = "child"

// child is the helper's main function: answer, dial, accept, hold, echo or use.
func child(args []string) error {
	numbers := make([]int, len(args))
	for i, a := range args[min(1, len(args)):] {
		n, err := strconv.Atoi(a)
		if err != nil {
			return fmt.Errorf("child %q: %w", args, err)
		}
		numbers[i] = n
	}
	switch {
	case len(args) == 1 && args[0] == "answer":
		return answer()
	case len(args) == 4 && args[0] == "dial":
		return dial(numbers[0], numbers[1], time.Duration(numbers[2])*time.Second)
	case len(args) == 2 && args[0] == "accept":
		return acceptAll(numbers[0])
	case len(args) == 3 && args[0] == "hold":
		return holdAll(numbers[0], numbers[1])
	case len(args) == 2 && args[0] == "echo":
		return echoAll(numbers[0])
	case len(args) > 2 && args[0] == "use":
		return useSome(numbers[0], numbers[1:len(args)-1])
	}
	return fmt.Errorf("child %q: it is answer, dial PORT RATE SECONDS, accept COUNT, hold PORT COUNT, echo PORTS or use RATE and ports", args)
}

// tell is the line by which a helper says that it is ready, or what it did.
func tell(what any) error { return json.NewEncoder(os.Stdout).Encode(what) }

// untilEnd waits until whoever started this program is done with it.
func untilEnd() { _, _ = io.Copy(io.Discard, os.Stdin) }

// listening makes a listener on a free port of loopback.
func listening() (fd, port int, err error) {
	if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return 0, 0, fmt.Errorf("make listener: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: loopback()}); err != nil {
		return 0, 0, fmt.Errorf("bind listener: %w", err)
	}
	if err := unix.Listen(fd, 4096); err != nil {
		return 0, 0, fmt.Errorf("listen: %w", err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return 0, 0, fmt.Errorf("read listener's port: %w", err)
	}
	return fd, name.(*unix.SockaddrInet4).Port, nil
}

func loopback() [4]byte { return [4]byte{127, 0, 0, 1} }

// connected makes one connection.
func connected(port int) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("make socket: %w", err)
	}
	if err := unix.Connect(fd, &unix.SockaddrInet4{Addr: loopback(), Port: port}); err != nil {
		unix.Close(fd)
		return 0, fmt.Errorf("connect: %w", err)
	}
	return fd, nil
}

// helper is a child seen from the program that started it.
type helper struct {
	cmd   *exec.Cmd
	stdin io.Closer
	lines *bufio.Scanner
}

// startHelper starts a child in a namespace.
func startHelper(sp *space, args ...any) (*helper, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find own program: %w", err)
	}
	return startAs(sp, self, args...)
}

// startAs starts a child by a path that leads to this program.
func startAs(sp *space, path string, args ...any) (*helper, error) {
	words := []string{childArg}
	for _, a := range args {
		words = append(words, fmt.Sprint(a))
	}
	h := &helper{cmd: exec.Command(path, words...)}
	h.cmd.Stderr = os.Stderr
	in, err := h.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start helper: %w", err)
	}
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start helper: %w", err)
	}
	h.stdin, h.lines = in, bufio.NewScanner(out)
	if err := sp.start(h.cmd); err != nil {
		return nil, fmt.Errorf("start helper: %w", err)
	}
	return h, nil
}

// hear waits for the helper's next line; one that takes longer than bound is
// ended.
func (h *helper) hear(to any, bound time.Duration) error {
	late := time.AfterFunc(bound, func() { _ = h.cmd.Process.Kill() })
	defer late.Stop()
	if !h.lines.Scan() {
		return fmt.Errorf("helper %v said nothing within %v", h.cmd.Args[1:], bound)
	}
	if err := json.Unmarshal(h.lines.Bytes(), to); err != nil {
		return fmt.Errorf("helper %v: %w", h.cmd.Args[1:], err)
	}
	return nil
}

// stop lets the helper close what it has and end.
func (h *helper) stop() error {
	late := time.AfterFunc(20*time.Second, func() { _ = h.cmd.Process.Kill() })
	defer late.Stop()
	h.stdin.Close()
	if err := h.cmd.Wait(); err != nil {
		return fmt.Errorf("helper %v: %w", h.cmd.Args[1:], err)
	}
	return nil
}
