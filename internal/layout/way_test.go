package layout_test

import (
	"testing"

	"peerscope/internal/layout"
)

// TestWaysLeadBelowNobody: between its points no way crosses a card.
func TestWaysLeadBelowNobody(t *testing.T) {
	for seed := range uint64(6) {
		w := newWorld(seed, 40, 80)
		p := layout.Place(nil, w.graph(), layout.Options{})
		for range 20 {
			w.change()
			p = layout.Place(p, w.graph(), layout.Options{})
		}
		g := w.graph()
		ways, router := 0, p.Router()
		for range 7 { // so that lanes are full
			for _, e := range g.Edges {
				router.Way(e.From, e.To)
			}
		}
		for _, e := range g.Edges {
			way := router.Way(e.From, e.To)
			a, _ := p.Of(e.From)
			b, _ := p.Of(e.To)
			near, far := a, b
			if b.X < a.X {
				near, far = b, a
			}
			for _, n := range g.Nodes {
				c, _ := p.Of(n.ID)
				if c.X < near.X+near.W || c.X+c.W > far.X { // not between
					continue
				}
				if len(way) != 2 {
					t.Fatalf("seed %d: %s stands between %s and %s, whose way has %d points", seed, n.ID, e.From, e.To, len(way))
				}
				ways++
				if way[0].Y != way[1].Y || (way[0].X < way[1].X) != (a.X < b.X) {
					t.Fatalf("seed %d: the way from %s to %s goes from %v to %v", seed, e.From, e.To, way[0], way[1])
				}
				if y := way[0].Y; y > c.Y-2 && y < c.Y+c.H+2 {
					t.Fatalf("seed %d: the way from %s to %s at %v leads below %s at %v", seed, e.From, e.To, y, n.ID, c)
				}
			}
		}
		if ways == 0 {
			t.Errorf("seed %d: nobody stood between others", seed)
		}
	}
}

func TestWays(t *testing.T) {
	g := graph("a>b b>c a>c a>d c>a far*>a")
	p := layout.Place(nil, g, layout.Options{})
	r := p.Router()
	if way := r.Way("a", "b"); way != nil {
		t.Errorf("the way between neighbours is %v, want none", way)
	}
	if way := r.Way("a", "nobody"); way != nil {
		t.Errorf("the way to nobody is %v, want none", way)
	}
	one, two := r.Way("a", "c"), r.Way("c", "a")
	if len(one) != 2 || len(two) != 2 || one[0].X >= one[1].X || two[0].X <= two[1].X {
		t.Fatalf("the ways there and back are %v and %v", one, two)
	}
}

// TestNextLineInALaneStaysClear: where there is no room beside a line for another
// one, it is on it.
func TestNextLineInALaneStaysClear(t *testing.T) {
	g := graph("a>b b>c a>c a>d")
	p := layout.Place(nil, g, layout.Options{})
	a, _ := p.Of("a")
	b, _ := p.Of("b")
	p = layout.Place(p, g, layout.Options{Pins: map[string]layout.Point{
		"b": {X: b.X, Y: a.Y + a.H/2 + 3.5}, "d": {X: b.X, Y: a.Y + a.H/2 - 3.5 - a.H}}})
	r := p.Router()
	for range 5 {
		for _, at := range r.Way("a", "c") {
			if at.Y < a.Y+a.H/2-3.5 || at.Y > a.Y+a.H/2+3.5 {
				t.Fatalf("the way is at %v, below a card", at.Y)
			}
		}
	}
}
