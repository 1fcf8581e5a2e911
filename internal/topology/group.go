package topology

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Levels are what Group can make one node of.
func Levels() []string {
	return []string{"process", "exe", "unit", "container", "pod", "workload", "service", "host"}
}

// CheckLevel fails on a level that Group does not know.
func CheckLevel(level string) error {
	if slices.Contains(Levels(), level) {
		return nil
	}
	return fmt.Errorf("unknown group %q: it is one of %s", level, strings.Join(Levels(), ", "))
}

// Group makes one node of all processes that share what level names, and one
// edge of the edges between such nodes over one transport and port or path. A
// process without it, an address and the kernel stay as they are. Traffic
// within one group stays visible as an edge from the group to itself.
func Group(m *Map, level string) *Map {
	if level == "process" {
		return m
	}
	return GroupBy(m, func(n *Node) (Node, bool) {
		name := groupName(n, level, m.Host.Name)
		if name == "" {
			return Node{}, false
		}
		return Node{ID: level + ":" + name, Kind: KindGroup, Name: groupLabel(n, level, name), Attributes: groupAttributes(n, level)}, true
	})
}

// GroupBy makes one node of all nodes for which of gives the same id; those for
// which it gives none stay as they are. A group has the name and kind that its
// first member gives it, and of the attributes those on which all agree.
func GroupBy(m *Map, of func(*Node) (Node, bool)) *Map {
	out := *m
	into := make(map[string]string, len(m.Nodes)) // node id -> group id
	nodes := make(map[string]*Node, len(m.Nodes))
	for i := range m.Nodes {
		n := &m.Nodes[i]
		g, ok := of(n)
		if !ok {
			into[n.ID], nodes[n.ID] = n.ID, new(*n)
			continue
		}
		into[n.ID] = g.ID
		if nodes[g.ID] == nil {
			nodes[g.ID] = &g
		} else {
			nodes[g.ID].Attributes.agree(&g.Attributes)
		}
		nodes[g.ID].Attributes.take(n)
	}
	edges := make(map[string]*Edge, len(m.Edges))
	for i := range m.Edges {
		e := regroup(m.Edges[i], into)
		if before, ok := edges[e.ID]; ok {
			*before = add(*before, e)
		} else {
			edges[e.ID] = &e
		}
	}
	out.Nodes, out.Edges = inOrder(nodes), inOrder(edges)
	out.Logical = regroupLogical(m.Logical, into)
	return &out
}

// inOrder are the values in the order of their keys. They are large, so they are
// not moved to be sorted.
func inOrder[T any](all map[string]*T) []T {
	out := make([]T, 0, len(all))
	for _, id := range slices.Sorted(maps.Keys(all)) {
		out = append(out, *all[id])
	}
	return out
}

// take counts a node among the members of a group.
func (a *Attributes) take(n *Node) {
	a.Members = append(a.Members, n.ID)
	a.Processes += n.Attributes.Processes // of a group
	if n.Kind == KindProcess {
		a.Processes++
	}
	for _, l := range n.Attributes.Listens {
		if !slices.Contains(a.Listens, l) {
			a.Listens = append(a.Listens, l)
		}
	}
}

// Sum adds two edges of one window that become one: all counts add, those of what
// is open too. Ends, transport and port are those of b. Directions are those that
// the edges have, so both have roles or neither has.
func Sum(a, b Edge) Edge { return add(a, b) }

// Moved is an edge between other nodes: into has one for each node that the edge
// names. Its id follows from its ends.
func Moved(e Edge, into map[string]string) Edge { return regroup(e, into) }

// regroup points an edge to the groups of its ends.
func regroup(e Edge, into map[string]string) Edge {
	for _, sets := range [...]*map[string][]string{&e.Candidates, &e.Holders} {
		if len(*sets) == 0 {
			continue
		}
		moved := map[string][]string{}
		for end, ids := range *sets {
			for _, id := range ids {
				moved[end] = append(moved[end], into[id])
			}
			moved[end] = unite(moved[end], nil)
		}
		*sets = moved
	}
	if e.Ends == nil {
		e.Client, e.Server = into[e.Client], into[e.Server]
		e.ID = EdgeID(e.Client, e.Server, e.Transport, portOrPath(e.ServerPort, e.Path))
		return e
	}
	first, second := into[e.Ends[0]], into[e.Ends[1]]
	ports := slices.Clone(e.EndPorts)
	if second < first {
		first, second = second, first
		slices.Reverse(ports)
		e.Bytes, e.Retransmits = e.Bytes.reversed(), e.Retransmits.reversed()
		if e.Sides != nil {
			e.Sides = &Sides{First: e.Sides.Second.reversed(), Second: e.Sides.First.reversed()}
		}
		for i, name := range e.Inexact {
			switch name {
			case "bytes.first_to_second":
				e.Inexact = slices.Clone(e.Inexact)
				e.Inexact[i] = "bytes.second_to_first"
			case "bytes.second_to_first":
				e.Inexact = slices.Clone(e.Inexact)
				e.Inexact[i] = "bytes.first_to_second"
			}
		}
	}
	e.Ends, e.EndPorts = []string{first, second}, ports
	e.ID = EdgeID(first, second, e.Transport, endPorts(ports, e.Path))
	return e
}

func (b *Bytes) reversed() *Bytes {
	if b == nil {
		return nil
	}
	return &Bytes{FirstToSecond: b.SecondToFirst, SecondToFirst: b.FirstToSecond}
}

// endPorts is the part of an edge's id that its two ports make where the roles
// are not known.
func endPorts(ports []uint16, path string) string {
	if len(ports) < 2 {
		return "-" + path
	}
	return portOrPath(ports[0], "") + "-" + portOrPath(ports[1], path)
}
