package export

import (
	"fmt"
	"strings"

	"peerscope/internal/screen"
	"peerscope/internal/topology"
	"peerscope/internal/view"
)

// card draws a node: its shape says what it is, its frame how it does. Who rests
// on it reads all that is known in a sentence.
func (p *picture) card(n *view.Node) {
	if n.X == nil || n.Y == nil {
		return
	}
	x, y, w, h := *n.X, *n.Y, n.W, n.H
	fmt.Fprintf(&p.b, "<g><title>%s</title>\n", xmlText(n.Sentence))
	fill := ""
	if n.Unknown {
		fill = " style=\"fill:url(#unknown)\""
	}
	if n.Kind == view.KindBundle {
		fmt.Fprintf(&p.b, "<rect class=\"card %s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"6\"/>\n", n.Health, x+5, y+5, w, h)
	}
	switch {
	case n.Role == view.RoleDatastore:
		const lid = 6.0
		fmt.Fprintf(&p.b, "<path class=\"card %s\"%s d=\"M%.1f %.1fa%.1f %.1f 0 0 1 %.1f 0v%.1fa%.1f %.1f 0 0 1 %.1f 0z\"/>\n", n.Health, fill, x, y+lid, w/2, lid, w, h-2*lid, w/2, lid, -w)
		fmt.Fprintf(&p.b, "<path class=\"line %s\" d=\"M%.1f %.1fa%.1f %.1f 0 0 0 %.1f 0\"/>\n", n.Health, x, y+lid, w/2, lid, w)
	case n.Kind == topology.KindKernel || n.Kind == view.KindHost:
		fmt.Fprintf(&p.b, "<path class=\"card %s\"%s d=\"M%.1f %.1fh%.1fl10 %.1fl-10 %.1fh%.1fl-10 %.1fz\"/>\n", n.Health, fill, x+10, y, w-20, h/2, h/2, 20-w, -h/2)
	default:
		round := 6.0
		if n.Kind == topology.KindAddress || n.Role == view.RoleExternal {
			round = h / 2
		}
		fmt.Fprintf(&p.b, "<rect class=\"card %s\"%s x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"%.1f\"/>\n", n.Health, fill, x, y, w, h, round)
	}
	name, sub := cardText(n)
	room := w - 32
	if n.Role == view.RoleDatastore { // below its lid
		y += 3
	}
	p.text("text", x+16, y+h/2-2+offset(sub), screen.Shorten(name, fits(room, textCell), "…"))
	if sub != "" {
		p.text("muted", x+16, y+h/2+15, screen.Shorten(sub, fits(room, mutedCell), "…"))
	}
	p.b.WriteString("</g>\n")
}

// offset moves a name to the middle of a card that has nothing else.
func offset(sub string) float64 {
	if sub == "" {
		return 7
	}
	return 0
}

// cardText are the two lines of a card. One with a problem has a sign, not only a
// colour.
func cardText(n *view.Node) (name, sub string) {
	var parts []string
	for _, s := range []string{n.Subtitle, n.Place} {
		if s != "" {
			parts = append(parts, screen.Clean(s, false))
		}
	}
	if n.Exited {
		parts = append(parts, "ended")
	}
	if n.BytesPerSecond != nil && *n.BytesPerSecond > 0 && len(parts) < 2 {
		parts = append(parts, rateText(*n.BytesPerSecond))
	}
	name = screen.Clean(n.Name, false)
	switch n.Health {
	case view.Error:
		name = "✗ " + name
	case view.Warn, view.Bad:
		name = "! " + name
	}
	return name, strings.Join(parts, " · ")
}
