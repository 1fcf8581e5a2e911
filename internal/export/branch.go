package export

import (
	"cmp"
	"slices"

	"peerscope/internal/topology"
)

// direction is how an edge looks from one of its ends. Accepted ones come first.
type direction uint8

// Who is called has the port people know it by; what it calls in turn follows.
const (
	accepts direction = iota
	initiates
	roleless // neither is known
)

// leaf is an edge below one of its ends.
type leaf struct {
	edge      *topology.Edge
	direction direction
	other     string // node id of the other end
	doubt     doubt  // of the other end
	own       doubt  // of the end it stands below
}

// branch is a node and its edges. Its trouble is that of its worst edge, its
// volume the known bytes of all.
type branch struct {
	node    *topology.Node
	leaves  []leaf
	trouble int
	volume  uint64
}

// clump is what runs in one container or unit; one branch stands for itself.
type clump struct {
	owner    string
	branches []*branch
	trouble  int
	volume   uint64
}

// processes is how many of them its branches stand for.
func (c *clump) processes() (n uint64) {
	for _, b := range c.branches {
		n += max(uint64(b.node.Attributes.Processes), 1)
	}
	return n
}

// branches gives every process, group and kernel its edges. An edge that has
// none of them at its ends stands below its first end.
func (n *names) branches(m *topology.Map) []*branch {
	byID := map[string]*branch{}
	var all []*branch
	// An id without a node gets a branch all the same: no edge is dropped.
	add := func(id string, l leaf) {
		b := byID[id]
		if b == nil {
			node := n.nodes[id]
			if node == nil {
				node = &topology.Node{ID: id}
			}
			b = &branch{node: node}
			byID[id] = b
			all = append(all, b)
		}
		v, _ := volume(l.edge)
		b.leaves = append(b.leaves, l)
		b.trouble = max(b.trouble, trouble(l.edge))
		b.volume += v
	}
	owns := func(id string) bool {
		d := n.nodes[id]
		return d != nil && (isProcess(d) || d.Kind == topology.KindKernel)
	}
	for i := range m.Edges {
		e := &m.Edges[i]
		first, second, roles := ends(e)
		d1, d2 := doubts(e)
		out, in := leaf{e, initiates, second, d2, d1}, leaf{e, accepts, first, d1, d2}
		if !roles {
			out.direction, in.direction = roleless, roleless
		}
		// Between two addresses the first one stands for both.
		if owns(first) || !owns(second) {
			add(first, out)
		}
		if owns(second) && second != first {
			add(second, in)
		}
	}
	return all
}

// clumps are the branches in the order they are printed: problems first, then
// by bytes, then by name and id; what shares a container or a unit together.
func (n *names) clumps(m *topology.Map) []*clump {
	byOwner := map[string]*clump{}
	var all []*clump
	for _, b := range n.branches(m) {
		slices.SortFunc(b.leaves, func(x, y leaf) int {
			return cmp.Or(cmp.Compare(x.direction, y.direction), byTrouble(x.edge, y.edge))
		})
		o, owned := n.owner(b.node)
		c := byOwner[o.String()]
		if c == nil || !owned {
			c = &clump{}
			all = append(all, c)
		}
		// What has no owner is a clump of its own: c was made anew above.
		if owned {
			c.owner = o.String()
			byOwner[c.owner] = c
		}
		c.branches = append(c.branches, b)
		c.trouble = max(c.trouble, b.trouble)
		c.volume += b.volume
	}
	for _, c := range all {
		slices.SortFunc(c.branches, func(a, b *branch) int {
			return cmp.Or(cmp.Compare(b.trouble, a.trouble), cmp.Compare(b.volume, a.volume),
				cmp.Compare(a.node.Name, b.node.Name), cmp.Compare(a.node.ID, b.node.ID))
		})
	}
	slices.SortFunc(all, func(a, b *clump) int {
		return cmp.Or(cmp.Compare(b.trouble, a.trouble), cmp.Compare(b.volume, a.volume),
			cmp.Compare(a.branches[0].node.Name, b.branches[0].node.Name),
			cmp.Compare(a.branches[0].node.ID, b.branches[0].node.ID))
	})
	return all
}
