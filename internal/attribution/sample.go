package attribution

import "peerscope/internal/flow"

// sample is what one observation tells of a socket, in the form of a half: what
// is known of a half is the join of its samples.
func (e *Engine) sample(h *half, s *flow.Socket) {
	ms := millis(s.Time)
	*h = half{
		cookie: s.Cookie, generation: uint16(s.Generation), transport: s.Transport, netns: e.netnsNumber(s.Netns),
		local: e.addrs.number(s.Local.Addr()), peer: e.addrs.number(s.Peer.Addr()),
		localPort: s.Local.Port(), peerPort: s.Peer.Port(),
		first: s.Time, last: ms,
	}
	if s.After != 0 {
		h.after = millis(s.After)
	}
	if s.Opened != 0 {
		h.opened(s.Opened, s.Time)
	}
	if len(s.Holders) > 0 {
		h.holder, h.held = e.holderNumber(s.Holders), ms
	}
	if s.HasSequence && s.Transport == flow.TCP {
		h.seq = s.Sequence
		h.flags |= flagSequence
	}
	h.flags |= stateFlags(s)
	if s.HasCounters {
		h.count(s)
	}
	if s.Transport == flow.UDP {
		h.flags |= datagramFlags(s)
		e.needLanes(h)
	}
}

// opened takes over when it began: to the nanosecond, which after tells by
// being in the same millisecond.
func (h *half) opened(t, now flow.Time) {
	const old = 20 * 24 * 3600 * flow.Time(1e9) // milliseconds modulo 2^32 are good for 24 days
	h.first = min(h.first, t)
	if at := millis(t); now-t < old && (h.after == 0 || later(at, h.after)) {
		h.after = at
	}
}

// datagramFlags are the facts that only UDP has.
func datagramFlags(s *flow.Socket) flags {
	var f flags
	switch s.First {
	case flow.Client:
		f |= flagSentFirst
	case flow.Server:
		f |= flagReceivedFirst
	}
	for _, is := range [...]struct {
		told bool
		flag flags
	}{{s.Unconnected, flagUnconnected}, {s.Ephemeral, flagEphemeral}, {s.Older, flagOlder}, {s.Unasked, flagUnasked}} {
		if is.told {
			f |= is.flag
		}
	}
	return f
}

