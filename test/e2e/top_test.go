package e2e

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"peerscope/test/e2e/script"
)

// TestTopLive drives `top` in a terminal, on actors whose truth is known.
func TestTopLive(t *testing.T) {
	if testing.Short() {
		t.Skip("the lab takes minutes")
	}
	if os.Geteuid() != 0 {
		skip(t, "the lab makes network namespaces, which takes root")
	}
	bench := newBench(t)
	if bench.Tool == "" {
		t.Skip("there is no tool to be judged")
	}
	for _, source := range []string{SourceEBPF, SourceNetlink} {
		t.Run(source, func(t *testing.T) {
			bench.offers(t, source)
			topLive(newLab(t, bench, source, Scenario{Name: "top"}))
		})
	}
}

func topLive(l *Lab) {
	a, b := l.Linked("a", "b")
	client, web, lost := l.Actor(a, "client"), l.Actor(b, "web"), l.Actor(a, "lost")
	ln := web.Listen(script.TCP, l.V4("0.2:8080"))
	old := l.Dial(client, ln, DialOptions{}) // before anybody looks
	s := screenOf(l.T, l.bench, 100, 24, nil, l.bench.Tool, "top", "--source", l.source, "--netns", a.Name, "--netns", b.Name)
	// What is open already comes with the first look, though nothing moves.
	s.awaits("client", "→", "web", "8080", "tcp", "CLIENT", "SERVER", "live 1s", "? help")
	// What moves has a rate.
	s.until("row of client with a rate", func(text string) bool {
		old.Request(200_000)
		row := rowOf(text, "client")
		return strings.Contains(row, "kB") || strings.Contains(row, "MB")
	})
	// What fails is a problem, and the key for problems shows nothing else.
	fail := func() { l.Fail(lost, l.V4("0.2:81"), "ECONNREFUSED", FailOptions{}) }
	s.until("problem", func(text string) bool { fail(); return strings.Contains(text, "problems 1") })
	s.press("e")
	s.until("row of the problem alone", func(text string) bool {
		fail()
		return rowOf(text, "client") == "" && strings.Contains(text, "[only problems]") && strings.Contains(text, "81")
	})
	s.press("e")
	// The filter is written with Tab, and explained by Enter.
	s.press("/")
	s.write("to:port:808")
	s.press("Tab")
	s.awaits("/ to:port:8080", "1 edge")
	s.press("Enter", "Enter")
	s.awaits("client", "calls web", "on tcp port 8080", "evidence", "client exact", "server exact", "pid")
	s.press("y")
	s.awaits("copied: ")
	if got := s.tmux("show-buffer"); !strings.Contains(got, "calls web") || !strings.Contains(got, "e:") {
		l.T.Errorf("copied %q, want the edge in words and its id", got)
	}
	// The web view is served by the same process, and explains the same edge.
	s.press("w")
	var told struct{ Text string }
	edge := regexp.MustCompile(`e:[0-9a-f]{16}`).FindString(s.tmux("show-buffer"))
	s.answers("/api/v1/explain?level=program&edge="+edge, &told)
	if !strings.Contains(told.Text, "calls web") {
		l.T.Errorf("the web view explains %s with %q", edge, told.Text)
	}
	// A smaller terminal has less of it, and nothing is broken.
	s.resize(50, 12)
	small := s.awaits("client", "web", "calls")
	for line := range strings.Lines(small) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > 50 {
			l.T.Errorf("a line of %d cells on a screen of 50: %q", n, line)
		}
	}
	if strings.Contains(small, "60s") {
		l.T.Errorf("the last minute is on a screen of 50 columns:\n%s", small)
	}
	s.resize(100, 24)
	s.awaits("60s")
	s.press("q")
	s.ended()
	how := "refused"
	if l.source == SourceNetlink {
		how = "failed" // it does not tell by what error
	}
	said := s.tmux("capture-pane", "-p", "-S", "-")
	for _, want := range []string{"peerscope: ", "most bytes  client → web 8080", "problems", how, "to keep it"} {
		if !strings.Contains(said, want) {
			l.T.Errorf("the summary does not say %q:\n%s", want, said)
		}
	}
}

