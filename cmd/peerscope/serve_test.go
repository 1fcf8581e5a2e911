package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"peerscope/internal/capture/capturetest"
	"peerscope/internal/topology"
)

// asProgram makes the test binary the program itself, so that it runs as a
// process of its own, which gives up capabilities and takes signals.
const asProgram = "PEERSCOPE_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Unsetenv(asProgram)
		main()
	}
	os.Exit(m.Run())
}

// serving is a `peerscope serve` at work.
type serving struct {
	t    *testing.T
	c    *exec.Cmd
	url  string
	said lockedBuffer // standard error
	done chan error
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func program(args ...string) *exec.Cmd {
	c := exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), asProgram+"=1", "XDG_CONFIG_HOME=/nonexistent", "SUDO_USER=")
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return c
}

// startServe waits until the API answers.
func startServe(t *testing.T, args ...string) *serving {
	t.Helper()
	s := &serving{t: t, c: program(append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...), done: make(chan error, 1)}
	out, err := s.c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.c.Stderr = &s.said
	if err := s.c.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		s.c.Process.Kill()
		t.Fatalf("it says no address: %v\n%s", err, s.said.String())
	}
	s.url = strings.TrimSuffix(strings.TrimSpace(line), "/")
	go func() { io.Copy(io.Discard, out); s.done <- s.c.Wait() }()
	t.Cleanup(func() { s.c.Process.Kill() })
	return s
}

func (s *serving) get(path string, into any) {
	s.t.Helper()
	client := http.Client{Timeout: 20 * time.Second}
	r, err := client.Get(s.url + path)
	if err != nil {
		s.t.Fatalf("%v\n%s", err, s.said.String())
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: %s %v: %s", path, r.Status, err, body)
	}
	if text, ok := into.(*string); ok {
		*text = string(body)
		return
	}
	if err := json.Unmarshal(body, into); err != nil {
		s.t.Fatalf("%s: %v", path, err)
	}
}

// until asks again until ok says so.
func (s *serving) until(what string, ok func() bool) {
	s.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		if ok() {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("%s does not come\n%s", what, s.said.String())
		}
	}
}

// stop ends it by a signal; it must end well, and soon.
func (s *serving) stop() {
	s.t.Helper()
	if err := s.c.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	select {
	case err := <-s.done:
		if err != nil {
			s.t.Errorf("it ended with %v\n%s", err, s.said.String())
		}
	case <-time.After(stopTime + 10*time.Second):
		s.t.Fatalf("it does not end\n%s", s.said.String())
	}
}

// opened sums up what was opened to a port.
func opened(m *topology.Map, port uint16) (n uint64) {
	for i := range m.Edges {
		if m.Edges[i].ServerPort == port {
			n += m.Edges[i].Connections.Opened
		}
	}
	return n
}

func listens(m *topology.Map, port uint16) bool {
	return slices.ContainsFunc(m.Nodes, func(n topology.Node) bool {
		return slices.ContainsFunc(n.Attributes.Listens, func(l topology.Listen) bool { return l.Port == port })
	})
}

func connectTimes(t *testing.T, ns *capturetest.Namespace, l net.Listener, n int) {
	t.Helper()
	for range n {
		client, server := capturetest.Connect(t, ns, l)
		client.Close()
		server.Close()
	}
}

type statusAnswer struct {
	Self agentStatus `json:"self"`
}

// TestServe: what happens is counted once, live and from the history, in the map
// and in the metrics; what was remembered is there after a restart.
func TestServe(t *testing.T) {
	for _, source := range []string{"ebpf", "netlink"} {
		t.Run(source, func(t *testing.T) {
			capturetest.RequireRoot(t)
			ns := capturetest.NewNamespace(t)
			dir := t.TempDir()
			defer ns.Name(t, dir, "ns")()
			args := []string{"--netns", filepath.Join(dir, "ns"), "--source", source, "--history", filepath.Join(dir, "history"), "--window", "2s"}
			l := capturetest.Listen(t, ns, "127.0.0.1:7001")
			s := startServe(t, args...)
			s.until("the observation", func() bool { return strings.Contains(s.said.String(), "msg=observing") })
			s.until("a listener that nobody calls, in the history", func() bool {
				var m topology.Map
				out, err := program("map", "--history", filepath.Join(dir, "history"), "--at", "-1h..now", "-o", "json").Output()
				return err == nil && json.Unmarshal(out, &m) == nil && listens(&m, 7001)
			})
			const first = 30
			connectTimes(t, ns, l, first)
			s.until("the map", func() bool {
				var m topology.Map
				s.get("/api/v1/map?window=60s", &m)
				return opened(&m, 7001) == first
			})
			var text string
			s.get("/metrics", &text)
			if n := sumOf(text, "peerscope_edge_connections_opened_total"); n != first {
				t.Errorf("metrics say %d were opened, want %d", n, first)
			}
			s.explains(ns, l)
			s.stop()

			s = startServe(t, args...)
			s.until("the observation", func() bool { return strings.Contains(s.said.String(), "msg=observing") })
			connectTimes(t, ns, l, 5)
			s.until("what was before the restart", func() bool {
				var m topology.Map
				s.get("/api/v1/map?window=120s", &m)
				return opened(&m, 7001) == first+1+5
			})
			s.stop()
		})
	}
}

