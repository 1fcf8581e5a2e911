package export

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"strings"

	"peerscope/internal/layout"
	"peerscope/internal/screen"
	"peerscope/internal/topology"
	"peerscope/internal/view"
)

// SVG draws m as it is, each node and edge of it, in places that follow from who
// calls whom. Nodes without edges are left out.
func SVG(w io.Writer, m *topology.Map) error {
	g := view.Make(m, view.Options{Level: view.LevelProcess, ShowNoise: true})
	g.Place(nil, layout.Options{Final: true})
	return Picture(w, g)
}

// Picture draws a graph that has places, with a legend. It is drawn for light and
// for dark, whichever the viewer prefers.
func Picture(w io.Writer, g *view.Graph) error {
	p := newPicture(g)
	p.head()
	for i := range g.Groups {
		p.box(&g.Groups[i])
	}
	edges := p.routes()
	for _, r := range edges {
		p.line(r)
	}
	for i := range g.Nodes {
		p.card(&g.Nodes[i])
	}
	p.labels(edges)
	p.legend()
	p.b.WriteString("</svg>\n")
	return write(w, "svg", []byte(p.b.String()))
}

// picture gathers the text of one drawing. Lengths are pixels.
type picture struct {
	b                        strings.Builder
	g                        *view.Graph
	nodes                    map[string]*view.Node
	taken                    []rect  // where no label may be
	left, top, right, bottom float64 // of all cards and boxes
}

type rect struct{ x, y, w, h float64 }

func (r rect) meets(o rect) bool {
	return r.x < o.x+o.w && o.x < r.x+r.w && r.y < o.y+o.h && o.y < r.y+r.h
}

// The room around all cards: for lines that go round them, for head and legend.
const (
	marginX, marginTop, marginBottom = 60.0, 84.0, 76.0
	leastWidth                       = 640.0 // of the legend
)

func newPicture(g *view.Graph) *picture {
	p := &picture{g: g, nodes: make(map[string]*view.Node, len(g.Nodes)), left: math.Inf(1), top: math.Inf(1), right: math.Inf(-1), bottom: math.Inf(-1)}
	grow := func(x, y *float64, w, h float64) {
		if x == nil || y == nil {
			return
		}
		p.left, p.top = min(p.left, *x), min(p.top, *y)
		p.right, p.bottom = max(p.right, *x+w), max(p.bottom, *y+h)
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if n.X == nil || n.Y == nil {
			continue
		}
		p.nodes[n.ID] = n
		grow(n.X, n.Y, n.W, n.H)
		p.taken = append(p.taken, rect{*n.X, *n.Y, n.W, n.H})
	}
	for _, b := range g.Groups {
		grow(b.X, b.Y, b.W, b.H)
	}
	if len(p.nodes) == 0 {
		p.left, p.top, p.right, p.bottom = 0, 0, 0, 0
	}
	p.left, p.top, p.right, p.bottom = p.left-marginX, p.top-marginTop, p.right+marginX, p.bottom+marginBottom
	p.right = max(p.right, p.left+leastWidth)
	return p
}

