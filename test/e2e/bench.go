package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// requirePrivileged makes what the lab cannot do a failure instead of a skip.
const requirePrivileged = "PEERSCOPE_REQUIRE_PRIVILEGED"

// skip leaves a test out with the reason, or fails it where nothing may be left out.
func skip(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv(requirePrivileged) == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// newBench builds what all scenarios need. PEERSCOPE_BIN names a tool that is
// built already; "none" checks the truth of the scenarios and no map.
// PEERSCOPE_LAB_ACTOR names the actor, where there is no compiler. With
// PEERSCOPE_LAB_WINDOW the tool observes in windows of that length.
func newBench(t testing.TB) *Bench {
	t.Helper()
	b := &Bench{Tool: os.Getenv("PEERSCOPE_BIN"), Keep: os.Getenv("PEERSCOPE_LAB_KEEP"), Patience: 1}
	if text := os.Getenv("PEERSCOPE_LAB_PATIENCE"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			t.Fatalf("PEERSCOPE_LAB_PATIENCE is %q, not a number from 1", text)
		}
		b.Patience = n
	}
	if text := os.Getenv("PEERSCOPE_LAB_WINDOW"); text != "" {
		var err error
		if b.Window, err = time.ParseDuration(text); err != nil {
			t.Fatalf("PEERSCOPE_LAB_WINDOW is %q, not a length: %v", text, err)
		}
	}
	if b.Keep != "" {
		if err := os.MkdirAll(b.Keep, 0o755); err != nil {
			t.Fatalf("make folder for maps: %v", err)
		}
	}
	dir := t.TempDir()
	if b.Actor = os.Getenv("PEERSCOPE_LAB_ACTOR"); b.Actor == "" {
		b.Actor = filepath.Join(dir, "actor")
		build(t, b.Actor, "peerscope/test/e2e/actor")
	}
	switch b.Tool {
	case "":
		b.Tool = filepath.Join(dir, "peerscope")
		build(t, b.Tool, "peerscope/cmd/peerscope")
	case "none":
		b.Tool = ""
	default:
		path, err := filepath.Abs(b.Tool)
		if err != nil {
			t.Fatalf("find tool: %v", err)
		}
		b.Tool = path
	}
	return b
}

// within is a bound, longer where the machine is slow. Nothing waits for it that
// goes as it should.
func (b *Bench) within(d time.Duration) time.Duration { return d * time.Duration(b.Patience) }

// build makes one static program.
func build(t testing.TB, to, what string) {
	t.Helper()
	cmd := exec.Command("go", "build", "-o", to, what)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", what, err, out)
	}
}

// run lets one scenario play and judges the map of it.
func (b *Bench) run(t testing.TB, source string, s Scenario) (Score, bool) {
	t.Helper()
	for _, need := range s.Needs {
		if _, err := exec.LookPath(need); err != nil {
			skip(t, "%s is not installed: %v", need, err)
		}
	}
	if b.Window > 0 && s.Moves {
		t.Skip("in windows a connection counts as opened with who had it when its window ended, not with who has it in the end")
	}
	l := newLab(t, b, source, s)
	t.Cleanup(func() {
		if t.Failed() && l.stderr.String() != "" {
			t.Logf("actors said:\n%s", l.stderr.String())
		}
	})
	began := time.Now()
	s.Run(l)
	if !l.Watching() {
		t.Fatalf("scenario %s never opened its window", s.Name)
	}
	if b.Tool == "" {
		for _, c := range l.Truth {
			t.Log(c.describe())
		}
		for _, source := range []string{SourceEBPF, SourceNetlink} {
			m := ideal(l.Truth)
			l.idealLogical(m)
			score := judge(l, m, sees{source: source, interval: time.Second})
			for _, p := range score.Problems {
				t.Errorf("source %s, a map of the truth itself: %s", source, p)
			}
		}
		return Score{}, false
	}
	m := l.finish()
	see := sees{source: source, interval: time.Duration(m.Capture.IntervalMS) * time.Millisecond}
	score := judge(l, m, see)
	for i, p := range score.Problems {
		if i == mostProblems {
			t.Errorf("and %d lines more", len(score.Problems)-i)
			break
		}
		t.Error(p)
	}
	if t.Failed() {
		t.Logf("tool %v said:\n%s", l.tool.args, l.tool.stderr.String())
	}
	t.Logf("%d connections, interval %v, %v in all", score.Connections, see.interval, time.Since(began).Round(time.Millisecond))
	if see.looks() && 2*see.interval+lookSlack > hold*time.Millisecond {
		score.Blind = true
		t.Logf("looks %v apart on a loaded machine do not surely meet what is held for %d ms: less is asked of the map", see.interval, hold)
	}
	for reason, n := range m.Capture.Lost {
		if n > 0 {
			t.Logf("lost %s: %d", reason, n)
		}
	}
	return score, true
}

// mostProblems bounds what one scenario says of what is wrong.
const mostProblems = 60

// pause waits, in milliseconds.
func pause(ms int) { time.Sleep(time.Duration(ms) * time.Millisecond) }

// hold is how long a connection lives that has to meet a look although it is
// closed before the window ends.
const hold = 2500

// table is the scores as a Markdown table.
func table(scores []Score) string {
	text := "| scenario | true edges | connections | wrong edges | precision | named of all | named of knowable | roles | count errors | byte errors |\n" +
		"|---|---|---|---|---|---|---|---|---|---|\n"
	for _, s := range scores {
		text += fmt.Sprintf("| %s | %d | %d | %d | %.3f | %.3f | %.3f | %.3f | %d | %d |\n", s.Scenario, s.Edges, s.Connections,
			s.Wrong, s.Precision(), s.Recall(), s.KnowableRecall(), s.RoleAccuracy(), s.CountErrors, s.ByteErrors)
	}
	return text
}

// total adds scores up.
func total(scores []Score) Score {
	sum := Score{Scenario: "**all**", Evidence: map[string]uint64{}}
	for _, s := range scores {
		sum.Edges += s.Edges
		sum.Connections += s.Connections
		sum.Named += s.Named
		sum.Shown += s.Shown
		sum.Wrong += s.Wrong
		sum.Knowable += s.Knowable
		sum.Known += s.Known
		sum.Roles += s.Roles
		sum.RolesRight += s.RolesRight
		sum.CountErrors += s.CountErrors
		sum.ByteErrors += s.ByteErrors
		for k, n := range s.Evidence {
			sum.Evidence[k] += n
		}
	}
	return sum
}
