package tui

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/charmbracelet/x/ansi"

	tea "charm.land/bubbletea/v2"

	"peerscope/internal/topology"
)

func noEdges(int) []topology.Edge { return nil }

// healthy are the shop's edges without those that have a problem.
func healthy(tick int) []topology.Edge {
	return slices.DeleteFunc(shop().edges(tick), func(e topology.Edge) bool {
		return e.Connections.Failed > 0 || e.RTT != nil && e.RTT.Sum > 1_000_000
	})
}

// checkFrame: exactly as many lines as the screen is high, none wider, and nothing
// but what prints and our own colours.
func checkFrame(t *testing.T, p *player) {
	t.Helper()
	lines := strings.Split(p.frame(), "\n")
	if len(lines) != p.height {
		t.Fatalf("%dx%d: %d lines", p.width, p.height, len(lines))
	}
	for i, l := range lines {
		if w := ansi.StringWidth(l); w > p.width {
			t.Fatalf("%dx%d: line %d is %d wide: %q", p.width, p.height, i+1, w, l)
		}
		checkText(t, ansi.Strip(l), p.style.ascii)
		if !p.style.color && strings.Contains(l, "\x1b") {
			t.Fatalf("an escape sequence without colours: %q", l)
		}
	}
}

func checkText(t *testing.T, s string, ascii bool) {
	t.Helper()
	if i := strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || ascii && r > '~' || r == unicode.ReplacementChar }); i >= 0 {
		t.Fatalf("%q has what does not print, or is not ASCII, at %d", s, i)
	}
}

// TestEveryScreenFits: at every size, in every view, with hostile names.
func TestEveryScreenFits(t *testing.T) {
	worlds := []*world{shop(), crowd(5, 60)}
	views := [][]string{nil, {"enter"}, {"enter", "enter", "pgdown"}, {"?"}, {"i", "down"}, {"space"}, {"/", "nginx or"}, {"/", "proc:資", "tab"}, {"e"}, {"/", "pid:4000000000", "enter"}, {"y"}}
	for _, w := range worlds {
		for _, cfg := range []Config{{}, {ASCII: true}, {Color: true, Limited: "limited: \x1b[31m資料 run sudo peerscope"}} {
			p := play(cfg, w, 80, 24).ticks(3)
			for _, keys := range views {
				p.keys(keys...)
				for width := 1; width <= 130; width += 1 + width/12 {
					for height := 1; height <= 40; height += 1 + height/6 {
						p.send(tea.WindowSizeMsg{Width: width, Height: height})
						checkFrame(t, p)
					}
				}
				p.send(tea.WindowSizeMsg{Width: 80, Height: 24})
				p.keys("esc", "esc", "esc", "esc")
				p.problems, p.onlyNew = false, false
			}
		}
	}
}

// TestSelectionStaysOnItsEdge: whatever is updated, sorted or left out around it,
// the chosen edge stays chosen and on the screen as long as it is there.
func TestSelectionStaysOnItsEdge(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 1))
	p := play(Config{Level: "process"}, crowd(2, 200), 100, 24).ticks(1)
	p.keys("j", "j", "j")
	want := p.chosen
	for step := range 200 {
		switch r.IntN(6) {
		case 0:
			p.keys("s")
		case 1:
			p.keys("S")
		case 2:
			p.keys("z")
		case 3:
			p.keys("j", "k")
		case 4:
			p.send(tea.WindowSizeMsg{Width: 20 + r.IntN(140), Height: 6 + r.IntN(40)})
		default:
			p.ticks(1)
		}
		row := p.rows[want]
		if row == nil { // its edge is gone for long: the next one stands in its place
			p.keys("home")
			want = p.chosen
			continue
		}
		if p.chosen != want {
			t.Fatalf("step %d: %s is chosen, want %s", step, p.chosen, want)
		}
		p.frame()
		if room := p.rowsRoom(); p.at < p.top || p.at >= p.top+room {
			t.Fatalf("step %d: row %d is not on the screen of %d from %d", step, p.at, room, p.top)
		}
	}
}

// TestFrozenOrderStays: rows keep their places, and new ones stand below.
func TestFrozenOrderStays(t *testing.T) {
	p := play(Config{Level: "process"}, crowd(4, 100), 100, 24).ticks(5).keys("z")
	before := ids(p)
	for range 30 {
		p.ticks(1)
		now := ids(p)
		last := -1
		for _, id := range before {
			i := slices.Index(now, id)
			if i >= 0 && i < last {
				t.Fatalf("%s moved up", id)
			}
			last = max(last, i)
		}
	}
}

