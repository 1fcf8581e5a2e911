package filter

import (
	"net/netip"
	"path"
	"time"

	"peerscope/internal/topology"
)

// Scene is what a map says beside the edge that is looked at: its nodes, its
// host, how long was observed.
type Scene struct {
	nodes   map[string]*topology.Node
	host    string
	seconds float64 // of the window; 0: rates are not known
}

// NewScene prepares a map, which must not change as long as the scene is used.
func NewScene(m *topology.Map) *Scene {
	s := &Scene{nodes: make(map[string]*topology.Node, len(m.Nodes)), host: m.Host.Name}
	for i := range m.Nodes {
		s.nodes[m.Nodes[i].ID] = &m.Nodes[i]
	}
	start, err1 := time.Parse(time.RFC3339Nano, m.Window.Start)
	end, err2 := time.Parse(time.RFC3339Nano, m.Window.End)
	if err1 == nil && err2 == nil && end.After(start) {
		s.seconds = end.Sub(start).Seconds()
	}
	return s
}

// Select keeps the edges that match, with every node they name.
func (e *Expr) Select(m *topology.Map) *topology.Map {
	s := NewScene(m)
	return topology.SelectEdges(m, func(edge *topology.Edge) bool { return e.Match(s, edge) })
}

// Blame says of an expression that no edge of the map matches, which of its
// parts to leave out, and how many edges there are then: of those that must all
// hold the one that hides most. Without a part that helps left is 0.
func (e *Expr) Blame(m *topology.Map) (part string, left int) {
	if e.op != opAnd {
		return e.String(), len(m.Edges)
	}
	s := NewScene(m)
	for i, k := range e.kids {
		rest := &Expr{op: opAnd}
		rest.kids = append(append(rest.kids, e.kids[:i]...), e.kids[i+1:]...)
		n := 0
		for j := range m.Edges {
			if rest.Match(s, &m.Edges[j]) {
				n++
			}
		}
		if n > left {
			part, left = k.String(), n
		}
	}
	return part, left
}

// subject is an edge with its two ends; of an edge whose roles are known the
// client is first.
type subject struct {
	*Scene
	edge  *topology.Edge
	roles bool
	ends  [2]*topology.Node // nil: the map does not have it
	also  [2][]string       // candidates and holders of each end
}

func (s *Scene) subject(e *topology.Edge) subject {
	x := subject{Scene: s, edge: e, roles: len(e.Ends) != 2}
	first, second := e.Client, e.Server
	names := [2]string{"client", "server"}
	if !x.roles {
		first, second = e.Ends[0], e.Ends[1]
		names = [2]string{"first", "second"}
	}
	x.ends = [2]*topology.Node{s.nodes[first], s.nodes[second]}
	if len(e.Candidates)+len(e.Holders) > 0 {
		for i, n := range names {
			x.also[i] = append(append([]string(nil), e.Candidates[n]...), e.Holders[n]...)
		}
	}
	return x
}

// node is the jth node that may be an end: itself, then its candidates and
// holders. nil: the map does not have it.
func (x *subject) node(i, j int) *topology.Node {
	if j == 0 {
		return x.ends[i]
	}
	return x.nodes[x.also[i][j-1]]
}

// texts appends what a key of names is of a node; empty ones are not known.
func (x *subject) texts(into []string, k id, n *topology.Node, wantPath bool) []string {
	a := &n.Attributes
	switch k {
	case ofProc:
		if n.Kind != topology.KindProcess && n.Kind != topology.KindGroup {
			return into
		}
		into = append(into, n.Name, a.ExecutableName, a.Script)
		if wantPath {
			return append(into, a.ExecutablePath)
		}
		return append(into, path.Base(a.Script))
	case ofCmd:
		return append(into, a.CommandLine)
	case ofUser:
		return append(into, a.Owner)
	case ofUnit:
		return append(into, a.Unit)
	case ofContainer:
		return append(into, a.ContainerName, a.PodContainer, a.ContainerID)
	case ofImage:
		into = append(into, a.Image)
		for _, tag := range a.ImageTags {
			into = append(into, a.Image+":"+tag)
		}
	case ofPod:
		return append(into, a.PodName)
	case ofNs:
		return append(into, a.Namespace, a.NetnsName)
	case ofWorkload:
		return append(into, a.Workload())
	case ofSvc:
		return append(append(into, a.ServiceName, a.KubeService), a.KubeServices...)
	case ofNode:
		return append(into, a.NodeName)
	case ofHost:
		if ours(n) {
			into = append(into, x.host)
		}
	}
	return into
}

// names are those that a bare word may be, besides proc.
func (x *subject) names(into []string, n *topology.Node, wantPath bool) []string {
	a := &n.Attributes
	into = x.texts(into, ofProc, n, wantPath)
	into = append(into, n.Name, a.PeerAddress, a.Unit, a.ContainerName, a.PodContainer, a.ContainerID, a.Image, a.PodName,
		a.Namespace, a.NetnsName, a.Workload(), a.ServiceName, a.KubeService, a.NodeName)
	into = append(into, a.KubeServices...)
	if ours(n) {
		into = append(into, x.host)
	}
	return into
}

// ours: the node is on the observed host.
func ours(n *topology.Node) bool { return n.Kind != topology.KindAddress || n.Attributes.AddressLocal }

// addresses calls f with the addresses of a node that are known: its own if it
// is an address, and of a server those that it listens on for this edge. Where
// the node is the end itself also those that clients asked for.
func (x *subject) addresses(i int, n *topology.Node, f func(netip.Addr) bool) {
	e := x.edge
	if a, ok := addressOf(n.Attributes.PeerAddress); ok && f(a) {
		return
	}
	if i != 1 || !x.roles {
		return
	}
	for _, d := range e.Dialed {
		if a, err := netip.ParseAddrPort(d); err == nil && f(a.Addr().Unmap().WithZone("")) {
			return
		}
	}
	for j := range n.Attributes.Listens {
		l := &n.Attributes.Listens[j]
		if l.Transport != e.Transport || l.Port != e.ServerPort || l.Port == 0 {
			continue
		}
		if a, ok := addressOf(l.Address); ok && !a.IsUnspecified() && f(a) {
			return
		}
	}
}

func addressOf(s string) (netip.Addr, bool) {
	if s == "" { // most nodes have none, and an error costs memory
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(s)
	return a.Unmap().WithZone(""), err == nil
}

// ports calls f with the ports of an edge that are known: the server's, and the
// ones that clients asked for; without roles those of both ends.
func (x *subject) ports(f func(uint16)) {
	if !x.roles {
		for _, p := range x.edge.EndPorts {
			if p != 0 {
				f(p)
			}
		}
		return
	}
	if x.edge.ServerPort != 0 {
		f(x.edge.ServerPort)
	}
	for _, d := range x.edge.Dialed {
		if a, err := netip.ParseAddrPort(d); err == nil {
			f(a.Port())
		}
	}
}
