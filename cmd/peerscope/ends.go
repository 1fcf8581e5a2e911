package main

import (
	"errors"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// wantedEnds are what a user typed to name one end of edges, or both.
type wantedEnds struct {
	texts []string
	edge  string // the id of one edge; "": the ends are named
	ends  []endMatcher
}

// side is one end of an edge, as a matcher sees it.
type side struct {
	node   *topology.Node
	port   uint16           // of the server, or of an end where roles are not known; 0: not told
	addrs  []netip.AddrPort // of its sockets
	dialed []string         // what clients asked for to reach it
	served []*topology.Node // of an address: who was a server on its port there
}

// endMatcher decides whether a side is what was typed. A name may be taken
// loosely where nothing has it exactly. A filter expression fits in here.
type endMatcher struct {
	fits func(s *side, loose bool) bool
}

// parseEnds reads what was typed.
func parseEnds(args []string) (*wantedEnds, error) {
	w := &wantedEnds{texts: args}
	for _, text := range args {
		if strings.HasPrefix(text, "e:") {
			if len(args) > 1 {
				return nil, fmt.Errorf("%s is an edge, which has both ends already; give it alone", text)
			}
			w.edge = text
			return w, nil
		}
		m, err := parseEnd(text)
		if err != nil {
			return nil, err
		}
		w.ends = append(w.ends, m)
	}
	return w, nil
}

func parseEnd(text string) (endMatcher, error) {
	number, isPID := strings.CutPrefix(text, "pid:")
	if _, err := strconv.ParseUint(text, 10, 32); err == nil || isPID {
		pid, err := strconv.ParseInt(number, 10, 32)
		if err != nil || pid <= 0 {
			return endMatcher{}, fmt.Errorf("%q: a pid is a positive number", text)
		}
		return endMatcher{fits: func(s *side, _ bool) bool { return s.node != nil && s.node.Attributes.PID == int32(pid) }}, nil
	}
	if number, ok := strings.CutPrefix(text, ":"); ok {
		port, err := strconv.ParseUint(number, 10, 16)
		if err != nil || port == 0 {
			return endMatcher{}, fmt.Errorf("%q: a port is a number from 1 to 65535", text)
		}
		return endMatcher{fits: func(s *side, _ bool) bool { return s.port == uint16(port) }}, nil
	}
	if at, err := netip.ParseAddrPort(text); err == nil {
		return endMatcher{fits: func(s *side, _ bool) bool {
			return slices.Contains(s.addrs, at) || slices.Contains(s.dialed, text)
		}}, nil
	}
	if addr, err := netip.ParseAddr(text); err == nil {
		addr = addr.Unmap()
		return endMatcher{fits: func(s *side, _ bool) bool { return s.has(addr) }}, nil
	}
	if text == "" {
		return endMatcher{}, errors.New("an empty name fits nothing: give a program, pid, port, address or id")
	}
	return endMatcher{fits: func(s *side, loose bool) bool {
		return s.node != nil && named(s.node, text, loose) ||
			slices.ContainsFunc(s.served, func(n *topology.Node) bool { return named(n, text, loose) })
	}}, nil
}

func (s *side) has(addr netip.Addr) bool {
	return s.node != nil && s.node.Attributes.PeerAddress == addr.String() ||
		slices.ContainsFunc(s.addrs, func(a netip.AddrPort) bool { return a.Addr() == addr }) ||
		slices.ContainsFunc(s.dialed, func(d string) bool { return strings.HasPrefix(d, addr.String()+":") })
}

// named: the node is called so: by its id, its name, executable, unit, container,
// pod, deployment or service. Loosely also by the beginning of its name, or by a word of its
// command line, which is what tells scripts of one interpreter apart.
func named(n *topology.Node, text string, loose bool) bool {
	a := &n.Attributes
	for _, name := range []string{n.ID, n.Name, a.ExecutableName, a.ExecutablePath, a.Unit, strings.TrimSuffix(a.Unit, path.Ext(a.Unit)),
		a.ContainerID, a.ContainerName, a.PodName, a.Deployment, a.KubeService, a.ServiceName} {
		if name != "" && strings.EqualFold(name, text) {
			return true
		}
	}
	const shortID = 12 // hex digits of a container id that its tools show
	if len(text) >= shortID && strings.HasPrefix(a.ContainerID, text) {
		return true
	}
	if !loose {
		return false
	}
	const enough = 3 // letters of a name, so that it is not any name
	if len(text) >= enough && strings.HasPrefix(strings.ToLower(n.Name), strings.ToLower(text)) {
		return true
	}
	return slices.ContainsFunc(strings.Fields(a.CommandLine), func(word string) bool {
		base := path.Base(strings.TrimRight(word, ":,"))
		return strings.EqualFold(base, text) || strings.EqualFold(strings.TrimSuffix(base, path.Ext(base)), text)
	})
}

// choose gives the edges that were meant, by their sockets too if p knows those of
// the map; reversed: none went from the first to
// the second, and these go the other way.
func (w *wantedEnds) choose(m *topology.Map, p *pipeline) (edges []*topology.Edge, reversed bool) {
	if w.edge != "" {
		for i := range m.Edges {
			if m.Edges[i].ID == w.edge {
				edges = append(edges, &m.Edges[i])
			}
		}
		return edges, false
	}
	if len(w.ends) == 0 {
		return matching(m, make([][2]side, len(m.Edges)), func(*[2]side, bool) bool { return true }), false
	}
	sides := w.sides(m, p)
	for _, loose := range []bool{false, true} {
		if len(w.ends) == 1 {
			edges = matching(m, sides, func(s *[2]side, _ bool) bool { return w.ends[0].fits(&s[0], loose) || w.ends[0].fits(&s[1], loose) })
		} else {
			ahead := func(s *[2]side) bool { return w.ends[0].fits(&s[0], loose) && w.ends[1].fits(&s[1], loose) }
			back := func(s *[2]side) bool { return w.ends[0].fits(&s[1], loose) && w.ends[1].fits(&s[0], loose) }
			edges = matching(m, sides, func(s *[2]side, roles bool) bool { return ahead(s) || !roles && back(s) })
			if len(edges) == 0 {
				edges = matching(m, sides, func(s *[2]side, _ bool) bool { return back(s) })
				reversed = len(edges) > 0
			}
		}
		if len(edges) > 0 {
			break
		}
	}
	return edges, reversed
}

func matching(m *topology.Map, sides [][2]side, fits func(s *[2]side, roles bool) bool) []*topology.Edge {
	var out []*topology.Edge
	for i := range m.Edges {
		if fits(&sides[i], m.Edges[i].Ends == nil) {
			out = append(out, &m.Edges[i])
		}
	}
	return out
}

// sides are the ends of every edge.
func (w *wantedEnds) sides(m *topology.Map, p *pipeline) [][2]side {
	nodes := map[string]*topology.Node{}
	for i := range m.Nodes {
		nodes[m.Nodes[i].ID] = &m.Nodes[i]
	}
	out := make([][2]side, len(m.Edges))
	for i := range m.Edges {
		e := &m.Edges[i]
		if e.Ends == nil {
			out[i] = [2]side{{node: nodes[e.Client]}, {node: nodes[e.Server], port: e.ServerPort, dialed: e.Dialed}}
			continue
		}
		out[i] = [2]side{{node: nodes[e.Ends[0]]}, {node: nodes[e.Ends[1]]}}
		for k, port := range e.EndPorts {
			out[i][k].port = port
		}
	}
	if p != nil {
		addSockets(out, m, p)
	} else {
		addAddresses(out, m)
	}
	return out
}

// addAddresses adds the addresses that a map has, where nobody knows sockets.
func addAddresses(sides [][2]side, m *topology.Map) {
	for i := range sides {
		s, port := &sides[i][1], m.Edges[i].ServerPort
		if s.node == nil || port == 0 {
			continue
		}
		add := func(address string) {
			if a, err := netip.ParseAddr(address); err == nil && !a.IsUnspecified() {
				s.addrs = append(s.addrs, netip.AddrPortFrom(a, port))
			}
		}
		add(s.node.Attributes.PeerAddress)
		for _, l := range s.node.Attributes.Listens {
			if l.Port == port {
				add(l.Address)
			}
		}
	}
}

// addSockets adds the addresses of the sockets of all connections, and to a
// server's address who was a server there: what cannot be reached now may have
// been reached before.
func addSockets(sides [][2]side, m *topology.Map, p *pipeline) {
	x := topology.NewExplainer(p.engine, p.ledger, m)
	at := map[flow.EdgeRef]int{}
	for i := range m.Edges {
		at[x.Ref(m.Edges[i].ID)] = i
	}
	servers := map[netip.AddrPort][]*topology.Node{}
	for c := range p.engine.Connections(func(r flow.EdgeRef) bool { _, ok := at[r]; return ok }) {
		i := at[c.Edge]
		addrs := p.engine.Addresses(c)
		if x.Swapped(c.Edge) {
			slices.Reverse(addrs[:])
		}
		for k, a := range addrs {
			if s := &sides[i][k]; a.IsValid() && !slices.Contains(s.addrs, a) {
				s.addrs = append(s.addrs, a)
			}
		}
		if n := sides[i][1].node; m.Edges[i].Ends == nil && n != nil && n.Kind == topology.KindProcess && !slices.Contains(servers[addrs[1]], n) {
			servers[addrs[1]] = append(servers[addrs[1]], n)
		}
	}
	for i := range sides {
		if s := &sides[i][1]; s.node != nil && s.node.Kind == topology.KindAddress {
			for _, a := range s.addrs {
				s.served = append(s.served, servers[a]...)
			}
		}
	}
}

// idle says that what was typed is there, and talks to nobody.
func (e *endMatcher) idle(m *topology.Map) string {
	for _, loose := range []bool{false, true} {
		for i := range m.Nodes {
			n := &m.Nodes[i]
			if !e.fits(&side{node: n}, loose) || e.touchesAny(m) {
				continue
			}
			text := fmt.Sprintf("%s is there (%s) and talked to nobody", n.Name, n.ID)
			if len(n.Attributes.Listens) > 0 {
				l := n.Attributes.Listens[0]
				text += fmt.Sprintf("; it listens on %s", listenText(&l))
			}
			return text
		}
	}
	return ""
}

func listenText(l *topology.Listen) string {
	if l.Path != "" {
		return l.Path
	}
	if a, err := netip.ParseAddr(l.Address); err == nil {
		return netip.AddrPortFrom(a, l.Port).String()
	}
	return fmt.Sprintf("port %d", l.Port)
}

// touchesAny: some edge has such an end.
func (e *endMatcher) touchesAny(m *topology.Map) bool {
	for i := range m.Edges {
		ids := m.Edges[i].Ends
		if ids == nil {
			ids = []string{m.Edges[i].Client, m.Edges[i].Server}
		}
		for _, id := range ids {
			if n, found := slices.BinarySearchFunc(m.Nodes, id, func(n topology.Node, id string) int { return strings.Compare(n.ID, id) }); found &&
				(e.fits(&side{node: &m.Nodes[n], port: m.Edges[i].ServerPort}, false) || e.fits(&side{node: &m.Nodes[n]}, true)) {
				return true
			}
		}
	}
	return false
}
