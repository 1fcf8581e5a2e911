package view_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/topology"
	"peerscope/internal/view"
)

// sums is what must be the same in a map and in every picture of it.
type sums struct {
	Bytes                                   uint64
	Active, Opened, Closed, Failed, Pending uint64
}

func (s *sums) add(c topology.Connections) {
	s.Active += c.Active
	s.Opened += c.Opened
	s.Closed += c.Closed
	s.Failed += c.Failed
	s.Pending += c.Pending
}

func sumsOf(m *topology.Map) (s sums) {
	for i := range m.Edges {
		s.add(m.Edges[i].Connections)
		to, back := m.Edges[i].Bytes.Directions()
		for _, n := range []*uint64{to, back} {
			if n != nil {
				s.Bytes += *n
			}
		}
	}
	return s
}

func sumsShown(g *view.Graph) (s sums) {
	for i := range g.Edges {
		s.add(g.Edges[i].Connections)
		if b := g.Edges[i].Bytes; b != nil {
			for _, n := range []*uint64{b.Tx, b.Rx} {
				if n != nil {
					s.Bytes += *n
				}
			}
		}
	}
	return s
}

// everyOption are options of all levels, boxes and some limits.
func everyOption() []view.Options {
	var out []view.Options
	for _, level := range view.Levels() {
		for _, group := range view.Groups() {
			for _, limit := range []int{0, 1, 20} {
				out = append(out, view.Options{Level: level, Group: group, Limit: limit, ShowNoise: true, ShowIdle: true})
			}
		}
	}
	return out
}

func TestNothingIsLostAtAnyLevelOrLimit(t *testing.T) {
	for seed := range uint64(3) {
		m := random(seed, 60, 200)
		for _, o := range everyOption() {
			g := view.Make(m, o)
			if diff := cmp.Diff(sumsOf(m), sumsShown(g)); diff != "" {
				t.Errorf("seed %d, %s by %s, limit %d: sums of the map and the picture (-map +picture):\n%s", seed, o.Level, o.Group, o.Limit, diff)
			}
			stands(t, g, o)
		}
	}
}

// stands: a picture names only what is in it, and no more nodes than wanted.
func stands(t *testing.T, g *view.Graph, o view.Options) {
	t.Helper()
	ids, bundles, bundled := map[string]bool{}, 0, 0
	for _, n := range g.Nodes {
		if ids[n.ID] {
			t.Errorf("node %s is there twice", n.ID)
		}
		ids[n.ID] = true
		if n.Kind == view.KindBundle {
			bundles++
			bundled += len(n.Members)
		}
	}
	standsFor := 0
	seen := map[string]bool{}
	for _, e := range g.Edges {
		if seen[e.ID] {
			t.Errorf("edge %s is there twice", e.ID)
		}
		seen[e.ID] = true
		standsFor += max(e.Bundle, 1)
		for _, id := range append([]string{e.Client, e.Server}, e.Ends...) {
			if id != "" && !ids[id] {
				t.Errorf("edge %s names %s, which is not there", e.ID, id)
			}
		}
	}
	if standsFor != g.Matched.Edges {
		t.Errorf("edges stand for %d, want %d", standsFor, g.Matched.Edges)
	}
	if got := len(g.Nodes) - bundles + bundled; got != g.Matched.Nodes {
		t.Errorf("nodes stand for %d, want %d", got, g.Matched.Nodes)
	}
	if o.Limit > 0 && len(g.Nodes)-bundles > o.Limit+bundlesOfOne(o.Limit) {
		t.Errorf("%d nodes beside %d bundles, want at most %d", len(g.Nodes)-bundles, bundles, o.Limit)
	}
	for _, b := range g.Groups {
		for _, id := range b.Nodes {
			if !ids[id] {
				t.Errorf("box %s has %s, which is not there", b.ID, id)
			}
		}
	}
}

// bundlesOfOne is how many nodes may be left over as nobody goes with them into
// a bundle: one for each bundle there can be.
func bundlesOfOne(limit int) int { return max(6, limit/4) }

func TestMapsThatAreGroupedAlready(t *testing.T) {
	m := random(1, 40, 120)
	processes := 0
	for _, n := range view.Make(m, view.Options{Level: view.LevelProcess, ShowNoise: true}).Nodes {
		processes += n.Processes
	}
	for _, by := range topology.Levels() {
		grouped := topology.Group(m, by)
		before := mustJSON(t, grouped)
		for _, level := range view.Levels() {
			g := view.Make(grouped, view.Options{Level: level, ShowNoise: true})
			if diff := cmp.Diff(sumsOf(m), sumsShown(g)); diff != "" {
				t.Errorf("by %s, level %s (-map +picture):\n%s", by, level, diff)
			}
			got := 0
			for _, n := range g.Nodes {
				got += n.Processes
			}
			if got < processes { // one that only listens may be in a group that is shown
				t.Errorf("by %s, level %s: %d processes, want at least %d", by, level, got, processes)
			}
		}
		if mustJSON(t, grouped) != before {
			t.Errorf("by %s: the map was changed", by)
		}
	}
}