// look is the palette of Okabe and Ito, with contrasts of 3 and more for lines
// and 4.5 and more for text. Colour says nothing that shape or words do not say.
const look = `<style>
svg{--bg:#fff;--card:#fff;--edge:#c3ccd5;--text:#1b232b;--muted:#56626f;--ok:#0072B2;--warn:#B26A00;--bad:#C84A00;--error:#C1272D;--idle:#7a8693;--box:#f3f6f9;font-family:system-ui,sans-serif;background:#fff}
.bg{fill:#fff;fill:var(--bg)}.box{fill:#f3f6f9;fill:var(--box);stroke:#c3ccd5;stroke:var(--edge)}
.card{fill:#fff;fill:var(--card);stroke-width:1.5}
.text{fill:#1b232b;fill:var(--text);font-size:13px;font-weight:600}.muted{fill:#56626f;fill:var(--muted);font-size:11px}
.label{fill:#1b232b;fill:var(--text);font-size:11px;text-anchor:middle;paint-order:stroke;stroke:#fff;stroke:var(--bg);stroke-width:4px;stroke-linejoin:round}
.line{fill:none;stroke-linecap:round}
.ok{stroke:#0072B2;stroke:var(--ok)}.warn{stroke:#B26A00;stroke:var(--warn)}.bad{stroke:#C84A00;stroke:var(--bad)}.error{stroke:#C1272D;stroke:var(--error)}.idle{stroke:#7a8693;stroke:var(--idle)}
.fok{fill:#0072B2;fill:var(--ok)}.fwarn{fill:#B26A00;fill:var(--warn)}.fbad{fill:#C84A00;fill:var(--bad)}.ferror{fill:#C1272D;fill:var(--error)}.fidle{fill:#7a8693;fill:var(--idle)}
@media (prefers-color-scheme:dark){svg{--bg:#0e1318;--card:#18212a;--edge:#3a4652;--text:#E6EDF3;--muted:#9AA7B4;--ok:#56B4E9;--warn:#E69F00;--bad:#F0703A;--error:#FF6B6B;--idle:#6b7885;--box:#131a21;background:#0e1318}}
</style>
`

// healths are in the order of the legend, with the words for them.
func healths() [5]view.Health {
	return [...]view.Health{view.OK, view.Warn, view.Bad, view.Error, view.Idle}
}

// head writes what comes before the drawing: size, colours, arrows, and the line
// that says of what it is.
func (p *picture) head() {
	w, h := p.right-p.left, p.bottom-p.top
	fmt.Fprintf(&p.b, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" viewBox=\"%.0f %.0f %.0f %.0f\" role=\"img\">\n", w, h, p.left, p.top, w, h)
	names := newNames(&topology.Map{}, Style{})
	host := names.host(&topology.Map{Host: p.g.Host})
	fmt.Fprintf(&p.b, "<title>%s</title>\n", xmlText("Who talks to whom on "+host))
	p.b.WriteString(look)
	p.b.WriteString("<defs>\n")
	for _, health := range healths() {
		for _, head := range [...]struct {
			name string
			size float64
		}{{"to", 10}, {"wide", 2.2 * widest}} {
			fmt.Fprintf(&p.b, "<marker id=\"%[1]s-%[2]s\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"%.1[3]f\" markerHeight=\"%.1[3]f\" markerUnits=\"userSpaceOnUse\" orient=\"auto-start-reverse\"><path d=\"M0 0.5L10 5L0 9.5z\" class=\"f%[2]s\"/></marker>\n", head.name, health, head.size)
		}
	}
	p.b.WriteString("<pattern id=\"unknown\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><rect width=\"8\" height=\"8\" class=\"card\" stroke=\"none\"/><rect width=\"3\" height=\"8\" class=\"box\" stroke=\"none\"/></pattern>\n</defs>\n")
	fmt.Fprintf(&p.b, "<rect class=\"bg\" x=\"%.0f\" y=\"%.0f\" width=\"%.0f\" height=\"%.0f\"/>\n", p.left, p.top, w, h)
	facts := []string{}
	if d, ok := length(&topology.Map{Window: p.g.Window}); ok && d > 0 {
		facts = append(facts, spanText(d)+" until "+screen.Clean(p.g.Window.End, false))
	}
	facts = append(facts, plural(uint64(p.g.Matched.Nodes), "node"), plural(uint64(p.g.Matched.Edges), "edge"))
	if t := p.g.Truncated; t != nil {
		facts = append(facts, fmt.Sprintf("%d of the nodes in bundles", t.Nodes))
	}
	for _, hidden := range p.g.Hidden {
		if hidden.Edges > 0 {
			facts = append(facts, fmt.Sprintf("not shown: %s of %s", plural(uint64(hidden.Edges), "edge"), hidden.Text))
		}
	}
	p.text("text", p.left+24, p.top+30, host)
	p.text("muted", p.left+24, p.top+48, strings.Join(facts, " · "))
	if unseen := p.unseen(); unseen != "" {
		p.text("muted", p.left+24, p.top+64, unseen)
	}
}

