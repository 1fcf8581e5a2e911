package kubernetes

import (
	"net/netip"
	"slices"

	"peerscope/internal/flow"
)

// Names says whose an address is, and was at or after since: of a pod that has
// an address of its own, of a service that is reached there, of a node. Where
// several services share an address, or a service has that of a node, the name
// is one of the ports alone.
func (d *Directory) Names(addr netip.Addr, since flow.Time) []flow.AddressName {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var out []flow.AddressName
	for _, t := range d.byAddr[addr] {
		if t.until != 0 && t.until < since {
			continue
		}
		p := t.pod
		out = append(out, flow.AddressName{Addr: addr, Kind: flow.AddressPod, Pod: flow.Pod{UID: p.UID, Name: p.Name, Namespace: p.Namespace,
			Node: p.Node, Owners: d.ownersOf(p), Services: d.servicesOf(p)}, Name: p.Name, Namespace: p.Namespace})
	}
	nodes := d.nodeByAddr[addr]
	for _, n := range nodes {
		out = append(out, flow.AddressName{Addr: addr, Kind: flow.AddressNode, Name: n.Name})
	}
	services := d.virtual[addr]
	for _, s := range services {
		name := flow.AddressName{Addr: addr, Kind: flow.AddressService, Name: s.Name, Namespace: s.Namespace}
		if len(services) == 1 && len(nodes) == 0 {
			out = append(out, name)
			continue
		}
		for _, p := range s.Ports {
			name.Transport, name.Port = p.Transport, p.Port
			out = append(out, name)
		}
	}
	slices.SortFunc(out, flow.AddressName.Compare)
	return out
}

// MayBeNodePort reports whether some service is reached through that port of a
// node, or no services are known yet.
func (d *Directory) MayBeNodePort(t flow.Transport, port uint16) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if port == 0 || !d.expected {
		return false
	}
	_, ok := d.nodePorts[nodePort{t, port}]
	return ok || !d.servicesRead
}

// NodePort says which service is reached through that port of a node, if addr is
// a node's.
func (d *Directory) NodePort(t flow.Transport, at netip.AddrPort) []flow.AddressName {
	d.mu.RLock()
	defer d.mu.RUnlock()
	services := d.nodePorts[nodePort{t, at.Port()}]
	if len(services) == 0 || len(d.nodeByAddr[at.Addr()]) == 0 {
		return nil
	}
	var out []flow.AddressName
	for _, s := range services {
		out = append(out, flow.AddressName{Addr: at.Addr(), Transport: t, Port: at.Port(), Kind: flow.AddressService, Name: s.Name, Namespace: s.Namespace})
	}
	slices.SortFunc(out, flow.AddressName.Compare)
	return out
}
