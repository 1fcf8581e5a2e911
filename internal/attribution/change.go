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

func edgeHash(k *EdgeKey) uint32 {
	known := uint64(0)
	if k.RoleKnown {
		known = 1
	}
	return uint32((spread(uint64(k.A)<<32|uint64(k.B)) + spread(uint64(k.PortA)<<48|uint64(k.PortB)<<32|uint64(k.Path)<<3|uint64(k.Transport)<<1|known)) * 0x94d049bb133111eb >> 32)
}

// edgeNumber numbers an edge by its key.
func (e *Engine) edgeNumber(k EdgeKey) EdgeRef {
	hash := edgeHash(&k)
	i := e.edgeIndex.home(hash)
	for ; ; i = e.edgeIndex.next(i) {
		slot := e.edgeIndex.slots[i]
		n := uint32(slot)
		if n == 0 {
			break
		}
		if uint32(slot>>32) == hash && e.edges[n] == k {
			return EdgeRef(n)
		}
	}
	n, grow := e.edgeNumbers.take(len(e.edges))
	if grow {
		e.edges = append(e.edges, k)
	}
	e.edges[n] = k
	e.edgeIndex.put(i, hash, n)
	return EdgeRef(n)
}
