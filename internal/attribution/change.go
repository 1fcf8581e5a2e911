package attribution

import "peerscope/internal/flow"

// The engine's answers are in the common vocabulary.
type (
	Change  = flow.Change
	Amount  = flow.Amount
	Traffic = flow.Traffic
	EdgeKey = flow.EdgeKey
	EdgeRef = flow.EdgeRef
	NodeRef = flow.NodeRef
)

// edgeNumber numbers an edge by its key.
func (e *Engine) edgeNumber(k EdgeKey) EdgeRef {
	if e.lastEdge != 0 && e.edges[e.lastEdge] == k {
		return e.lastEdge
	}
	n, ok := e.edgeByKey[k]
	if !ok {
		n = EdgeRef(len(e.edges))
		e.edges = append(e.edges, k)
		e.edgeByKey[k] = n
	}
	e.lastEdge = n
	return n
}
