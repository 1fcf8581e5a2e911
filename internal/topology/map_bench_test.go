package topology_test

import (
	"fmt"
	"testing"

	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// BenchmarkMap writes down a window of 5,000 edges between 1,300 processes, with ten
// open connections each: of which one is new and one ended, and a window in which
// nothing happens on any.
func BenchmarkMap(b *testing.B) {
	const clients, servers, edges, each = 1000, 300, 5000, 10
	var d directory
	for i := range clients + servers {
		d.nodes = append(d.nodes, process(int32(100+i), fmt.Sprintf("p%d", i%60), "app.service"))
	}
	l := topology.NewLedger()
	both := flow.Traffic{ToB: known(100), ToA: known(900)}
	c := flow.Change{Peer: flow.PeerSequence, Role: flow.RoleHandshake, Bytes: both, SideA: both, SideB: both, Retransmits: flow.Traffic{ToB: known(0), ToA: known(0)}, RTT: 90}
	for i := range edges {
		k := flow.EdgeKey{Transport: flow.TCP, RoleKnown: true, A: flow.NodeRef(1 + i%clients), B: flow.NodeRef(1 + clients + i*7%servers), PortB: uint16(2000 + i*7%servers)}
		d.edges = append(d.edges, flow.Edge{EdgeKey: k})
		c.Edge = flow.EdgeRef(1 + i)
		for n := range each {
			c.Active, c.Opened, c.Ended, c.Closed = 1, n == 0, n == 1, n == 1
			if c.Ended {
				c.Active = 0
			}
			l.Add(&c)
		}
	}
	write := func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if m := l.Map(d, topology.Facts{}); len(m.Edges) != edges {
				b.Fatalf("%d edges", len(m.Edges))
			}
		}
	}
	b.Run("changed", write)
	l.Reset()
	b.Run("idle", write)
}
