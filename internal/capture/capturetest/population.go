package capturetest

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// holdVariable makes a test binary run as one of the processes that tests and
// benchmarks look at: it opens as many connections and keeps both ends.
const holdVariable = "PEERSCOPE_TEST_HOLD"

// Main runs the tests, or what a test started this binary for. A package whose
// tests use Population calls it from TestMain.
func Main(m *testing.M) int {
	job := os.Getenv(holdVariable)
	if job == "" {
		return m.Run()
	}
	if err := hold(job); err != nil {
		fmt.Println("child:", err)
		return 1
	}
	return 0
}

// hold does its job, says "ready", and ends when its standard input does.
func hold(job string) error {
	var n int
	if _, err := fmt.Sscan(job, &n); err != nil {
		return fmt.Errorf("job %q: %w", job, err)
	}
	if err := holdConnections(n); err != nil {
		return err
	}
	fmt.Println("ready")
	_, _ = os.Stdin.Read(make([]byte, 1))
	return nil
}

// holdConnections leaves n connections to a listener of its own open, with 100
// bytes sent on each. Each process uses its own loopback address, so that all
// have ports enough.
func holdConnections(n int) error {
	listener, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	pid := os.Getpid()
	address := unix.SockaddrInet4{Port: 8000, Addr: [4]byte{127, byte(1 + pid>>16&63), byte(pid >> 8), byte(pid)}}
	if err := unix.Bind(listener, &address); err != nil {
		return err
	}
	if err := unix.Listen(listener, 16); err != nil {
		return err
	}
	for range n {
		client, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		if err := unix.Connect(client, &address); err != nil {
			return err
		}
		if _, _, err := unix.Accept(listener); err != nil {
			return err
		}
		if _, err := unix.Write(client, make([]byte, 100)); err != nil {
			return err
		}
	}
	return nil
}

// Population starts processes in the namespace that hold connections
// connections each, and returns their pids. They end with the test.
func Population(t testing.TB, h *Namespace, processes, connections int) []int32 {
	t.Helper()
	var pids []int32
	for range processes {
		c := exec.Command("/proc/self/exe")
		c.Env = append(os.Environ(), fmt.Sprintf("%s=%d", holdVariable, connections))
		stdin, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		stdout, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		In(t, h, c.Start)
		t.Cleanup(func() { stdin.Close(); c.Wait() })
		// A child that hangs must not hang the test.
		watchdog := time.AfterFunc(time.Minute, func() { c.Process.Kill() })
		line, err := bufio.NewReader(stdout).ReadString('\n')
		watchdog.Stop()
		if line != "ready\n" {
			t.Fatalf("child says %q: %v", line, err)
		}
		pids = append(pids, int32(c.Process.Pid))
	}
	return pids
}
