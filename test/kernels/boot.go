package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// boot runs a kernel until the guest ends, and returns what it said. The
// console's text is kept in the cache, for a person to read.
func (s *settings) boot(ctx context.Context, k kernel, f files, image string) (said, error) {
	console := filepath.Join(s.cache, k.name, "console.log")
	args := []string{"-accel", s.accel, "-cpu", k.cpu, "-smp", "2", "-m", "2048", "-nodefaults", "-no-user-config", "-display", "none",
		"-no-reboot", "-nic", "none", "-kernel", f.kernel(), "-initrd", image,
		"-append", "console=ttyS0 panic=-1 loglevel=5 mitigations=off nokaslr random.trust_cpu=on",
		"-serial", "file:" + console, "-serial", "stdio"}
	cmd := exec.CommandContext(ctx, "nice", append([]string{"-n", "19", "qemu-system-x86_64"}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = 5 * time.Second
	var stderr strings.Builder
	cmd.Stderr = &stderr
	port, err := cmd.StdoutPipe()
	if err != nil {
		return said{}, fmt.Errorf("boot: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return said{}, fmt.Errorf("boot: %w", err)
	}
	log, err := os.Create(filepath.Join(s.cache, k.name, "guest.log"))
	if err != nil {
		return said{}, fmt.Errorf("keep what the guest says: %w", err)
	}
	defer log.Close()
	out, heard := listen(io.TeeReader(port, log), s.tell)
	ended := cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return out, fmt.Errorf("it did not end within its bound (%s has what it said): %w", console, ctx.Err())
	case ended != nil:
		return out, fmt.Errorf("qemu: %w: %s", ended, stderr.String())
	case heard != nil:
		return out, heard
	case !out.done:
		return out, fmt.Errorf("the guest ended before it was done:\n%s", tail(console, 30))
	}
	return out, nil
}

// tell shows how the lab goes on.
func (s *settings) tell(line string) {
	if s.verbose {
		fmt.Println(line)
	}
}

// tail is the end of a text file.
func tail(path string, n int) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
