package attribution

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"peerscope/internal/flow"
)

// addresses numbers IP addresses, so that a record holds 4 bytes for one.
// Number 0 is the unspecified or unknown address.
type addresses struct {
	numbers
	index index
	list  []netip.Addr
	keys  [][2]uint64
	kinds []addrKind
}

// addrKind is what is asked of an address with every connection.
type addrKind uint8

const (
	addrLoopback  addrKind = 1 << iota // lives in every namespace
	addrLinkLocal                      // lives on a link
	addr4                              // IPv4
	addrGroup                          // multicast or broadcast: many receivers
)

func kindOf(a netip.Addr) addrKind {
	var k addrKind
	if a.IsLoopback() {
		k |= addrLoopback
	}
	if a.IsLinkLocalUnicast() {
		k |= addrLinkLocal
	}
	if a.Is4() {
		k |= addr4
	}
	if a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		k |= addrGroup
	}
	return k
}

func (t *addresses) is(n uint32, k addrKind) bool { return t.kinds[n]&k != 0 }

func newAddresses() addresses {
	return addresses{index: newIndex(256), list: make([]netip.Addr, 1, 256), keys: make([][2]uint64, 1, 256), kinds: make([]addrKind, 1, 256)}
}

// number of a, which must be unmapped and without a zone. IPv4 and IPv6 never
// share a key, because an IPv4-mapped address is always written as IPv4.
func (t *addresses) number(a netip.Addr) uint32 {
	if !a.IsValid() || a.IsUnspecified() {
		return 0
	}
	b := a.As16()
	key := [2]uint64{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
	hash := addressHash(key)
	i := t.index.home(hash)
	for ; ; i = t.index.next(i) {
		slot := t.index.slots[i]
		ref := uint32(slot)
		if ref == 0 {
			break
		}
		if uint32(slot>>32) == hash && t.keys[ref] == key {
			return ref
		}
	}
	ref, grow := t.take(len(t.list))
	if grow {
		t.list, t.keys, t.kinds = append(t.list, a), append(t.keys, key), append(t.kinds, 0)
	}
	t.list[ref], t.keys[ref], t.kinds[ref] = a, key, kindOf(a)
	t.index.put(i, hash, ref)
	return ref
}

func addressHash(key [2]uint64) uint32 {
	return uint32((spread(key[0]) + spread(key[1]^key[1]>>29)) * 0x94d049bb133111eb >> 32)
}

// forget frees the addresses that are not needed.
func (t *addresses) forget(needed marks) {
	end := t.sweep(len(t.list), needed, func(n uint32) { t.index.remove(addressHash(t.keys[n]), n) })
	t.list, t.keys, t.kinds = shorten(t.list, end), shorten(t.keys, end), shorten(t.kinds, end)
}

// nodeKey identifies a node: ref is a process or address number.
type nodeKey struct {
	kind  flow.NodeKind
	netns uint32 // scope of an address or kernel; 0: none
	ref   uint32
}

func (e *Engine) nodeNumber(k nodeKey) NodeRef {
	n, ok := e.nodeByKey[k]
	if !ok {
		ref, grow := e.nodeNumbers.take(len(e.nodes))
		if grow {
			e.nodes = append(e.nodes, k)
		}
		n = NodeRef(ref)
		e.nodes[n] = k
		e.nodeByKey[k] = n
	}
	return n
}

func (e *Engine) processNode(p uint32) NodeRef {
	if e.processes.nodes[p] == 0 {
		e.processes.nodes[p] = e.nodeNumber(nodeKey{kind: flow.NodeProcess, ref: p})
	}
	return e.processes.nodes[p]
}

// addressNode is the node of an address as a socket in netns sees it. An
// address that means something else elsewhere is a node of that namespace:
// loopback, link-local, and what more than one observed namespace owns.
func (e *Engine) addressNode(addr, netns uint32) NodeRef {
	if addr != 0 && !e.addrs.is(addr, addrLoopback|addrLinkLocal) && len(e.owners(addr)) <= 1 {
		netns = 0
	}
	return e.nodeNumber(nodeKey{kind: flow.NodeAddress, netns: netns, ref: addr})
}

func (e *Engine) kernelNode(netns uint32) NodeRef {
	return e.nodeNumber(nodeKey{kind: flow.NodeKernel, netns: netns})
}

// insertSorted returns list with v in its place, and whether it was new. It
// copies rather than writing into a list somebody else may hold.
func insertSorted(list []uint32, v uint32) ([]uint32, bool) {
	i, found := slices.BinarySearch(list, v)
	if found {
		return list, false
	}
	out := make([]uint32, 0, len(list)+1)
	out = append(out, list[:i]...)
	out = append(out, v)
	return append(out, list[i:]...), true
}

// removeSorted returns list without v, nil if nothing is left, and whether v was
// there. It copies likewise.
func removeSorted(list []uint32, v uint32) ([]uint32, bool) {
	i, found := slices.BinarySearch(list, v)
	switch {
	case !found:
		return list, false
	case len(list) == 1:
		return nil, true
	}
	return slices.Concat(list[:i], list[i+1:]), true
}
