package topology

import (
	"maps"
	"slices"

	"peerscope/internal/flow"
)

// Merge joins two maps of one host whose windows follow each other, earlier
// first: what happened adds up, what is open is as the later one says. Neither
// is changed. Merging is associative.
func Merge(earlier, later *Map) *Map {
	out := *later
	out.Window.Start = min(earlier.Window.Start, later.Window.Start)
	out.Window.End = max(earlier.Window.End, later.Window.End)
	out.Capture.Lost = addCounts(earlier.Capture.Lost, later.Capture.Lost)
	out.Capture.Unattributed.Bytes += earlier.Capture.Unattributed.Bytes
	out.Capture.Unattributed.Connections = max(earlier.Capture.Unattributed.Connections, later.Capture.Unattributed.Connections)
	mergeCompleteness(&out.Capture, &earlier.Capture)
	out.Capture.Degraded = slices.Clone(later.Capture.Degraded)
	for _, d := range earlier.Capture.Degraded {
		if !slices.Contains(out.Capture.Degraded, d) {
			out.Capture.Degraded = append(out.Capture.Degraded, d)
		}
	}
	nodes := map[string]Node{}
	for _, m := range [...]*Map{earlier, later} {
		for _, n := range m.Nodes {
			nodes[n.ID] = n
		}
	}
	out.Nodes = slices.Collect(maps.Values(nodes))
	edges := map[string]Edge{}
	for _, e := range earlier.Edges {
		// Nothing is open any more unless the later map says so.
		e.Evidence = e.ended()
		e.open = Evidence{}
		e.Connections.Active, e.Connections.Pending = 0, 0
		edges[e.ID] = e
	}
	for _, e := range later.Edges {
		if before, ok := edges[e.ID]; ok {
			e = add(before, e)
		}
		edges[e.ID] = e
	}
	out.Edges = make([]Edge, 0, len(edges))
	for _, e := range edges {
		if e.Shows() {
			out.Edges = append(out.Edges, e)
		}
	}
	for i := range out.Edges {
		out.Edges[i].countProtocols()
	}
	out.Logical = mergeLogical(earlier.Logical, later.Logical)
	out.sort()
	return &out
}

// Shows: something happened on the edge, or is open. Merging leaves out the
// others: a connect that was pending may have become a connection of another edge.
func (e *Edge) Shows() bool {
	c := &e.Connections
	to, back := e.Bytes.Directions()
	return c.Active+c.Pending+c.Opened+c.Closed+c.Failed > 0 || valueOf(to)+valueOf(back) > 0
}

// completeness is the share of the kernel's total that was told, nil if there is
// no total. It is cut off after four decimals.
func completeness(t flow.Totals) *float64 {
	if t.Kernel == 0 {
		return nil
	}
	const one = 10_000
	return new(float64(min(one, t.Told*one/t.Kernel)) / one)
}

// mergeCompleteness adds up what the kernel counted in both windows, and what
// was told of it. Of a map that was read from a file only the share is left:
// then the smaller one stands for both.
func mergeCompleteness(c, earlier *Capture) {
	c.Totals.Kernel += earlier.Totals.Kernel
	c.Totals.Told += earlier.Totals.Told
	switch a, b := earlier.Completeness, c.Completeness; {
	case c.Totals.Kernel > 0:
		c.Completeness = completeness(c.Totals)
	case b == nil || a != nil && *a < *b:
		c.Completeness = a
	}
}

// ended is the evidence of the connections that ended in the window.
func (e *Edge) ended() Evidence {
	return Evidence{Peer: minus(e.Evidence.Peer, e.open.Peer), Role: minus(e.Evidence.Role, e.open.Role)}
}

// minus takes counts off others; what is nothing then is left out.
func minus(all, less map[string]uint64) map[string]uint64 {
	out := map[string]uint64{}
	for k, n := range all {
		if n > less[k] {
			out[k] = n - less[k]
		}
	}
	return out
}

