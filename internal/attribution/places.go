package attribution

import (
	"net/netip"
	"slices"
)

// places says in which namespaces an address lives: where the kernel delivers
// packets for it to the namespace itself.
type places struct {
	byAddr   [][]uint32                // namespaces of single addresses, by address number
	prefixes map[netip.Prefix][]uint32 // AnyIP: whole prefixes that are local
}

func newPlaces() places { return places{prefixes: map[netip.Prefix][]uint32{}} }

// add records that netns owns p and reports whether that is new. Loopback is
// left out: every namespace has its own.
func (t *places) add(p netip.Prefix, netns uint32, addrs *addresses) bool {
	if p.Addr().IsLoopback() {
		return false
	}
	if !p.IsSingleIP() {
		list, isNew := insertSorted(t.prefixes[p], netns)
		t.prefixes[p] = list
		return isNew
	}
	a := addrs.number(p.Addr())
	for int(a) >= len(t.byAddr) {
		t.byAddr = append(t.byAddr, nil)
	}
	list, isNew := insertSorted(t.byAddr[a], netns)
	t.byAddr[a] = list
	return isNew
}

// remove takes p from netns and reports whether it had it.
func (t *places) remove(p netip.Prefix, netns uint32, addrs *addresses) bool {
	if p.Addr().IsLoopback() {
		return false
	}
	if !p.IsSingleIP() {
		list, had := removeSorted(t.prefixes[p], netns)
		if t.prefixes[p] = list; len(list) == 0 {
			delete(t.prefixes, p)
		}
		return had
	}
	a := addrs.number(p.Addr())
	if int(a) >= len(t.byAddr) {
		return false
	}
	list, had := removeSorted(t.byAddr[a], netns)
	t.byAddr[a] = list
	return had
}

// owners lists the namespaces a non-loopback address lives in, sorted.
func (e *Engine) owners(addr uint32) []uint32 {
	var list []uint32
	if int(addr) < len(e.homes.byAddr) {
		list = e.homes.byAddr[addr]
	}
	if len(e.homes.prefixes) == 0 {
		return list
	}
	for p, in := range e.homes.prefixes {
		if p.Contains(e.addrs.list[addr]) {
			for _, n := range in {
				list, _ = insertSorted(list, n)
			}
		}
	}
	return list
}

// livesIn reports whether a socket in netns from, that talks to addr, may have
// its other end in namespace in. A namespace's own address is nobody else's
// for it; link-local addresses belong to a link, so they may be.
func (e *Engine) livesIn(addr, from, in uint32) bool {
	if e.addrs.is(addr, addrLoopback) {
		return from == in
	}
	own := e.owners(addr)
	if len(own) == 0 {
		return from == in
	}
	if !e.addrs.is(addr, addrLinkLocal) && slices.Contains(own, from) {
		return from == in
	}
	return slices.Contains(own, in)
}

// mayHide reports whether an address that a socket in netns from talks to may
// live in a namespace whose sockets are not read, so that a single match among
// those that are read is not the only one possible.
func (e *Engine) mayHide(addr, from uint32) bool {
	if e.addrs.is(addr, addrLoopback) {
		return false
	}
	own := e.owners(addr)
	if slices.Contains(own, from) && !e.addrs.is(addr, addrLinkLocal) {
		return false
	}
	for _, n := range own {
		if !e.netns.list[n].observed {
			return true
		}
	}
	return false
}

// homesOf lists the namespaces in which addr may live for a socket in netns
// from: its own one alone, if the address is at home there.
func (e *Engine) homesOf(addr, from uint32) []uint32 {
	own := e.owners(addr)
	if e.addrs.is(addr, addrLoopback) || slices.Contains(own, from) && !e.addrs.is(addr, addrLinkLocal) {
		return []uint32{from}
	}
	return own
}
