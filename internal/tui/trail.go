package tui

// kept is how many ticks are remembered of an edge: a minute.
const kept = 60

// sample is what an edge did in one tick. What is not known has no bit.
type sample struct {
	tx, rx float32 // bytes a second
	failed float32 // connects a second
	rtt    float32 // seconds, the mean
	known  uint8
}

// The bits of sample.known.
const (
	knownTx uint8 = 1 << iota
	knownRx
	knownRTT
	unknown // nobody observed
)

// rate is both directions; ok is false if neither is known.
func (s *sample) rate() (float64, bool) {
	return float64(s.tx + s.rx), s.known&(knownTx|knownRx) != 0
}

// add takes in what another edge did in the same tick. Of two round-trip times
// the longer one stands.
func (s *sample) add(o sample) {
	s.tx, s.rx, s.failed = s.tx+o.tx, s.rx+o.rx, s.failed+o.failed
	s.rtt = max(s.rtt, o.rtt)
	s.known |= o.known
}

// trail is what an edge did in the last ticks. The zero value is one that never
// did anything.
type trail struct {
	samples     [kept]sample
	first, last int // ticks; 0: none
}

// put writes down a tick, which is not before the last one. In the ticks between
// the edge was idle.
func (t *trail) put(tick int, s sample) {
	t.reach(tick)
	t.samples[tick%kept] = s
}

// reach fills the ticks up to that one with nothing.
func (t *trail) reach(tick int) {
	if t.first == 0 {
		t.first, t.last = tick, tick
		t.samples[tick%kept] = sample{}
		return
	}
	for i := max(t.last+1, tick-kept+1); i <= tick; i++ {
		t.samples[i%kept] = sample{known: knownTx | knownRx}
	}
	t.last = max(t.last, tick)
}

// at is what the edge did in a tick; ok is false before there was one, and for
// what is forgotten. After its last tick it is idle.
func (t *trail) at(tick int) (s sample, ok bool) {
	switch {
	case t.first == 0, tick < t.first, tick <= t.last-kept:
		return sample{}, false
	case tick > t.last:
		return sample{known: knownTx | knownRx}, true
	}
	return t.samples[tick%kept], true
}

// join adds the ticks of another edge up to now to those of this one.
func (t *trail) join(o *trail, now int) {
	if o.first == 0 {
		return
	}
	if t.first == 0 {
		*t = *o
		t.reach(max(now, t.last))
		return
	}
	first := min(t.first, o.first)
	t.reach(max(now, t.last))
	for tick := max(t.last-kept+1, o.first); tick <= t.last; tick++ {
		s, _ := o.at(tick)
		if tick < t.first {
			t.samples[tick%kept] = s
		} else {
			t.samples[tick%kept].add(s)
		}
	}
	t.first = first
}