// countProtocols makes the one row that is there while nothing is known of
// protocols.
func (e *Edge) countProtocols() {
	if len(e.Protocols) > 1 || len(e.Protocols) == 1 && e.Protocols[0].Name != "" {
		return
	}
	e.Protocols = nil
	if n := e.Connections.Active + e.Connections.Closed; n > 0 {
		e.Protocols = []Protocol{{Connections: n}}
	}
}

// add sums two edges with the same ends; counts of what is open add too, which
// is right for edges of one window that become one.
func add(a, b Edge) Edge {
	b.Connections.Active += a.Connections.Active
	b.Connections.Pending += a.Connections.Pending
	b.Connections.Opened += a.Connections.Opened
	b.Connections.Closed += a.Connections.Closed
	b.Connections.Failed += a.Connections.Failed
	b.Evidence = Evidence{Peer: addCounts(a.Evidence.Peer, b.Evidence.Peer), Role: addCounts(a.Evidence.Role, b.Evidence.Role)}
	b.open = Evidence{Peer: addCounts(a.open.Peer, b.open.Peer), Role: addCounts(a.open.Role, b.open.Role)}
	if a.Errors != nil || b.Errors != nil {
		b.Errors = addCounts(a.Errors, b.Errors)
	}
	b.Bytes, b.Retransmits = addBytes(a.Bytes, b.Bytes), addBytes(a.Retransmits, b.Retransmits)
	if a.Sides != nil && b.Sides != nil {
		b.Sides = &Sides{Client: addBytes(a.Sides.Client, b.Sides.Client), Server: addBytes(a.Sides.Server, b.Sides.Server),
			First: addBytes(a.Sides.First, b.Sides.First), Second: addBytes(a.Sides.Second, b.Sides.Second)}
	} else if b.Sides == nil {
		b.Sides = a.Sides
	}
	b.RTT, b.Connect = addStat(a.RTT, b.RTT), addStat(a.Connect, b.Connect)
	b.Inexact = unite(a.Inexact, b.Inexact)
	b.Dialed = unite(a.Dialed, b.Dialed)
	b.Services = unite(a.Services, b.Services)
	b.Candidates, b.Holders = uniteSets(a.Candidates, b.Candidates), uniteSets(a.Holders, b.Holders)
	b.Protocols = addProtocols(a.Protocols, b.Protocols)
	return b
}

func addCounts(a, b map[string]uint64) map[string]uint64 {
	out := maps.Clone(b)
	if out == nil {
		out = map[string]uint64{}
	}
	for k, n := range a {
		out[k] += n
	}
	return out
}

func addBytes(a, b *Bytes) *Bytes {
	if a == nil {
		return b
	}
	if b == nil {
		return a
	}
	sum := func(x, y *uint64) *uint64 {
		if x == nil {
			return y
		}
		if y == nil {
			return x
		}
		return new(*x + *y)
	}
	return &Bytes{ToServer: sum(a.ToServer, b.ToServer), ToClient: sum(a.ToClient, b.ToClient),
		FirstToSecond: sum(a.FirstToSecond, b.FirstToSecond), SecondToFirst: sum(a.SecondToFirst, b.SecondToFirst)}
}

func addProtocols(a, b []Protocol) []Protocol {
	out := slices.Clone(b)
	for _, p := range a {
		i := slices.IndexFunc(out, func(q Protocol) bool {
			return q.Name == p.Name && (q.TLS == p.TLS || q.TLS != nil && p.TLS != nil && *q.TLS == *p.TLS)
		})
		if i >= 0 {
			out[i].Connections += p.Connections
		} else {
			out = append(out, p)
		}
	}
	return out
}

func unite(a, b []string) []string {
	if len(a)+len(b) == 0 {
		return nil
	}
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}

func uniteSets(a, b map[string][]string) map[string][]string {
	if len(a)+len(b) == 0 {
		return nil
	}
	out := map[string][]string{}
	for _, m := range [...]map[string][]string{a, b} {
		for k, v := range m {
			out[k] = unite(out[k], v)
		}
	}
	return out
}
