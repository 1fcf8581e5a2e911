package view

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"peerscope/internal/topology"
)

// The sides on which nodes are bundled, so that callers stay left of what they
// call.
const (
	sideClients = "clients"
	sideServers = "servers"
	sideOthers  = "others" // they call and are called
)

// keepFactor is how much more a newcomer must move than a node that was shown
// before, to take its place.
const keepFactor = 2

// externalShare is how many times as many nodes there may be as external ones on
// either side.
const externalShare = 6

// bundle makes one node of those for which there is no room, by the box they
// stand in and by whether they call or are called; edges that then have the same
// ends are one. All counts stay the same. It says how much is no longer there by
// itself, nil if nothing.
func (s *scene) bundle(in map[string]Group) *Size {
	if s.o.Limit <= 0 {
		return nil
	}
	into := s.bundles(s.surplus(), in)
	if len(into) == 0 {
		return nil
	}
	s.gather(into, in)
	edges := s.merge(into)
	return &Size{Nodes: len(into), Edges: edges}
}

// surplus are the nodes that are not among the first: problems go first, then
// what moves the most bytes. Of external addresses there are but a few on either
// side, also where there is room: each says little by itself, and there is no end
// of them.
func (s *scene) surplus() []string {
	type score struct {
		id              string
		problem, caller bool
		bytes           float64
	}
	t := traffic(s.lines)
	var all []score
	for id := range s.nodes {
		x := score{id: id, caller: t[id] != nil && len(t[id].out) > 0}
		for _, l := range t[id].all() {
			x.problem = x.problem || l.health.severity() >= Bad.severity()
			x.bytes += float64(l.volume())
		}
		if s.o.Keep[id] {
			x.bytes = keepFactor * (x.bytes + 1)
		}
		all = append(all, x)
	}
	slices.SortFunc(all, func(a, b score) int {
		switch {
		case a.problem && !b.problem:
			return -1
		case b.problem && !a.problem:
			return 1
		}
		return cmp.Or(cmp.Compare(b.bytes, a.bytes), cmp.Compare(a.id, b.id))
	})
	var out []string
	room := map[bool]int{true: max(2, s.o.Limit/externalShare), false: max(2, s.o.Limit/externalShare)}
	kept := 0
	for _, x := range all {
		external := isExternal(s.nodes[x.id])
		if kept == s.o.Limit || external && room[x.caller] == 0 {
			out = append(out, x.id)
			continue
		}
		if kept++; external {
			room[x.caller]--
		}
	}
	return out
}

// bundles says for each node to be bundled into which bundle. One alone is no
// bundle. Where there were more bundles than a quarter of the nodes, they do not
// keep to the boxes.
func (s *scene) bundles(surplus []string, in map[string]Group) map[string]string {
	t := traffic(s.lines)
	side := func(id string) string {
		switch a := t[id]; {
		case a == nil, len(a.in) > 0 == (len(a.out) > 0):
			return sideOthers
		case len(a.in) > 0:
			return sideServers
		}
		return sideClients
	}
	collect := func(box func(id string) string) map[string][]string {
		out := map[string][]string{}
		for _, id := range surplus {
			b := "bundle:" + side(id) + ":" + box(id)
			out[b] = append(out[b], id)
		}
		return out
	}
	outside := func(id string) string {
		if isExternal(s.nodes[id]) {
			return "external"
		}
		return ""
	}
	by := collect(func(id string) string { return cmp.Or(in[id].ID, outside(id)) })
	if len(by) > max(6, s.o.Limit/4) {
		by = collect(outside)
	}
	into := map[string]string{}
	for b, ids := range by {
		for _, id := range ids {
			if len(ids) > 1 {
				into[id] = b
			}
		}
	}
	return into
}

