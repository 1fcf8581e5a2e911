package topology

import (
	"cmp"
	"maps"
	"slices"

	"peerscope/internal/flow"
)

// Happening is one thing that happened on an edge.
type Happening struct {
	Time flow.Time
	Kind string
	Host string
	// Edge is as it stands in the window, First and Second are its ends: client and
	// server, or where the roles are not known in the order of Ends. Nil: of a loss.
	Edge          *Edge
	First, Second *Node

	// Of a connection: how it stands, seen from First and Second.
	Connection flow.Connection
	Connect    uint32 // microseconds the handshake took; 0: not known
	Error      string // a connect ended in; empty: not known
	Peer, Role string // evidence
	Dialed     string // what the client asked for, where that differs

	Reason string // of a loss
	Count  uint64
}

// What happens, in the order of what happens at one time.
const (
	HappenedLost    = "lost"
	HappenedEdge    = "edge.new"
	HappenedOpened  = "connection.opened"
	HappenedFailed  = "connection.failed"
	HappenedClosed  = "connection.closed"
	HappenedFailing = "edge.failing" // the first window in which connects fail
	HappenedMended  = "edge.mended"  // and the first after it in which some succeed
)

// HappenedOnEdge reports whether a kind is of an edge and not of one connection.
func HappenedOnEdge(kind string) bool {
	return kind == HappenedEdge || kind == HappenedFailing || kind == HappenedMended
}

func happeningOrder(kind string) int {
	return slices.Index([]string{HappenedLost, HappenedEdge, HappenedOpened, HappenedFailed, HappenedClosed, HappenedFailing, HappenedMended}, kind)
}

// Watcher gathers what happens to connections while windows close, each thing
// once. What is new its Observer says, so that a timeline has the same edges. It is
// not safe for concurrent use.
type Watcher struct {
	dir      Directory
	noted    []noted
	observer *Observer
}

// noted is what one change says.
type noted struct {
	edge                   flow.EdgeRef
	opened, closed, failed bool
	h                      Happening
}

// NewWatcher returns a Watcher that remembers that many edges.
func NewWatcher(d Directory, edges int) *Watcher {
	return &Watcher{dir: d, observer: NewObserver(edges)}
}

// Note takes a change and its connection. It keeps nothing of c.
func (w *Watcher) Note(c *flow.Change, connection func() flow.Connection) {
	if !c.Opened && !c.Closed && !c.Failed {
		return
	}
	n := noted{edge: c.Edge, opened: c.Opened, closed: c.Closed, failed: c.Failed,
		h: Happening{Connection: connection(), Connect: c.Connect, Error: c.Errno, Peer: c.Peer.String(), Role: c.Role.String()}}
	if c.Dialed.IsValid() {
		n.h.Dialed = c.Dialed.String()
	}
	w.noted = append(w.noted, n)
}

// Happenings are what was noted since the last call, on the edges that are
// wanted, and what else m shows: edges that are new, and losses. m is the map of
// the window that was closed, wanted is m or a part of it. Edges of the first
// window with connections from before are not new. They are in order of time.
func (w *Watcher) Happenings(m, wanted *Map) []Happening {
	edges := make(map[string]*Edge, len(wanted.Edges))
	for i := range wanted.Edges {
		edges[wanted.Edges[i].ID] = &wanted.Edges[i]
	}
	nodes := make(map[string]*Node, len(wanted.Nodes))
	for i := range wanted.Nodes {
		nodes[wanted.Nodes[i].ID] = &wanted.Nodes[i]
	}
	var out []Happening
	end := flow.Time(0)
	if _, t, err := m.Window.Bounds(); err == nil {
		end = flow.Time(t.UnixNano())
	}
	first := w.connections(m, edges, nodes, &out)
	kinds := map[string]string{EventNewEdge: HappenedEdge, EventEdgeFailing: HappenedFailing, EventEdgeMended: HappenedMended}
	for _, e := range w.observer.Observe(m) {
		shown := edges[e.Edge]
		if kinds[e.Kind] == "" || shown == nil {
			continue
		}
		h := Happening{Kind: kinds[e.Kind], Time: end, Host: m.Host.Name, Edge: shown}
		if t, ok := first[e.Edge]; ok && h.Kind == HappenedEdge {
			h.Time = t
		}
		if h.Kind == HappenedFailing {
			h.Error = worstError(shown.Errors)
		}
		h.First, h.Second = endsOf(shown, nodes)
		out = append(out, h)
	}
	for _, reason := range slices.Sorted(maps.Keys(m.Capture.Lost)) {
		if n := m.Capture.Lost[reason]; n > 0 {
			out = append(out, Happening{Kind: HappenedLost, Time: end, Host: m.Host.Name, Reason: reason, Count: n})
		}
	}
	slices.SortStableFunc(out, compareHappenings)
	return out
}

// connections makes one thing of each that was noted, and says when the first
// one on each edge was.
func (w *Watcher) connections(m *Map, edges map[string]*Edge, nodes map[string]*Node, out *[]Happening) map[string]flow.Time {
	b := newBuilder(w.dir)
	first := map[string]flow.Time{}
	for i := range w.noted {
		n := &w.noted[i]
		e, swapped := b.named(w.dir.Edge(n.edge))
		id := e.ID
		h := n.h
		h.Host, h.Edge = m.Host.Name, edges[id]
		if h.Edge == nil {
			continue
		}
		h.First, h.Second = endsOf(h.Edge, nodes)
		if swapped {
			c := &h.Connection
			c.A, c.B = c.B, c.A
			c.Bytes = flow.Traffic{ToB: c.Bytes.ToA, ToA: c.Bytes.ToB}
		}
		add := func(kind string, t flow.Time) {
			h.Kind, h.Time = kind, t
			*out = append(*out, h)
			if have, ok := first[id]; !ok || t < have {
				first[id] = t
			}
		}
		if n.opened {
			add(HappenedOpened, h.Connection.Opened)
		}
		if n.failed {
			add(HappenedFailed, h.Connection.Latest)
		}
		if n.closed {
			add(HappenedClosed, h.Connection.Latest)
		}
	}
	w.noted = w.noted[:0]
	return first
}

func endsOf(e *Edge, nodes map[string]*Node) (first, second *Node) {
	if len(e.Ends) == 2 {
		return nodes[e.Ends[0]], nodes[e.Ends[1]]
	}
	return nodes[e.Client], nodes[e.Server]
}

func compareHappenings(a, b Happening) int {
	if c := cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(happeningOrder(a.Kind), happeningOrder(b.Kind))); c != 0 || a.Edge == nil || b.Edge == nil {
		return cmp.Or(c, cmp.Compare(a.Reason, b.Reason))
	}
	return cmp.Or(cmp.Compare(a.Edge.ID, b.Edge.ID), a.Connection.A.Compare(b.Connection.A), a.Connection.B.Compare(b.Connection.B))
}
