package attribution

import (
	"net/netip"
	"slices"

	"peerscope/internal/flow"
)

// namespaces numbers network namespaces, from 1.
type namespaces struct {
	numbers
	index index
	list  []namespace
	moved []uint32 // whose addresses may have changed, or which ended, since the last Close
	ended []uint32 // which ended, of which something is known still
}

// namespace is a network namespace and what lives in it.
type namespace struct {
	id         flow.NetnsID
	inode      uint64
	name       string
	observed   bool
	deathsSeen bool
	lossy      bool      // deaths may have been missed since the last Close
	missed     bool      // or in the window that was closed by it
	census     flow.Time // when the latest census since the last Close began

	known bool      // it was told as living
	told  flow.Time // when that was last
	gone  flow.Time // when it was told to have ended; 0: it lives
	ended uint32    // how many windows had been closed then
	over  bool      // it ended, and nothing new is known to be in it
	// local and broadcast are the addresses that live in it, at the time at.
	at               flow.Time
	local, broadcast []netip.Prefix
	// had are those that it had at any time since the last Close, leaving those
	// that it had in the window before and had no more at its end.
	had, leaving                   []netip.Prefix
	hadBroadcast, leavingBroadcast []netip.Prefix
}

func newNamespaces() namespaces { return namespaces{index: newIndex(64), list: make([]namespace, 1)} }

func netnsHash(id flow.NetnsID) uint32 { return uint32(spread(uint64(id)) * 0x94d049bb133111eb >> 32) }

// netnsNumber numbers a namespace.
func (e *Engine) netnsNumber(id flow.NetnsID) uint32 {
	t := &e.netns
	hash := netnsHash(id)
	i := t.index.home(hash)
	for ; ; i = t.index.next(i) {
		n := uint32(t.index.slots[i])
		if n == 0 {
			break
		}
		if t.list[n].id == id {
			return n
		}
	}
	n, grow := t.take(len(t.list))
	if grow {
		t.list = append(t.list, namespace{})
	}
	t.list[n] = namespace{id: id}
	t.index.put(i, hash, n)
	return n
}

func (t *namespaces) forget(needed marks) {
	end := t.sweep(len(t.list), needed, func(n uint32) {
		t.index.remove(netnsHash(t.list[n].id), n)
		t.list[n] = namespace{}
	})
	t.list = shorten(t.list, end)
}

// namespaceInfo merges a telling of a namespace. Within a window all addresses
// that were told count, whatever came first; from the next one on those that were
// told last. A telling without addresses says nothing of them.
func (e *Engine) namespaceInfo(o *flow.Namespace) {
	n := e.netnsNumber(o.ID)
	ns := &e.netns.list[n]
	if o.Gone {
		if ns.gone == 0 {
			ns.ended = e.closes
			e.netns.moved, e.netns.ended = append(e.netns.moved, n), append(e.netns.ended, n)
		}
		ns.gone, ns.inode = max(ns.gone, o.Time), max(ns.inode, o.Inode)
		return
	}
	if ns.over { // somebody found it again
		*ns = namespace{id: ns.id, inode: ns.inode}
	}
	ns.known, ns.told = true, max(ns.told, o.Time)
	ns.inode = max(ns.inode, o.Inode)
	if o.Name != "" && (ns.name == "" || o.Name < ns.name) {
		ns.name = o.Name
	}
	ns.observed = ns.observed || o.Observed
	ns.deathsSeen = ns.deathsSeen || o.DeathsSeen
	if len(o.Local)+len(o.Broadcast) > 0 {
		e.addresses(n, ns, o)
	}
}

// addresses takes over which addresses live in a namespace.
func (e *Engine) addresses(n uint32, ns *namespace, o *flow.Namespace) {
	if len(ns.had) > 0 || len(ns.local) > 0 {
		e.netns.moved = append(e.netns.moved, n)
	}
	switch {
	case ns.local == nil && ns.broadcast == nil || o.Time > ns.at:
		ns.at, ns.local, ns.broadcast = o.Time, slices.Clone(o.Local), slices.Clone(o.Broadcast)
	case o.Time == ns.at:
		ns.local, ns.broadcast = uniteAddresses(ns.local, o.Local), uniteAddresses(ns.broadcast, o.Broadcast)
	}
	for _, p := range o.Local {
		if e.homes.add(p, n, &e.addrs) {
			e.topologyChanged, e.lanes.stale = true, true
		}
	}
	for _, p := range o.Broadcast {
		if a := e.addrs.number(p.Addr()); p.IsSingleIP() && !e.addrs.is(a, addrGroup) {
			e.addrs.kinds[a] |= addrGroup
			e.topologyChanged, e.lanes.stale = true, true
		}
	}
	ns.had, ns.hadBroadcast = uniteAddresses(ns.had, o.Local), uniteAddresses(ns.hadBroadcast, o.Broadcast)
}

// uniteAddresses appends what is not there yet.
func uniteAddresses(list, more []netip.Prefix) []netip.Prefix {
	for _, p := range more {
		if !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	return list
}

// noteLeaving is called when a window was decided: what its namespaces had and
// have no more at its end is theirs until the next one closes.
func (e *Engine) noteLeaving() {
	t := &e.netns
	slices.Sort(t.moved)
	for _, n := range slices.Compact(t.moved) {
		ns := &t.list[n]
		if ns.gone != 0 && ns.gone >= ns.told {
			ns.local, ns.broadcast = nil, nil
		}
		ns.leaving, ns.leavingBroadcast = without(ns.had, ns.local), without(ns.hadBroadcast, ns.broadcast)
		ns.had, ns.hadBroadcast = slices.Clone(ns.local), slices.Clone(ns.broadcast)
	}
	t.moved = t.moved[:0]
}

// without lists what is in list and not in those.
func without(list, those []netip.Prefix) []netip.Prefix {
	return slices.DeleteFunc(slices.Clone(list), func(p netip.Prefix) bool { return slices.Contains(those, p) })
}

// settleNamespaces takes from the namespaces the addresses that were leaving. What
// else is known of one that ended stays one window longer.
func (e *Engine) settleNamespaces() {
	t := &e.netns
	for i := range t.list {
		ns := &t.list[i]
		ns.missed, ns.lossy = ns.lossy, false
		if ns.leaving == nil && ns.leavingBroadcast == nil {
			continue
		}
		changed := false
		for _, p := range without(ns.leaving, ns.had) {
			changed = e.homes.remove(p, uint32(i), &e.addrs) || changed
		}
		for _, p := range without(ns.leavingBroadcast, ns.hadBroadcast) {
			changed = e.endBroadcast(p) || changed
		}
		if ns.leaving, ns.leavingBroadcast = nil, nil; changed {
			e.topologyChanged, e.lanes.stale, e.lanes.place = true, true, nil
		}
	}
	t.ended = slices.DeleteFunc(t.ended, func(n uint32) bool {
		ns := &t.list[n]
		if ns.gone < ns.told { // it was told again since
			ns.gone = 0
		}
		ns.over = ns.gone != 0 && e.closes-ns.ended >= 2
		return ns.gone == 0 || ns.over
	})
}

// endBroadcast: an address is a broadcast address as long as one namespace says so.
func (e *Engine) endBroadcast(p netip.Prefix) (ended bool) {
	if !p.IsSingleIP() {
		return false
	}
	for i := range e.netns.list {
		if slices.Contains(e.netns.list[i].hadBroadcast, p) {
			return false
		}
	}
	a := e.addrs.number(p.Addr())
	e.addrs.kinds[a] = kindOf(p.Addr())
	return true
}
