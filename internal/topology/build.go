package topology

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"

	"peerscope/internal/flow"
)

// Directory tells what the numbers in changes stand for.
type Directory interface {
	Node(flow.NodeRef) flow.Node
	Edge(flow.EdgeRef) flow.Edge
}

// Facts are what a map says beside its nodes and edges.
type Facts struct {
	Host    flow.Host
	Capture flow.Capture
	Window  flow.Window
	Gaps    []flow.Gap
	Lost    [len(flow.LossReasonNames)]uint64
	// Listening are processes that wait for peers; they are in the map also
	// where nobody talks to them.
	Listening []flow.NodeRef
	// Logical is what was inferred of proxies; nil: nobody asked.
	Logical *flow.Logical
	// Names are what addresses are known by.
	Names []flow.AddressName
}

// Map closes nothing: it writes down the window as it stands.
func (l *Ledger) Map(d Directory, f Facts) *Map {
	b := newBuilder(d)
	b.names = newAddressNames(f.Names)
	m := &Map{
		Schema: Schema,
		Host:   Host{Name: f.Host.Name, ID: f.Host.ID, BootID: f.Host.BootID, Kernel: f.Host.Kernel},
		Window: Window{Start: f.Window.Start.Stamp(), End: f.Window.End.Stamp()},
		Capture: Capture{Source: f.Capture.Source, Rung: f.Capture.Rung, IntervalMS: int64(f.Capture.Interval) / 1e6,
			Degraded: []Degraded{}, Lost: map[string]uint64{},
			Totals: f.Capture.Totals, Completeness: completeness(f.Capture.Totals)},
		Edges: make([]Edge, 0, len(l.used)),
	}
	for _, g := range f.Gaps {
		m.Capture.Degraded = append(m.Capture.Degraded, Degraded{Code: g.Code, Reason: g.Reason, Fix: g.Fix})
	}
	for i, name := range flow.LossReasonNames {
		m.Capture.Lost[name] = f.Lost[i]
	}
	for _, ref := range l.used {
		t := &l.edges[ref]
		if !t.shows() {
			continue
		}
		e := b.again(t)
		if e == nil {
			e = new(b.edge(d.Edge(ref), t))
			e.RTT, e.Connect = l.stat(&t.rtt), l.stat(&t.connect)
			t.keep(e)
		}
		if b.kind(e.a) == KindAddress && b.kind(e.b) == KindAddress {
			m.Capture.Unattributed.Connections += e.Connections.Active + e.Connections.Closed
			m.Capture.Unattributed.Bytes += t.bytes.toA.value + t.bytes.toB.value
		}
		m.Edges = append(m.Edges, e.Edge)
	}
	for _, ref := range f.Listening {
		b.id(ref)
	}
	b.addLogical(m, f.Logical)
	m.Nodes = b.nodes
	m.sort()
	return m
}

func (m *Map) sort() {
	m.Nodes = byID(m.Nodes, func(n *Node) string { return n.ID })
	m.Edges = byID(m.Edges, func(e *Edge) string { return e.ID })
	sortLogical(m.Logical)
}

// byID sorts large things, each of which is moved once.
func byID[T any](list []T, id func(*T) string) []T {
	order := make([]*T, len(list))
	for i := range list {
		order[i] = &list[i]
	}
	slices.SortFunc(order, func(a, b *T) int { return cmp.Compare(id(a), id(b)) })
	out := make([]T, len(list))
	for i, t := range order {
		out[i] = *t
	}
	return out
}

// shows: something happened on the edge, or is open.
func (t *tally) shows() bool {
	return t.live.active > 0 || t.live.pending > 0 || t.ended.opened+t.ended.closed+t.ended.failed > 0 ||
		t.bytes.toA.value+t.bytes.toB.value > 0
}

// keep remembers an edge on which nothing happened, as long as nothing does. What
// lasts and is rare is written anew: it names other nodes.
func (t *tally) keep(e *built) {
	e.idle = !t.changed
	if e.idle && t.sets == nil && e.Services == nil {
		t.idle = e
	}
}

// again is an edge as it was written before; nil: it is not known to be the same.
func (b *builder) again(t *tally) *built {
	if t.idle == nil || len(b.names) > 0 {
		return nil
	}
	b.node(t.idle.a)
	b.node(t.idle.b)
	return t.idle
}

