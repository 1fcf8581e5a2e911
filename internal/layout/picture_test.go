package layout_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/layout"
)

// update rewrites the golden files: go test ./internal/layout -run Pictures -update
var update = flag.Bool("update", false, "rewrite the golden files")

// small are sizes of which a picture of letters can be drawn: a card is eight
// wide and one high.
func small() layout.Options {
	return layout.Options{Width: 8, Height: 1, GapX: 6, GapY: 1, Padding: 1, Title: 0.5, Remember: 8}
}

// graph reads "a>b a-c", nodes with their group as "box/a", external ones with a
// star, stores with a plus.
func graph(text string) layout.Graph {
	var g layout.Graph
	seen := map[string]bool{}
	add := func(word string) string {
		n := layout.Node{ID: strings.TrimRight(word, "*+"), External: strings.HasSuffix(word, "*"), Store: strings.HasSuffix(word, "+")}
		if box, _, ok := strings.Cut(n.ID, "/"); ok {
			n.Group = box
		}
		if !seen[n.ID] {
			seen[n.ID] = true
			g.Nodes = append(g.Nodes, n)
		}
		return n.ID
	}
	for _, word := range strings.Fields(text) {
		weight := 1.0
		if a, b, ok := strings.Cut(word, ">>"); ok { // heavy
			weight = 100
			word = a + ">" + b
		}
		if a, b, ok := strings.Cut(word, ">"); ok {
			g.Edges = append(g.Edges, layout.Edge{From: add(a), To: add(b), Roles: true, Weight: weight})
		} else if a, b, ok := strings.Cut(word, "-"); ok {
			g.Edges = append(g.Edges, layout.Edge{From: add(a), To: add(b)})
		} else {
			add(word)
		}
	}
	return g
}

// draw is a picture in letters: a dot for each corner of a box.
func draw(p *layout.Places, g layout.Graph) string {
	cells := map[[2]int]rune{}
	put := func(x, y float64, s string) {
		for i, r := range s {
			cells[[2]int{int(y * 2), int(x) + i}] = r
		}
	}
	for _, b := range p.Boxes() {
		for _, at := range [][2]float64{{b.X, b.Y}, {b.X + b.W - 1, b.Y}, {b.X, b.Y + b.H - 0.5}, {b.X + b.W - 1, b.Y + b.H - 0.5}} {
			put(at[0], at[1], "·")
		}
		put(b.X+1, b.Y, b.ID)
	}
	for _, n := range g.Nodes {
		if at, ok := p.Of(n.ID); ok {
			name := n.ID[strings.Index(n.ID, "/")+1:]
			put(at.X, at.Y, "["+name+strings.Repeat(" ", max(0, 6-len(name)))+"]")
		}
	}
	var keys [][2]int
	for k := range cells {
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return ""
	}
	top, bottom, first := keys[0][0], keys[0][0], keys[0][1]
	for _, k := range keys {
		top, bottom, first = min(top, k[0]), max(bottom, k[0]), min(first, k[1])
	}
	var out strings.Builder
	for y := top; y <= bottom; y++ {
		var row []rune
		for _, k := range keys {
			if k[0] != y {
				continue
			}
			for len(row) <= k[1]-first {
				row = append(row, ' ')
			}
			row[k[1]-first] = cells[k]
		}
		if line := strings.TrimRight(string(row), " "); line != "" || y%2 == 0 {
			out.WriteString(line + "\n")
		}
	}
	return out.String()
}

func TestPictures(t *testing.T) {
	tests := []struct {
		name  string
		steps []string
	}{
		{"chain", []string{"a>b b>c c>d"}},
		{"web", []string{"far1*>nginx far2*>nginx nginx>app1 nginx>app2 app1>db+ app2>db+ app1>cache+ app2>pay* cron>db+"}},
		{"circle", []string{"a>>b b>>c c>a d>a"}},
		{"boxes", []string{"in*>front/web front/web>back/app1 front/web>back/app2 back/app1>data/db+ back/app2>data/db+ back/app2>out* mon/prom>back/app1 mon/prom>data/db+"}},
		{"no roles", []string{"a-b b-c a>d"}},
		{"alone", []string{"a b c d e"}},
		{"new ones take what is free near", []string{"a>b a>c a>d b>e", "a>b a>c a>d b>e c>new d>late a>more", "a>b a>d b>e c>new x>b"}},
		{"boxes grow into their reserve", []string{"p/a>p/b q/c>q/d", "p/a>p/b q/c>q/d p/a>p/b2 q/c>q/d2 r/x", "p/a>p/b q/c>q/d p/a>p/b2 q/c>q/d2 r/x " + many("p/a>p/w", 6)}},
		{"a full box grows aside, then goes on below", []string{"p/a>p/b q/c>q/d", "p/a>p/b q/c>q/d " + many("p/a>p/w", 8), "p/a>p/b q/c>q/d " + many("p/a>p/w", 8) + " " + many("p/b>p/v", 8)}},
		{"the last box grows down", []string{"q/c>q/d p/a>p/b", "q/c>q/d p/a>p/b " + many("q/c>q/w", 9)}},
		{"a full box between margins", []string{"in*>p/a p/a>p/b p/b>out* q/c>q/d", "in*>p/a p/a>p/b p/b>out* q/c>q/d " + many("p/b>p/w", 9)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			var p *layout.Places
			for _, step := range tt.steps {
				g := graph(step)
				p = layout.Place(p, g, small())
				fmt.Fprintf(&b, "%s\n\n%s\n", step, draw(p, g))
			}
			file := filepath.Join("testdata", strings.NewReplacer(" ", "-", ",", "").Replace(tt.name)+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), b.String()); diff != "" {
				t.Errorf("picture (-want +got):\n%s", diff)
			}
		})
	}
}

func many(word string, n int) string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprint(word, i))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}
