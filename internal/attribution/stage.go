package attribution

import "peerscope/internal/flow"

// stageSize is how many samples are merged together. Merging one touches a few
// places at random in tables of many megabytes, each a wait for memory; merging
// many together lets the processor wait for all of them at once, which is
// several times faster (ARCHITECTURE.md, "A million sockets").
const stageSize = 64

// stage keeps samples until there are enough to merge them together.
type stage struct {
	samples []half
	errnos  []string // of the samples, mostly empty
	touched uint64   // keeps the loads of fetch alive
}

// socket takes in one look at a connected socket.
func (e *Engine) socket(s *flow.Socket) {
	if e.stage.samples == nil {
		e.stage.samples, e.stage.errnos = make([]half, 0, stageSize), make([]string, 0, stageSize)
	}
	n := len(e.stage.samples)
	e.stage.samples = e.stage.samples[:n+1]
	e.sample(&e.stage.samples[n], s)
	e.stage.errnos = append(e.stage.errnos, s.Errno)
	if n+1 == stageSize {
		e.flush()
	}
}

// flush merges what is staged.
func (e *Engine) flush() {
	if len(e.stage.samples) == 0 {
		return
	}
	e.fetchStaged()
	for i := range e.stage.samples {
		e.merge(&e.stage.samples[i], e.stage.errnos[i])
	}
	e.stage.samples, e.stage.errnos = e.stage.samples[:0], e.stage.errnos[:0]
}

// fetchStaged touches what merging will need, in tight loops: the index slots,
// the page of neighbours, the record of the other end.
func (e *Engine) fetchStaged() {
	var homes, slots [stageSize]uint64
	samples := e.stage.samples
	for i := range samples {
		homes[i] = uint64(e.byCookie.index.home(pageHash(pageKey(samples[i].cookie, samples[i].generation))))
	}
	for i := range samples {
		slots[i] = e.byCookie.index.slots[homes[i]]
	}
	var sum uint64
	for i := range samples {
		p := &e.byCookie.pages[uint32(slots[i])]
		sum += p.key + uint64(p.refs[7])
	}
	other := &e.byTuple
	if samples[0].has(flagSequence) {
		other = &e.bySequence
	}
	for i := range samples {
		homes[i] = uint64(other.home(e.otherHash(&samples[i])))
	}
	for i := range samples {
		slots[i] = other.slots[homes[i]]
	}
	for i := range samples {
		sum += uint64(e.half(uint32(slots[i])).flags)
	}
	e.stage.touched += sum
}

// otherHash is the hash under which the other end of a sample is looked for.
func (e *Engine) otherHash(s *half) uint32 {
	if s.has(flagSequence) {
		return sequenceHash(s.serverBase())
	}
	return e.tupleHash(s)
}

// serverBase is where a half with a sequence identity most likely finds its
// other end.
func (h *half) serverBase() uint32 {
	if h.has(flagSynSent|flagSyn1) || !h.has(flagSynRecv) {
		return h.seq.RecvBase
	}
	return h.seq.SendBase
}

// merge joins one sample into its record and enters it where its other end
// finds it.
func (e *Engine) merge(s *half, errno string) {
	n, h := e.findHalf(s.cookie, s.generation)
	switch {
	case h.has(flagDone):
		e.lost[flow.LossLate]++
		return
	case !h.told():
		moved := h.flags & flagMoved
		*h = *s
		h.flags |= moved
	default:
		if h.local == 0 && s.local != 0 && h.has(flagLane) && h.transport == flow.UDP {
			e.leaveLane(n, h)
		}
		e.join(h, s)
	}
	e.markDirty(n)
	if errno != "" {
		e.errnos[n] = errno
	}
	if h.has(flagSequence) && !h.has(flagSeqIndex) {
		e.enterSequence(n, h)
	}
	if h.complete() && !h.has(flagTuple|flagSeqIndex) {
		e.enterTuple(n, h)
	}
}
