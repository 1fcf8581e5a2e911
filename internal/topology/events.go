package topology

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Event is something that happened on the map, to be marked on a timeline.
type Event struct {
	Time int64  `json:"time"` // Unix milliseconds: the end of the window it was seen in, or the moment itself
	Kind string `json:"kind"`
	Edge string `json:"edge,omitempty"` // id
	Node string `json:"node,omitempty"` // id
	Text string `json:"text"`           // a sentence without a full stop
}

// The kinds of events.
const (
	EventNewEdge      = "edge_new"      // an edge that was not there since its Observer began, or is forgotten
	EventEdgeFailing  = "edge_failing"  // connects began to fail
	EventEdgeMended   = "edge_mended"   // connects succeed again
	EventProcessStart = "process_start" // within the window
	EventProcessExit  = "process_exit"  // within the window
	EventLost         = "lost"          // something was lost in the window
)

// Observer says what is new in each of a host's windows. It remembers edges and
// processes that it saw, the longest unseen are forgotten first. It is not safe
// for concurrent use.
type Observer struct {
	edges map[string]*seenEdge
	nodes map[string]bool // processes of the last window, and whether their exit was told
	begun bool
	most  int
	now   int64
}

type seenEdge struct {
	last    int64
	failing bool
}

// NewObserver returns one that remembers that many edges.
func NewObserver(edges int) *Observer {
	return &Observer{edges: map[string]*seenEdge{}, nodes: map[string]bool{}, most: max(edges, 1)}
}

// Learn remembers the edges of a map without telling anything: they are known
// from before.
func (o *Observer) Learn(m *Map) { o.Observe(m) }

// Observe takes the next window and says what happened in it, in order of time,
// kind and id. Of the first window those edges are new that had no connection from
// before, and that others failed already is not told. The window's own end is the
// clock.
func (o *Observer) Observe(m *Map) []Event {
	start, end, err := m.Window.Bounds()
	if err != nil {
		return nil
	}
	first := !o.begun
	o.begun, o.now = true, end.UnixMilli()
	names := map[string]*Node{}
	for i := range m.Nodes {
		names[m.Nodes[i].ID] = &m.Nodes[i]
	}
	var out []Event
	tell := func(e Event) {
		if !first {
			out = append(out, e)
		}
	}
	for i := range m.Edges {
		if e := &m.Edges[i]; o.edge(e, names, tell) && (!first || e.fresh()) {
			out = append(out, Event{Time: o.now, Kind: EventNewEdge, Edge: e.ID, Text: e.sentence(names)})
		}
	}
	out = append(out, o.processes(m, start, end, first)...)
	o.forget()
	slices.SortStableFunc(out, func(a, b Event) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Edge, b.Edge), cmp.Compare(a.Node, b.Node))
	})
	return out
}

// fresh: what the window saw of the edge began in it.
func (e *Edge) fresh() bool {
	c := &e.Connections
	return c.Opened+c.Failed > 0 && c.Active+c.Closed <= c.Opened
}

// edge remembers an edge as it is now, and reports whether it was not known.
func (o *Observer) edge(e *Edge, names map[string]*Node, tell func(Event)) bool {
	seen := o.edges[e.ID]
	unknown := seen == nil
	if unknown {
		seen = &seenEdge{}
		o.edges[e.ID] = seen
	}
	seen.last = o.now
	switch failing := e.Connections.Failed > 0; {
	case failing && !seen.failing:
		seen.failing = true
		tell(Event{Time: o.now, Kind: EventEdgeFailing, Edge: e.ID, Text: e.sentence(names) + ": connects fail" + withError(e.Errors)})
	case !failing && seen.failing && e.Connections.Opened > 0:
		seen.failing = false
		tell(Event{Time: o.now, Kind: EventEdgeMended, Edge: e.ID, Text: e.sentence(names) + ": connects succeed again"})
	}
	return unknown
}

// processes tells who started and who ended in the window.
func (o *Observer) processes(m *Map, start, end time.Time, first bool) []Event {
	var out []Event
	seen := map[string]bool{}
	for i := range m.Nodes {
		n := &m.Nodes[i]
		if n.Kind != KindProcess {
			continue
		}
		exitTold, known := o.nodes[n.ID]
		if !known {
			created, err := time.Parse(time.RFC3339Nano, n.Attributes.Created)
			if err == nil && !created.Before(start) && created.Before(end) {
				out = append(out, Event{Time: created.UnixMilli(), Kind: EventProcessStart, Node: n.ID, Text: n.Name + " started"})
			}
		}
		if n.Attributes.Exited && !exitTold {
			if known || !first {
				out = append(out, Event{Time: o.now, Kind: EventProcessExit, Node: n.ID, Text: strings.TrimSpace(n.Name + " ended " + n.Attributes.Ending())})
			}
			exitTold = true
		}
		seen[n.ID] = exitTold
	}
	o.nodes = seen
	return out
}

// forget lets go of the edges that were not seen for the longest time, a
// quarter at once, so that it is rare.
func (o *Observer) forget() {
	if len(o.edges) <= o.most {
		return
	}
	ids := slices.SortedFunc(maps.Keys(o.edges), func(a, b string) int {
		return cmp.Or(cmp.Compare(o.edges[a].last, o.edges[b].last), cmp.Compare(a, b))
	})
	for _, id := range ids[:len(ids)-o.most*3/4] {
		delete(o.edges, id)
	}
}

// sentence says who the ends are, as "nginx calls redis-server on tcp port 6379".
func (e *Edge) sentence(names map[string]*Node) string {
	name := func(id string) string {
		if n := names[id]; n != nil {
			return n.Name
		}
		return id
	}
	where := ""
	switch {
	case e.ServerPort != 0:
		where = fmt.Sprintf(" on %s port %d", e.Transport, e.ServerPort)
	case e.Path != "":
		where = " at " + e.Path
	}
	if len(e.Ends) == 2 {
		return name(e.Ends[0]) + " and " + name(e.Ends[1]) + " talk by " + e.Transport
	}
	return name(e.Client) + " calls " + name(e.Server) + where
}

// withError names the most frequent error, "" if none is known.
func withError(errors map[string]uint64) string {
	if worst := worstError(errors); worst != "" {
		return " with " + worst
	}
	return ""
}

// worstError is the name of the most frequent error, "" if none is known.
func worstError(errors map[string]uint64) string {
	worst := ""
	for _, name := range slices.Sorted(maps.Keys(errors)) {
		if worst == "" || errors[name] > errors[worst] {
			worst = name
		}
	}
	return worst
}