func TestOrderOfTheMapDoesNotMatter(t *testing.T) {
	for seed := range uint64(4) {
		m := random(seed, 40, 120)
		for _, o := range []view.Options{{}, {Level: view.LevelProcess, Limit: 9}, {Level: view.LevelContainer, Group: view.GroupNamespace, Limit: 4}, {Level: view.LevelHost, ShowNoise: true}} {
			want := text(t, view.Make(m, o))
			for s := range uint64(3) {
				if got := text(t, view.Make(shuffled(m, s), o)); got != want {
					t.Errorf("seed %d, %+v: another picture of the same map:\n%s", seed, o, cmp.Diff(want, got))
				}
			}
		}
	}
}

func text(t *testing.T, g *view.Graph) string {
	t.Helper()
	b, err := json.MarshalIndent(g, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestMapIsNotChanged(t *testing.T) {
	for name, m := range worlds(t) {
		before := fmt.Sprint(mustJSON(t, m))
		for _, o := range everyOption() {
			view.Make(m, o)
		}
		if after := fmt.Sprint(mustJSON(t, m)); before != after {
			t.Errorf("%s: the map was changed", name)
		}
	}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestNothingInvisibleIsShown(t *testing.T) {
	evil := process(7, "a\x1b[31m\u202eb", topology.Attributes{Unit: "x\n.service"})
	server := process(8, "ok", topology.Attributes{})
	for _, level := range view.Levels() {
		g := view.Make(mapOf([]topology.Node{evil, server}, call(evil, server, 0, unix("/run/\u202e.sock"), failed(3))), view.Options{Level: level, Group: view.GroupContainer})
		for i := range g.Nodes {
			g.Nodes[i].Attributes = topology.Attributes{} // for the encoder to escape
		}
		for _, raw := range []string{`\u001b`, "\u202e", `x\n`} {
			if s := mustJSON(t, g); strings.Contains(s, raw) {
				t.Errorf("level %s has %q:\n%s", level, raw, s)
			}
		}
	}
}

func TestSizes(t *testing.T) {
	a, b, c := process(1, "a", topology.Attributes{}), process(2, "a", topology.Attributes{}), process(3, "c", topology.Attributes{})
	idle := process(4, "idle", topology.Attributes{Listens: []topology.Listen{{Transport: "tcp", Port: 80}}})
	own := process(5, "peerscope", topology.Attributes{})
	m := mapOf([]topology.Node{a, b, c, idle, own}, call(a, c, 80), call(b, c, 80), call(c, a, 81, failed(1)), call(own, c, 80))
	tests := []struct {
		claim          string
		o              view.Options
		total, matched view.Size
		hidden         string
	}{
		{"processes", view.Options{Level: view.LevelProcess}, view.Size{Nodes: 5, Edges: 4}, view.Size{Nodes: 3, Edges: 3}, "own 0 1, idle 1 0"},
		{"programs", view.Options{}, view.Size{Nodes: 4, Edges: 3}, view.Size{Nodes: 2, Edges: 2}, "own 0 1, idle 1 0"},
		{"with noise", view.Options{ShowNoise: true}, view.Size{Nodes: 4, Edges: 3}, view.Size{Nodes: 3, Edges: 3}, "idle 1 0"},
		{"and with all that waits", view.Options{ShowNoise: true, ShowIdle: true}, view.Size{Nodes: 4, Edges: 3}, view.Size{Nodes: 4, Edges: 3}, ""},
		{"a filter leaves out what is idle without a word", view.Options{Filter: parsed(t, "port:80")}, view.Size{Nodes: 4, Edges: 3}, view.Size{Nodes: 2, Edges: 1}, "own 0 1"},
		{"problems", view.Options{OnlyProblems: true}, view.Size{Nodes: 4, Edges: 3}, view.Size{Nodes: 2, Edges: 1}, "own 0 1, idle 1 0"},
	}
	for _, tt := range tests {
		g := view.Make(m, tt.o)
		if g.Total != tt.total || g.Matched != tt.matched {
			t.Errorf("%s: %v of %v, want %v of %v", tt.claim, g.Matched, g.Total, tt.matched, tt.total)
		}
		var hidden []string
		for _, h := range g.Hidden {
			hidden = append(hidden, fmt.Sprint(h.Rule, " ", h.Nodes, " ", h.Edges))
		}
		if got := strings.Join(hidden, ", "); got != tt.hidden {
			t.Errorf("%s: hidden %q, want %q", tt.claim, got, tt.hidden)
		}
		if len(g.Nodes) != g.Matched.Nodes || len(g.Edges) != g.Matched.Edges {
			t.Errorf("%s: %d nodes and %d edges, want as many as matched", tt.claim, len(g.Nodes), len(g.Edges))
		}
	}
}
