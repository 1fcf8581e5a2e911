package attribution

// ForgetAlways makes an engine forget with every window, ForgetNever never.
func (e *Engine) ForgetAlways() { e.forgetting.when = forgetAlways }
func (e *Engine) ForgetNever()  { e.forgetting.when = forgetNever }

// Numbers are how many numbers each table has given out and not freed.
func (e *Engine) Numbers() map[string]int {
	return map[string]int{
		"addresses": e.addrs.inUse(len(e.addrs.list)), "namespaces": e.netns.inUse(len(e.netns.list)),
		"processes": e.processes.inUse(len(e.processes.keys)), "sets": e.setNumbers.inUse(len(e.sets)),
		"nodes": e.nodeNumbers.inUse(len(e.nodes)), "edges": e.edgeNumbers.inUse(len(e.edges)), "paths": e.pathNumbers.inUse(len(e.paths)),
		"halves": int(e.count) - 1 - len(e.free), "unix": len(e.unix.byKey), "listeners": len(e.listeners.byCookie),
		"translations": len(e.nat.byKey), "handovers": len(e.handovers), "beside": len(e.beside), "errnos": len(e.errnos),
		"groups": len(e.lanes.groups), "pages": len(e.byCookie.pages) - 1 - len(e.byCookie.free),
		"owned": e.homes.owned(), "prefixes": len(e.homes.prefixes), "waiting": e.unix.waiting(), "strays": len(e.strays.now) + len(e.strays.before),
		"latest": len(e.unix.latest), "pairs": len(e.unix.byPeer), "by port": len(e.listeners.byPort), "by path": len(e.unix.listeners),
		"by tuple": e.byTuple.used, "by sequence": e.bySequence.used, "by lane": e.lanes.index.used, "tuples": len(e.nat.byTuple), "legs": len(e.legs),
	}
}

func (t *unixSockets) waiting() (n int) {
	for _, u := range t.byKey {
		n += len(u.waiting)
	}
	return n + len(t.crowded)
}

func (t *places) owned() (n int) {
	for _, list := range t.byAddr {
		n += len(list)
	}
	return n
}