func ids(p *player) []string {
	var out []string
	for _, r := range p.list {
		out = append(out, r.id)
	}
	return out
}

// TestSameTicksSameScreen: the order of maps in memory must not show.
func TestSameTicksSameScreen(t *testing.T) {
	screen := func() string {
		p := play(Config{}, crowd(9, 150), 120, 40).ticks(12).keys("1", "space", "3", "2", "j", "enter")
		return p.frame()
	}
	want := screen()
	for range 5 {
		if got := screen(); got != want {
			t.Fatalf("two screens of the same ticks:\n%s\n\n%s", want, got)
		}
	}
}

// TestLongTextIsCutBeforeItCosts: a command line has as many bytes as a process
// likes.
func TestLongTextIsCutBeforeItCosts(t *testing.T) {
	for _, letter := range []string{"x", "\x1b", "資", "e\u0301", "\u0301"} {
		long := strings.Repeat(letter, 200_000)
		a := process(1, long, topology.Attributes{CommandLine: long, Owner: long})
		w := &world{nodes: []topology.Node{a}, edges: func(int) []topology.Edge { return []topology.Edge{call(&a, &a, 80, 1, 2, 3)} }}
		p := play(Config{}, w, 5, 30).ticks(1).keys("enter")
		bytes := 0
		for _, l := range p.explain(p.current()) {
			for _, sp := range l.spans {
				bytes += len(sp.text)
			}
		}
		const texts, escape = 16, 10 // pieces of text in an explanation; bytes that one may become
		if bytes > texts*escape*longest {
			t.Errorf("%q: an explanation of %d bytes", letter, bytes)
		}
		checkFrame(t, p)
	}
}

// FuzzKeys: no keys at any size make a screen that does not fit.
func FuzzKeys(f *testing.F) {
	f.Add([]byte("jj\renne/nginx\r2 3zspp?i"), uint8(80), uint8(24))
	f.Add([]byte("/to:\t\t\t\x1b1 jjl\r\rGgN"), uint8(20), uint8(5))
	f.Add([]byte("67dySsSs \r\x7f/((((\r\x1b"), uint8(3), uint8(1))
	w := crowd(6, 40)
	f.Fuzz(func(t *testing.T, keys []byte, width, height uint8) {
		p := play(Config{}, w, max(int(width), 1), max(int(height)%60, 1)).ticks(1)
		for i, b := range keys[:min(len(keys), 60)] {
			switch {
			case b == '\r':
				p.keys("enter")
			case b == '\t':
				p.keys("tab")
			case b == 0x1b:
				p.keys("esc")
			case b == 0x7f:
				p.keys("backspace")
			case b == ' ':
				p.keys("space")
			case b < ' ':
				p.ticks(1)
			case b >= 0x80:
				p.send(tea.PasteMsg{Content: string(keys[i:])})
			default:
				p.keys(string(rune(b)))
			}
			checkFrame(t, p)
		}
	})
}

// FuzzNames: no name of a process gets anything but what prints onto the screen.
func FuzzNames(f *testing.F) {
	for _, s := range []string{"nginx", "\x1b[2J", "\u202e", "資料", "e\u0301", "a\nb", "\xff", strings.Repeat("x", 300), "👩‍💻"} {
		f.Add(s, s, uint8(60))
	}
	f.Fuzz(func(t *testing.T, name, place string, width uint8) {
		a := process(1, name, topology.Attributes{Unit: place, CommandLine: name + place, ContainerName: name, Owner: place})
		b := process(2, place, topology.Attributes{ExecutablePath: name})
		w := &world{nodes: []topology.Node{a, b}, edges: func(int) []topology.Edge {
			e := call(&a, &b, 80, 1, 2, 3)
			e.Errors, e.Connections.Failed = map[string]uint64{name: 1}, 1
			e.Candidates = map[string][]string{"server": {a.ID, b.ID}}
			return []topology.Edge{e}
		}}
		for _, cfg := range []Config{{Level: "process"}, {ASCII: true, Level: "container"}} {
			p := play(cfg, w, max(int(width), 1), 30).ticks(2)
			for _, keys := range [][]string{nil, {"enter"}, {"enter"}, {"y"}, {"esc", "esc", "/", "unit:", "tab", "tab"}} {
				p.keys(keys...)
				checkFrame(t, p)
			}
			for _, l := range p.session.summary(p.style, 100) {
				checkText(t, l, p.style.ascii)
			}
		}
	})
}
