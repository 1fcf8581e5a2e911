package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"peerscope/internal/topology"
)

const (
	// longWindow is the window of a scenario that ends it by a signal.
	longWindow = 60 * time.Second
	// startBound is how long the first look may take on a loaded machine.
	startBound = 30 * time.Second
	// settle is the time the last packets and acknowledgements of a scenario
	// get before its window ends: a delayed ACK takes up to 40 ms, a lost
	// packet's first retransmission 200 ms.
	settle = 400 * time.Millisecond
)

// tool is one run of the binary under test.
type tool struct {
	cmd      *exec.Cmd
	stdout   bytes.Buffer
	stderr   syncBuffer
	observed chan struct{} // closed at its first line that begins with "observing"
	drained  sync.WaitGroup
	done     chan error
	args     []string
}

// startTool runs a command of the tool, `map` if none is given, on namespaces and
// waits for its first look.
func (l *Lab) startTool(ns []*Netns, command ...string) *tool {
	l.T.Helper()
	window := l.bench.within(longWindow)
	if l.Scenario.For > 0 || l.Scenario.Snapshot {
		window = l.bench.within(l.Scenario.For)
	}
	t := &tool{observed: make(chan struct{}), done: make(chan error, 1)}
	if command == nil {
		command = []string{"map", "--logical"}
		if l.bench.Window > 0 && !l.Scenario.Snapshot {
			command = append(command, "--window", l.bench.Window.String())
		}
	}
	t.args = append(command, "--for", window.String(), "--source", l.source)
	for _, n := range ns {
		t.args = append(t.args, "--netns", n.Name)
	}
	t.args = append(append(t.args, l.args...), "-o", "json")
	t.cmd = exec.Command(l.bench.Tool, t.args...)
	t.cmd.Stdout = &t.stdout
	stderr, err := t.cmd.StderrPipe()
	if err != nil {
		l.T.Fatalf("start tool: %v", err)
	}
	if err := t.cmd.Start(); err != nil {
		l.T.Fatalf("start tool: %v", err)
	}
	l.T.Cleanup(func() { _ = t.cmd.Process.Kill() })
	t.drained.Go(func() { t.follow(stderr) })
	go func() {
		t.drained.Wait() // Wait closes the pipe, so everything is read first.
		t.done <- t.cmd.Wait()
	}()
	if l.Scenario.Snapshot {
		return t
	}
	select {
	case <-t.observed:
	case err := <-t.done:
		l.T.Fatalf("tool ended before its first look: %v\n%s", err, t.stderr.String())
	case <-time.After(l.bench.within(startBound)):
		l.T.Fatalf("tool did not say that it observes within %v:\n%s", l.bench.within(startBound), t.stderr.String())
	}
	return t
}

// follow reads the tool's messages until it ends.
func (t *tool) follow(r io.Reader) {
	seen := false
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fmt.Fprintln(&t.stderr, lines.Text())
		if !seen && strings.HasPrefix(lines.Text(), "observing") {
			seen = true
			close(t.observed)
		}
	}
}

// finish ends the window and returns the map.
func (l *Lab) finish() *topology.Map {
	l.T.Helper()
	t := l.tool
	l.end(t)
	if l.bench.Keep != "" {
		path := filepath.Join(l.bench.Keep, l.Scenario.Name+"."+l.source+".json")
		if err := os.WriteFile(path, t.stdout.Bytes(), 0o644); err != nil {
			l.T.Errorf("keep map: %v", err)
		}
	}
	m, err := parseMap(&t.stdout)
	if err != nil {
		l.T.Fatalf("%v\n%s\n%s", err, t.stdout.String(), t.stderr.String())
	}
	return m
}

// end ends the window of one run of the tool and waits for it.
func (l *Lab) end(t *tool) {
	l.T.Helper()
	time.Sleep(settle)
	if l.Scenario.For == 0 && !l.Scenario.Snapshot {
		if err := t.cmd.Process.Signal(os.Interrupt); err != nil {
			l.T.Fatalf("end window: %v", err)
		}
	}
	select {
	case err := <-t.done:
		if err != nil {
			l.T.Fatalf("tool: %v\n%s", err, t.stderr.String())
		}
	case <-time.After(l.bench.within(startBound + l.Scenario.For)):
		_ = t.cmd.Process.Kill()
		l.T.Fatalf("tool did not print its answer within %v of the end\n%s", l.bench.within(startBound), t.stderr.String())
	}
}

// parseMap reads a map and checks what every map promises whatever it shows:
// the schema, the order, and that ids name nodes that are there.
func parseMap(r io.Reader) (*topology.Map, error) {
	var m topology.Map
	if err := json.NewDecoder(r).Decode(&m); err != nil {
		return nil, fmt.Errorf("parse map: %w", err)
	}
	if m.Schema != topology.Schema {
		return nil, fmt.Errorf("parse map: schema %q, want %q", m.Schema, topology.Schema)
	}
	nodes := map[string]bool{}
	for i, n := range m.Nodes {
		if i > 0 && m.Nodes[i-1].ID >= n.ID {
			return nil, fmt.Errorf("parse map: node %s after %s", n.ID, m.Nodes[i-1].ID)
		}
		nodes[n.ID] = true
	}
	for i, e := range m.Edges {
		if i > 0 && m.Edges[i-1].ID >= e.ID {
			return nil, fmt.Errorf("parse map: edge %s after %s", e.ID, m.Edges[i-1].ID)
		}
		ids := append([]string{}, e.Ends...)
		if len(e.Ends) == 0 {
			ids = append(ids, e.Client, e.Server)
		}
		if len(ids) != 2 || !nodes[ids[0]] || !nodes[ids[1]] {
			return nil, fmt.Errorf("parse map: edge %s has ends %q, not two known nodes", e.ID, ids)
		}
	}
	return &m, nil
}
