package layout

import (
	"cmp"
	"slices"
)

// Graph is what is to be placed. The order of nodes and edges does not matter.
type Graph struct {
	Nodes []Node
	Edges []Edge
}

// Node is one card.
type Node struct {
	ID    string
	Group string // the box it stands in; empty: none
	// External nodes stand in the margins: right of all others if they are called
	// more than they call, else left of them.
	External bool
	Store    bool // stands as far right as the columns of others go
}

// Edge leads from who calls to who is called, or, where that is not known,
// between two nodes in any order. Those of nodes that are not there are left out.
type Edge struct {
	From, To string
	Roles    bool
	Weight   float64 // bytes; where callers call each other in a circle, the least is led backwards
}

// network is a graph by numbers: nodes in the order of their ids, edges with the
// same ends as one, none from a node to itself.
type network struct {
	nodes []Node
	index map[string]int
	out   [][]link // with roles
	in    [][]link
	near  [][]int // neighbours, whatever the roles
}

type link struct {
	node   int
	weight float64
}

func newNetwork(g Graph) *network {
	n := &network{nodes: slices.Clone(g.Nodes), index: make(map[string]int, len(g.Nodes))}
	slices.SortFunc(n.nodes, func(a, b Node) int { return cmp.Compare(a.ID, b.ID) })
	n.nodes = slices.CompactFunc(n.nodes, func(a, b Node) bool { return a.ID == b.ID })
	for i := range n.nodes {
		n.index[n.nodes[i].ID] = i
	}
	n.out, n.in, n.near = make([][]link, len(n.nodes)), make([][]link, len(n.nodes)), make([][]int, len(n.nodes))
	type pair struct {
		from, to int
		roles    bool
		weight   float64
	}
	pairs := make([]pair, 0, len(g.Edges))
	for _, e := range g.Edges {
		from, ok := n.index[e.From]
		to, too := n.index[e.To]
		if ok && too && from != to {
			pairs = append(pairs, pair{from, to, e.Roles, e.Weight})
		}
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to), cmp.Compare(a.weight, b.weight))
	})
	for i := 0; i < len(pairs); {
		p := pairs[i]
		p.weight, p.roles = 0, false
		for ; i < len(pairs) && pairs[i].from == p.from && pairs[i].to == p.to; i++ {
			if pairs[i].roles {
				p.roles, p.weight = true, p.weight+pairs[i].weight
			}
		}
		n.near[p.from], n.near[p.to] = append(n.near[p.from], p.to), append(n.near[p.to], p.from)
		if p.roles {
			n.out[p.from] = append(n.out[p.from], link{p.to, p.weight})
			n.in[p.to] = append(n.in[p.to], link{p.from, p.weight})
		}
	}
	for i := range n.near {
		slices.Sort(n.near[i])
		n.near[i] = slices.Compact(n.near[i])
	}
	return n
}

// zone is where a node may stand.
type zone int8

const (
	inner zone = iota // in a band
	left              // in the margin of those who call
	right
)

// zone: an external node stands on the side of those it mostly talks as.
func (n *network) zone(i int) zone {
	switch node := &n.nodes[i]; {
	case !node.External:
		return inner
	case len(n.in[i]) > len(n.out[i]), node.Store && len(n.in[i]) > 0:
		return right
	}
	return left
}
