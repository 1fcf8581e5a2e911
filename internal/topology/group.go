package topology

import (
	"fmt"
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
	out := *m
	into := map[string]string{} // node id -> group id
	groups := map[string]*Node{}
	out.Nodes = nil
	for _, n := range m.Nodes {
		name := groupName(&n, level, m.Host.Name)
		if name == "" {
			into[n.ID] = n.ID
			out.Nodes = append(out.Nodes, n)
			continue
		}
		id := level + ":" + name
		into[n.ID] = id
		g := groups[id]
		if g == nil {
			g = &Node{ID: id, Kind: KindGroup, Name: groupLabel(&n, level, name), Attributes: groupAttributes(&n, level)}
			groups[id] = g
		} else {
			shared := groupAttributes(&n, level)
			g.Attributes.agree(&shared)
		}
		g.Attributes.Members = append(g.Attributes.Members, n.ID)
		g.Attributes.Processes++
		for _, l := range n.Attributes.Listens {
			if !slices.Contains(g.Attributes.Listens, l) {
				g.Attributes.Listens = append(g.Attributes.Listens, l)
			}
		}
	}
	for _, g := range groups {
		out.Nodes = append(out.Nodes, *g)
	}
	edges := map[string]Edge{}
	for _, e := range m.Edges {
		e = regroup(e, into)
		if before, ok := edges[e.ID]; ok {
			e = add(before, e)
		}
		edges[e.ID] = e
	}
	out.Edges = make([]Edge, 0, len(edges))
	for _, e := range edges {
		out.Edges = append(out.Edges, e)
	}
	out.Logical = regroupLogical(m.Logical, into)
	out.sort()
	return &out
}

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
