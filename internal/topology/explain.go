package topology

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"peerscope/internal/flow"
)

// ExplainSchema names the format of Explanation; fields may be added within v1,
// no meaning changes.
const ExplainSchema = "peerscope.explain/v1"

// mostExplained bounds how many connections of one edge are explained one by one;
// the rest is counted.
const mostExplained = 200

// Explanation says why an edge stands as it does.
type Explanation struct {
	Schema string  `json:"schema"`
	Window Window  `json:"window"`
	Source string  `json:"source"`
	Edge   Edge    `json:"edge"`
	Client *Node   `json:"client,omitempty"`
	Server *Node   `json:"server,omitempty"`
	Ends   []*Node `json:"ends,omitempty"` // where the roles are not known
	Began  *Began  `json:"began,omitempty"`
	Past   *Past   `json:"past,omitempty"` // of a history

	Decision            // of the most connections, those that failed first
	Others   []Decision `json:"others,omitempty"`   // that were decided otherwise
	LeftOut  uint64     `json:"left_out,omitempty"` // connections that are counted and not explained
	Unknown  []string   `json:"unknown"`            // what cannot be known, in words
	Named    []Node     `json:"nodes,omitempty"`    // what steps name beside the two ends
}

// Decision is a connection as an example for all that were decided alike.
type Decision struct {
	Connection *flow.Account `json:"connection,omitempty"`
	Alike      int           `json:"alike"`
	Steps      []flow.Step   `json:"steps"`
}

// Began is when the explained connections of an edge began or were first seen.
type Began struct {
	Earliest    string `json:"earliest,omitempty"`
	Latest      string `json:"latest,omitempty"`
	BeforeStart int    `json:"before_start,omitempty"` // were there before observation began
}

// Explainer gathers the accounts of connections by their edges.
type Explainer struct {
	b    builder
	m    *Map
	refs map[string]flow.EdgeRef
	by   map[flow.EdgeRef]*gathered
}

// gathered is what was told of one edge.
type gathered struct {
	taken     int
	left      uint64
	decisions map[string]*Decision
	began     Began
	named     map[string]flow.NodeRef
}

// NewExplainer explains edges of m, which l wrote down.
func NewExplainer(d Directory, l *Ledger, m *Map) *Explainer {
	x := &Explainer{b: newBuilder(d), m: m,
		refs: map[string]flow.EdgeRef{}, by: map[flow.EdgeRef]*gathered{}}
	for _, ref := range l.used {
		if t := &l.edges[ref]; t.shows() {
			e := x.b.edge(d.Edge(ref), t)
			x.refs[e.ID] = ref
		}
	}
	return x
}

// Ref is the number of an edge of the map; 0: there is none.
func (x *Explainer) Ref(edgeID string) flow.EdgeRef { return x.refs[edgeID] }

// Swapped: the ends of an edge without roles are the other way round on the map
// than where the number is from.
func (x *Explainer) Swapped(ref flow.EdgeRef) bool { return x.b.swapped(x.b.dir.Edge(ref)) }

// Want asks for an edge to be explained.
func (x *Explainer) Want(edgeID string) {
	if ref := x.refs[edgeID]; ref != 0 {
		x.by[ref] = &gathered{decisions: map[string]*Decision{}, named: map[string]flow.NodeRef{}}
	}
}

// Wants reports whether the edge was asked for.
func (x *Explainer) Wants(ref flow.EdgeRef) bool { return x.by[ref] != nil }

// Add takes one connection of an edge. What is beyond the bound is counted, and
// explain is not called for it.
func (x *Explainer) Add(ref flow.EdgeRef, explain func(id func(flow.NodeRef) string) *flow.Account) {
	g := x.by[ref]
	if g.taken == mostExplained {
		g.left++
		return
	}
	g.taken++
	a := explain(func(n flow.NodeRef) string {
		id := x.b.id(n)
		g.named[id] = n
		return id
	})
	if x.Swapped(ref) {
		a.Swap()
	}
	g.count(a)
	key := decidedBy(a)
	if d := g.decisions[key]; d != nil {
		d.Alike++
		if example(a) < example(d.Connection) {
			d.Connection, d.Steps = a, a.Steps
		}
		return
	}
	g.decisions[key] = &Decision{Connection: a, Alike: 1, Steps: a.Steps}
}

// count notes when a connection began: when the earlier of its ends did.
func (g *gathered) count(a *flow.Account) {
	since, before := "", false
	for _, p := range a.Ends() {
		if p == nil {
			continue
		}
		before = before || p.BeforeStart
		if p.Since != "" && (since == "" || p.Since < since) {
			since = p.Since
		}
	}
	b := &g.began
	if before {
		b.BeforeStart++
		return
	}
	if since != "" && (b.Earliest == "" || since < b.Earliest) {
		b.Earliest = since
	}
	b.Latest = max(b.Latest, since)
}

// example orders connections that were decided alike: the first one by the
// addresses and cookies of its sockets is shown, whichever was told first.
func example(a *flow.Account) string {
	text := a.Line
	for _, p := range a.Ends() {
		if p != nil {
			text += fmt.Sprintf(" %s %016x %016x", p.Since, uint64(p.Cookie), p.Inode)
		}
	}
	return text
}

// decidedBy is the same for connections that were decided alike.
func decidedBy(a *flow.Account) string {
	var b strings.Builder
	put := func(words ...string) {
		for _, w := range words {
			b.WriteString(w)
			b.WriteByte(0)
		}
	}
	put(a.State, a.Error, a.Peer, a.Role)
	for _, s := range a.Steps {
		put(s.About, s.Rule, string(s.Result), s.Facts.Why)
	}
	return b.String()
}

// Explanation is what was gathered of an edge; nil if it was not asked for.
func (x *Explainer) Explanation(edgeID string) *Explanation {
	g := x.by[x.refs[edgeID]]
	i, found := slices.BinarySearchFunc(x.m.Edges, edgeID, func(e Edge, id string) int { return cmp.Compare(e.ID, id) })
	if g == nil || !found {
		return nil
	}
	out := &Explanation{Schema: ExplainSchema, Window: x.m.Window, Source: x.m.Capture.Source, Edge: x.m.Edges[i], LeftOut: g.left}
	if g.began != (Began{}) {
		out.Began = &g.began
	}
	node := func(id string) *Node {
		delete(g.named, id)
		return x.m.node(id)
	}
	if e := &out.Edge; e.Ends == nil {
		out.Client, out.Server = node(e.Client), node(e.Server)
	} else {
		out.Ends = []*Node{node(e.Ends[0]), node(e.Ends[1])}
	}
	for _, id := range slices.Sorted(maps.Keys(g.named)) {
		out.Named = append(out.Named, *x.b.node(g.named[id]))
	}
	keys := slices.SortedFunc(maps.Keys(g.decisions), func(a, b string) int {
		p, q := g.decisions[a], g.decisions[b]
		return cmp.Or(cmp.Compare(worth(p.Connection.State), worth(q.Connection.State)), cmp.Compare(q.Alike, p.Alike), cmp.Compare(a, b))
	})
	out.Steps = []flow.Step{}
	for i, k := range keys {
		if i == 0 {
			out.Decision = *g.decisions[k]
			continue
		}
		out.Others = append(out.Others, *g.decisions[k])
	}
	return out
}

// worth orders what people must hear of first.
func worth(state string) int {
	return slices.Index([]string{"failed", "pending", "open", "closed"}, state)
}
