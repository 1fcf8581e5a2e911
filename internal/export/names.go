package export

import (
	"cmp"
	"fmt"
	"strconv"

	"peerscope/internal/screen"
	"peerscope/internal/topology"
)

// label is how people see a node: a name, "[pid]" or the size of a group, which
// stays whole when the name is shortened, and "@namespace".
type label struct{ text, tail, at string }

func (l label) String() string { return l.text + l.tail + l.at }

// fit shortens a label to a width: the name from its middle, the namespace from
// its beginning, each to no less than half of the room that the tail leaves.
func (l label) fit(width int, blunt bool, ellipsis string) string {
	const least = 4 // cells of a name that still say something
	room := width - screen.Width(l.tail)
	switch whole := l.String(); {
	case screen.Width(whole) <= width:
		return whole
	case blunt:
		return screen.Truncate(whole, width, ellipsis)
	case room < least:
		return screen.Shorten(whole, width, ellipsis)
	}
	name := screen.Shorten(l.text, max(room-screen.Width(l.at), (room+1)/2), ellipsis)
	at := l.at
	if left := room - screen.Width(name); screen.Width(at) > left {
		at = screen.Head(at, 1) + ellipsis
		if keep := left - screen.Width(at); keep > 0 {
			at += screen.Tail(l.at, keep)
		} else {
			at = ""
		}
	}
	return name + l.tail + at
}

// names knows the labels of a map's nodes: "nginx[812]", an address, "kernel",
// "curl ×31" for a group, with "@namespace" where the rest does not tell where.
type names struct {
	style  Style
	nodes  map[string]*topology.Node
	places map[string]string // by node id: "@name" or "@inode", where it is needed
	labels map[string]label  // by node id, those asked for so far
}

func newNames(m *topology.Map, style Style) *names {
	n := &names{
		style:  style,
		nodes:  make(map[string]*topology.Node, len(m.Nodes)),
		places: map[string]string{},
		labels: make(map[string]label, len(m.Nodes)),
	}
	spaces := map[uint64]bool{}            // namespaces of the map
	namesake := map[string]uint64{}        // namespace of the first node of a name
	spread := map[string]bool{}            // names that several namespaces have
	key := func(d *topology.Node) string { // addresses and programs never share one
		return d.Kind + "\x00" + d.Name
	}
	for i := range m.Nodes {
		d := &m.Nodes[i]
		n.nodes[d.ID] = d
		ns := d.Attributes.NetnsInode
		if ns == 0 {
			continue
		}
		spaces[ns] = true
		if first, ok := namesake[key(d)]; !ok {
			namesake[key(d)] = ns
		} else if first != ns {
			spread[key(d)] = true
		}
	}
	if len(spaces) < 2 { // everything is in one place
		return n
	}
	for i := range m.Nodes {
		d := &m.Nodes[i]
		// A node of an address has a namespace only where the address says
		// nothing without it.
		if d.Attributes.NetnsInode != 0 && (spread[key(d)] || isAddress(d)) {
			n.places[d.ID] = "@" + place(d)
		}
	}
	return n
}

// isAddress reports whether nothing is known of a node but where it is.
func isAddress(d *topology.Node) bool { return d.Kind == topology.KindAddress }

// place names the network namespace of a node as `ip netns` does, else by inode.
func place(d *topology.Node) string {
	if d.Attributes.NetnsName != "" {
		return d.Attributes.NetnsName
	}
	return strconv.FormatUint(d.Attributes.NetnsInode, 10)
}

// name is the label without a pid, as the head of a branch shows it.
func (n *names) name(d *topology.Node) string {
	if d.Name == "" {
		return n.style.clean(d.ID)
	}
	return n.style.clean(d.Name)
}

// label is for where a node stands beside others. An id without a node, which
// no whole map has, stands for itself.
func (n *names) label(id string) label {
	l, ok := n.labels[id]
	if !ok {
		l = n.makeLabel(id)
		n.labels[id] = l
	}
	return l
}

// makeLabel works a label out; label keeps it, as a busy node has many edges.
func (n *names) makeLabel(id string) label {
	d := n.nodes[id]
	if d == nil {
		return label{text: n.style.clean(id)}
	}
	at := n.style.clean(n.places[id])
	switch d.Kind {
	case topology.KindProcess:
		if d.Attributes.PID != 0 && !nameless(d) {
			return label{n.name(d), fmt.Sprintf("[%d]", d.Attributes.PID), at}
		}
	case topology.KindGroup:
		return label{n.name(d), fmt.Sprintf(" %s%d", n.style.glyphs().times, groupSize(d)), at}
	}
	return label{text: n.name(d), at: at}
}

// nameless reports whether a process has its pid for a name.
func nameless(d *topology.Node) bool {
	return d.Name == fmt.Sprintf("pid %d", d.Attributes.PID)
}

// groupSize is how many a group stands for: processes where it has any.
func groupSize(d *topology.Node) int {
	if d.Attributes.Processes > 0 {
		return d.Attributes.Processes
	}
	return len(d.Attributes.Members)
}

// owner is what a process runs in: its pod, else its container, else its unit. A
// group is not in one, it may be one.
type owner struct{ kind, name string }

func (o owner) String() string { return o.kind + " " + o.name }

// owner is what runs a process, with the runtime's name where it is known; ok is
// false if nothing is known to.
func (n *names) owner(d *topology.Node) (owner, bool) {
	a := &d.Attributes
	switch {
	case d.Kind == topology.KindGroup:
	case a.PodName != "":
		return owner{"pod", n.style.clean(podName(a))}, true
	case a.ContainerID != "":
		o := owner{"container", n.style.clean(cmp.Or(a.ContainerName, shortID(a.ContainerID)))}
		if a.Runtime != "" {
			o.kind = n.style.clean(a.Runtime) + " container"
		}
		return o, true
	case a.Unit != "":
		return owner{"unit", n.style.clean(a.Unit)}, true
	}
	return owner{}, false
}

// podName is a pod's name with its namespace, as kubectl takes it.
func podName(a *topology.Attributes) string {
	if a.Namespace == "" {
		return a.PodName
	}
	return a.Namespace + "/" + a.PodName
}

// shortID is what container tools show of an id: its first 12 hex digits.
func shortID(id string) string {
	if len(id) <= 12 {
		return id
	}
	for i := range 12 {
		if c := id[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return id
		}
	}
	return id[:12]
}
