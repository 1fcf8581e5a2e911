package tui

import (
	"slices"
	"strings"
	"time"

	"peerscope/internal/topology"
)

// memory keeps what the edges of the map did, at the level of processes, so that
// another level or filter has its past at once. What left the map is copied, so
// that no old map is kept for it.
type memory struct {
	tick   int // of the last map; the first is 1
	last   *topology.Map
	trails map[string]*trail // by edge id
	edges  map[string]topology.Edge
	nodes  map[string]goneNode
}

// goneNode is a node that is in the map no more, and the tick since when.
type goneNode struct {
	node topology.Node
	tick int
}

func newMemory() *memory {
	return &memory{trails: map[string]*trail{}, edges: map[string]topology.Edge{}, nodes: map[string]goneNode{}}
}

// take writes down what the next map says.
func (m *memory) take(next *topology.Map) {
	m.tick++
	if m.last != nil {
		m.keepGone(m.last, next)
	}
	m.last = next
	length := next.Window.Length()
	for i := range next.Edges {
		e := &next.Edges[i]
		t := m.trails[e.ID]
		if t == nil {
			t = &trail{}
			m.trails[e.ID] = t
		}
		t.put(m.tick, sampleOf(e, length))
	}
	const often = 10 // ticks
	if m.tick%often == 0 {
		m.forget()
	}
}

// keepGone copies what the next map has no more. Both are sorted by id.
func (m *memory) keepGone(last, next *topology.Map) {
	j := 0
	for i := range last.Edges {
		id := last.Edges[i].ID
		for j < len(next.Edges) && next.Edges[j].ID < id {
			j++
		}
		if j == len(next.Edges) || next.Edges[j].ID != id {
			m.edges[id] = last.Edges[i]
		}
	}
	j = 0
	for i := range last.Nodes {
		id := last.Nodes[i].ID
		for j < len(next.Nodes) && next.Nodes[j].ID < id {
			j++
		}
		if j == len(next.Nodes) || next.Nodes[j].ID != id {
			m.nodes[id] = goneNode{last.Nodes[i], m.tick}
		}
	}
}

// forget lets go of what was not seen for as long as is shown.
func (m *memory) forget() {
	for id, t := range m.trails {
		if t.last <= m.tick-kept {
			delete(m.trails, id)
			delete(m.edges, id)
		}
	}
	for id := range m.edges {
		if t := m.trails[id]; t == nil || t.last == m.tick { // it came back
			delete(m.edges, id)
		}
	}
	for id, n := range m.nodes {
		if n.tick <= m.tick-kept {
			delete(m.nodes, id)
		}
	}
}

// whole is a map with all that is remembered of before.
func (m *memory) whole(now *topology.Map) *topology.Map {
	out := *now
	out.Edges, out.Nodes = slices.Clone(now.Edges), slices.Clone(now.Nodes)
	has := make(map[string]bool, len(now.Edges)+len(now.Nodes))
	for i := range now.Edges {
		has[now.Edges[i].ID] = true
	}
	for i := range now.Nodes {
		has[now.Nodes[i].ID] = true
	}
	for id, e := range m.edges {
		if !has[id] {
			out.Edges = append(out.Edges, e)
		}
	}
	for id, n := range m.nodes {
		if !has[id] {
			out.Nodes = append(out.Nodes, n.node)
		}
	}
	slices.SortFunc(out.Edges, func(a, b topology.Edge) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(out.Nodes, func(a, b topology.Node) int { return strings.Compare(a.ID, b.ID) })
	return &out
}

// briefest is the length of a window below which rates are mostly chance: such is
// the first one, which shows what was open already.
const briefest = 200 * time.Millisecond

func sampleOf(e *topology.Edge, length time.Duration) sample {
	var s sample
	if length < briefest {
		length = 0 // no rate is known
	}
	if v, ok := e.Measure(topology.MeasureTx, length); ok {
		s.tx, s.known = float32(v), s.known|knownTx
	}
	if v, ok := e.Measure(topology.MeasureRx, length); ok {
		s.rx, s.known = float32(v), s.known|knownRx
	}
	if v, ok := e.Measure(topology.MeasureRTT, length); ok {
		s.rtt, s.known = float32(v), s.known|knownRTT
	}
	if v, ok := e.Measure(topology.MeasureFailed, length); ok {
		s.failed = float32(v)
	}
	return s
}
