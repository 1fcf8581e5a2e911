package export

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"peerscope/internal/topology"
)

// DiffJSON writes a difference as one object of the schema it names.
func DiffJSON(w io.Writer, d *topology.Difference) error { return encode(w, d) }

// DiffText writes a difference for people: a line an edge, + for one that only
// the later map has, - for one that only the earlier has, ~ for one that changed,
// with what it was and what it is.
func DiffText(w io.Writer, d *topology.Difference, style Style) error {
	p := newPrograms(d, style)
	var lines []string
	for _, part := range [...]struct {
		sign  string
		tone  tone
		edges []topology.Edge
	}{{"+ ", strong, d.Added}, {"- ", bad, d.Removed}} {
		var some []string
		for i := range part.edges {
			some = append(some, style.line([]span{{part.sign, part.tone}, {p.edge(&part.edges[i]), part.tone}}))
		}
		slices.Sort(some)
		lines = append(lines, some...)
	}
	var some []string
	for i := range d.Changed {
		c := &d.Changed[i]
		some = append(some, style.line([]span{{"~ ", warn}, {p.edge(&c.After), warn}, {"   " + p.changes(c), plain}}))
	}
	slices.Sort(some)
	lines = append(lines, some...)
	sum := fmt.Sprintf("%d added, %d gone, %d changed", len(d.Added), len(d.Removed), len(d.Changed))
	if d.Empty() {
		sum = "no difference"
	}
	lines = append(lines, style.line([]span{{fmt.Sprintf("%s: %s, then %s", sum, p.side(&d.Before), p.side(&d.After)), muted}}))
	return write(w, "text", []byte(strings.Join(lines, "\n")+"\n"))
}

// programs knows the labels of the nodes of a difference.
type programs struct {
	style  Style
	labels map[string]string
}

// newPrograms takes for a label the name and where it runs, and where two have
// the same all that makes a program.
func newPrograms(d *topology.Difference, style Style) *programs {
	p := &programs{style, map[string]string{}}
	used := map[string]int{}
	for i := range d.Nodes {
		n := &d.Nodes[i]
		_, where, _ := strings.Cut(n.ID, " in ")
		label := cmp.Or(n.Name, n.ID)
		switch {
		case n.Kind != topology.KindGroup:
			label = cmp.Or(strings.TrimPrefix(n.ID, n.Kind+":"), label)
		case strings.HasPrefix(where, "@"):
			label += where
		case where != "":
			label += " [" + where + "]"
		}
		p.labels[n.ID] = label
		used[label]++
	}
	for id, label := range p.labels {
		if used[label] > 1 {
			p.labels[id] = strings.TrimPrefix(id, "program:")
		}
	}
	return p
}

func (p *programs) label(id string) string { return p.style.clean(cmp.Or(p.labels[id], id)) }

// edge is one edge in words: who calls whom, where, over what.
func (p *programs) edge(e *topology.Edge) string {
	first, second, roles := ends(e)
	g, n := p.style.glyphs(), names{style: p.style}
	arrow := g.arrow
	if !roles {
		arrow = g.both
	}
	text := p.label(first) + " " + arrow + " " + p.label(second)
	if port := n.port(e); port != none {
		text += "  " + port
	}
	return text + " " + n.protocol(e)
}

// changes are the fields that differ, as they were and as they are.
func (p *programs) changes(c *topology.EdgeChange) string {
	g := p.style.glyphs()
	var parts []string
	for _, f := range c.Fields {
		a, b := p.field(f, &c.Before), p.field(f, &c.After)
		parts = append(parts, f+": "+a+" "+g.arrow+" "+b)
	}
	return strings.Join(parts, "; ")
}

func (p *programs) field(name string, e *topology.Edge) string {
	switch name {
	case "roles":
		if _, _, known := ends(e); !known {
			return "unknown"
		}
		return "client " + p.label(e.Client)
	case "server":
		return p.label(e.Server)
	case "dialed":
		return cmp.Or(p.style.clean(strings.Join(e.Dialed, ",")), "as the server has it")
	case "evidence":
		return e.Certainty()
	case "failing":
		if e.Connections.Failed > 0 {
			return "yes"
		}
		return "no"
	case "protocols":
		n := names{style: p.style}
		return cmp.Or(n.protocols(e), none)
	}
	return none
}

// side is when and where one of the maps was taken, and how many edges it has.
func (p *programs) side(s *topology.Side) string {
	text := plural(uint64(s.Edges), "edge") + " of " + cmp.Or(p.style.clean(s.Host.Name), "an unnamed host")
	start, err1 := time.Parse(time.RFC3339Nano, s.Window.Start)
	end, err2 := time.Parse(time.RFC3339Nano, s.Window.End)
	if err1 == nil && err2 == nil {
		text += fmt.Sprintf(" in %s from %s", spanText(end.Sub(start)), start.UTC().Format("2006-01-02 15:04:05 MST"))
	}
	return text
}
