package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"peerscope/internal/capture/capturetest"
)

// asDemo makes the test binary the demo, or one of its programs.
const asDemo = "DEMO_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asDemo) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// demo is one that a test runs, with a folder for all that it makes.
func demo(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	capturetest.RequireRoot(t)
	for _, name := range []string{"ip", "nft"} {
		if _, err := exec.LookPath(name); err != nil {
			if os.Getenv("PEERSCOPE_REQUIRE_PRIVILEGED") == "1" {
				t.Fatalf("the demo needs %s", name)
			}
			t.Skipf("the demo needs %s", name)
		}
	}
	c := exec.Command(os.Args[0], args...)
	dir := t.TempDir()
	c.Env = append(os.Environ(), asDemo+"=1", "TMPDIR="+dir, "STATE_DIRECTORY="+filepath.Join(dir, "state"))
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	t.Cleanup(func() {
		left, err := os.ReadDir(dir)
		if err != nil || len(left) > 0 {
			t.Errorf("it leaves files: %v %v", left, err)
		}
		for _, name := range append(placeNames(), bridge) {
			if _, err := os.Stat("/run/netns/" + name); err == nil {
				t.Errorf("it leaves the network namespace %s", name)
			}
		}
	})
	return c
}

// TestDemo: the shop is on the map that is served, also where the port is taken; it
// writes to no history but its own, and leaves nothing.
func TestDemo(t *testing.T) {
	tool := filepath.Join(t.TempDir(), "peerscope")
	c := demo(t, "-for", "2m", "-tool", tool) // the test ends it
	if out, err := exec.Command("go", "build", "-o", tool, "../../cmd/peerscope").CombinedOutput(); err != nil {
		t.Fatalf("build the tool: %v\n%s", err, out)
	}
	if l, err := net.Listen("tcp", defaultListen); err == nil {
		defer l.Close() // else somebody else has it, as it may be
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	c.Stderr = &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	url := ""
	for lines := bufio.NewScanner(out); url == "" && lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "http://") {
			url = lines.Text()
		}
	}
	go io.Copy(io.Discard, out)
	missing := "the address"
	for end := time.Now().Add(time.Minute); url != "" && missing != "" && time.Now().Before(end); time.Sleep(time.Second) {
		missing = missingCalls(url)
	}
	stop := c.Process.Signal(os.Interrupt)
	if err := c.Wait(); err != nil || stop != nil {
		t.Errorf("it ends with %v\n%s", err, said.String())
	}
	if missing != "" {
		t.Errorf("not on the map of %q: %s\n%s", url, missing, said.String())
	}
}

// missingCalls is one of the calls that the map does not have yet; empty: it has all.
func missingCalls(url string) string {
	client := http.Client{Timeout: 10 * time.Second}
	r, err := client.Get(url + "api/v1/map?window=60s")
	if err != nil {
		return err.Error()
	}
	defer r.Body.Close()
	var m struct {
		Nodes []struct{ ID, Name string }
		Edges []struct{ Client, Server string }
	}
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		return err.Error()
	}
	names, calls := map[string]string{}, map[string]bool{}
	for _, n := range m.Nodes {
		names[n.ID] = n.Name
	}
	for _, e := range m.Edges {
		calls[names[e.Client]+" calls "+names[e.Server]] = true
	}
	for _, want := range []string{"browser calls web", "web calls api", "web calls static", "api calls orders-db", "api calls cache", "api calls search",
		"worker calls queue", "replica calls orders-db"} {
		if !calls[want] {
			return fmt.Sprintf("%s; there are %v", want, calls)
		}
	}
	return ""
}

// TestDemoEndsWithItsTool, and says why.
func TestDemoEndsWithItsTool(t *testing.T) {
	c := demo(t, "-for", "2m", "-tool", "/bin/false")
	began := time.Now()
	out, err := c.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "demo: peerscope serve: exit status 1") || time.Since(began) > time.Minute {
		t.Errorf("after %v: %v\n%s", time.Since(began), err, out)
	}
}
