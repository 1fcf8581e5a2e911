package server

import (
	"maps"
	"sync"

	"peerscope/internal/redact"
	"peerscope/internal/topology"
)

// redacted takes secrets out of what is served. Where processes are read they are
// taken out already, but a map may come from elsewhere. It is safe for concurrent
// use.
type redacted struct {
	mu sync.Mutex
	// Most command lines are those of the tick before.
	lines, last map[string]string
}

func newRedacted() *redacted {
	return &redacted{lines: map[string]string{}, last: map[string]string{}}
}

// mostLines bounds how many lines are remembered, twice.
const mostLines = 20_000

// line is a command line without secrets.
func (r *redacted) line(s string) string {
	if s == "" {
		return s
	}
	if clean, ok := r.lines[s]; ok {
		return clean
	}
	clean, ok := r.last[s]
	if !ok {
		clean = redact.Line(s)
	}
	if len(r.lines) >= mostLines {
		r.lines, r.last = map[string]string{}, r.lines
	}
	r.lines[s] = clean
	return clean
}

// clean is the map without secrets. The map is not changed: it is the same, if
// there are none.
func (r *redacted) clean(m *topology.Map) *topology.Map {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := m
	for i := range m.Nodes {
		if !r.holds(&m.Nodes[i]) {
			continue
		}
		n := m.Nodes[i]
		r.node(&n)
		if out == m {
			out = new(*m)
			out.Nodes = append([]topology.Node(nil), m.Nodes...)
		}
		out.Nodes[i] = n
	}
	return out
}

// holds: the node has a secret.
func (r *redacted) holds(n *topology.Node) bool {
	a := &n.Attributes
	if r.line(n.Name) != n.Name || r.line(a.CommandLine) != a.CommandLine || r.line(a.Script) != a.Script {
		return true
	}
	for _, labels := range [...]map[string]string{a.ContainerLabels, a.PodLabels} {
		for key, value := range labels {
			if redact.Label(key, value) != value {
				return true
			}
		}
	}
	return false
}

// node takes the secrets out of one node.
func (r *redacted) node(n *topology.Node) {
	a := &n.Attributes
	n.Name, a.CommandLine, a.Script = r.line(n.Name), r.line(a.CommandLine), r.line(a.Script)
	for _, labels := range []*map[string]string{&a.ContainerLabels, &a.PodLabels} {
		own := false
		for key, value := range *labels {
			clean := redact.Label(key, value)
			if clean == value {
				continue
			}
			if !own {
				*labels, own = maps.Clone(*labels), true
			}
			(*labels)[key] = clean
		}
	}
}

// explanations are those without secrets. They are of this call only.
func (r *redacted) explanations(list []*topology.Explanation) []*topology.Explanation {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]*topology.Explanation, 0, len(list))
	for _, x := range list {
		clean := *x
		for _, n := range []**topology.Node{&clean.Client, &clean.Server} {
			if *n != nil {
				*n = new(**n)
				r.node(*n)
			}
		}
		clean.Ends = make([]*topology.Node, len(x.Ends))
		for i, n := range x.Ends {
			if n != nil {
				clean.Ends[i] = new(*n)
				r.node(clean.Ends[i])
			}
		}
		if x.Ends == nil {
			clean.Ends = nil
		}
		clean.Named = append([]topology.Node(nil), x.Named...)
		for i := range clean.Named {
			r.node(&clean.Named[i])
		}
		out = append(out, &clean)
	}
	return out
}
