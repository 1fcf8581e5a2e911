package attribution

import (
	"math/bits"

	"peerscope/internal/flow"
)

// half is one end of a connection: what one socket said of it. Every field is
// merged so that neither order nor repetition matters. It fills two cache
// lines: the first is what finding the other end needs, the second what the
// socket counted.
type half struct {
	cookie     flow.SocketCookie
	local      uint32 // address number
	peer       uint32 // address number
	localPort  uint16
	peerPort   uint16
	netns      uint32
	nextTuple  uint32 // circle of halves with the same tuple, either way round
	nextSeq    uint32 // circle of halves with the same sequence identity; of UDP, of its lane
	seq        flow.Sequence
	flags      flags
	partner    uint32  // the other half, 0: not observed
	holder     uint32  // process number, or holderSet | number of a set
	held       uint32  // time of holder, in milliseconds modulo 2^32
	edge       EdgeRef // that it counts on, or counted on at its end; 0: its other end does
	generation uint16
	transport  flow.Transport
	live       liveEvidence // under which it counts there

	tx      uint64    // payload bytes the other end acknowledged; see flagSynInTx
	rx      uint64    // bytes received; see flagFinUnknown
	baseTx  uint64    // tx when the window opened, or at adoption
	baseRx  uint64    // rx then
	first   flow.Time // earliest time it was seen
	last    uint32    // latest time it was seen, in milliseconds modulo 2^32
	rtt     uint32    // microseconds, latest
	connect uint32    // microseconds from SYN_SENT to ESTABLISHED; 0: not known
	retrans uint32    // segments
	baseRe  uint32    // retrans when the window opened
	after   uint32    // it was not there yet at this time, likewise; 0: not known
}

// holderSet marks half.holder as the number of a set of several processes.
const holderSet = 1 << 31

// flags are the yes-or-no facts of a half.
type flags uint32

const (
	flagAdopted      flags = 1 << iota // existed before observation began
	flagFinal                          // over
	flagVanished                       // over without final counters
	flagKernel                         // held by the kernel itself
	flagUnaccepted                     // no process has accepted it yet
	flagEarly                          // seen before the window's last look
	flagEstablished                    // the handshake was complete at some time
	flagSynSent                        // SYN_SENT was seen
	flagSynRecv                        // SYN_RECV was seen
	flagSyn1                           // a quiet sample counted our SYN: a client
	flagSyn0                           // a quiet sample did not: a server, unless contradicted
	flagSequence                       // seq is known
	flagTuple                          // in the tuple index
	flagSeqIndex                       // in the sequence index
	flagSynInTx                        // tx would be one less if we are the client
	flagSynInBase                      // baseTx likewise
	flagFinUnknown                     // rx may count the peer's FIN
	flagTxDoubt                        // tx may count our FIN (a drop on this host blurs it)
	flagCounters                       // counters were told
	flagPaired                         // its other end died nameless and was set against it
	flagOpened                         // counted as opened
	flagClosed                         // counted as closed or failed
	flagActive                         // counted as active on edge
	flagPending                        // counted as pending on edge
	flagDone                           // over and counted; kept one window for what comes late
	flagMoved                          // changed hands; see Engine.handovers
	flagContradicted                   // its contradiction has been counted
	flagBase                           // the base is set
	flagSealed                         // a window with it has closed: the base is fixed
	flagUndecided                      // in Engine.undecided
	flagLastCounters                   // its final counters were told
	flagUnconnected                    // UDP: it talks to its peer without being connected to it
)

// What only UDP has stands for something else in a half of TCP.
const flagTransparent = flagUnconnected // it may have an address that is not its namespace's

// What only TCP has stands for something else in a half of UDP.
const (
	flagSentFirst     = flagSyn1     // the first datagram between the two was its own
	flagReceivedFirst = flagSyn0     // or the other end's
	flagLane          = flagSeqIndex // in a lane, to which nextSeq and seq belong; see lane.go
	flagEphemeral     = flagSynSent  // the kernel chose its port
	flagOlder         = flagSynRecv  // it is older than the observation: what went first is not known
	flagUnasked       = flagTxDoubt  // rx may lack datagrams of which nobody asked who sent them
)

// liveEvidence is the evidence under which a half is counted: peer in
// the upper four bits, role in the lower.
type liveEvidence uint8

func packEvidence(p flow.PeerEvidence, r flow.RoleEvidence) liveEvidence {
	return liveEvidence(p)<<4 | liveEvidence(r)
}

