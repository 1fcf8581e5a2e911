package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"peerscope/internal/server"
	"peerscope/web"
)

// TestBrowser plays with the page in a real browser against the real server,
// which is fed with a shop whose every tick is known. What the browser must find
// is in web/test; each finding is a subtest.
func TestBrowser(t *testing.T) {
	tools := browserTools(t)
	s := &stage{t: t}
	s.start(0)
	t.Cleanup(s.stop)
	control := httptest.NewServer(s.control())
	t.Cleanup(control.Close)
	findings(t, tools, "page.mjs", s.url, control.URL)
}

// tools are the programs the browser tests use.
type tools struct{ node, chromium string }

// browserTools skips, or fails where nothing may be skipped, if a program is
// missing, and brings the pinned libraries of the tests from the npm registry.
func browserTools(t *testing.T) tools {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser takes its time")
	}
	missing := func(format string, args ...any) {
		t.Helper()
		if os.Getenv("PEERSCOPE_REQUIRE_PRIVILEGED") == "1" {
			t.Fatalf(format, args...)
		}
		t.Skipf(format, args...)
	}
	var x tools
	var err error
	if x.node, err = exec.LookPath("node"); err != nil {
		missing("node drives the browser and is missing: apt-get install nodejs")
	}
	if x.chromium, err = exec.LookPath("chromium"); err != nil {
		missing("there is no browser: apt-get install chromium")
	}
	lock, err := os.ReadFile("test/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	// npm leaves a copy of the lock; ours says what was installed from it.
	done := "test/node_modules/.installed"
	if b, err := os.ReadFile(done); err == nil && string(b) == string(lock) {
		return x
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		missing("npm brings the libraries that drive the browser and is missing: apt-get install npm")
	}
	cmd := exec.Command(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")
	cmd.Dir = "test"
	if b, err := cmd.CombinedOutput(); err != nil {
		missing("npm ci in web/test: %v\n%s", err, b)
	}
	if err := os.WriteFile(done, lock, 0o644); err != nil {
		t.Fatal(err)
	}
	return x
}

// finding is one line of what a script in web/test found out.
type finding struct {
	Name  string `json:"name"`
	Error string `json:"error"`
	Note  string `json:"note"`
	MS    int    `json:"ms"`
}

// findings runs a script and makes a subtest of each of its findings.
func findings(t *testing.T, x tools, script string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
	defer cancel()
	// A browser without a graphics card takes all the processor it gets, and other
	// packages' tests measure time.
	cmd := exec.CommandContext(ctx, "nice", append([]string{"-n", "10", x.node, filepath.Join("test", script)}, args...)...)
	cmd.Env = append(os.Environ(), "CHROMIUM="+x.chromium, "SCREENS="+os.Getenv("PEERSCOPE_SCREENS"))
	cmd.WaitDelay = 5 * time.Second
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	n := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var f finding
		if err := json.Unmarshal(lines.Bytes(), &f); err != nil {
			t.Log(lines.Text())
			continue
		}
		n++
		t.Run(f.Name, func(t *testing.T) {
			if f.Note != "" {
				t.Log(f.Note)
			}
			if f.Error != "" {
				t.Error(f.Error)
			}
		})
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%s: %v\n%s", script, err, stderr.String())
	}
	if n == 0 {
		t.Errorf("%s found nothing out\n%s", script, stderr.String())
	}
}

// stage is the server with the shop, which the script can stop and start.
type stage struct {
	t      *testing.T
	url    string
	listen string

	mu     sync.Mutex
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// tick is short, so that fifty of them do not take a minute.
const tick = 250 * time.Millisecond

// start lets the server run on the address that it had, with a past of ten
// minutes in which nobody looked for one.
func (s *stage) start(more int) {
	s.t.Helper()
	if s.listen == "" {
		s.listen = "127.0.0.1:0"
	}
	x, err := server.New(server.Config{Listen: s.listen, Web: web.Files(), Version: "test"})
	if err != nil {
		s.t.Fatal(err)
	}
	s.url = strings.TrimSuffix(x.URL(), "/")
	s.listen = strings.TrimPrefix(s.url, "http://")
	if _, _, err := net.SplitHostPort(s.listen); err != nil {
		s.t.Fatal(err)
	}
	past(x, more)
	ctx, cancel := context.WithCancel(context.Background())
	s.mu.Lock()
	s.cancel = cancel
	s.mu.Unlock()
	s.done.Go(func() {
		if err := x.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			s.t.Errorf("server: %v", err)
		}
	})
	s.done.Go(func() { live(ctx, x, more) })
}

func past(x *server.Server, more int) {
	const step = 10 * time.Second
	now := time.Now().Truncate(step)
	windows := 60
	if more > 0 {
		windows = 6
	}
	for i := windows; i > 0; i-- {
		if i > 30 && i < 37 {
			continue // nobody looked
		}
		from := now.Add(-time.Duration(i) * step)
		x.Publish(shop(i, from, from.Add(step), more))
	}
}

// live publishes ticks until ctx ends: of a large shop one a second, as they
// really are.
func live(ctx context.Context, x *server.Server, more int) {
	every := tick
	if more > 0 {
		every = time.Second
	}
	t := time.NewTicker(every)
	defer t.Stop()
	from := time.Now()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			m := shop(n, from, now, more)
			x.Publish(m)
			from = now
		}
	}
}

func (s *stage) stop() {
	s.mu.Lock()
	cancel := s.cancel
	s.cancel = nil
	s.mu.Unlock()
	if cancel != nil {
		cancel()
		s.done.Wait()
	}
}

// control is what the script asks of the stage: /stop, and /start?more=300.
func (s *stage) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /stop", func(http.ResponseWriter, *http.Request) { s.stop() })
	mux.HandleFunc("POST /start", func(w http.ResponseWriter, r *http.Request) {
		more, err := strconv.Atoi(r.FormValue("more"))
		if err != nil {
			http.Error(w, fmt.Sprint(err), http.StatusBadRequest)
			return
		}
		s.stop()
		s.start(more)
	})
	return mux
}
