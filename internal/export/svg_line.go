package export

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"peerscope/internal/screen"
	"peerscope/internal/topology"
	"peerscope/internal/view"
)

// route is the way of one edge: a curve from the side of one card to the side of
// another, or one to a lane between other cards, along that, and one from it.
type route struct {
	e          *view.Edge
	a, b       *view.Node
	outA, outB float64 // 1: leaves to the right, -1: to the left
	from, to   point
	curves     []curve
}

// curve is a cubic Bézier curve.
type curve [4]point

type point struct{ x, y float64 }

// routes are the ways of all edges that have two places. Where several meet at
// one side of a card, they share it in the order of where they come from.
func (p *picture) routes() []*route {
	var out []*route
	sides := map[string][]*route{}
	for i := range p.g.Edges {
		e := &p.g.Edges[i]
		first, second := e.Client, e.Server
		if len(e.Ends) == 2 {
			first, second = e.Ends[0], e.Ends[1]
		}
		r := &route{e: e, a: p.nodes[first], b: p.nodes[second]}
		if r.a == nil || r.b == nil {
			continue
		}
		r.choose()
		out = append(out, r)
		sides[fmt.Sprint(first, r.outA)] = append(sides[fmt.Sprint(first, r.outA)], r)
		sides[fmt.Sprint(second, r.outB)] = append(sides[fmt.Sprint(second, r.outB)], r)
	}
	for side, all := range sides {
		at := func(r *route) (own, other *view.Node) {
			if fmt.Sprint(r.a.ID, r.outA) == side {
				return r.a, r.b
			}
			return r.b, r.a
		}
		slices.SortFunc(all, func(a, b *route) int {
			_, x := at(a)
			_, y := at(b)
			return cmp.Or(cmp.Compare(*x.Y, *y.Y), cmp.Compare(a.e.ID, b.e.ID))
		})
		for i, r := range all {
			own, _ := at(r)
			y := *own.Y + own.H*(float64(i)+1)/(float64(len(all))+1)
			if own == r.a {
				r.from.y = y
			}
			if own == r.b && (r.a != r.b || own != r.a) {
				r.to.y = y
			}
		}
	}
	for _, r := range out {
		r.bend()
	}
	return out
}

// choose says at which sides of the cards an edge begins and ends.
func (r *route) choose() {
	ax, bx := *r.a.X, *r.b.X
	switch {
	case ax+r.a.W < bx: // forwards
		r.outA, r.outB = 1, -1
	case bx+r.b.W < ax: // back
		r.outA, r.outB = -1, 1
	default: // one below the other, or to itself
		r.outA, r.outB = 1, 1
	}
	r.from = point{ax + (1+r.outA)/2*r.a.W, *r.a.Y + r.a.H/2}
	r.to = point{bx + (1+r.outB)/2*r.b.W, *r.b.Y + r.b.H/2}
}

// bend makes the curves.
func (r *route) bend() {
	if r.a == r.b {
		r.from.y, r.to.y = *r.a.Y+r.a.H*0.2, *r.a.Y+r.a.H*0.8
	}
	if len(r.e.Route) == 2 {
		in, out := point{r.e.Route[0][0], r.e.Route[0][1]}, point{r.e.Route[1][0], r.e.Route[1][1]}
		r.curves = []curve{bow(r.from, r.outA, in, -r.outA), {in, in, out, out}, bow(out, -r.outB, r.to, r.outB)}
		return
	}
	r.curves = []curve{bow(r.from, r.outA, r.to, r.outB)}
}

// bow leaves a point to one side and comes to another one from a side; 1 is the
// right.
func bow(a point, outA float64, b point, outB float64) curve {
	reach := max(40, math.Abs(b.x-a.x)*0.45)
	return curve{a, {a.x + outA*reach, a.y}, {b.x + outB*reach, b.y}, b}
}

