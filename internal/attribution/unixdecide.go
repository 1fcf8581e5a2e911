package attribution

import "peerscope/internal/flow"

// closeUnix decides the unix connections that changed.
func (e *Engine) closeUnix(emit func(*Change)) {
	e.markClientsOfEnded()
	if e.unix.changed {
		for _, u := range e.unix.byKey {
			e.unixDirty(u)
		}
		e.unix.changed = false
	}
	for _, key := range e.unix.dirty {
		if u := e.unix.byKey[key]; !u.resolved && (!u.closed || u.counters != u.base) {
			e.resolveUnix(u, emit)
		}
	}
	waits := e.waitingClients()
	for _, key := range e.unix.dirty {
		if u := e.unix.byKey[key]; !u.resolved && !u.closed && waits[key.inode] != nil {
			e.emitUnix(u, nil, waits[key.inode], emit)
		}
	}
	e.forgetWaiting()
	over := e.unix.done
	e.unix.done = nil
	for _, key := range e.unix.dirty {
		u := e.unix.byKey[key]
		u.dirty, u.resolved = false, false
		if u.final && !u.done {
			e.retractUnix(u, emit)
			u.done = true
			e.unix.unlist(u)
			e.unix.done = append(e.unix.done, key)
		}
	}
	e.unix.dirty = e.unix.dirty[:0]
	for _, key := range over {
		e.unix.forget(e.unix.byKey[key])
		delete(e.unix.byKey, key)
		delete(e.unix.crowded, key)
		if e.unix.latest[key.inode] == key.generation {
			delete(e.unix.latest, key.inode)
		}
	}
}

// markClientsOfEnded queues the clients of named datagram sockets that ended:
// such a server knows nothing of them.
func (e *Engine) markClientsOfEnded() {
	ended := map[uint64]bool{}
	for _, key := range e.unix.dirty {
		if u := e.unix.byKey[key]; u.final && u.typ == flow.UnixDgram {
			ended[u.inode] = true
		}
	}
	if len(ended) == 0 {
		return
	}
	for _, u := range e.unix.byKey {
		if ended[u.peer] {
			e.unixDirty(u)
		}
	}
}

// waitingClients maps clients that nobody has accepted to their listener.
func (e *Engine) waitingClients() map[uint64]*unixSocket {
	if len(e.unix.crowded) == 0 {
		return nil
	}
	waits := map[uint64]*unixSocket{}
	for _, u := range e.unix.crowded {
		for w := range u.waiting {
			if !u.done {
				waits[w] = u
			}
		}
	}
	return waits
}

// forgetWaiting forgets clients that were accepted or are gone, and those of which
// nothing was told in two windows.
func (e *Engine) forgetWaiting() {
	for key, u := range e.unix.crowded {
		for w, told := range u.waiting {
			c := e.unixAt(w, u.inode)
			if c == nil && e.closes != told || c != nil && (c.closed || c.peer != 0 && e.unixAt(c.peer, c.inode) != nil) {
				delete(u.waiting, w)
			}
		}
		if len(u.waiting) == 0 || u.done {
			u.waiting = nil
			delete(e.unix.crowded, key)
		}
	}
}

// resolveUnix decides one connection from the end that sees its peer.
func (e *Engine) resolveUnix(u *unixSocket, emit func(*Change)) {
	if u.listens || u.peer == 0 && u.calls == "" {
		return
	}
	o := e.unixAt(u.peer, u.inode)
	if u.calls != "" && (u.peer == 0 || o == nil) {
		u.resolved = true
		e.emitUnixCall(u, emit)
		return
	}
	if o == nil || o.resolved && o.peer == u.inode {
		return // its end is seen from the other side, or not observed at all
	}
	u.resolved = true
	if o.peer == u.inode {
		o.resolved = true
	}
	switch {
	case o.peer != u.inode && o.typ == flow.UnixDgram:
		e.emitUnix(u, o, nil, emit) // a datagram client of a named socket
	case e.serves(o) && !e.serves(u):
		e.emitUnix(u, o, nil, emit)
	case e.serves(u) && !e.serves(o):
		e.emitUnix(o, u, nil, emit)
	case u.asked(o):
		e.emitUnix(u, o, nil, emit)
	case o.asked(u):
		e.emitUnix(o, u, nil, emit)
	default:
		e.emitUnixPair(u, o, emit)
	}
}

// asked: of two datagram sockets of which o has a name and answered, u was the
// first to send.
func (u *unixSocket) asked(o *unixSocket) bool {
	return u.typ == flow.UnixDgram && o.path != "" && u.since != 0 && u.since < o.since
}

// serves: an accepted socket carries its listener's address, from the start. A
// name of its own that no listener has is a client's, unless the other end has
// none at all.
func (e *Engine) serves(u *unixSocket) bool {
	if u.path == "" || u.bare {
		return false
	}
	if o := e.unixAt(u.peer, u.inode); o != nil && o.path == "" {
		return true
	}
	return len(e.unix.listeners[u.path]) > 0
}
