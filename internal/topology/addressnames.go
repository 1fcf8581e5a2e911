package topology

import (
	"net/netip"
	"slices"

	"peerscope/internal/flow"
)

// addressNames are the names of addresses, by what they are of. Where several
// have had one address or port within the window, none is named.
type addressNames map[namedAt][]flow.AddressName

// namedAt is an address, or one port of it.
type namedAt struct {
	at        netip.AddrPort // port 0: the address as a whole
	transport flow.Transport // unknown: any
}

func newAddressNames(list []flow.AddressName) addressNames {
	names := addressNames{}
	for _, n := range list {
		k := namedAt{netip.AddrPortFrom(n.Addr, n.Port), n.Transport}
		names[k] = append(names[k], n)
	}
	return names
}

// only is the one name there is.
func (names addressNames) only(k namedAt) (flow.AddressName, bool) {
	if list := names[k]; len(list) == 1 {
		return list[0], true
	}
	return flow.AddressName{}, false
}

// name writes down whose address a node is. An address that means something
// else in another namespace has no name that holds everywhere.
func (names addressNames) name(n *Node, addr netip.Addr, scoped bool) {
	name, ok := names.only(namedAt{at: netip.AddrPortFrom(addr, 0)})
	if !ok || scoped {
		return
	}
	n.Name = display(&name)
	a := &n.Attributes
	switch name.Kind {
	case flow.AddressPod:
		a.setPod(&name.Pod)
		a.PodName, a.Namespace = name.Name, name.Namespace
	case flow.AddressService:
		a.KubeService, a.Namespace = name.Name, name.Namespace
	case flow.AddressNode:
		a.NodeName = name.Name
	}
}

// display is how people write it: namespace/name.
func display(n *flow.AddressName) string {
	if n.Namespace == "" {
		return n.Name
	}
	return n.Namespace + "/" + n.Name
}

// service is the one that is reached at an address and port; empty: none is
// known. What is said of the port goes before what is said of the address.
func (names addressNames) service(t flow.Transport, at netip.AddrPort) string {
	for _, k := range [...]namedAt{{at, t}, {at: netip.AddrPortFrom(at.Addr(), 0)}} {
		list := names[k]
		if len(list) == 1 && list[0].Kind == flow.AddressService {
			return display(&list[0])
		}
		if k.at.Port() != 0 && len(list) > 0 {
			return ""
		}
	}
	return ""
}

// services are those that clients called through this edge, by what they asked
// for, and by the server's own address where that is a service's.
func (b *builder) services(k flow.Edge, dialed []netip.AddrPort) []string {
	if len(b.names) == 0 {
		return nil
	}
	var out []string
	for _, at := range dialed {
		out = append(out, b.names.service(k.Transport, at))
	}
	if server := b.dir.Node(k.B); k.RoleKnown && server.Kind == flow.NodeAddress && server.Netns == 0 && server.Addr.IsValid() {
		out = append(out, b.names.service(k.Transport, netip.AddrPortFrom(server.Addr, k.PortB)))
	}
	out = slices.DeleteFunc(out, func(s string) bool { return s == "" })
	slices.Sort(out)
	return slices.Compact(out)
}
