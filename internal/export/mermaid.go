package export

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"peerscope/internal/topology"
)

// mermaidEdges is the most edges that are drawn: above some hundreds Mermaid
// and the sites that embed it refuse a diagram.
const mermaidEdges = 200

// heavy is from how many bytes a second on a line is drawn thick.
const heavy = 1e6

// Mermaid writes m as a flowchart: "-->" is an edge, "==>" one above a megabyte
// a second, "-.->" one without exact peer evidence or, with "via", through
// proxies, "<-->" one whose roles are not known. Of more than 200 edges those with the most bytes, then connections,
// are drawn, and a comment counts the others.
func Mermaid(w io.Writer, m *topology.Map) error {
	g := newGraph(m, mermaidEdges)
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	if g.left > 0 {
		fmt.Fprintf(&b, "  %%%% %d of %d edges left out: those with the fewest bytes, then the fewest connections\n", g.left, len(m.Edges))
	}
	if g.lonely > 0 {
		fmt.Fprintf(&b, "  %%%% %s without edges left out\n", plural(uint64(g.lonely), "node"))
	}
	if len(g.inside)+len(g.boxes) > 0 {
		fmt.Fprintf(&b, "  subgraph host[%s]\n", mermaidText(g.host))
		for _, d := range g.inside {
			g.mermaidNode(&b, "    ", d)
		}
		for i, x := range g.boxes {
			fmt.Fprintf(&b, "    subgraph g%d[%s]\n", i+1, mermaidText(x.title))
			for _, d := range x.nodes {
				g.mermaidNode(&b, "      ", d)
			}
			b.WriteString("    end\n")
		}
		b.WriteString("  end\n")
	}
	for _, d := range g.outside {
		g.mermaidNode(&b, "  ", d)
	}
	ids := g.strays(&b)
	var failing []string // the numbers of edges in the order they are written
	for i, e := range g.edges {
		first, second, _ := ends(e)
		text, problem := g.caption(e)
		if problem != "" {
			text += " ✗ " + problem
			failing = append(failing, fmt.Sprint(i))
		}
		fmt.Fprintf(&b, "  %s %s|%s| %s\n", ids(first), g.mermaidLine(e), mermaidText(text), ids(second))
	}
	for _, l := range g.logical {
		fmt.Fprintf(&b, "  %s -.->|%s| %s\n", ids(l.Client), mermaidText(g.logicalText(l)), ids(l.Server))
	}
	if len(failing) > 0 {
		fmt.Fprintf(&b, "  linkStyle %s stroke:#C1272D,color:#C1272D\n", strings.Join(failing, ","))
	}
	return write(w, "mermaid", []byte(b.String()))
}

// strays writes the ends that the map has no node for, and returns how every end
// is called in the diagram: ids of ours, because Mermaid's have no quotes.
func (g *graph) strays(b *strings.Builder) func(id string) string {
	stray := map[string]int{}
	for _, e := range g.edges {
		first, second, _ := ends(e)
		for _, id := range []string{first, second} {
			if g.numbered[id] == 0 && stray[id] == 0 {
				stray[id] = len(stray) + 1
				fmt.Fprintf(b, "  x%d([%s])\n", stray[id], mermaidText(g.title(id)))
			}
		}
	}
	return func(id string) string {
		if n := g.numbered[id]; n > 0 {
			return fmt.Sprintf("n%d", n)
		}
		return fmt.Sprintf("x%d", stray[id])
	}
}

// mermaidNode draws processes as boxes, and what is no process in other shapes,
// the same as in DOT as far as Mermaid has them.
func (g *graph) mermaidNode(b *strings.Builder, indent string, d *topology.Node) {
	left, right := "[", "]"
	switch {
	case g.stores[d.ID]:
		left, right = "[(", ")]"
	case isAddress(d):
		left, right = "([", "])"
	case d.Kind == topology.KindKernel:
		left, right = "{{", "}}"
	case d.Kind == topology.KindGroup:
		left, right = "[[", "]]"
	}
	fmt.Fprintf(b, "%sn%d%s%s%s\n", indent, g.numbered[d.ID], left, mermaidText(g.title(d.ID)), right)
}

// mermaidLine is the arrow of an edge. A dotted one cannot be thick too: that
// nobody was named for certain matters more than how much went over it.
func (g *graph) mermaidLine(e *topology.Edge) string {
	line := "-->"
	switch {
	case !hasExact(e):
		line = "-.->"
	case g.perSecond(e) >= heavy:
		line = "==>"
	}
	if _, _, roles := ends(e); !roles {
		line = "<" + line
	}
	return line
}

// mermaidText quotes text. Mermaid reads quoted text for entities, Markdown,
// HTML, "\n" and directives, and its own placeholders (ﬂ°, ¶ß) for entities, so
// everything but letters, digits and what is known to be harmless becomes an
// entity: #NN; with the number of the character.
func mermaidText(s string) string {
	const harmless = " .,/-[]@+=≥↔…×✗?:"
	var b strings.Builder
	b.WriteByte('"')
	// A line that has "style", a colon and an entity is taken for a style
	// statement and loses the entity's semicolon.
	colon := strings.Contains(s, "style") || strings.Contains(s, "classDef")
	for i, r := range s {
		switch {
		case r == '.' && strings.HasPrefix(s[i+1:], " "), i == 0 && strings.ContainsRune("-+=", r): // a list, a rule
			fmt.Fprintf(&b, "#%d;", r)
		case r == '"':
			b.WriteString("#quot;")
		case r == ':' && colon, strings.ContainsRune("ﬂß", r):
			fmt.Fprintf(&b, "#%d;", r)
		case unicode.In(r, unicode.L, unicode.M, unicode.N), slices.Contains([]rune(harmless), r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "#%d;", r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
