package web_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestBrowserRecording looks at a recording as `peerscope serve --from` shows it.
func TestBrowserRecording(t *testing.T) {
	x := browserTools(t)
	url := serve(t, buildTool(t), "--from", "../testdata/worlds/kubernetes.jsonl", "--speed", "0", "--no-history")
	findings(t, x, "serve.mjs", url, "shop", "web", "back/redis-0")
}

// TestBrowserLive looks at real processes in a network namespace of the test's
// own, as `peerscope serve` observes them.
func TestBrowserLive(t *testing.T) {
	x := browserTools(t)
	need := func(ok bool, what string) {
		t.Helper()
		if ok {
			return
		}
		if os.Getenv("PEERSCOPE_REQUIRE_PRIVILEGED") == "1" {
			t.Fatal(what)
		}
		t.Skip(what)
	}
	need(os.Geteuid() == 0, "a network namespace of one's own needs root")
	for _, program := range []string{"ip", "python3"} {
		_, err := exec.LookPath(program)
		need(err == nil, program+" is missing")
	}
	space := fmt.Sprintf("peerscope-web-%d", os.Getpid())
	command(t, "ip", "netns", "add", space)
	t.Cleanup(func() { command(t, "ip", "netns", "del", space) })
	command(t, "ip", "-n", space, "link", "set", "lo", "up")
	start(t, "ip", "netns", "exec", space, "python3", filepath.Join("test", "shop.py"), "serve")
	start(t, "ip", "netns", "exec", space, "python3", filepath.Join("test", "customer.py"))
	url := serve(t, buildTool(t), "--netns", space, "--history", t.TempDir(), "--window", "2s")
	findings(t, x, "serve.mjs", url, "shop.py", "customer.py")
}

// buildTool builds the program from the tree that is tested.
func buildTool(t *testing.T) string {
	t.Helper()
	tool := filepath.Join(t.TempDir(), "peerscope")
	build := exec.Command("go", "build", "-o", tool, "../cmd/peerscope")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if b, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, b)
	}
	return tool
}

// serve runs the program until the test ends, and gives the address that it says.
func serve(t *testing.T, tool string, args ...string) string {
	t.Helper()
	cmd := exec.Command(tool, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+t.TempDir(), "XDG_CONFIG_HOME="+t.TempDir())
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		end(t, cmd)
		if t.Failed() {
			t.Logf("peerscope serve said:\n%s", stderr.String())
		}
	})
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatalf("peerscope serve says no address\n%s", stderr.String())
	}
	return strings.TrimSuffix(strings.TrimSpace(lines.Text()), "/")
}

// start runs a process until the test ends.
func start(t *testing.T, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, cmd) })
}

// end asks a process to stop, and makes it if it does not.
func end(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Logf("stop %s: %v", cmd.Path, err)
	}
	kill := time.AfterFunc(10*time.Second, func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Logf("kill %s: %v", cmd.Path, err)
		}
	})
	defer kill.Stop()
	// How it ended does not matter: it was told to.
	if err := cmd.Wait(); err != nil && cmd.ProcessState == nil {
		t.Logf("wait for %s: %v", cmd.Path, err)
	}
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if b, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, b)
	}
}
