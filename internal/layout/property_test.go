package layout_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/layout"
)

// world is a graph that changes: nodes come and go, edges with them.
type world struct {
	r     *rand.Rand
	nodes map[string]layout.Node
	edges map[[2]string]layout.Edge
	next  int
	gone  []layout.Node
}

func newWorld(seed uint64, nodes, edges int) *world {
	w := &world{r: rand.New(rand.NewPCG(seed, 3)), nodes: map[string]layout.Node{}, edges: map[[2]string]layout.Edge{}}
	for range nodes {
		w.come()
	}
	for range edges {
		w.connect()
	}
	return w
}

func (w *world) come() {
	w.next++
	n := layout.Node{ID: fmt.Sprint("n", w.next), Store: w.r.IntN(10) == 0, External: w.r.IntN(6) == 0}
	if !n.External && w.r.IntN(8) > 0 {
		n.Group = fmt.Sprint("g", w.r.IntN(4+w.next/100))
	}
	w.nodes[n.ID] = n
}

func (w *world) ids() []string {
	var ids []string
	for id := range w.nodes {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func (w *world) connect() {
	ids := w.ids()
	if len(ids) < 2 {
		return
	}
	a, b := ids[w.r.IntN(len(ids))], ids[w.r.IntN(len(ids))]
	w.edges[[2]string{a, b}] = layout.Edge{From: a, To: b, Roles: w.r.IntN(8) > 0, Weight: float64(w.r.IntN(1000))}
}

func (w *world) change() {
	for range w.r.IntN(4) {
		w.come()
		w.connect()
		w.connect()
	}
	for range w.r.IntN(4) {
		ids := w.ids()
		if len(ids) == 0 {
			continue
		}
		id := ids[w.r.IntN(len(ids))]
		w.gone = append(w.gone, w.nodes[id])
		delete(w.nodes, id)
	}
	if len(w.gone) > 0 && w.r.IntN(2) == 0 {
		n := w.gone[w.r.IntN(len(w.gone))]
		w.nodes[n.ID] = n
	}
}

func (w *world) graph() layout.Graph {
	var g layout.Graph
	for _, id := range w.ids() {
		g.Nodes = append(g.Nodes, w.nodes[id])
	}
	for k, e := range w.edges {
		if w.nodes[k[0]].ID != "" && w.nodes[k[1]].ID != "" {
			g.Edges = append(g.Edges, e)
		}
	}
	w.r.Shuffle(len(g.Nodes), func(i, j int) { g.Nodes[i], g.Nodes[j] = g.Nodes[j], g.Nodes[i] })
	return g
}

func apart(ax, ay, aw, ah, bx, by, bw, bh float64) bool {
	return ax+aw <= bx || bx+bw <= ax || ay+ah <= by || by+bh <= ay
}

// sound: every node has a place, none lies on another, boxes contain their nodes
// and nothing else and do not meet.
func sound(t *testing.T, p *layout.Places, g layout.Graph, pins map[string]layout.Point) {
	t.Helper()
	boxes := p.Boxes()
	byID := map[string]layout.Box{}
	for i, a := range boxes {
		byID[a.ID] = a
		for _, b := range boxes[:i] {
			if !apart(a.X, a.Y, a.W, a.H, b.X, b.Y, b.W, b.H) {
				t.Fatalf("boxes %+v and %+v meet", a, b)
			}
		}
	}
	var cards []layout.Card
	for i, n := range g.Nodes {
		c, ok := p.Of(n.ID)
		if !ok {
			t.Fatalf("%s has no place", n.ID)
		}
		cards = append(cards, c)
		if _, pinned := pins[n.ID]; pinned {
			continue
		}
		for j, d := range cards[:i] {
			if _, pinned := pins[g.Nodes[j].ID]; !pinned && !apart(c.X, c.Y, c.W, c.H, d.X, d.Y, d.W, d.H) {
				t.Fatalf("%s at %+v lies on %s at %+v", n.ID, c, g.Nodes[j].ID, d)
			}
		}
		for _, b := range boxes {
			within := c.X >= b.X && c.Y >= b.Y && c.X+c.W <= b.X+b.W && c.Y+c.H <= b.Y+b.H
			if within != (b.ID == c.Box) || !within && !apart(c.X, c.Y, c.W, c.H, b.X, b.Y, b.W, b.H) {
				t.Fatalf("%s at %+v and box %+v: within %v", n.ID, c, b, within)
			}
		}
		if n.Group != "" && !n.External && byID[c.Box].Group != n.Group {
			t.Fatalf("%s of group %s is in box %q", n.ID, n.Group, c.Box)
		}
	}
}

func TestNobodyMovesWhileOthersComeAndGo(t *testing.T) {
	for seed := range uint64(8) {
		w := newWorld(seed, 1+int(seed)*8, int(seed)*12)
		var p *layout.Places
		last := map[string]layout.Card{}
		for step := range 200 {
			if step > 0 {
				w.change()
			}
			g := w.graph()
			p = layout.Place(p, g, layout.Options{})
			sound(t, p, g, nil)
			now := map[string]layout.Card{}
			for _, n := range g.Nodes {
				c, _ := p.Of(n.ID)
				now[n.ID] = c
				if was, ok := last[n.ID]; ok && (was.X != c.X || was.Y != c.Y || was.Box != c.Box) {
					t.Fatalf("seed %d, step %d: %s moved from %+v to %+v", seed, step, n.ID, was, c)
				}
			}
			last = now
		}
	}
}

// TestAreaIsBounded: what has room is what is there and what is remembered, and
// some air.
func TestAreaIsBounded(t *testing.T) {
	w := newWorld(1, 60, 90)
	var p *layout.Places
	most := 0.0
	for range 1000 {
		w.change()
		w.gone = nil // nobody comes back
		g := w.graph()
		p = layout.Place(p, g, layout.Options{})
		x0, y0, x1, y1 := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
		for _, n := range g.Nodes {
			c, _ := p.Of(n.ID)
			x0, y0, x1, y1 = min(x0, c.X), min(y0, c.Y), max(x1, c.X+c.W), max(y1, c.Y+c.H)
		}
		cells := (x1 - x0) / 300 * (y1 - y0) / 76
		most = max(most, cells/float64(len(g.Nodes)+64))
	}
	if most > 12 {
		t.Errorf("the area is that of %.0f cards for each there is or is remembered, want at most 12", most)
	}
}

func TestWhoComesBackGetsTheOldPlace(t *testing.T) {
	all := graph("p/a>p/b p/b>q/c q/c>q/d in*>p/a q/d>out*")
	p := layout.Place(nil, all, small())
	before := map[string]layout.Card{}
	for _, n := range all.Nodes {
		before[n.ID], _ = p.Of(n.ID)
	}
	p = layout.Place(p, graph("p/x>p/y"), small())
	if _, ok := p.Of("p/a"); ok {
		t.Error("who went has a place")
	}
	for _, b := range p.Boxes() {
		if b.Group == "q" {
			t.Error("there is a box around nobody")
		}
	}
	p = layout.Place(p, graph("p/x>p/y p/x>p/z q/e"), small())
	p = layout.Place(p, all, small())
	for _, n := range all.Nodes {
		if c, _ := p.Of(n.ID); c.X != before[n.ID].X || c.Y != before[n.ID].Y {
			t.Errorf("%s came back to %+v, was at %+v", n.ID, c, before[n.ID])
		}
	}
	o := small()
	o.Remember = 1
	p = layout.Place(p, graph("p/x"), o)
	p = layout.Place(p, graph("p/x p/new>p/newer p/new>p/newest p/newer>p/4 p/4>p/5 p/5>p/6"), o)
	sound(t, p, graph("p/x p/new p/newer p/newest p/4 p/5 p/6"), nil)
}

func TestSameGraphSamePlaces(t *testing.T) {
	for seed := range uint64(5) {
		w := newWorld(seed, 80, 150)
		a, b := w.graph(), w.graph() // shuffled
		p, q := layout.Place(nil, a, layout.Options{}), layout.Place(nil, b, layout.Options{})
		same(t, a, p, q)
		w.change()
		a, b = w.graph(), w.graph()
		same(t, a, layout.Place(p, a, layout.Options{}), layout.Place(q, b, layout.Options{}))
		same(t, a, layout.Place(p, a, layout.Options{}), layout.Place(p, a, layout.Options{})) // and prev was not changed
	}
}

func same(t *testing.T, g layout.Graph, p, q *layout.Places) {
	t.Helper()
	for _, n := range g.Nodes {
		a, _ := p.Of(n.ID)
		b, _ := q.Of(n.ID)
		if a != b {
			t.Fatalf("%s is at %+v and at %+v", n.ID, a, b)
		}
	}
	if diff := cmp.Diff(p.Boxes(), q.Boxes()); diff != "" {
		t.Fatalf("boxes (-one +other):\n%s", diff)
	}
}

func TestCallersStandLeft(t *testing.T) {
	g := graph("in*>a a>b b>c c>d b>x c>pay* cron>d d>db+ b>cache+")
	p := layout.Place(nil, g, layout.Options{})
	x := func(id string) float64 {
		c, _ := p.Of(id)
		return c.X
	}
	for _, e := range g.Edges {
		if x(e.From) >= x(e.To) {
			t.Errorf("%s at %v calls %s at %v", e.From, x(e.From), e.To, x(e.To))
		}
	}
	if x("db") != x("cache") || x("pay") <= x("db") {
		t.Errorf("stores at %v and %v, external server at %v; want the stores in one column left of it", x("db"), x("cache"), x("pay"))
	}
}

func TestCircleIsBrokenWhereLeastFlows(t *testing.T) {
	g := graph("a>>b b>>c c>>d d>a d>b")
	p := layout.Place(nil, g, layout.Options{})
	for _, e := range g.Edges {
		from, _ := p.Of(e.From)
		to, _ := p.Of(e.To)
		if heavy := e.Weight > 1; heavy != (from.X < to.X) {
			t.Errorf("%s at %v calls %s at %v with weight %v", e.From, from.X, e.To, to.X, e.Weight)
		}
	}
}

func TestWhoChangesGroupsChangesBoxes(t *testing.T) {
	p := layout.Place(nil, graph("p/a>p/b p/b>q/c"), layout.Options{})
	g := graph("p/a>p/b p/b>q/c")
	g.Nodes[1].Group = "q"
	p = layout.Place(p, g, layout.Options{})
	sound(t, p, g, nil)
	if c, _ := p.Of("p/b"); c.Box != "q" {
		t.Errorf("the box is %q, want q", c.Box)
	}
}

func TestPins(t *testing.T) {
	g := graph("p/a>p/b p/b>p/c d>p/a")
	p := layout.Place(nil, g, layout.Options{})
	before := map[string]layout.Card{}
	for _, n := range g.Nodes {
		before[n.ID], _ = p.Of(n.ID)
	}
	pins := map[string]layout.Point{"p/b": {X: 5000, Y: -700}}
	p = layout.Place(p, g, layout.Options{Pins: pins})
	sound(t, p, g, pins)
	for _, n := range g.Nodes {
		c, _ := p.Of(n.ID)
		if n.ID == "p/b" {
			if c.X != 5000 || c.Y != -700 || c.Box != "" {
				t.Errorf("pinned to 5000,-700, out of its box, and is at %+v", c)
			}
		} else if c != before[n.ID] {
			t.Errorf("%s moved from %+v to %+v as another was pinned", n.ID, before[n.ID], c)
		}
	}
	// A card that comes does not go below a pinned one, also not in a new layout.
	at := before["p/c"]
	for _, prev := range []*layout.Places{nil, layout.Place(nil, graph("p/a>p/b"), layout.Options{})} {
		pins = map[string]layout.Point{"p/b": {X: at.X + 9, Y: at.Y + 9}}
		p = layout.Place(prev, g, layout.Options{Pins: pins})
		if c, _ := p.Of("p/c"); !apart(c.X, c.Y, c.W, c.H, at.X+9, at.Y+9, at.W, at.H) {
			t.Errorf("p/c at %+v lies below what is pinned", c)
		}
	}
	p = layout.Place(p, g, layout.Options{})
	if c, _ := p.Of("p/b"); c.Box != "p" {
		t.Errorf("without the pin p/b is in box %q, want p", c.Box)
	}
}

func TestTidyBeginsAnewInTheOldOrder(t *testing.T) {
	g := graph("a>z a>m a>c")
	p := layout.Place(nil, graph("a>z"), layout.Options{})
	p = layout.Place(p, graph("a>z a>m"), layout.Options{})
	p = layout.Place(p, g, layout.Options{})
	q := layout.Place(p, g, layout.Options{Tidy: true})
	same(t, g, q, layout.Place(q, g, layout.Options{Tidy: true}))
	y := func(p *layout.Places, id string) float64 {
		c, _ := p.Of(id)
		return c.Y
	}
	for _, pair := range [][2]string{{"z", "m"}, {"m", "c"}, {"z", "c"}} {
		if (y(p, pair[0]) < y(p, pair[1])) != (y(q, pair[0]) < y(q, pair[1])) {
			t.Errorf("%s and %s changed their order", pair[0], pair[1])
		}
	}
}

func TestLittleToPlace(t *testing.T) {
	p := layout.Place(nil, layout.Graph{}, layout.Options{})
	if len(p.Boxes()) != 0 {
		t.Error("nothing has a box")
	}
	g := graph("a*>b* b*>c* d*")
	sound(t, layout.Place(p, g, layout.Options{}), g, nil)
	g = graph("p/a")
	sound(t, layout.Place(p, g, layout.Options{}), g, nil)
	p = layout.Place(layout.Place(nil, g, layout.Options{}), layout.Graph{Edges: []layout.Edge{{From: "x", To: "y"}}}, layout.Options{})
	if len(p.Boxes()) != 0 {
		t.Error("there is a box around nobody")
	}
}

func BenchmarkPlace(b *testing.B) {
	for _, size := range [][2]int{{500, 1500}, {5000, 20000}} {
		w := newWorld(1, 0, 0)
		for range size[0] {
			w.come()
		}
		ids := w.ids()
		for range size[1] {
			a, c := ids[w.r.IntN(len(ids))], ids[w.r.IntN(len(ids))]
			w.edges[[2]string{a, c}] = layout.Edge{From: a, To: c, Roles: true, Weight: float64(w.r.IntN(1000))}
		}
		g := w.graph()
		b.Run(fmt.Sprintf("nodes=%d/anew", size[0]), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				layout.Place(nil, g, layout.Options{})
			}
		})
		few := layout.Place(nil, layout.Graph{Nodes: g.Nodes[:5]}, layout.Options{})
		b.Run(fmt.Sprintf("nodes=%d/after5", size[0]), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				layout.Place(few, g, layout.Options{})
			}
		})
		p := layout.Place(nil, g, layout.Options{})
		for range 5 {
			w.change()
		}
		g = w.graph()
		b.Run(fmt.Sprintf("nodes=%d/again", size[0]), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				layout.Place(p, g, layout.Options{})
			}
		})
	}
}
