package tui

import (
	"fmt"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/google/go-cmp/cmp"

	"peerscope/internal/filter"
	"peerscope/internal/topology"
)

func TestPauseHoldsTheRowsAndForgetsNothing(t *testing.T) {
	p := play(Config{}, shop(), 100, 24).ticks(32).keys("p")
	before := p.frame()
	p.ticks(15)
	if diff := cmp.Diff(before, p.frame()); diff != "" {
		t.Errorf("paused, and the screen changed:\n%s", diff)
	}
	p.keys("p")
	through := play(Config{}, shop(), 100, 24).ticks(47)
	if diff := cmp.Diff(through.frame(), p.frame()); diff != "" {
		t.Errorf("after a pause the screen is not what it is without one:\n%s", diff)
	}
}

// TestLevelHasItsPast: another level and another filter have the last minute of
// their rows at once.
func TestLevelHasItsPast(t *testing.T) {
	p := play(Config{Level: "process"}, shop(), 160, 40).ticks(40).keys("2")
	want := play(Config{}, shop(), 160, 40).ticks(40)
	past := func(p *player) map[string]string {
		out := map[string]string{}
		for id, r := range p.rows {
			if r.gone(p.now) == 0 {
				values, _ := p.past(&r.trail, 20, func(s *sample) (float64, bool) { return s.rate() })
				out[id] = fmt.Sprintf("%.0f born %d", values, r.born)
			}
		}
		return out
	}
	if diff := cmp.Diff(past(want), past(p)); diff != "" {
		t.Errorf("the past of another level (-want +got):\n%s", diff)
	}
	p.keys("/", "nginx", "enter")
	for _, r := range p.list {
		if n := r.trail.last - max(r.trail.first, p.now-kept); n < 30 {
			t.Errorf("%s has a past of %d ticks", p.oneLine(r), n)
		}
	}
}

func TestFilterLine(t *testing.T) {
	p := play(Config{}, shop(), 100, 24).ticks(3)
	all := len(p.list)
	shown := func() string {
		if p.filter == nil {
			return ""
		}
		return p.filter.String()
	}
	p.keys("/", "redis")
	if shown() != "redis" || len(p.list) >= all {
		t.Errorf("while it is typed: filter %q, %d rows of %d", shown(), len(p.list), all)
	}
	p.keys("esc")
	if shown() != "" || len(p.list) != all {
		t.Errorf("after Esc: filter %q, %d rows of %d", shown(), len(p.list), all)
	}
	p.keys("/", "redis (", "enter")
	if p.entry == nil || p.entry.wrong == nil {
		t.Error("a filter that cannot be read was taken")
	}
	p.keys("backspace", "enter")
	if p.entry != nil || shown() != "redis" {
		t.Errorf("after Enter: filter %q", shown())
	}
	p.keys("/", "to:port:6379", "esc")
	if shown() != "redis" {
		t.Errorf("Esc leads back to %q, want redis", shown())
	}
	p.keys("esc")
	if shown() != "" {
		t.Errorf("Esc on the rows leaves the filter %q", shown())
	}
}

func TestTabCompletes(t *testing.T) {
	f := func(typed, want string) {
		t.Helper()
		p := play(Config{}, shop(), 100, 24).ticks(3).keys("/", typed, "tab")
		if got := p.entry.input.Value(); got != want {
			t.Errorf("%q completes to %q, want %q", typed, got, want)
		}
	}
	f("uni", "unit:")
	f("to:port:54", "to:port:5432")
	f("nginx !from:unit:ngin", "nginx !from:unit:nginx.service")
	f("(proc:che", "(proc:checkout")
	f("pro", "proc:") // Tab again offers the next, proto:
	f("proto:t", "proto:tcp")
	f("redis-s", "redis-server")
	f("proc:資料", "proc:\"資料收集器\"")
	f("proc:nothing", "proc:nothing")
	f("ip:198.", "ip:198.51.100.4")
	f("ns:", "ns:shop")
	f("path:/run/r", "path:\"/run/redis/redis-server.sock\"")
	p := play(Config{}, shop(), 100, 24).ticks(3).keys("/", "to:po", "tab")
	first := p.entry.input.Value()
	if second := p.keys("tab").entry.input.Value(); second == first {
		t.Errorf("Tab twice stays at %q", first)
	}
	if back := p.keys("shift+tab").entry.input.Value(); back != first {
		t.Errorf("Tab and back is %q, want %q", back, first)
	}
	for _, r := range play(Config{}, shop(), 100, 24).ticks(2).values("proc") {
		if strings.ContainsAny(r, "\x1b\n") {
			t.Errorf("a value that does not print is offered: %q", r)
		}
	}
}

