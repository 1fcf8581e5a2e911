package export

import (
	"math"
	"slices"
	"strings"

	"peerscope/internal/screen"
	"peerscope/internal/topology"
)

// graph is what DOT and Mermaid draw: nodes in boxes, and edges with a label.
type graph struct {
	names    *names
	m        *topology.Map
	edges    []*topology.Edge // in the map's order
	logical  []*topology.Logical
	left     int // edges left out
	lonely   int // nodes left out because they have no edge
	host     string
	outside  []*topology.Node // addresses that are not of this host
	inside   []*topology.Node // of this host, in no container or unit
	boxes    []box
	seconds  float64         // length of the window; 0: not known, or a moment
	stores   map[string]bool // node ids of data stores
	numbered map[string]int  // nodes that have an edge: their place in the map
}

// box is a container or a unit and what runs in it, drawn inside the host's.
type box struct {
	title string
	nodes []*topology.Node
}

// newGraph lays out m with at most limit edges; 0 is no limit. What goes first
// when there are more is what moved the fewest bytes.
func newGraph(m *topology.Map, limit int) *graph {
	g := &graph{
		m: m, edges: pointers(m),
		stores: map[string]bool{}, numbered: map[string]int{},
	}
	g.names = newNames(m, Style{})
	g.host = g.names.host(m)
	if d, ok := length(m); ok {
		g.seconds = d.Seconds()
	}
	if limit > 0 && len(g.edges) > limit {
		g.left = len(g.edges) - limit
		keep := slices.SortedFunc(slices.Values(g.edges), byVolume)[:limit]
		kept := make(map[*topology.Edge]bool, limit)
		for _, e := range keep {
			kept[e] = true
		}
		g.edges = slices.DeleteFunc(g.edges, func(e *topology.Edge) bool { return !kept[e] })
	}
	used := map[string]bool{} // listeners that nobody called would crowd the drawing
	for _, e := range g.edges {
		first, second, roles := ends(e)
		used[first], used[second] = true, true
		if roles && isStore(e) {
			g.stores[second] = true
		}
	}
	for i := range m.Logical {
		// What is left out of a crowded drawing takes its inferences along.
		if l := &m.Logical[i]; used[l.Client] && used[l.Server] {
			g.logical = append(g.logical, l)
		}
	}
	g.place(used)
	return g
}

// place sorts the nodes that are used into boxes, in the map's order. Addresses
// of this host stand inside its box, others outside of all.
func (g *graph) place(used map[string]bool) {
	at := map[string]int{}
	for i := range g.m.Nodes {
		d := &g.m.Nodes[i]
		if !used[d.ID] {
			g.lonely++
			continue
		}
		g.numbered[d.ID] = i + 1
		o, owned := g.names.owner(d)
		switch {
		case owned:
			title := o.String()
			if _, ok := at[title]; !ok {
				at[title] = len(g.boxes)
				g.boxes = append(g.boxes, box{title: title})
			}
			g.boxes[at[title]].nodes = append(g.boxes[at[title]].nodes, d)
		case isAddress(d) && !d.Attributes.AddressLocal:
			g.outside = append(g.outside, d)
		default:
			g.inside = append(g.inside, d)
		}
	}
}

// isStore reports whether the protocol of an edge is that of a data store. Ports
// and names of programs do not tell: only what was really spoken does.
func isStore(e *topology.Edge) bool {
	for _, p := range e.Protocols {
		switch strings.ToLower(p.Name) {
		case "postgres", "postgresql", "mysql", "redis", "memcached", "mongodb", "cassandra", "clickhouse", "etcd":
			return true
		}
	}
	return false
}

// title is the label of a node, of a length that a drawing can show; its pid is
// always whole.
func (g *graph) title(id string) string {
	l := g.names.label(id)
	return screen.Shorten(l.text, softWidth, "…") + l.tail + screen.Shorten(l.at, softWidth, "…")
}

// caption is the label of an edge: "5432/postgres 1.2 MB/s", and its problem.
func (g *graph) caption(e *topology.Edge) (text, problem string) {
	parts := []string{screen.Shorten(g.names.port(e), softWidth, "…")}
	if parts[0] == none { // a socket pair, or a path that is not known
		parts[0] = g.names.style.clean(e.Transport)
	}
	if p := g.names.protocols(e); p != "" && e.Path != "" {
		parts[0] += " " + p
	} else if p != "" {
		parts[0] += "/" + p
	} else if e.ServerPort != 0 && e.Transport != "tcp" {
		parts[0] += "/" + g.names.style.clean(e.Transport)
	}
	if v := g.speed(e); v != "" {
		parts = append(parts, v)
	}
	if _, _, roles := ends(e); !roles {
		parts = append(parts, "role unknown")
	}
	return strings.Join(parts, " "), g.names.problem(e)
}

// speed is the bytes of both directions a second, or their sum where the window
// has no length; "≥" if one direction is not known, "" if none is.
func (g *graph) speed(e *topology.Edge) string {
	there, back := directions(e.Bytes)
	if there == nil && back == nil {
		return ""
	}
	sum, whole := volume(e)
	text := bytesText(sum)
	if g.seconds > 0 {
		text = rateText(float64(sum) / g.seconds)
	}
	if !whole {
		return "≥" + text
	}
	return text
}

// perSecond is the known bytes of both directions a second; 0 if not known.
func (g *graph) perSecond(e *topology.Edge) float64 {
	if g.seconds <= 0 {
		return 0
	}
	sum, _ := volume(e)
	return float64(sum) / g.seconds
}

// width is the absolute scale of line widths, so that drawings of different
// times compare: 1 below a kilobyte a second, 8 at most; a problem is never thin.
func (g *graph) width(e *topology.Edge) float64 {
	least := 1.0
	if trouble(e) > 0 {
		least = 2
	}
	return min(max(1+1.4*math.Log10(1+g.perSecond(e)/1000), least), 8)
}

// tint is the colour of an edge by its health (Okabe and Ito's palette, to be
// told apart by people who see few colours).
func tint(e *topology.Edge) string {
	switch {
	case trouble(e) == 2:
		return "#C1272D"
	case trouble(e) == 1:
		return "#B26A00"
	case e.Connections.Active == 0:
		return "#7A8693"
	}
	return "#0072B2"
}