// answers reads what the web view that is opened on the screen answers.
func (s *screen) answers(path string, into any) {
	s.t.Helper()
	at := regexp.MustCompile(`http://127\.0\.0\.1:\d+/`).FindString(s.awaits("web view: http://127.0.0.1:"))
	client := http.Client{Timeout: s.bound}
	r, err := client.Get(strings.TrimSuffix(at, "/") + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, into)
	}
	if err != nil || r.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: %s, %v: %s", path, r.Status, err, body)
	}
}

// rowOf is the line of the screen with a row that begins with that name.
func rowOf(screen, name string) string {
	for line := range strings.Lines(screen) {
		if r := []rune(line); len(r) > 3 && strings.HasPrefix(string(r[3:]), name) {
			return line
		}
	}
	return ""
}

// TestTopOfARecording drives `top` in small terminals without any right.
func TestTopOfARecording(t *testing.T) {
	bench := newBench(t)
	if bench.Tool == "" {
		t.Skip("there is no tool to be judged")
	}
	world, err := filepath.Abs("../../testdata/worlds/resets-refusals-and-pending.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	s := screenOf(t, bench, 80, 24, nil, bench.Tool, "top", "--from", world, "--ascii", "--speed", "0")
	s.awaits("CLIENT", "->", "the recording ended", "problems")
	s.press("?")
	s.awaits("another row; it stays chosen", "rows between processes")
	s.press("Escape") // alone: with a key at once it would be Alt
	s.awaits("CLIENT")
	s.press("1")
	s.awaits("group: process", "[")
	// The web view is on a port that is free, with what is shown here.
	if taken, err := net.Listen("tcp", "127.0.0.1:4180"); err == nil {
		defer taken.Close()
	}
	s.press("w")
	var graph struct{ Level string }
	s.answers("/api/v1/graph?level=process", &graph)
	if graph.Level != "process" || !strings.Contains(s.shows(), "#level=process") || strings.Contains(s.shows(), "127.0.0.1:4180") {
		t.Errorf("the web view has the level %q:\n%s", graph.Level, s.shows())
	}
	s.press("/")
	s.write("to:prot:443")
	s.awaits("unknown key \"prot\"", "did you mean \"port\"?")
	s.press("Escape")
	s.awaits("CLIENT", "? help")
	s.press("/")
	s.write("rtt>10s")
	s.press("Enter")
	s.awaits("0 of ", "match rtt>10s", "Remove: [rtt>10s]")
	s.press("Escape")
	s.awaits("CLIENT")
	s.resize(20, 5)
	s.until("screen of 20x5", func(text string) bool { return strings.Contains(text, "->") && strings.Count(text, "\n") == 5 })
	s.press("q")
	s.ended()
}

// TestTopAsOrdinaryUser: without rights it shows what it may, and the line that
// helps.
func TestTopAsOrdinaryUser(t *testing.T) {
	if os.Geteuid() != 0 {
		skip(t, "a namespace of the test's own for another user takes root")
	}
	bench := newBench(t)
	if bench.Tool == "" {
		t.Skip("there is no tool to be judged")
	}
	l := newLab(t, bench, SourceNetlink, Scenario{Name: "top-user"})
	ns := l.Netns("a")
	dir := l.openDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	tool := filepath.Join(dir, "peerscope")
	program, err := os.ReadFile(bench.Tool)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(tool, program, 0o755); err != nil {
		t.Fatal(err)
	}
	run := []string{"ip", "netns", "exec", ns.Name, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"}
	s := screenOf(t, bench, 100, 24, run, tool, "top", "--netns", "/proc/self/ns/net")
	// A row may come and go: the screen is read over a unix socket of this user.
	s.awaits("limited to your own processes: run sudo peerscope", "live 1s", "lost 0", "unseen")
	s.press("i")
	s.awaits("sudo setcap", "cap_bpf,", "What cannot be seen here", "no_ebpf")
	s.press("q")
	s.ended()
}