// places are points on the way where a label may be, the best first: those of the
// longest curve.
func (r *route) places() []point {
	longest := r.curves[0]
	for _, c := range r.curves {
		if math.Abs(c[3].x-c[0].x) > math.Abs(longest[3].x-longest[0].x) {
			longest = c
		}
	}
	var out []point
	for _, t := range [...]float64{0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8} {
		out = append(out, longest.at(t))
	}
	for _, c := range r.curves {
		out = append(out, c.at(0.5))
	}
	return out
}

// at is the point at a share of the way.
func (c *curve) at(t float64) point {
	u := 1 - t
	k0, k1, k2, k3 := u*u*u, 3*u*u*t, 3*u*t*t, t*t*t
	return point{k0*c[0].x + k1*c[1].x + k2*c[2].x + k3*c[3].x, k0*c[0].y + k1*c[1].y + k2*c[2].y + k3*c[3].y}
}

// path is the way in the words of SVG.
func (r *route) path() string {
	out := fmt.Sprintf("M%.1f %.1f", r.from.x, r.from.y)
	for _, c := range r.curves {
		out += fmt.Sprintf("C%.1f %.1f %.1f %.1f %.1f %.1f", c[1].x, c[1].y, c[2].x, c[2].y, c[3].x, c[3].y)
	}
	return out
}

// rate is both directions, in bytes a second; 0: not known.
func (r *route) rate() float64 {
	sum := 0.0
	for _, v := range []*float64{r.e.Tx, r.e.Rx} {
		if v != nil {
			sum += *v
		}
	}
	return sum
}

// line draws an edge: as wide as its bytes a second, in the colour of its health,
// dashed where an end is inferred, with heads at both ends where nobody knows who
// called.
func (p *picture) line(r *route) {
	dash := ""
	switch {
	case r.e.Health == view.Idle:
		dash = " stroke-dasharray=\"1 5\""
	case unsure(r.e.Quality.Client, r.a), unsure(r.e.Quality.First, r.a), unsure(r.e.Quality.Server, r.b), unsure(r.e.Quality.Second, r.b):
		dash = " stroke-dasharray=\"6 4\""
	}
	head, start := "to", ""
	width := lineWidth(r.rate())
	if width > widest/2 {
		head = "wide"
	}
	if len(r.e.Ends) == 2 {
		start = fmt.Sprintf(" marker-start=\"url(#%s-%s)\"", head, r.e.Health)
	}
	fmt.Fprintf(&p.b, "<g><title>%s</title><path class=\"line %s\" stroke-width=\"%.1f\"%s%s marker-end=\"url(#%s-%s)\" d=\"%s\"/></g>\n",
		xmlText(r.e.Sentence), r.e.Health, width, dash, start, head, r.e.Health, r.path())
}

// unsure: the end is inferred, or there is a process that nobody knows. That an
// external address has none that is known is no doubt.
func unsure(quality string, n *view.Node) bool {
	return quality == view.Inferred || quality == view.Unknown && (n.Unknown || n.Kind != topology.KindAddress)
}

// labels writes what edges are, where there is room on their way: problems first,
// then what moves the most.
func (p *picture) labels(edges []*route) {
	edges = slices.Clone(edges)
	slices.SortStableFunc(edges, func(a, b *route) int {
		if x, y := a.e.Health.Problem(), b.e.Health.Problem(); x != y {
			if x {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(b.rate(), a.rate()), cmp.Compare(a.e.ID, b.e.ID))
	})
	for _, r := range edges {
		text := p.label(r)
		w := float64(screen.Width(text)) * mutedCell
		for _, at := range r.places() {
			room := rect{at.x - w/2, at.y - 9, w, 14}
			if slices.ContainsFunc(p.taken, room.meets) {
				continue
			}
			p.taken = append(p.taken, room)
			p.text("label", at.x, at.y+2, text)
			break
		}
	}
}

// label is the port or path of an edge, its speed, and a sign of its problem.
func (p *picture) label(r *route) string {
	text := screen.Clean(r.e.Label, false)
	if v := r.rate(); v > 0 {
		text += " · " + rateText(v)
	}
	if r.e.TLS != nil && *r.e.TLS {
		text += " TLS"
	}
	if r.e.Connections.Failed > 0 {
		text = "✗ " + text
	}
	return text
}