// builder turns numbers into nodes, each once.
type builder struct {
	dir   Directory
	nodes []Node
	at    map[flow.NodeRef]int // of nodes
	names addressNames
}

func newBuilder(d Directory) builder {
	return builder{dir: d, nodes: []Node{}, at: map[flow.NodeRef]int{}}
}

// node is valid until the next call.
func (b *builder) node(ref flow.NodeRef) *Node {
	i, ok := b.at[ref]
	if !ok {
		known := b.dir.Node(ref)
		n := nodeOf(known)
		if known.Kind == flow.NodeAddress {
			b.names.name(&n, known.Addr, known.Netns != 0)
		}
		i = len(b.nodes)
		b.at[ref], b.nodes = i, append(b.nodes, n)
	}
	return &b.nodes[i]
}

func (b *builder) kind(ref flow.NodeRef) string { return b.node(ref).Kind }

func (b *builder) id(ref flow.NodeRef) string { return b.node(ref).ID }

func (b *builder) ids(refs []flow.NodeRef) []string {
	var out []string
	for _, r := range refs {
		out = append(out, b.id(r))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// built is an edge with the numbers of its ends.
type built struct {
	Edge
	a, b flow.NodeRef
}

func (b *builder) edge(k flow.Edge, t *tally) built {
	e, swapped := b.named(k)
	e.Connections = Connections{Active: uint64(max(t.live.active, 0)), Pending: uint64(max(t.live.pending, 0)),
		Opened: t.ended.opened, Closed: t.ended.closed, Failed: t.ended.failed}
	e.Evidence, e.open = t.evidence()
	e.Errors = t.errors
	e.figures(t, k.RoleKnown, swapped)
	var dialed []netip.AddrPort
	if t.sets != nil {
		dialed = t.sets.dialed.members()
	}
	e.Services = b.services(k, dialed)
	if t.sets != nil {
		b.addSets(&e.Edge, t.sets, k.RoleKnown, swapped)
	}
	e.countProtocols()
	return e
}

// named is an edge with its ends and id and nothing else; swapped: its ends are
// the other way round than in k.
func (b *builder) named(k flow.Edge) (e built, swapped bool) {
	e = built{a: k.A, b: k.B}
	e.Transport, e.Path = k.Transport.String(), k.Path
	first, second := b.id(k.A), b.id(k.B)
	if k.RoleKnown {
		e.Client, e.Server, e.ServerPort = first, second, k.PortB
		e.ID = EdgeID(first, second, e.Transport, portOrPath(k.PortB, k.Path))
		return e, false
	}
	swapped = b.swapped(k)
	ports := []uint16{k.PortA, k.PortB}
	if swapped {
		first, second = second, first
		slices.Reverse(ports)
	}
	e.Ends = []string{first, second}
	if k.PortA != 0 || k.PortB != 0 {
		e.EndPorts = ports
	}
	e.ID = EdgeID(first, second, e.Transport, endPorts(ports, k.Path))
	return e, swapped
}

// swapped: the ends of an edge without roles are in the order of their ids, and
// not in that of their numbers.
func (b *builder) swapped(k flow.Edge) bool {
	first, second := b.id(k.A), b.id(k.B)
	return !k.RoleKnown && (second < first || second == first && k.PortB < k.PortA)
}

// EdgeID names an edge by what makes it, and by nothing else.
func EdgeID(first, second, transport, portOrPath string) string {
	text := make([]byte, 0, 256) // on the stack, for all but long paths
	for _, s := range [...]string{first, second, transport, portOrPath} {
		text = append(append(text, s...), 0)
	}
	sum := sha256.Sum256(text)
	return "e:" + hex.EncodeToString(sum[:8])
}

func portOrPath(port uint16, path string) string {
	if port != 0 {
		return strconv.Itoa(int(port))
	}
	return path
}

// evidence counts by name what is open and what ended. Both are one where nothing
// ended; nobody writes into them.
func (t *tally) evidence() (all, open Evidence) {
	if t.ended.peer == ([len(flow.PeerEvidenceNames)]uint32{}) && t.ended.role == ([len(flow.RoleEvidenceNames)]uint32{}) {
		all = Evidence{Peer: map[string]uint64{}, Role: map[string]uint64{}}
		for i, n := range t.live.peer {
			if n > 0 {
				all.Peer[flow.PeerEvidenceNames[i]] = uint64(n)
			}
		}
		for i, n := range t.live.role {
			if n > 0 {
				all.Role[flow.RoleEvidenceNames[i]] = uint64(n)
			}
		}
		return all, all
	}
	all = Evidence{Peer: map[string]uint64{}, Role: map[string]uint64{}}
	open = Evidence{Peer: map[string]uint64{}, Role: map[string]uint64{}}
	count := func(name string, live int32, ended uint32, all, open map[string]uint64) {
		if n := uint64(max(live, 0)); n > 0 {
			open[name] = n
		}
		if n := uint64(max(live, 0)) + uint64(ended); n > 0 {
			all[name] = n
		}
	}
	for i, name := range flow.PeerEvidenceNames {
		count(name, t.live.peer[i], t.ended.peer[i], all.Peer, open.Peer)
	}
	for i, name := range flow.RoleEvidenceNames {
		count(name, t.live.role[i], t.ended.role[i], all.Role, open.Role)
	}
	return all, open
}

// figures writes the directions of an edge, by role or by the order of its
// ends, and which of them are not exact.
func (e *Edge) figures(t *tally, roleKnown, swapped bool) {
	mark := func(name string, s sum) {
		if s.known && (s.inexact || s.unknown) {
			e.Inexact = append(e.Inexact, name)
		}
	}
	var f *figures
	write := func(p pair) *Bytes {
		if !p.toA.known && !p.toB.known {
			return nil
		}
		if f == nil {
			f = &figures{}
		}
		to, back, b := f.value(p.toB), f.value(p.toA), f.next()
		switch {
		case roleKnown:
			b.ToServer, b.ToClient = to, back
		case swapped:
			b.FirstToSecond, b.SecondToFirst = back, to
		default:
			b.FirstToSecond, b.SecondToFirst = to, back
		}
		return b
	}
	toName, backName := "bytes.to_server", "bytes.to_client"
	if !roleKnown {
		toName, backName = "bytes.first_to_second", "bytes.second_to_first"
		if swapped {
			toName, backName = backName, toName
		}
	}
	mark(toName, t.bytes.toB)
	mark(backName, t.bytes.toA)
	slices.Sort(e.Inexact)
	e.Bytes = write(t.bytes)
	e.Retransmits = write(t.retransmits)
	a, b := write(t.sideA), write(t.sideB)
	if a == nil && b == nil {
		return
	}
	e.Sides = &f.sides
	if roleKnown {
		f.sides = Sides{Client: a, Server: b}
	} else if swapped {
		f.sides = Sides{First: b, Second: a}
	} else {
		f.sides = Sides{First: a, Second: b}
	}
}

// figures are all the counts of an edge, in one piece of memory.
type figures struct {
	sides  Sides
	bytes  [4]Bytes
	values [8]uint64
	pairs  int
	counts int
}

func (f *figures) next() *Bytes {
	f.pairs++
	return &f.bytes[f.pairs-1]
}

func (f *figures) value(s sum) *uint64 {
	if !s.known {
		return nil
	}
	f.counts++
	f.values[f.counts-1] = s.value
	return &f.values[f.counts-1]
}

func (b *builder) addSets(e *Edge, s *sets, roleKnown, swapped bool) {
	for _, d := range slices.SortedFunc(slices.Values(s.dialed.members()), netip.AddrPort.Compare) {
		e.Dialed = append(e.Dialed, d.String())
	}
	nameA, nameB := "client", "server"
	if !roleKnown {
		nameA, nameB = "first", "second"
		if swapped {
			nameA, nameB = nameB, nameA
		}
	}
	put := func(into *map[string][]string, name string, refs []flow.NodeRef) {
		if len(refs) == 0 {
			return
		}
		if *into == nil {
			*into = map[string][]string{}
		}
		(*into)[name] = b.ids(refs)
	}
	put(&e.Candidates, nameA, s.candidatesA.members())
	put(&e.Candidates, nameB, s.candidatesB.members())
	put(&e.Holders, nameA, s.holdersA.members())
	put(&e.Holders, nameB, s.holdersB.members())
}