// stateFlags are the facts that a state and the markers tell.
func stateFlags(s *flow.Socket) flags {
	var f flags
	called := s.First == flow.Client && s.Transport == flow.TCP
	answered := s.First == flow.Server && s.Transport == flow.TCP
	if called || s.State == flow.SynSent {
		f |= flagSynSent
	}
	if answered || s.State == flow.SynRecv || s.State == flow.NewSynRecv {
		f |= flagSynRecv
	}
	if s.State.Synchronized() || s.Connected || s.Transport == flow.UDP {
		f |= flagEstablished
		if s.Adopted {
			f |= flagAdopted // a connect that was pending at the start is opened later
		}
	}
	if s.Final {
		f |= flagFinal
		if s.Vanished {
			f |= flagVanished
		}
	}
	if s.Transparent && s.Transport == flow.TCP {
		f |= flagTransparent
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
	return f
}

// count takes over the counters of one coherent sample.
func (h *half) count(s *flow.Socket) {
	c := &s.Counters
	final := s.Final && !s.Vanished
	h.flags |= flagCounters
	tx, syn := acknowledged(c, s.Exact)
	h.tx, h.rx = tx, c.BytesReceived
	h.setFlag(flagSynInTx, syn && h.transport == flow.TCP)
	h.rtt, h.connect, h.retrans = c.RTT, c.Connect, c.Retransmits
	// One that nobody had accepted when it ended never was accepted.
	h.setFlag(flagLastCounters, final && !(s.Exact && s.Unaccepted))
	switch {
	case h.transport != flow.TCP:
	case s.Exact:
		h.flags |= exactSynByte(s)
	default:
		h.countFins(s, final)
		h.flags |= synByte(c, s.State, sentOnce(c), final)
	}
	if s.Adopted {
		h.seal()
		h.flags &^= flagSealed
	}
}

// sentOnce is what was given to the wire without retransmissions.
func sentOnce(c *flow.Counters) uint64 { return c.BytesSent - min(c.BytesRetrans, c.BytesSent) }

// acknowledged is the payload that the other end acknowledged, and whether it
// may count our own SYN. Exact counters have no FIN in them; of others what was
// sent at most is taken, which leaves the FIN out.
func acknowledged(c *flow.Counters, exact bool) (n uint64, syn bool) {
	if exact {
		return c.BytesAcked, c.BytesAcked > 0
	}
	sent := sentOnce(c)
	n = min(sent, c.BytesAcked)
	return n, n > 0 && sent > c.BytesAcked-1 // min(sent, acked-1) is one less
}

// countFins takes off the FIN of the peer where the state tells that it is
// counted, and says where it may be: what the kernel received may end with it,
// and the last message does not say so.
func (h *half) countFins(s *flow.Socket, final bool) {
	if s.State.PeerClosed() && h.rx > 0 {
		h.rx--
	}
	if final {
		h.flags |= flagFinUnknown
		h.setFlag(flagTxDoubt, sentOnce(&s.Counters) > s.Counters.BytesAcked)
	}
}

// exactSynByte is synByte of counters that no FIN is in, so that every state
// after the handshake will do.
func exactSynByte(s *flow.Socket) flags {
	c := &s.Counters
	if s.Vanished || c.Unacked != 0 || c.NotSent != 0 || !s.Connected && !s.State.Synchronized() {
		return 0
	}
	switch c.BytesAcked - sentOnce(c) {
	case 1:
		return flagSyn1
	case 0:
		return flagSyn0
	}
	return 0
}

// synByte reads the role off one coherent sample: with nothing in flight and
// nothing queued, bytes_acked is ahead of the payload by our own SYN if we sent
// one. A FIN of ours would count too, so only states before it are used; at the
// end only 2 (SYN and FIN) is certain.
func synByte(c *flow.Counters, state flow.State, sent uint64, final bool) flags {
	ahead := c.BytesAcked - sent
	switch {
	case final:
		if ahead == 2 {
			return flagSyn1
		}
	case state != flow.Established && state != flow.CloseWait, c.Unacked != 0, c.NotSent != 0:
	case ahead == 1:
		return flagSyn1
	case ahead == 0:
		return flagSyn0
	}
	return 0
}

// joined are the flags that a half has if any of its samples has them.
const joined = flagAdopted | flagFinal | flagVanished | flagKernel | flagUnaccepted | flagEarly | flagEstablished |
	flagSynSent | flagSynRecv | flagSyn1 | flagSyn0 | flagFinUnknown | flagTxDoubt | flagLastCounters | flagUnconnected

// join merges a sample into h. It is commutative, associative and idempotent:
// neither order nor repetition matters.
func (e *Engine) join(h, s *half) {
	h.first = min(h.first, s.first)
	if later(s.last, h.last) {
		h.last = s.last
	}
	if s.after != 0 && (h.after == 0 || later(s.after, h.after)) {
		h.after = s.after
	}
	h.flags |= s.flags & joined
	if s.has(flagCounters) {
		h.joinCounters(s)
	}
	if s.holder != 0 && (h.holder == 0 || later(s.held, h.held) || s.held == h.held && e.compareHolders(s.holder, h.holder) > 0) {
		h.holder, h.held = s.holder, s.held // the latest; of two at one time the one that sorts later
	}
	if s.has(flagSequence) && !h.has(flagSequence) {
		h.seq = s.seq
		h.flags |= flagSequence
	}
	if !h.complete() {
		h.joinTuple(s)
	}
}

// joinTuple takes over what was not known of the tuple before.
func (h *half) joinTuple(s *half) {
	if h.localPort == 0 && s.localPort != 0 {
		h.netns = s.netns // what tells no address may not tell the namespace either
	}
	if h.local == 0 {
		h.local = s.local
	}
	if h.peer == 0 {
		h.peer = s.peer
	}
	if h.localPort == 0 {
		h.localPort = s.localPort
	}
	if h.peerPort == 0 {
		h.peerPort = s.peerPort
	}
}

// joinCounters keeps the largest of each counter: they only grow within a
// generation, so the largest is the latest.
func (h *half) joinCounters(s *half) {
	fresh := !h.has(flagCounters)
	if fresh || s.tx >= h.tx && s.rx >= h.rx {
		// The sample is the latest so far: it dominates in both directions.
		if fresh || s.tx > h.tx || s.rx > h.rx || s.rtt > h.rtt {
			h.rtt = s.rtt
		}
	}
	switch {
	case fresh || s.tx > h.tx:
		h.tx = s.tx
		h.setFlag(flagSynInTx, s.has(flagSynInTx))
	case s.tx == h.tx && !s.has(flagSynInTx):
		h.flags &^= flagSynInTx
	}
	h.rx = max(h.rx, s.rx)
	h.retrans = max(h.retrans, s.retrans)
	h.connect = max(h.connect, s.connect)
	if s.has(flagBase) && !h.has(flagSealed) && (!h.has(flagBase) || s.baseTx <= h.baseTx && s.baseRx <= h.baseRx) {
		h.baseTx, h.baseRx, h.baseRe = s.baseTx, s.baseRx, s.baseRe
		h.setFlag(flagSynInBase, s.has(flagSynInBase))
		h.flags |= flagBase
	}
	h.flags |= flagCounters
}
