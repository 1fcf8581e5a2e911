package view

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"peerscope/internal/topology"
)

// What a comparison says of an edge or node.
const (
	Added   = "added"
	Removed = "removed"
	Changed = "changed" // of a node: something at its edges did
	Same    = "same"
)

// From here on a figure counts as changed: times the other one, and by how much
// at least.
const (
	changedTraffic, leastTraffic = 5, 1000.0 // bytes a second
	changedTrip, leastTrip       = 2, 0.001  // seconds
)

// Compare is what is shown of two maps at once, the earlier one first: what
// either has, and what became of it. What both have has the figures of the later
// one, what is gone has those it had. Processes get new pids, so a comparison of
// levels above them says more.
func Compare(a, b *topology.Map, o Options) *Graph {
	o = o.filled()
	problems := o.OnlyProblems
	o.OnlyProblems = false
	earlier, later := newScene(a, o), newScene(b, o)
	now := maps.Clone(later.nodes)
	later.unite(earlier, problems)
	g := later.frame()
	g.Before = &Before{Host: a.Host, Window: a.Window, Total: earlier.total}
	later.show(g)
	mark(g, earlier.nodes, now)
	return g
}

// unite takes what only the earlier scene has into this one, and says of each
// line what became of it.
func (s *scene) unite(earlier *scene, problems bool) {
	old := map[string]*line{}
	for _, l := range earlier.lines {
		old[l.ID] = l
	}
	for _, l := range s.lines {
		l.change = Added
		if x := old[l.ID]; x != nil {
			l.change = Same
			if l.changes = changes(x, l); len(l.changes) > 0 {
				l.change = Changed
			}
		}
	}
	there := map[string]bool{}
	for _, l := range s.lines {
		there[l.ID] = true
	}
	for _, l := range earlier.lines {
		if !there[l.ID] {
			l.change = Removed
			s.lines = append(s.lines, l)
		}
	}
	if problems {
		s.lines = slices.DeleteFunc(s.lines, func(l *line) bool {
			x := old[l.ID]
			return !l.health.Problem() && (x == nil || !x.health.Problem())
		})
	}
	s.include(earlier)
}

// include adds the nodes of an earlier scene that this one does not have, and
// keeps the ends of its lines.
func (s *scene) include(earlier *scene) {
	for id, n := range earlier.known {
		if s.known[id] == nil {
			s.known[id] = n
		}
	}
	for id := range earlier.used {
		s.used[id] = true
	}
	all := map[string]*topology.Node{}
	for _, nodes := range [...]map[string]*topology.Node{earlier.beside, earlier.nodes, s.beside, s.nodes} {
		for id, n := range nodes {
			all[id] = n
		}
	}
	ends := endsOf(s.lines)
	s.beside = map[string]*topology.Node{}
	for id, n := range all {
		if ends[id] || s.showsIdle() && (s.nodes[id] != nil || earlier.nodes[id] != nil) {
			s.nodes[id] = n
		} else {
			s.beside[id] = n
			delete(s.nodes, id)
		}
	}
	s.matched = Size{Nodes: len(s.nodes), Edges: len(s.lines)}
}

func endsOf(lines []*line) map[string]bool {
	out := map[string]bool{}
	for _, l := range lines {
		first, second, _ := ends(&l.Edge)
		out[first], out[second] = true, true
	}
	return out
}

// mark says of each node what became of it. A bundle is what its edges are.
func mark(g *Graph, then, now map[string]*topology.Node) {
	touched := map[string]bool{}
	for i := range g.Edges {
		e := &g.Edges[i]
		for _, id := range append([]string{e.Client, e.Server}, e.Ends...) {
			touched[id] = touched[id] || e.Change != Same
		}
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		was, is := then[n.ID] != nil, now[n.ID] != nil
		switch {
		case is && !was:
			n.Change = Added
		case was && !is:
			n.Change = Removed
		case touched[n.ID]:
			n.Change = Changed
		default:
			n.Change = Same
		}
	}
}

// changes are what differs between an edge then and now, in words.
func changes(x, y *line) []string {
	var out []string
	switch was, is := x.Connections.Failed > 0, y.Connections.Failed > 0; {
	case is && !was:
		out = append(out, "connects fail now")
	case was && !is:
		out = append(out, "connects do not fail any more")
	}
	if !slices.Equal(x.Dialed, y.Dialed) {
		out = append(out, "clients ask for other addresses")
	}
	if p, q := protocolsOf(&x.Edge), protocolsOf(&y.Edge); p != q && p != "" && q != "" {
		out = append(out, fmt.Sprintf("speaks %s, before %s", q, p))
	}
	if p, q := x.Certainty(), y.Certainty(); p != q && p != "" && q != "" {
		out = append(out, fmt.Sprintf("the ends are %s, before %s", q, p))
	}
	was, known := meanOf(x.RTT)
	is, too := meanOf(y.RTT)
	if known && too && differ(was, is, changedTrip, leastTrip) {
		out = append(out, fmt.Sprintf("round trips take %s, before %s", SecondsText(is), SecondsText(was)))
	}
	was, known = speed(x, x.length)
	is, too = speed(y, y.length)
	if known && too && differ(was, is, changedTraffic, leastTraffic) {
		out = append(out, fmt.Sprintf("moves %s, before %s", RateText(is), RateText(was)))
	}
	return out
}

// speed is the bytes of both directions a second.
func speed(l *line, length time.Duration) (float64, bool) {
	if to, back := l.Bytes.Directions(); to == nil && back == nil {
		return 0, false
	}
	return perSecond(l.volume(), length)
}

func differ(a, b, times, least float64) bool {
	return math.Abs(a-b) >= least && max(a, b) >= times*min(a, b)
}

// protocolsOf are those that are known, in one word.
func protocolsOf(e *topology.Edge) string {
	var out []string
	for _, p := range e.Protocols {
		name := clean(p.Name)
		switch {
		case p.TLS != nil && *p.TLS:
			name = cmp.Or(name, e.Transport) + " with TLS"
		case p.TLS != nil:
			name = cmp.Or(name, e.Transport) + " without TLS"
		}
		if name != "" {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), ", ")
}
