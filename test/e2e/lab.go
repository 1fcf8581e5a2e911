package e2e

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Scenario is one world and what happens in it.
type Scenario struct {
	// Name is short and lower case; it names the subtest and the namespaces.
	Name string
	// Proves says what a right map of it shows.
	Proves string
	// Limits says what the mode without eBPF cannot know of it; empty: nothing.
	Limits string
	// Needs are programs that must be installed; without them it is skipped.
	Needs []string
	// For lets the tool's own window run out after that time instead of ending
	// it by a signal when the steps are done.
	For time.Duration
	// Alone lets no other scenario run at the same time.
	Alone bool
	// Snapshot asks for what is open when Observe is called (--for 0).
	Snapshot bool
	// Moves: connections change hands some time after they were opened.
	Moves bool
	Run   func(*Lab)
}

// Lab is what a scenario runs in: its world, the tool that watches it and the
// truth of what happened.
type Lab struct {
	T        testing.TB
	Scenario Scenario
	Truth    []*Conn
	Through  []*Through // what of it went through proxies

	bench  *Bench
	source string // that the tool uses
	number int    // of the scenario in this run; its addresses hold it
	dir    string
	fifos  int
	socks  int
	stderr syncBuffer // of actors and programs
	tool   *tool
	// args are further arguments for the tool.
	args []string
	// ignored are edges that nobody judges, with the reason.
	ignored []ignored
	// wide: the tool sees more than the scenario.
	wide bool
	// procs are the processes that the scenario started.
	procs map[Proc]bool
	// proxies are those of them that pass on what they take, and by what that shows.
	proxies map[Proc]string
	// spaces are the inodes of its namespaces.
	spaces map[uint64]bool
}

// Bench is what all scenarios of one run share.
type Bench struct {
	Actor string // the actor's executable
	Tool  string // the tool's; "" checks the truth alone
	Keep  string // folder that maps are kept in; "" keeps none
	// Patience is how much longer than on a machine of its own anything may take.
	Patience int
	// Window is the length of the windows whose maps the tool joins to the one that is
	// judged; 0: there is one window.
	Window time.Duration

	played atomic.Int32
}

// newLab prepares a scenario.
func newLab(t testing.TB, b *Bench, source string, s Scenario) *Lab {
	number := int(b.played.Add(1)) % 256
	return &Lab{T: t, Scenario: s, bench: b, source: source, number: number, dir: t.TempDir(),
		procs: map[Proc]bool{}, proxies: map[Proc]string{}, spaces: map[uint64]bool{}}
}

// executable is the actor's program under another name.
func (l *Lab) executable(name string) string {
	l.T.Helper()
	path := filepath.Join(l.dir, "bin", name)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		l.T.Fatalf("make folder: %v", err)
	}
	if os.Link(l.bench.Actor, path) == nil {
		return path
	}
	if err := copyFile(l.bench.Actor, path); err != nil {
		l.T.Fatalf("copy actor: %v", err)
	}
	return path
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		_ = out.Close()
		return err
	}
	return out.Close()
}

// ignored are edges that a scenario does not judge.
type ignored struct {
	transport string
	proc      Proc
}

// Ignore leaves the edges of one transport that touch a process out of the
// judgement: a real program's inner channels, whose truth nobody reports.
func (l *Lab) Ignore(transport string, p Proc) {
	l.ignored = append(l.ignored, ignored{transport, p})
}

// Watching reports whether the window is open.
func (l *Lab) Watching() bool { return l.tool != nil }

// Observe starts the tool on namespaces and returns when its first look is
// complete: what happens from now on is in the window.
func (l *Lab) Observe(ns ...*Netns) {
	l.T.Helper()
	if l.bench.Tool == "" {
		l.tool = &tool{}
		return
	}
	l.tool = l.startTool(ns)
}

// ObserveHost starts the tool on all namespaces there are, also those to come.
// Edges that touch nothing of the scenario's are other people's and not judged.
func (l *Lab) ObserveHost() {
	l.T.Helper()
	l.wide = true
	l.Observe()
}

// syncBuffer is a buffer that several processes' output may go to.
type syncBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
