package history

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"

	"peerscope/internal/topology"
)

// window is a map in the form that is written and merged. Times are Unix
// milliseconds. What it points to is shared and never changed.
type window struct {
	start, end int64
	observed   int64 // milliseconds in which somebody observed
	about      about
	events     []topology.Event
	nodes      []*node
	rows       []row
}

// about is what a window says beside its nodes and edges.
type about struct {
	Map    *topology.Map       `json:"map"`              // without nodes and edges
	Totals [2]uint64           `json:"totals,omitzero"`  // of the kernel, and what was told of it
	Open   []map[string]uint64 `json:"open,omitempty"`   // of the map's logical edges
	Why    string              `json:"why,omitempty"`    // nobody observed just before the window
	Missed []Missed            `json:"missed,omitempty"` // what was lost since the window before
	Gaps   []topology.Span     `json:"gaps,omitempty"`   // within a window that is made of several
}

// Missed are windows that were told and are not in the store.
type Missed struct {
	topology.Span
	Windows uint64 `json:"windows"`
}

// node is one end of edges as a window had it. Two nodes that are the same
// pointer are equal.
type node struct {
	id   string
	text string // JSON
}

// converter makes windows of maps. It remembers the last window, since the next
// one has mostly the same nodes and edges.
type converter struct {
	flattener
	nodes   map[string]*known
	windows int
}

// known is a node that was written down, and what it was written from.
type known struct {
	node   *node
	value  topology.Node
	window int // the last one that it was in
}

func newConverter(f *forms) *converter {
	return &converter{flattener: flattener{forms: f, edges: map[string]*knownEdge{}}, nodes: map[string]*known{}}
}

func (c *converter) window(m *topology.Map) (*window, error) {
	start, end, err := m.Window.Bounds()
	if err != nil {
		return nil, err
	}
	w := &window{start: start.UnixMilli(), end: end.UnixMilli()}
	if w.end <= w.start {
		return nil, fmt.Errorf("window of %s: it has no length, so nothing can be said over time", m.Window.Start)
	}
	w.observed = w.end - w.start
	w.about = aboutOf(m)
	w.nodes = make([]*node, len(m.Nodes))
	c.windows++
	for i := range m.Nodes {
		v := &m.Nodes[i]
		k := c.nodes[v.ID]
		if k == nil || !reflect.DeepEqual(&k.value, v) {
			raw, err := json.Marshal(v)
			if err != nil {
				return nil, fmt.Errorf("encode node %s: %w", v.ID, err)
			}
			k = &known{node: &node{id: v.ID, text: string(raw)}, value: *v}
			c.nodes[v.ID] = k
		}
		w.nodes[i], k.window = k.node, c.windows
	}
	numbers := make([]uint64, 0, len(m.Edges)*24)
	w.rows = make([]row, 0, len(m.Edges))
	for i := range m.Edges {
		var r row
		if r, numbers = c.row(&m.Edges[i], numbers); r.form != nil {
			w.rows = append(w.rows, r)
		}
	}
	c.forget(len(m.Nodes), len(m.Edges))
	return w, nil
}

// forget lets go of nodes and edges that are gone, once they are as many as the
// others.
func (c *converter) forget(nodes, edges int) {
	if len(c.nodes) > 2*nodes+1000 {
		maps.DeleteFunc(c.nodes, func(_ string, k *known) bool { return k.window != c.windows })
	}
	if len(c.edges) > 2*edges+1000 {
		clear(c.edges)
	}
}

func aboutOf(m *topology.Map) about {
	head := *m
	head.Nodes, head.Edges = nil, nil
	return about{Map: &head}
}

// complete is the about with what the map's own JSON leaves out.
func (a about) complete() *about {
	a.Totals, a.Open = [2]uint64{a.Map.Capture.Totals.Kernel, a.Map.Capture.Totals.Told}, nil
	for i := range a.Map.Logical {
		a.Open = append(a.Open, a.Map.Logical[i].Open())
	}
	return &a
}

// restore puts back what the map's own JSON leaves out.
func (a *about) restore() error {
	if a.Map == nil || len(a.Open) != 0 && len(a.Open) != len(a.Map.Logical) {
		return errDamaged
	}
	a.Map.Capture.Totals.Kernel, a.Map.Capture.Totals.Told = a.Totals[0], a.Totals[1]
	for i := range a.Open {
		a.Map.Logical[i].SetOpen(a.Open[i])
	}
	return nil
}
