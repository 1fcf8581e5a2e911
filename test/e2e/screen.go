package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// screen is a terminal that a program runs in: a tmux server of the test's own,
// with one window.
type screen struct {
	t      testing.TB
	run    []string // what is put before each command, to be somebody else or elsewhere
	socket string
	bound  time.Duration
}

// screenOf opens a terminal of that size and runs a command in it. What stands in
// run is put before tmux, so that all of it is another user, or elsewhere.
func screenOf(t testing.TB, b *Bench, width, height int, run []string, command ...string) *screen {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		skip(t, "tmux is not installed: %v", err)
	}
	dir, err := os.MkdirTemp("", "screen") // short: the path of a unix socket has 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil { // for another user's server, too
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "conf")
	// The terminal keeps what a program copies, and does not close with it.
	if err := os.WriteFile(conf, []byte("set -g set-clipboard on\nset -g remain-on-exit on\nset -s escape-time 10\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := &screen{t: t, run: run, socket: filepath.Join(dir, "s"), bound: b.within(startBound)}
	args := append([]string{"-f", conf, "new-session", "-d", "-x", strconv.Itoa(width), "-y", strconv.Itoa(height)}, command...)
	s.tmux(args...)
	t.Cleanup(func() { _ = s.command("kill-server").Run() }) // of this socket only
	return s
}

func (s *screen) command(args ...string) *exec.Cmd {
	all := append(append([]string{}, s.run...), "tmux", "-S", s.socket)
	all = append(all, args...)
	cmd := exec.Command(all[0], all[1:]...)
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "LC_ALL=C.UTF-8", "NO_COLOR=")
	return cmd
}

func (s *screen) tmux(args ...string) string {
	s.t.Helper()
	out, err := s.command(args...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("tmux %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// press sends keys by tmux's names for them.
func (s *screen) press(keys ...string) {
	s.t.Helper()
	s.tmux(append([]string{"send-keys"}, keys...)...)
}

// write types text.
func (s *screen) write(text string) {
	s.t.Helper()
	s.tmux("send-keys", "-l", text)
}

func (s *screen) resize(width, height int) {
	s.t.Helper()
	s.tmux("resize-window", "-x", strconv.Itoa(width), "-y", strconv.Itoa(height))
}

func (s *screen) shows() string {
	s.t.Helper()
	return s.tmux("capture-pane", "-p")
}

// awaits waits until all of these texts are on the screen at once.
func (s *screen) awaits(texts ...string) string {
	s.t.Helper()
	return s.until(fmt.Sprintf("%q", texts), func(text string) bool {
		for _, want := range texts {
			if !strings.Contains(text, want) {
				return false
			}
		}
		return true
	})
}

// until waits for a screen, asking five times a second.
func (s *screen) until(what string, is func(string) bool) string {
	s.t.Helper()
	end := time.Now().Add(s.bound)
	for {
		text := s.shows()
		if is(text) {
			return text
		}
		if time.Now().After(end) {
			s.t.Fatalf("no %s on the screen within %v:\n%s", what, s.bound, text)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// ended waits until the program on the screen is gone, and fails if it ended with
// an error. tmux does not always come to know how it ended.
func (s *screen) ended() {
	s.t.Helper()
	for end := time.Now().Add(s.bound); ; time.Sleep(200 * time.Millisecond) {
		dead, status, _ := strings.Cut(strings.TrimSpace(s.tmux("display-message", "-p", "#{pane_dead} #{pane_dead_status}")), " ")
		if dead == "1" && (status == "" || status == "0") {
			return
		}
		if dead == "1" || time.Now().After(end) {
			s.t.Fatalf("the program does not end well (pane_dead %s, status %s):\n%s", dead, status, s.shows())
		}
	}
}