// gather puts the bundles among the nodes, and takes away what is in them.
func (s *scene) gather(into map[string]string, in map[string]Group) {
	for _, id := range slices.Sorted(maps.Keys(into)) {
		b := into[id]
		n := s.nodes[b]
		if n == nil {
			n = &topology.Node{ID: b, Kind: KindBundle}
			s.nodes[b] = n
			if strings.HasSuffix(b, ":"+in[id].ID) {
				in[b] = in[id]
			}
		}
		n.Attributes.Members = append(n.Attributes.Members, id)
		n.Attributes.Processes += s.nodes[id].Attributes.Processes
		if s.nodes[id].Kind == topology.KindProcess {
			n.Attributes.Processes++
		}
		n.Name = fmt.Sprintf("+%d more", len(n.Attributes.Members))
		s.beside[id] = s.nodes[id]
		delete(s.nodes, id)
	}
}

// merge leads lines to the bundles, and makes one of those that have the same
// ends then. It counts those that are no line of their own any more.
func (s *scene) merge(into map[string]string) int {
	all := map[string]string{}
	for _, nodes := range [...]map[string]*topology.Node{s.nodes, s.beside} {
		for id := range nodes {
			all[id] = cmp.Or(into[id], id)
		}
	}
	var out []*line
	merged := map[string]*line{}
	gone := 0
	for _, l := range s.lines {
		first, second, _ := ends(&l.Edge)
		if into[first] == "" && into[second] == "" {
			out = append(out, l)
			continue
		}
		gone++
		l.Edge = topology.Moved(l.Edge, all)
		l.Candidates, l.Holders = nil, nil
		first, second, roles := ends(&l.Edge)
		id := topology.EdgeID(first, second, fmt.Sprint("bundle", roles), l.change)
		if m := merged[id]; m != nil {
			m.add(l)
			continue
		}
		l.bundle = max(l.bundle, 1)
		merged[id] = l
		out = append(out, l)
	}
	for id, l := range merged {
		l.ID = id
		if l.bundle > 1 {
			worst := l.verdict
			l.verdict = judge(&l.Edge, l.length, l.far)
			if worst.health.severity() > l.health.severity() && worst.health.Problem() {
				l.say(worst.health, "one of them: %s", worst.reasons[0])
			}
		}
	}
	s.lines = out
	return gone
}

// add takes another line into this one. What they do not share is not said of
// the whole.
func (l *line) add(x *line) {
	transport, port, path, ports := l.Transport, l.ServerPort, l.Path, l.EndPorts
	l.Edge = topology.Sum(l.Edge, x.Edge)
	if transport != x.Transport {
		l.Transport = ""
	}
	if port != x.ServerPort {
		l.ServerPort = 0
	}
	if path != x.Path {
		l.Path = ""
	}
	if !slices.Equal(ports, x.EndPorts) {
		l.EndPorts = nil
	}
	if x.health.severity() > l.health.severity() {
		l.verdict = x.verdict
	}
	l.far = l.far || x.far
	l.bundle += max(x.bundle, 1)
}

// bundleRole is that which all members have.
func (s *scene) bundleRole(b *topology.Node) string {
	switch {
	case s.external(b):
		return RoleExternal
	case strings.HasPrefix(b.ID, "bundle:"+sideClients):
		return RoleClient
	case strings.HasPrefix(b.ID, "bundle:"+sideServers):
		return RoleServer
	}
	return RoleBoth
}

// external: all members of a bundle are.
func (s *scene) external(b *topology.Node) bool {
	return !slices.ContainsFunc(b.Attributes.Members, func(id string) bool { return !isExternal(s.beside[id]) })
}

// bundled says what the members of a bundle are, where they are all the same.
func (s *scene) bundled(b *topology.Node) string {
	kind := s.beside[b.Attributes.Members[0]].Kind
	if slices.ContainsFunc(b.Attributes.Members, func(id string) bool { return s.beside[id].Kind != kind }) {
		return ""
	}
	switch {
	case s.external(b):
		return "external addresses"
	case kind == topology.KindProcess || kind == topology.KindAddress:
		return kind + "es"
	}
	return kind + "s"
}
