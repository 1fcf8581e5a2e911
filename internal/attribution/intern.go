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
	hash := uint32((spread(key[0]) + spread(key[1]^key[1]>>29)) * 0x94d049bb133111eb >> 32)
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
	ref := uint32(len(t.list))
	t.list = append(t.list, a)
	t.keys = append(t.keys, key)
	t.kinds = append(t.kinds, kindOf(a))
	t.index.put(i, hash, ref)
	return ref
}

// namespace is a network namespace and what lives in it.
type namespace struct {
	id         flow.NetnsID
	inode      uint64
	name       string
	observed   bool
	deathsSeen bool
	lossy      bool // deaths may have been missed since the last Close
	missed     bool // or in the window that was closed by it
}

// processes numbers processes. What is asked for with every connection lies
// apart from the rest, so that it stays in the processor's cache.
type processes struct {
	index index
	keys  []flow.ProcessKey
	nodes []NodeRef
	facts []processFacts
}

type processFacts struct {
	info   flow.Process
	known  bool // info was told
	exited bool
	// learned are local ports on which it was seen as a server: from then on they
	// count as declared.
	learned map[uint16]bool
}

func newProcesses() processes {
	return processes{index: newIndex(256), keys: make([]flow.ProcessKey, 1), nodes: make([]NodeRef, 1), facts: make([]processFacts, 1)}
}

// number of the process k; 0 for none.
func (t *processes) number(k flow.ProcessKey) uint32 {
	if k.IsZero() {
		return 0
	}
	hash := uint32(spread(k.Start<<22^uint64(k.PID)) * 0x94d049bb133111eb >> 32)
	i := t.index.home(hash)
	for ; ; i = t.index.next(i) {
		slot := t.index.slots[i]
		ref := uint32(slot)
		if ref == 0 {
			break
		}
		if uint32(slot>>32) == hash && t.keys[ref] == k {
			return ref
		}
	}
	ref := uint32(len(t.keys))
	t.keys = append(t.keys, k)
	t.nodes = append(t.nodes, 0)
	t.facts = append(t.facts, processFacts{})
	t.index.put(i, hash, ref)
	return ref
}

// oldest of some processes: of those that share a listener, the one that made it.
func (t *processes) oldest(list []uint32) uint32 { return slices.MinFunc(list, t.compare) }

// compare orders two processes by their keys, the older one first.
func (t *processes) compare(a, b uint32) int { return t.keys[a].Compare(t.keys[b]) }

// nodeKey identifies a node: ref is a process or address number.
type nodeKey struct {
	kind  flow.NodeKind
	netns uint32 // scope of an address or kernel; 0: none
	ref   uint32
}

// netnsNumber numbers a namespace.
func (e *Engine) netnsNumber(id flow.NetnsID) uint32 {
	hash := uint32(spread(uint64(id)) * 0x94d049bb133111eb >> 32)
	i := e.netnsIndex.home(hash)
	for ; ; i = e.netnsIndex.next(i) {
		n := uint32(e.netnsIndex.slots[i])
		if n == 0 {
			break
		}
		if e.namespaces[n].id == id {
			return n
		}
	}
	n := uint32(len(e.namespaces))
	e.namespaces = append(e.namespaces, namespace{id: id})
	e.netnsIndex.put(i, hash, n)
	return n
}

func (e *Engine) nodeNumber(k nodeKey) NodeRef {
	n, ok := e.nodeByKey[k]
	if !ok {
		n = NodeRef(len(e.nodes))
		e.nodes = append(e.nodes, k)
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
