package e2e

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"peerscope/internal/topology"
)

// ideal draws the map of a source that knows everything. The scorer has to
// find nothing wrong with it: if it does, truth or scorer is wrong.
func ideal(truth []*Conn) *topology.Map {
	m := &topology.Map{Schema: topology.Schema}
	nodes := map[string]bool{}
	node := func(e End) string {
		n := topology.Node{ID: "process:" + e.Proc.String(), Kind: topology.KindProcess, Name: e.Name,
			Attributes: topology.Attributes{ExecutableName: e.Exe}}
		if e.Proc.IsZero() {
			addr := strings.Join(e.Addrs, "")
			n = topology.Node{ID: "address:" + addr, Kind: topology.KindAddress, Name: addr, Attributes: topology.Attributes{PeerAddress: addr}}
		}
		if !nodes[n.ID] {
			nodes[n.ID] = true
			m.Nodes = append(m.Nodes, n)
		}
		return n.ID
	}
	for i, t := range trueEdges(sees{source: SourceEBPF}.truth(truth)) {
		c := t.first()
		e := topology.Edge{ID: fmt.Sprintf("e:%04d", i), Client: node(c.Client), Server: node(c.Server), Transport: c.Transport,
			ServerPort: c.Port, Path: c.Path}
		sum := [2]uint64{}
		dialed := map[string]bool{}
		for _, c := range t.conns {
			tally(&e.Connections, c)
			if c.Errno != "" {
				if e.Errors == nil {
					e.Errors = map[string]uint64{}
				}
				e.Errors[c.Errno] += uint64(c.N)
			}
			if c.Dialed != "" && !dialed[c.Dialed] {
				dialed[c.Dialed] = true
				e.Dialed = append(e.Dialed, c.Dialed)
			}
			sum[0] += uint64(c.ToServer)
			sum[1] += uint64(c.ToClient)
		}
		e.Bytes = &topology.Bytes{ToServer: &sum[0], ToClient: &sum[1]}
		if c.NoRole {
			e.Ends = []string{e.Client, e.Server}
			slices.Sort(e.Ends)
			if e.Ends[0] != e.Client {
				sum[0], sum[1] = sum[1], sum[0]
			}
			e.Client, e.Server, e.ServerPort = "", "", 0
			e.Bytes = &topology.Bytes{FirstToSecond: &sum[0], SecondToFirst: &sum[1]}
		}
		m.Edges = append(m.Edges, e)
	}
	slices.SortFunc(m.Nodes, func(a, b topology.Node) int { return cmp.Compare(a.ID, b.ID) })
	return m
}

// tally counts a true connection the way the map does.
func tally(to *topology.Connections, c *Conn) {
	n := uint64(c.N)
	if !c.Before && (c.State == Open || c.State == Closed) {
		to.Opened += n
	}
	switch c.State {
	case Open:
		to.Active += n
	case Closed:
		to.Closed += n
	case Failed:
		to.Failed += n
	case Pending:
		to.Pending += n
	}
}
