package tui

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/filter"
)

// update rewrites the golden files: go test ./internal/tui -run Golden -update
var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, file, got string) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// TestGolden: each file is the screen after that many seconds and those keys.
func TestGolden(t *testing.T) {
	limited := "limited: your own processes only; for all of them: sudo peerscope"
	empty := &world{edges: shop().edges}
	empty.nodes = shop().nodes
	quiet := shop()
	quiet.edges = noEdges
	lossy := shop()
	lossy.lost = map[string]uint64{"ring_full": 3, "late": 1}
	tests := []struct {
		file          string
		cfg           Config
		world         *world
		width, height int
		seconds       int
		keys          []string
	}{
		{"rows-20x5.txt", Config{}, shop(), 20, 5, 30, nil},
		{"rows-40x10.txt", Config{}, shop(), 40, 10, 30, nil},
		{"rows-80x24.txt", Config{}, shop(), 80, 24, 30, nil},
		{"rows-100x24.txt", Config{}, shop(), 100, 24, 30, nil},
		{"rows-160x50.txt", Config{}, shop(), 160, 50, 70, nil},
		{"rows-100x24-first.txt", Config{}, shop(), 100, 24, 1, nil},
		{"rows-100x24-ascii.txt", Config{ASCII: true}, shop(), 100, 24, 30, []string{"j", "j", "enter"}},
		{"rows-100x24-color.txt", Config{Color: true}, shop(), 100, 24, 30, []string{"j"}},
		{"level-process.txt", Config{Level: "process"}, shop(), 100, 24, 30, nil},
		{"level-container.txt", Config{}, shop(), 100, 24, 30, []string{"3"}},
		{"level-host.txt", Config{}, shop(), 100, 24, 30, []string{"6"}},
		{"expanded.txt", Config{}, shop(), 100, 24, 30, []string{"j", "space", "j"}},
		{"addresses.txt", Config{}, shop(), 100, 24, 30, []string{"d", "s", "s", "s", "s"}},
		{"problems.txt", Config{}, shop(), 100, 24, 30, []string{"e"}},
		{"new.txt", Config{}, shop(), 100, 24, 30, []string{"n"}},
		{"explain-100x24.txt", Config{}, shop(), 100, 24, 30, []string{"j", "enter"}},
		{"explain-80x24-inferred.txt", Config{}, shop(), 80, 24, 30, []string{"j", "j", "j", "enter"}},
		{"explain-alone.txt", Config{}, shop(), 100, 24, 30, []string{"e", "j", "enter", "enter"}},
		{"explain-40x10.txt", Config{}, shop(), 40, 10, 30, []string{"enter", "enter"}},
		{"help.txt", Config{}, shop(), 100, 50, 30, []string{"?"}},
		{"help-scrolled.txt", Config{}, shop(), 80, 12, 30, []string{"?", "pgdown"}},
		{"unseen.txt", Config{Limited: limited}, lossy, 80, 24, 30, []string{"i"}},
		{"filter.txt", Config{}, shop(), 100, 24, 30, []string{"/", "nginx", "enter"}},
		{"filter-typed.txt", Config{}, shop(), 100, 24, 30, []string{"/", "to:po", "tab", "tab"}},
		{"filter-wrong.txt", Config{}, shop(), 80, 24, 30, []string{"/", "nginx to:prot:443"}},
		{"filter-wide.txt", Config{}, shop(), 40, 10, 30, []string{"/", "proc:資料收集器 or proc:資料収集器 or nginx"}},
		{"state-starting.txt", Config{}, shop(), 80, 24, 0, nil},
		{"state-limited.txt", Config{Limited: limited}, shop(), 80, 24, 30, nil},
		{"state-idle.txt", Config{}, quiet, 80, 24, 5, nil},
		{"state-filter-hides-all.txt", Config{}, shop(), 80, 24, 30, []string{"/", "nginx rtt>10s", "enter"}},
		{"state-no-problems.txt", Config{}, &world{nodes: shop().nodes, edges: healthy}, 80, 24, 30, []string{"e"}},
		{"state-lost.txt", Config{}, lossy, 100, 24, 3, nil},
		{"state-paused.txt", Config{}, shop(), 100, 24, 12, []string{"p"}},
		{"message.txt", Config{Web: webAt("http://127.0.0.1:4180/")}, shop(), 80, 24, 30, []string{"6", "w"}},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			p := play(tt.cfg, tt.world, tt.width, tt.height).ticks(tt.seconds).keys(tt.keys...)
			golden(t, tt.file, p.frame()+"\n")
		})
	}
}

// TestStaleViewSaysSo: when ticks stop coming, the view is frozen, and says it and
// since when.
func TestStaleViewSaysSo(t *testing.T) {
	p := play(Config{}, shop(), 100, 24).ticks(10)
	p.send(clockMsg(begin.Add(30 * time.Second)))
	if got, want := p.frame(), "nothing new for 21s, frozen at 03:04:14"; !strings.Contains(got, want) {
		t.Errorf("no %q in\n%s", want, got)
	}
	p.send(endMsg{"the recording ended"})
	if got, want := p.frame(), "the recording ended"; !strings.Contains(got, want) {
		t.Errorf("no %q in\n%s", want, got)
	}
	p = play(Config{}, shop(), 100, 24)
	p.send(endMsg{"there is no map in it"})
	if got, want := p.frame(), "Nothing to show: there is no map in it."; !strings.Contains(got, want) {
		t.Errorf("no %q in\n%s", want, got)
	}
}

func TestSummaryHasFiveLines(t *testing.T) {
	p := play(Config{}, shop(), 80, 24).ticks(30)
	golden(t, "summary.txt", p.session.summary(p.style, 100).String())
	if got := newSession().summary(style{}, 100).String(); got != "" {
		t.Errorf("the summary of nothing is %q", got)
	}
	for _, ascii := range []bool{false, true} {
		s := play(Config{ASCII: ascii}, crowd(3, 300), 80, 24).ticks(3).session.summary(style{ascii: ascii}, 100)
		for _, line := range s {
			checkText(t, line, ascii)
		}
	}
}

// TestFilterOfTheCommandLineHolds: it is there from the first tick.
func TestFilterOfTheCommandLineHolds(t *testing.T) {
	e, err := filter.Parse("to:port:5432")
	if err != nil {
		t.Fatal(err)
	}
	p := play(Config{Filter: e}, shop(), 100, 24).ticks(30)
	if len(p.list) != 2 {
		t.Errorf("%d rows, want 2:\n%s", len(p.list), p.frame())
	}
}