func (v liveEvidence) peer() flow.PeerEvidence { return flow.PeerEvidence(v >> 4) }
func (v liveEvidence) role() flow.RoleEvidence { return flow.RoleEvidence(v & 15) }

func (h *half) has(f flags) bool { return h.flags&f != 0 }

// told: a sample was merged. A record without one was made for a handover that
// came first, or is free. Namespaces are numbered from 1.
func (h *half) told() bool { return h.netns != 0 }

// embryo: only half a handshake of the passive side was seen. It can be the
// other end of a connection, but is none by itself.
func (h *half) embryo() bool { return h.has(flagSynRecv) && !h.has(flagEstablished) }

// complete reports whether the tuple is known on both sides.
func (h *half) complete() bool {
	return h.localPort != 0 && h.peerPort != 0 && h.local != 0 && h.peer != 0
}

// addressed reports whether it is known which peer it talks to, and from which
// port. A UDP socket may be bound to any of its namespace's addresses: then the
// local one is not known.
func (h *half) addressed() bool {
	return h.complete() || h.transport == flow.UDP && h.localPort != 0 && h.peerPort != 0 && h.peer != 0
}

// unconnected: a UDP socket that talks to its peer without being connected to it.
func (h *half) unconnected() bool { return h.transport == flow.UDP && h.has(flagUnconnected) }

// silent: a UDP socket of which it is known that nothing went between it and
// its peer. That is no connection.
func (h *half) silent() bool {
	return h.transport == flow.UDP && h.has(flagCounters) && h.tx|h.rx == 0
}

// chunk is how many halves are allocated together: no copying on growth, and
// record numbers stay valid.
const (
	chunkBits = 12
	chunk     = 1 << chunkBits
)

func (e *Engine) half(n uint32) *half { return &e.halves[n>>chunkBits][n&(chunk-1)] }

// newHalf takes a record from the free list or the end of the arena.
func (e *Engine) newHalf() uint32 {
	if n := len(e.free); n > 0 {
		r := e.free[n-1]
		e.free = e.free[:n-1]
		return r
	}
	if e.count>>chunkBits == uint32(len(e.halves)) {
		e.halves = append(e.halves, make([]half, chunk))
		e.dirty = append(e.dirty, make([]uint64, chunk/64)...)
	}
	r := e.count
	e.count++
	return r
}

// findHalf returns the record of a socket's generation, making it if need be.
func (e *Engine) findHalf(cookie flow.SocketCookie, generation uint16) (uint32, *half) {
	slot, page := e.byCookie.slot(cookie, generation)
	if n := *slot; n != 0 {
		return n, e.half(n)
	}
	n := e.newHalf()
	*slot = n
	e.byCookie.taken(page)
	h := e.half(n)
	h.cookie, h.generation = cookie, generation
	return n, h
}

// markDirty queues a half for the next Close.
func (e *Engine) markDirty(n uint32) { e.dirty[n/64] |= 1 << (n % 64) }

// isDirty reports whether a half waits to be decided.
func (e *Engine) isDirty(n uint32) bool { return e.dirty[n/64]&(1<<(n%64)) != 0 }

// eachDirty calls f for the halves that are queued, in the order of their
// records; also for those that f queues behind the current one.
func (e *Engine) eachDirty(f func(n uint32)) {
	for w := range e.dirty {
		var seen uint64
		for rest := e.dirty[w]; rest != 0; rest = e.dirty[w] &^ seen {
			bit := uint64(1) << bits.TrailingZeros64(rest)
			seen |= bit | (bit - 1)
			f(uint32(w*64 + bits.TrailingZeros64(bit)))
		}
	}
}

func millis(t flow.Time) uint32 { return uint32(uint64(t) / 1e6) }

func wholeMillis(t flow.Time) int64 { return int64(t) / 1e6 }

// lastMillis and afterMillis are the times last and after in whole: neither is far
// from first, but last of a half that has lived for 49 days.
func (h *half) lastMillis() int64 { return wholeMillis(h.first) + int64(h.last-millis(h.first)) }

func (h *half) afterMillis() int64 {
	return wholeMillis(h.first) + int64(int32(h.after-millis(h.first)))
}

// later compares two millisecond times modulo 2^32 (24 days apart at most).
func later(a, b uint32) bool { return int32(a-b) > 0 }

func (h *half) setFlag(f flags, on bool) {
	h.flags &^= f
	if on {
		h.flags |= f
	}
}
