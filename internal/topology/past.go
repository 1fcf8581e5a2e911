package topology

import (
	"slices"
	"strings"

	"peerscope/internal/flow"
)

// Past is what a history tells of an edge beside the map of a time. Times are RFC
// 3339; what is not known is empty.
type Past struct {
	// Since is when the first window begins that has the edge, of those from Searched
	// on.
	Since    string `json:"since,omitempty"`
	Searched string `json:"searched"`
	// Older: that is the oldest window there is, so that the edge may be older.
	Older bool `json:"older,omitempty"`
	// Events are those of the edge and of its ends, the latest; Earlier counts others.
	Events  []Event `json:"events"`
	Earlier int     `json:"earlier,omitempty"`
	// Series is over the time that is explained, Before over as much time before it,
	// in one step. Nil: nobody asked.
	Series *Series `json:"series,omitempty"`
	Before *Series `json:"before,omitempty"`
}

// Seen reports whether anything of the edge was there in a step.
func (s *Series) Seen(step int) bool {
	for _, m := range [...]string{MeasureActive, MeasureOpened, MeasureClosed, MeasureFailed, MeasureTx, MeasureRx} {
		if v := s.Columns[m][step]; v != nil && *v > 0 {
			return true
		}
	}
	return false
}

// ExplainPast is an explanation of an edge of a map of which no connection is
// known any more.
func ExplainPast(m *Map, e *Edge, p *Past) *Explanation {
	x := &Explanation{Schema: ExplainSchema, Window: m.Window, Source: m.Capture.Source, Edge: *e, Past: p}
	x.Steps = []flow.Step{}
	if e.Ends == nil {
		x.Client, x.Server = m.node(e.Client), m.node(e.Server)
	} else {
		x.Ends = []*Node{m.node(e.Ends[0]), m.node(e.Ends[1])}
	}
	return x
}

// node is the node with that id; nil: there is none.
func (m *Map) node(id string) *Node {
	if i, found := slices.BinarySearchFunc(m.Nodes, id, func(n Node, id string) int { return strings.Compare(n.ID, id) }); found {
		return &m.Nodes[i]
	}
	return nil
}