// unseen says what could not be seen and what was lost.
func (p *picture) unseen() string {
	var parts []string
	for _, d := range p.g.Capture.Degraded {
		parts = append(parts, screen.Clean(d.Code, false))
	}
	out := ""
	if len(parts) > 0 {
		out = "! not all could be seen: " + strings.Join(parts, ", ")
	}
	var lost uint64
	for _, n := range p.g.Capture.Lost {
		lost += n
	}
	if lost > 0 {
		out = strings.TrimPrefix(out+fmt.Sprintf(" · %s lost", countText(lost)), " · ")
	}
	return out
}

// box draws the frame of a group.
func (p *picture) box(g *view.Group) {
	if g.X == nil || g.Y == nil {
		return
	}
	fmt.Fprintf(&p.b, "<rect class=\"box\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"10\"/>\n", *g.X, *g.Y, g.W, g.H)
	p.text("muted", *g.X+12, *g.Y+18, screen.Shorten(g.Kind+" "+screen.Clean(g.Name, false), fits(g.W-24, mutedCell), "…"))
}

func (p *picture) text(class string, x, y float64, s string) {
	fmt.Fprintf(&p.b, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", class, x, y, xmlText(s))
}

// The width of a letter of the two sizes of text, on average and a little more.
const (
	textCell, mutedCell = 8.2, 6.3
)

// fits is how many letters there is room for.
func fits(width, cell float64) int { return max(1, int(width/cell)) }

// xmlText is text for XML: clean, and with its five signs escaped.
func xmlText(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(screen.Clean(s, false))) // a Builder takes everything
	return b.String()
}

// legend explains widths, colours and kinds of lines, at the bottom.
func (p *picture) legend() {
	x, y := p.left+24, p.bottom-30
	for _, w := range []struct {
		perSecond float64
		text      string
	}{{0, "idle or slow"}, {1e3, "1 kB/s"}, {1e6, "1 MB/s"}, {1e8, "100 MB/s"}} {
		fmt.Fprintf(&p.b, "<path class=\"line ok\" stroke-width=\"%.1f\" d=\"M%.1f %.1fh28\"/>\n", lineWidth(w.perSecond), x, y)
		p.text("muted", x+34, y+4, w.text)
		x += 34 + float64(screen.Width(w.text))*mutedCell + 18
	}
	x, y = p.left+24, p.bottom-12
	for _, h := range healths() {
		fmt.Fprintf(&p.b, "<rect class=\"f%s\" x=\"%.1f\" y=\"%.1f\" width=\"10\" height=\"10\" rx=\"2\"/>\n", h, x, y-5)
		p.text("muted", x+15, y+4, string(h))
		x += 15 + float64(len(h))*mutedCell + 16
	}
	for _, l := range []struct{ dash, text string }{{"6 4", "an end is inferred"}, {"1 5", "idle"}} {
		fmt.Fprintf(&p.b, "<path class=\"line ok\" stroke-width=\"1.5\" stroke-dasharray=\"%s\" d=\"M%.1f %.1fh28\"/>\n", l.dash, x, y)
		p.text("muted", x+34, y+4, l.text)
		x += 34 + float64(screen.Width(l.text))*mutedCell + 18
	}
	p.text("ferror muted", x, y+4, "✗ connects fail")
}

// widest is how wide a line gets.
const widest = 8.0

// lineWidth is absolute, so that drawings of different times compare.
func lineWidth(perSecond float64) float64 {
	return min(max(1+1.4*math.Log10(1+perSecond/1000), 1), widest)
}
