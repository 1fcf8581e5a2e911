package ebpf

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"peerscope/internal/capture/capturetest"
	"peerscope/internal/flow"
)

// childVariable makes this test binary observe the namespace it names until it
// is killed.
const childVariable = "PEERSCOPE_TEST_OBSERVE"

func TestMain(m *testing.M) {
	if namespace := os.Getenv(childVariable); namespace != "" {
		fmt.Println(observeForever(namespace))
		os.Exit(1)
	}
	os.Exit(capturetest.Main(m))
}

func observeForever(namespace string) error {
	cfg := DefaultConfig()
	cfg.Namespaces, cfg.Processes, cfg.Emit = []string{namespace}, nobody{}, func(flow.Observation) {}
	s, err := New(cfg)
	if err != nil {
		return err
	}
	for name, p := range s.kernel.core.Programs {
		info, err := p.Info()
		if err != nil {
			return err
		}
		id, _ := info.ID()
		fmt.Printf("%s=%d ", name, id)
	}
	fmt.Println()
	return s.Run(context.Background(), -1)
}

// TestNothingStays: the programs go with the process, also with one that is
// killed: nothing is pinned.
func TestNothingStays(t *testing.T) {
	capturetest.RequireRoot(t)
	ns := capturetest.NewNamespace(t)
	c := exec.Command("/proc/self/exe")
	c.Env, c.ExtraFiles = append(os.Environ(), childVariable+"=/proc/self/fd/3"), []*os.File{ns.File}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	watchdog := time.AfterFunc(2*time.Minute, func() { c.Process.Kill() })
	defer watchdog.Stop()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var ids []ebpf.ProgramID
	for _, word := range strings.Fields(line) {
		var id ebpf.ProgramID
		if _, n, _ := strings.Cut(word, "="); n != "" {
			fmt.Sscan(n, &id)
		}
		if !loaded(t, id) {
			t.Errorf("the program %s is not loaded while it runs", word)
		}
		ids = append(ids, id)
	}
	if len(ids) < 5 {
		t.Fatalf("only %q are loaded", line)
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	c.Wait()
	deadline := time.Now().Add(10 * time.Second) // the kernel frees them after a grace period
	for _, id := range ids {
		for loaded(t, id) {
			if time.Now().After(deadline) {
				t.Fatalf("the program %d is there although its process was killed", id)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

func loaded(t *testing.T, id ebpf.ProgramID) bool {
	t.Helper()
	p, err := ebpf.NewProgramFromID(id)
	if errors.Is(err, os.ErrNotExist) {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	return true
}
