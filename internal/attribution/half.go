package attribution

import (
	"slices"

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
	nextSeq    uint32 // circle of halves with the same sequence identity
	seq        flow.Sequence
	flags      flags
	partner    uint32 // the other half, 0: not observed
	holder     uint32 // process number, or holderSet | number of a set
	held       uint32 // time of holder, in milliseconds modulo 2^32
	edge       EdgeRef
	generation uint16
	transport  flow.Transport
	live       liveEvidence

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
	flagDirty        flags = 1 << iota // in Engine.dirty
	flagResolved                       // already dealt with in this Close
	flagAdopted                        // existed before observation began
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
)

// liveEvidence is the evidence under which a half is counted as open: peer in
// the upper four bits, role in the lower.
type liveEvidence uint8

func packEvidence(p flow.PeerEvidence, r flow.RoleEvidence) liveEvidence {
	return liveEvidence(p)<<4 | liveEvidence(r)
}

func (v liveEvidence) peer() flow.PeerEvidence { return flow.PeerEvidence(v >> 4) }
func (v liveEvidence) role() flow.RoleEvidence { return flow.RoleEvidence(v & 15) }

func (h *half) has(f flags) bool { return h.flags&f != 0 }

// embryo: only half a handshake of the passive side was seen. It can be the
// other end of a connection, but is none by itself.
func (h *half) embryo() bool { return h.has(flagSynRecv) && !h.has(flagEstablished) }

// complete reports whether the tuple is known on both sides.
func (h *half) complete() bool {
	return h.localPort != 0 && h.peerPort != 0 && h.local != 0 && h.peer != 0
}

