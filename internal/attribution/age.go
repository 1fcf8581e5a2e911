package attribution

import "peerscope/internal/flow"

// Times of halves are milliseconds modulo 2^32, of which two can be compared that
// are at most 24 days apart. What was told longer ago is brought nearer, so that
// what is told next is later still.
const (
	ageEvery = 24 * 3600 * flow.Time(1e9)
	oldest   = uint32(12 * 24 * 3600 * 1000) // ms before the latest observation
)

// age does so once a day of observed time.
func (e *Engine) age() {
	if e.latest-e.aged < ageEvery {
		return
	}
	e.aged = e.latest
	now := millis(e.latest)
	near := func(t *uint32) {
		if int32(now-*t) > int32(oldest) {
			*t = now - oldest
		}
	}
	for n := uint32(1); n < e.count; n++ {
		if h := e.half(n); h.told() && !h.has(flagFinal) {
			near(&h.last)
			near(&h.held)
		}
	}
	for _, l := range e.listeners.byCookie {
		near(&l.held)
	}
	for _, u := range e.unix.byKey {
		near(&u.held)
	}
}
