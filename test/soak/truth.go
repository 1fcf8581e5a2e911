package main

import (
	"fmt"
	"net/netip"
	"strconv"

	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// truth is what was played in this hour, by edge.
type truth struct {
	edges map[edge]*counts
	hour  int
	lost  uint64
}

// edge is what makes one: an end is a process or, outside, an address.
type edge struct {
	client, server *process
	from, to       netip.Addr // of ends without a process
	port           uint16
	transport      flow.Transport
}

// counts are what a map says of an edge.
type counts struct {
	opened, closed, failed, toServer, toClient uint64
	active                                     int64 // at the end
}

func newTruth() truth { return truth{edges: map[edge]*counts{}} }

// of is where a connection counts.
func (t *truth) of(c *conn) *counts {
	if c.counts != nil && c.hour == t.hour {
		return c.counts
	}
	e := edge{client: c.client, server: c.server, port: c.to.Port(), transport: c.transport}
	if c.client == nil {
		e.from = c.from.Addr()
	}
	if c.server == nil {
		e.to = c.to.Addr()
	}
	n := t.edges[e]
	if n == nil {
		n = &counts{}
		t.edges[e] = n
	}
	c.counts, c.hour = n, t.hour
	return n
}

// turn begins the next hour: what is open stays.
func (t *truth) turn() {
	before := t.edges
	t.edges, t.lost = map[edge]*counts{}, 0
	t.hour++
	for e, n := range before {
		if n.active > 0 {
			t.edges[e] = &counts{active: n.active}
		}
	}
}

func nodeID(p *process, a netip.Addr) string {
	if p == nil {
		return "address:" + a.String()
	}
	return "process:" + p.key.String()
}

func (e edge) id() string {
	at := strconv.Itoa(int(e.port))
	if e.transport == flow.Unix {
		at = unixPath
	}
	return topology.EdgeID(nodeID(e.client, e.from), nodeID(e.server, e.to), e.transport.String(), at)
}

func (e edge) String() string {
	return fmt.Sprintf("%s > %s %s %d", nodeID(e.client, e.from), nodeID(e.server, e.to), e.transport, e.port)
}

// judge compares the map of an hour with what was played, edge by edge, and the
// names of all processes.
func (t *truth) judge(m *topology.Map) (sum counts, err error) {
	names := make(map[string]string, len(m.Nodes))
	for i := range m.Nodes {
		names[m.Nodes[i].ID] = m.Nodes[i].Name
	}
	found := make(map[string]*topology.Edge, len(m.Edges))
	for i := range m.Edges {
		found[m.Edges[i].ID] = &m.Edges[i]
	}
	for e, want := range t.edges {
		on := found[e.id()]
		if on == nil {
			return sum, fmt.Errorf("the edge %v is not on the map; it has %+v", e, *want)
		}
		delete(found, e.id())
		if got := countsOf(on); got != *want {
			return sum, fmt.Errorf("the edge %v has %+v, want %+v", e, got, *want)
		}
		for _, p := range [...]*process{e.client, e.server} {
			if p != nil && names[nodeID(p, netip.Addr{})] != p.name {
				return sum, fmt.Errorf("the process %v is called %q, want %q", p.key, names[nodeID(p, netip.Addr{})], p.name)
			}
		}
		sum.opened, sum.closed, sum.failed, sum.active = sum.opened+want.opened, sum.closed+want.closed, sum.failed+want.failed, sum.active+want.active
	}
	for _, e := range found {
		return sum, fmt.Errorf("the map has an edge that was not played: %s > %s %v %s %d with %+v", e.Client, e.Server, e.Ends, e.Transport, e.ServerPort, e.Connections)
	}
	lost := uint64(0)
	for _, n := range m.Capture.Lost {
		lost += n
	}
	if lost != t.lost {
		return sum, fmt.Errorf("lost are %v, want %d in all", m.Capture.Lost, t.lost)
	}
	return sum, nil
}

func countsOf(e *topology.Edge) counts {
	c := counts{opened: e.Connections.Opened, closed: e.Connections.Closed, failed: e.Connections.Failed, active: int64(e.Connections.Active)}
	if b := e.Bytes; b != nil {
		if b.ToServer != nil {
			c.toServer = *b.ToServer
		}
		if b.ToClient != nil {
			c.toClient = *b.ToClient
		}
	}
	return c
}
