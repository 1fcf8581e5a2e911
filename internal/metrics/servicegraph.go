package metrics

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// graphEdge is an edge of Grafana's service graph.
type graphEdge struct {
	client, server, clientNS, serverNS string
	virtual                            bool // an end is no process that was observed
}

// graphCount are the connections of one.
type graphCount struct {
	tried, failed uint64
	started       int64
}

// serviceGraph adds series up to what Grafana draws a service graph of. Its unit
// there is a request; here it is a connection that was tried, as what is said on
// it is not known. Times of answers are not there for the same reason, and edges
// without roles neither, since the graph has arrows.
func (s *snapshot) serviceGraph() map[graphEdge]graphCount {
	out := map[graphEdge]graphCount{}
	for i := range s.series {
		v := &s.series[i]
		if v.id.pair {
			continue
		}
		e := graphEdge{graphName(&v.id.a), graphName(&v.id.b), v.id.a.namespace, v.id.b.namespace, v.id.a.external || v.id.b.external}
		c, ok := out[e]
		if !ok {
			c.started = v.started
		}
		c.tried += v.totals.opened + v.totals.failed
		c.failed += v.totals.failed
		c.started = min(c.started, v.started)
		out[e] = c
	}
	return out
}

// graphName is a service's name: of what Kubernetes runs its workload, else the
// program.
func graphName(e *end) string {
	if e.namespace != "" && e.workload != "" {
		return e.workload
	}
	if e.address != "" && strings.HasPrefix(e.program, "~") {
		return e.address
	}
	return e.program
}

func (g graphEdge) values() []string {
	kind := ""
	if g.virtual {
		kind = "virtual_node"
	}
	return []string{g.client, g.server, g.clientNS, g.serverNS, kind}
}

func sortedGraph(m map[graphEdge]graphCount) []graphEdge {
	return slices.SortedFunc(maps.Keys(m), func(a, b graphEdge) int {
		return cmp.Or(slices.Compare(a.values(), b.values()))
	})
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