// chunk is how many halves are allocated together: no copying on growth, and
// record numbers stay valid.
const (
	chunkBits = 13
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
func (e *Engine) markDirty(n uint32, h *half) {
	if !h.has(flagDirty) {
		h.flags |= flagDirty
		e.dirty = append(e.dirty, n)
	}
}

func millis(t flow.Time) uint32 { return uint32(uint64(t) / 1e6) }

// later compares two millisecond times modulo 2^32 (24 days apart at most).
func later(a, b uint32) bool { return int32(a-b) > 0 }

// socket merges one look at a connected socket.
func (e *Engine) socket(s *flow.Socket) {
	n, h := e.findHalf(s.Cookie, uint16(s.Generation))
	fresh := h.first == 0
	if h.has(flagDone) {
		e.lost[flow.LossLate]++
		return
	}
	e.markDirty(n, h)
	ms := millis(s.Time)
	if fresh {
		h.netns, h.transport = e.netnsNumber(s.Netns), s.Transport
		h.first, h.last = s.Time, ms
	} else {
		h.first = min(h.first, s.Time)
		if later(ms, h.last) {
			h.last = ms
		}
	}
	if s.After != 0 && (h.after == 0 || later(millis(s.After), h.after)) {
		h.after = millis(s.After)
	}
	e.mergeState(h, s)
	if s.HasCounters {
		h.mergeCounters(s)
	}
	if len(s.Holders) > 0 {
		e.mergeHolders(h, s.Holders, ms)
	}
	if s.HasSequence && !h.has(flagSequence) {
		h.seq = s.Sequence
		h.flags |= flagSequence
	}
	if s.Errno != "" {
		e.errnos[n] = s.Errno
	}
	e.mergeTuple(n, h, s)
}

// mergeState takes over the facts that states and markers tell.
func (e *Engine) mergeState(h *half, s *flow.Socket) {
	f := h.flags
	switch {
	case s.State == flow.SynSent:
		f |= flagSynSent
	case s.State == flow.SynRecv || s.State == flow.NewSynRecv:
		f |= flagSynRecv
	case s.State.Synchronized(), s.Connected, s.Transport == flow.UDP:
		f |= flagEstablished
	}
	if s.Final {
		f |= flagFinal
		if s.Vanished {
			f |= flagVanished
		}
	}
	if s.Kernel {
		f |= flagKernel
	}
	if s.Unaccepted {
		f |= flagUnaccepted
	}
	if !s.LastLook {
		f |= flagEarly
	}
	if s.Adopted && f&flagEstablished != 0 {
		f |= flagAdopted // a connect that was pending at the start is opened later
	}
	h.flags = f
}

// mergeCounters keeps the largest of each counter: they only grow within a
// generation, so the largest is the latest.
func (h *half) mergeCounters(s *flow.Socket) {
	c := &s.Counters
	sent := c.BytesSent - min(c.BytesRetrans, c.BytesSent)
	tx := min(sent, c.BytesAcked)
	synInTx := tx > 0 && sent > c.BytesAcked-1 // min(sent, acked-1) is one less
	rx := c.BytesReceived
	if s.State.PeerClosed() && rx > 0 {
		rx--
	}
	final := s.Final && !s.Vanished
	if final {
		// What the kernel received may end with the peer's FIN, and the last
		// message does not say so.
		h.flags |= flagFinUnknown
		if sent > c.BytesAcked {
			h.flags |= flagTxDoubt
		}
	}
	if fresh := !h.has(flagCounters); fresh || tx >= h.tx && rx >= h.rx {
		// The sample is the latest so far: it dominates in both directions.
		if fresh || tx > h.tx || rx > h.rx || c.RTT > h.rtt {
			h.rtt = c.RTT
		}
	}
	switch {
	case !h.has(flagCounters) || tx > h.tx:
		h.tx = tx
		h.setFlag(flagSynInTx, synInTx)
	case tx == h.tx && !synInTx:
		h.flags &^= flagSynInTx
	}
	h.rx = max(h.rx, rx)
	h.retrans = max(h.retrans, c.Retransmits)
	h.connect = max(h.connect, c.Connect)
	h.mergeSynByte(c, s.State, sent, final)
	if s.Adopted && !h.has(flagSealed) && (!h.has(flagBase) || tx <= h.baseTx && rx <= h.baseRx) {
		h.baseTx, h.baseRx, h.baseRe = tx, rx, c.Retransmits
		h.setFlag(flagSynInBase, synInTx)
		h.flags |= flagBase
	}
	h.flags |= flagCounters
}

// mergeSynByte reads the role off one coherent sample: with nothing in flight
// and nothing queued, bytes_acked is ahead of the payload by our own SYN if we
// sent one. A FIN of ours would count too, so only states before it are used;
// at the end only 2 (SYN and FIN) is certain.
func (h *half) mergeSynByte(c *flow.Counters, state flow.State, sent uint64, final bool) {
	if h.transport != flow.TCP {
		return
	}
	ahead := c.BytesAcked - sent
	switch {
	case final:
		if ahead == 2 {
			h.flags |= flagSyn1
		}
	case state != flow.Established && state != flow.CloseWait, c.Unacked != 0, c.NotSent != 0:
	case ahead == 1:
		h.flags |= flagSyn1
	case ahead == 0:
		h.flags |= flagSyn0
	}
}

// mergeHolders keeps the latest set; of two at the same time the one that
// sorts later, so that the order of telling does not matter.
func (e *Engine) mergeHolders(h *half, holders []flow.ProcessKey, ms uint32) {
	ref := e.holderNumber(holders)
	if h.holder == 0 || later(ms, h.held) || ms == h.held && e.compareHolders(ref, h.holder) > 0 {
		h.holder, h.held = ref, ms
	}
}

// holderNumber numbers a set of processes: a single one by its own number.
func (e *Engine) holderNumber(holders []flow.ProcessKey) uint32 {
	if len(holders) == 1 {
		return e.processes.number(holders[0])
	}
	e.scratch = e.scratch[:0]
	for _, k := range holders {
		p := e.processes.number(k)
		e.scratch = append(e.scratch, byte(p), byte(p>>8), byte(p>>16), byte(p>>24))
	}
	n, ok := e.setByKey[string(e.scratch)]
	if !ok {
		set := make([]uint32, len(holders))
		for i, k := range holders {
			set[i] = e.processes.number(k)
		}
		n = holderSet | uint32(len(e.sets))
		e.sets = append(e.sets, set)
		e.setByKey[string(e.scratch)] = n
	}
	return n
}

// holdersOf lists the processes behind a holder number, the one that stands
// for the socket first.
func (e *Engine) holdersOf(ref uint32) []uint32 {
	if ref&holderSet != 0 {
		return e.sets[ref&^holderSet]
	}
	if ref == 0 {
		return nil
	}
	e.single[0] = ref
	return e.single[:]
}

func (e *Engine) compareHolders(a, b uint32) int {
	if a == b {
		return 0
	}
	x := slices.Clone(e.holdersOf(a))
	return slices.CompareFunc(x, e.holdersOf(b), func(p, q uint32) int {
		return e.processes.compare(p, q)
	})
}

// mergeTuple takes over a tuple that was not complete before and enters the
// half in the indexes that find its other end.
func (e *Engine) mergeTuple(n uint32, h *half, s *flow.Socket) {
	if !h.complete() {
		if h.local == 0 {
			h.local = e.addrs.number(s.Local.Addr())
		}
		if h.peer == 0 {
			h.peer = e.addrs.number(s.Peer.Addr())
		}
		if h.localPort == 0 {
			h.localPort = s.Local.Port()
		}
		if h.peerPort == 0 {
			h.peerPort = s.Peer.Port()
		}
	}
	if h.has(flagSequence) && !h.has(flagSeqIndex) {
		e.enterSequence(n, h)
	}
	if h.complete() && !h.has(flagTuple|flagSeqIndex) {
		e.enterTuple(n, h)
	}
}

func (h *half) setFlag(f flags, on bool) {
	h.flags &^= f
	if on {
		h.flags |= f
	}
}