// explains: several who ask at once for the grounds of an edge all get them.
func (s *serving) explains(ns *capturetest.Namespace, l net.Listener) {
	s.t.Helper()
	client, server := capturetest.Connect(s.t, ns, l)
	defer client.Close()
	defer server.Close()
	var m topology.Map
	s.until("the open connection", func() bool {
		s.get("/api/v1/map?window=10s", &m)
		return len(m.Edges) > 0 && m.Edges[0].Connections.Active == 1
	})
	answers := make(chan string, 5)
	for range cap(answers) {
		go func() {
			r, err := http.Get(s.url + "/api/v1/explain?level=process&edge=" + m.Edges[0].ID)
			if err != nil {
				answers <- err.Error()
				return
			}
			defer r.Body.Close()
			b, _ := io.ReadAll(r.Body)
			answers <- string(b)
		}()
	}
	for range cap(answers) {
		var got struct {
			Text         string
			Explanations []topology.Explanation
		}
		if b := <-answers; json.Unmarshal([]byte(b), &got) != nil || len(got.Explanations) != 1 || got.Explanations[0].Edge.ID != m.Edges[0].ID || !strings.Contains(got.Text, "7001") {
			s.t.Errorf("an explanation: %s", b)
		}
	}
}

// sumOf adds up the samples of a metric.
func sumOf(text, name string) (sum int) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name+"{"); ok {
			var n float64
			fmt.Sscan(rest[strings.LastIndex(rest, "}")+1:], &n)
			sum += int(n)
		}
	}
	return sum
}

// TestServeWithADeadReceiver: somebody who takes connections and never answers
// costs its own windows, counted, and nothing else.
func TestServeWithADeadReceiver(t *testing.T) {
	capturetest.RequireRoot(t)
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer dead.Close()
	ns := capturetest.NewNamespace(t)
	dir := t.TempDir()
	defer ns.Name(t, dir, "ns")()
	config := filepath.Join(dir, "c.yaml")
	writeText(t, config, "window: 1s\nhistory: {enabled: false}\nexporters: {otlp: {interval: 1s, timeout: 1s, retry_for: 1s, endpoint: 'http://"+dead.Addr().String()+"'}}\n")
	s := startServe(t, "--config", config, "--netns", filepath.Join(dir, "ns"), "--source", "netlink")
	var st statusAnswer
	s.until("a failure that is counted", func() bool {
		s.get("/api/v1/status", &st)
		return len(st.Self.Sinks) == 1 && st.Self.Sinks[0].Failed > 0 && st.Self.Sinks[0].Error != ""
	})
	before := st.Self.Ticks
	s.until("further windows", func() bool {
		s.get("/api/v1/status", &st)
		return st.Self.Ticks >= before+3
	})
	s.stop()
}

// TestServeSaysWhatIsWrong in one line, and what would be right.
func TestServeSaysWhatIsWrong(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.yaml")
	writeText(t, bad, "window: 10s\nhistroy: {}\n")
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--listen", taken.Addr().String(), "--no-history"}, exitFailed, "--listen"},
		{[]string{"--listen", "0.0.0.0:0", "--no-history"}, exitUsage, "auth.token_file"},
		{[]string{"--config", bad}, exitUsage, bad + `:2: unknown key "histroy", did you mean "history"?`},
		{[]string{"--config", filepath.Join(dir, "none.yaml")}, exitUsage, "no such file"},
		{[]string{"--window", "1ms"}, exitUsage, "window: 1ms: it is whole seconds, from 1s to 1h (set by --window)"},
		{[]string{"--filter", "to:prot:3", "--no-history"}, exitUsage, `peerscope: filter: unknown key "prot" at column 4 (did you mean "port"?) (set by --filter)`},
		{[]string{"--entities", filepath.Join(dir, "none.yaml"), "--no-history"}, exitUsage, "none.yaml: no such file"},
		{[]string{"--from", filepath.Join(dir, "none.rec")}, exitFailed, "no such file"},
		{[]string{"--from", "x", "--netns", "y"}, exitUsage, "give one of them"},
		{[]string{"--history", filepath.Join(bad, "below"), "--listen", "127.0.0.1:0"}, exitFailed, "--no-history"},
	} {
		c := program(append([]string{"serve"}, test.args...)...)
		var said, out bytes.Buffer
		c.Stdout, c.Stderr = &out, &said
		err := c.Run()
		if out.Len() > 0 && !slices.Contains(test.args, "--from") {
			t.Errorf("serve %v says an address before it fails: %s", test.args, out.String())
		}
		text := strings.TrimSpace(said.String())
		if c.ProcessState.ExitCode() != test.code || !strings.Contains(text, test.want) || strings.Count(text, "\n") > 1 {
			t.Errorf("serve %v: %v, says %q; want exit code %d and %q", test.args, err, text, test.code, test.want)
		}
	}
}

func writeText(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
