package attribution

import "peerscope/internal/flow"

// The engine runs for weeks. Everything it numbers (addresses, namespaces,
// processes, sets of holders, nodes, edges, paths) is freed when nothing leads to
// it any more, and the number is used again. What leads to it is found by going
// through all that is there, now and then: when as many numbers were given out
// since the last time as is a good part of what there is to go through. So the
// cost of a window stays in proportion to what changed.
//
// It is done when a window begins to close: until then all numbers that were given
// to the ledger in the window before, and those that are explained, stand for what
// they stood for.

// forgetting says when it is done. Nothing but memory depends on it.
type forgetting struct {
	when forgetWhen
	kept int // numbers in use after the last sweep
}

type forgetWhen uint8

const (
	forgetInTime forgetWhen = iota
	forgetAlways            // with every window
	forgetNever
)

const (
	sweepLeast = 1024 // numbers given out that make a sweep worth it
	sweepShare = 4    // and the part of all there is
)

// forget sweeps if it is time to.
func (e *Engine) forget() {
	given := e.addrs.made + e.netns.made + e.processes.made + e.setNumbers.made + e.nodeNumbers.made + e.edgeNumbers.made + e.pathNumbers.made
	switch e.forgetting.when {
	case forgetNever:
		return
	case forgetInTime:
		if given < max(sweepLeast, (int(e.count)+e.forgetting.kept)/sweepShare) {
			return
		}
	}
	e.sweep()
}

// needs are the numbers that something leads to.
type needs struct {
	e                                                  *Engine
	addrs, netns, processes, sets, nodes, edges, paths marks
}

func (e *Engine) sweep() {
	n := &needs{e, newMarks(len(e.addrs.list)), newMarks(len(e.netns.list)), newMarks(len(e.processes.keys)), newMarks(len(e.sets)),
		newMarks(len(e.nodes)), newMarks(len(e.edges)), newMarks(len(e.paths))}
	n.fromHalves()
	n.fromListeners()
	n.fromUnix()
	n.fromTranslations()
	n.fromPlaces()
	for ref := range e.sets {
		if n.sets.has(uint32(ref)) {
			for _, p := range e.sets[ref] {
				n.processes.set(p)
			}
		}
	}
	for ref := range e.edges {
		if k := &e.edges[ref]; n.edges.has(uint32(ref)) {
			n.edge(k)
		}
	}
	for ref := range e.nodes {
		if k := &e.nodes[ref]; n.nodes.has(uint32(ref)) {
			n.node(k)
		}
	}
	for p := range e.processes.facts {
		if n.processes.has(uint32(p)) || e.lives(&e.processes.facts[p]) {
			n.processes.set(uint32(p))
			n.nodes.set(uint32(e.processes.nodes[p]))
		}
	}
	n.free()
}

func (n *needs) edge(k *EdgeKey) {
	n.nodes.set(uint32(k.A))
	n.nodes.set(uint32(k.B))
	n.paths.set(k.Path)
}

func (n *needs) node(k *nodeKey) {
	n.netns.set(k.netns)
	switch k.kind {
	case flow.NodeProcess:
		n.processes.set(k.ref)
	case flow.NodeAddress:
		n.addrs.set(k.ref)
	}
}

func (n *needs) holders(ref uint32) {
	if ref&holderSet != 0 {
		n.sets.set(ref &^ holderSet)
	} else {
		n.processes.set(ref)
	}
}

func (n *needs) fromHalves() {
	e := n.e
	for i := uint32(1); i < e.count; i++ {
		h := e.half(i)
		if !h.told() {
			continue
		}
		n.addrs.set(h.local)
		n.addrs.set(h.peer)
		n.netns.set(h.netns)
		n.holders(h.holder)
		n.edges.set(uint32(h.edge))
	}
	for _, list := range e.handovers {
		for i := range list {
			n.processes.set(list[i].from)
		}
	}
	for _, b := range e.beside {
		b.each(func(ref NodeRef) { n.nodes.set(uint32(ref)) })
	}
	for i := range e.legs {
		n.edge(&e.legs[i].key)
	}
}

func (n *needs) fromListeners() {
	for _, l := range n.e.listeners.byCookie {
		n.addrs.set(l.addr)
		n.netns.set(l.key.netns)
		n.holders(l.holders)
	}
}

func (n *needs) fromUnix() {
	for _, u := range n.e.unix.byKey {
		n.netns.set(u.netns)
		n.holders(u.holders)
		n.edges.set(uint32(u.edge))
		u.beside.each(func(ref NodeRef) { n.nodes.set(uint32(ref)) })
	}
}

func (n *needs) fromTranslations() {
	for key := range n.e.nat.byKey {
		n.netns.set(key.netns)
		for _, t := range [...]natTuple{key.client, key.server} {
			n.addrs.set(t.local)
			n.addrs.set(t.peer)
		}
	}
}

// fromPlaces: namespaces that live are needed with all their addresses.
func (n *needs) fromPlaces() {
	e := n.e
	for addr, owners := range e.homes.byAddr {
		if len(owners) > 0 {
			n.addrs.set(uint32(addr))
		}
	}
	for i := range e.netns.list {
		ns := &e.netns.list[i]
		if ns.known && !ns.over {
			n.netns.set(uint32(i))
		}
		for _, p := range ns.hadBroadcast {
			n.addrs.set(e.addrs.number(p.Addr()))
		}
	}
	for _, i := range e.netns.ended {
		n.netns.set(i)
	}
}

// free frees everything else.
func (n *needs) free() {
	e := n.e
	e.edges = shorten(e.edges, e.edgeNumbers.sweep(len(e.edges), n.edges, func(ref uint32) {
		e.edgeIndex.remove(edgeHash(&e.edges[ref]), ref)
	}))
	e.nodes = shorten(e.nodes, e.nodeNumbers.sweep(len(e.nodes), n.nodes, func(ref uint32) {
		k := e.nodes[ref]
		if delete(e.nodeByKey, k); k.kind == flow.NodeProcess {
			e.processes.nodes[k.ref] = 0
		}
	}))
	e.paths = shorten(e.paths, e.pathNumbers.sweep(len(e.paths), n.paths, func(ref uint32) {
		delete(e.pathByName, e.paths[ref])
		e.paths[ref] = ""
	}))
	e.sets = shorten(e.sets, e.setNumbers.sweep(len(e.sets), n.sets, func(ref uint32) {
		delete(e.setByKey, string(e.setKey(e.sets[ref])))
		e.sets[ref] = nil
	}))
	e.processes.forget(n.processes)
	e.netns.forget(n.netns)
	e.addrs.forget(n.addrs)
	if size := len(e.addrs.list); len(e.homes.byAddr) > size {
		e.homes.byAddr = shorten(e.homes.byAddr, size)
	}
	e.nat.flows, e.intercepted = nil, nil // they are made anew
	e.forgetting.kept = e.addrs.inUse(len(e.addrs.list)) + e.netns.inUse(len(e.netns.list)) + e.processes.inUse(len(e.processes.keys)) +
		e.setNumbers.inUse(len(e.sets)) + e.nodeNumbers.inUse(len(e.nodes)) + e.edgeNumbers.inUse(len(e.edges)) + e.pathNumbers.inUse(len(e.paths))
}