func TestKeysThatLeaveTheModel(t *testing.T) {
	p := play(Config{}, shop(), 100, 24).ticks(3).keys("y")
	if len(p.clipping) != 1 || !strings.Contains(fmt.Sprint(p.clipping[0]), "calls nginx") || !strings.Contains(p.message, "copied: ") {
		t.Errorf("y gave %v and the message %q", p.clipping, p.message)
	}
	p.keys("w")
	if want := "peerscope serve"; !strings.Contains(p.message, want) {
		t.Errorf("w without a web view says %q, want %q", p.message, want)
	}
	for _, key := range []string{"q", "ctrl+c"} {
		p := play(Config{}, shop(), 100, 24).keys(key)
		if len(p.clipping) != 1 || p.clipping[0] != (tea.QuitMsg{}) {
			t.Errorf("%s gave %v, want to quit", key, p.clipping)
		}
	}
	if p := play(Config{}, shop(), 100, 24).ticks(1).keys("/", "q"); len(p.clipping) > 0 {
		t.Error("a q that is typed into the filter quits")
	}
}

// TestNoiseIsCountedAndShownByAKey: the rules are on.
func TestNoiseIsCountedAndShownByAKey(t *testing.T) {
	w := shop()
	own := process(4100, "peerscope", topology.Attributes{})
	w.nodes = append(w.nodes, own)
	usual := w.edges
	w.edges = func(tick int) []topology.Edge { return append(usual(tick), call(&own, &w.nodes[0], 443, 1, 1, 1)) }
	p := play(Config{}, w, 100, 24).ticks(3)
	if text := p.frame(); strings.Contains(text, "peerscope    ") || !strings.Contains(text, "[1 hidden]") {
		t.Errorf("own traffic is shown, or not counted:\n%s", text)
	}
	if text := p.keys("N").frame(); !strings.Contains(text, "▸") || !strings.Contains(text, "[noise shown]") || len(p.list) < 2 {
		t.Errorf("after N:\n%s", text)
	}
}

// TestColumnsGoInOrder: from wide to narrow each column goes once and stays away,
// in the documented order.
func TestColumnsGoInOrder(t *testing.T) {
	p := play(Config{}, shop(), 160, 24).ticks(30)
	want := []string{"minute", "words of errors", "connections", "rtt", "client's place", "server's place", "protocol", "errors", "port", "back", "there"}
	var got []string
	gone := map[string]bool{}
	for width := 160; width >= 10; width-- {
		p.send(tea.WindowSizeMsg{Width: width, Height: 24})
		c := p.columns()
		for _, column := range []struct {
			name string
			here bool
		}{{"minute", c.minute > 0}, {"words of errors", c.failure > crossWidth}, {"connections", c.conns > 0}, {"rtt", c.rtt > 0},
			{"client's place", c.places[0]}, {"server's place", c.places[1]}, {"protocol", c.protocol > 0}, {"errors", c.failure > 0},
			{"port", c.at > 0}, {"back", c.rx > 0}, {"there", c.tx > 0}} {
			if column.here && gone[column.name] {
				t.Errorf("%s came back at %d columns", column.name, width)
			}
			if !column.here && !gone[column.name] {
				gone[column.name] = true
				got = append(got, column.name)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("columns go in another order (-want +got):\n%s", diff)
	}
}

// TestZeroIsAsAtTheStart: also the filter and level of the command line.
func TestZeroIsAsAtTheStart(t *testing.T) {
	e, err := filter.Parse("nginx")
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Filter: e, Level: "process"}
	p := play(cfg, shop(), 100, 24).ticks(40).keys("6", "/", " or redis", "enter", "e", "n", "N", "d", "s", "S", "z", "esc").ticks(1).keys("0")
	want := play(cfg, shop(), 100, 24).ticks(41)
	if diff := cmp.Diff(want.frame(), p.frame()); diff != "" {
		t.Errorf("after 0 (-at the start +got):\n%s", diff)
	}
}
