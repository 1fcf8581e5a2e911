package e2e

import (
	"fmt"
	"slices"

	"peerscope/internal/topology"
)

// Through is what a client really got from a server through proxies.
type Through struct {
	Client, Server End
	Via            []End
	Port           uint16 // of the server's socket
	// Hops are its connections, one after the other.
	Hops []*Conn
	// Hidden: no source can tell it from others that it may be. It need not be shown.
	Hidden bool
}

// through records that a path is one.
func (l *Lab) through(p *Path) *Through {
	first, last := p.ends()
	t := &Through{Client: first.Client, Server: last.Server, Port: last.Port, Hops: p.Hops}
	for _, c := range p.Hops[1:] {
		t.Via = append(t.Via, c.Client)
	}
	l.Through = append(l.Through, t)
	return t
}

// proxy says that a process passes on what it takes: no map may call others so. A
// ground that is not empty is what a source that is told everything has to show.
func (l *Lab) proxy(p Proc, ground string) { l.proxies[p] = ground }

// judgeLogical checks what a map infers of proxies. None of it may be wrong; what
// the source can know has to be there.
func (s *Score) judgeLogical(l *Lab, m *topology.Map, see sees) {
	nodes := map[string]topology.Node{}
	for _, n := range m.Nodes {
		nodes[n.ID] = n
		s.judgeProxy(l, &n, see)
	}
	got, want, most := map[string]int{}, map[string]int{}, map[string]int{}
	for i := range m.Logical {
		e := &m.Logical[i]
		if l.wide && !l.touches(e, nodes) {
			continue
		}
		if !slices.ContainsFunc(l.Through, func(t *Through) bool { return t.holds(e, nodes) }) {
			s.Wrong++
			s.problem("wrong logical edge: %s -> %s %d via %v", e.Client, e.Server, e.ServerPort, e.Via)
		}
		sum := uint64(0)
		for _, n := range e.Evidence.Pairing {
			sum += n
		}
		if all := e.Connections.Active + e.Connections.Closed; sum != all {
			s.problem("logical edge %s -> %s: evidence of %d connections, there are %d", e.Client, e.Server, sum, all)
		}
		got[fmt.Sprint(e.Client, e.Server, e.ServerPort, e.Via)] += int(sum)
	}
	for _, t := range l.Through {
		most[t.key()]++
		if see.through(t) {
			want[t.key()]++
		}
	}
	for key, n := range most {
		if w := (span{int64(want[key]), int64(n)}); w.distance(int64(got[key])) > 0 {
			s.problem("logical edge %s: got %d connections, want %s", key, got[key], w)
		}
	}
}

// through reports whether the source has to show what went through proxies: each
// hop must be known with both its processes.
func (s sees) through(t *Through) bool {
	if t.Hidden {
		return false
	}
	return !slices.ContainsFunc(t.Hops, func(c *Conn) bool { return !s.known(c).Joined })
}

func (t *Through) key() string {
	id := func(e End) string { return "process:" + e.Proc.String() }
	var via []string
	for _, e := range t.Via {
		via = append(via, id(e))
	}
	return fmt.Sprint(id(t.Client), id(t.Server), t.Port, via)
}

// holds reports whether a logical edge is a part of what really was: from one of
// those on the way to a later one, with all between.
func (t *Through) holds(e *topology.Logical, nodes map[string]topology.Node) bool {
	way := slices.Concat([]End{t.Client}, t.Via, []End{t.Server})
	shown := slices.Concat([]string{e.Client}, e.Via, []string{e.Server})
	for from := 0; from+len(shown) <= len(way); from++ {
		fits := true
		for i, id := range shown {
			fits = fits && readEnd(nodes[id]).orID(id).is(way[from+i], t.Hops[min(from+i, len(t.Hops)-1)], nil) > 0
		}
		last := t.Hops[from+len(shown)-2]
		if fits && (e.ServerPort == last.Port || e.ServerPort == last.DialedPort) {
			return true
		}
	}
	return false
}

func (l *Lab) touches(e *topology.Logical, nodes map[string]topology.Node) bool {
	return slices.ContainsFunc(append([]string{e.Client, e.Server}, e.Via...), func(id string) bool { return l.own(readEnd(nodes[id])) })
}

// judgeProxy checks whom a map calls a proxy.
func (s *Score) judgeProxy(l *Lab, n *topology.Node, see sees) {
	p := readEnd(*n).proc
	if p.IsZero() || l.wide && !l.procs[p] {
		return
	}
	ground, is := l.proxies[p]
	switch got := n.Attributes.Proxy; {
	case got != "" && !is:
		s.problem("%s %s is called a proxy (%s) and is none", n.ID, n.Name, got)
	case is && ground != "" && got != ground && !see.looks():
		s.problem("%s %s is called a proxy by %q, want %q", n.ID, n.Name, got, ground)
	}
}

// idealLogical adds to the map of a source that knows everything what went
// through proxies.
func (l *Lab) idealLogical(m *topology.Map) {
	id := func(e End) string { return "process:" + e.Proc.String() }
	for i, n := range m.Nodes {
		m.Nodes[i].Attributes.Proxy = l.proxies[readEnd(n).proc]
	}
	byKey := map[string]int{}
	for _, t := range l.Through {
		n, ok := byKey[t.key()]
		if !ok {
			n = len(m.Logical)
			byKey[t.key()] = n
			e := topology.Logical{Client: id(t.Client), Server: id(t.Server), ServerPort: t.Port,
				Evidence: topology.LogicalEvidence{Pairing: map[string]uint64{}}}
			for _, v := range t.Via {
				e.Via = append(e.Via, id(v))
			}
			m.Logical = append(m.Logical, e)
		}
		e := &m.Logical[n]
		e.Evidence.Pairing["timing"]++
		if t.Hops[0].State == Closed {
			e.Connections.Closed++
		} else {
			e.Connections.Active++
		}
	}
}
