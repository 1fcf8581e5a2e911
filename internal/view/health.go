package view

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"peerscope/internal/topology"
)

// Health is a word for how an edge or node does.
type Health string

// The words, from best to worst.
const (
	Idle  Health = "idle" // nothing moved in the window
	OK    Health = "ok"
	Warn  Health = "warn"
	Bad   Health = "bad"
	Error Health = "error"
)

// severity orders the words; what is not known is ok.
func (h Health) severity() int {
	return max(0, slices.Index([]Health{Idle, OK, Warn, Bad, Error}, h))
}

// Problem: somebody may want to look.
func (h Health) Problem() bool { return h.severity() >= Warn.severity() }

func worse(a, b Health) Health {
	if b.severity() > a.severity() {
		return b
	}
	return a
}

// The thresholds are the same everywhere and at all times, so that two pictures
// compare. Times are in seconds.
const (
	slowHere, verySlowHere       = 0.010, 0.100 // round trips of two ends on this host or in its network
	slowOutside, verySlowOutside = 0.100, 1.000 // with an address of the internet
	someErrors, manyErrors       = 0.01, 0.05   // shares: of connects; of segments the second
	fewestRepeats                = 5            // segments sent again in a window, below which nothing is said
	segmentSize                  = 1448         // payload of a full segment on Ethernet
)

// verdict is a health with its reasons, worst first.
type verdict struct {
	health  Health
	reasons []string
}

func (v *verdict) say(h Health, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if h.severity() > v.health.severity() {
		v.reasons = slices.Insert(v.reasons, 0, text)
	} else {
		v.reasons = append(v.reasons, text)
	}
	v.health = worse(v.health, h)
}

// judge tells how an edge does. Far: an end is an address of the internet.
func judge(e *topology.Edge, length time.Duration, far bool) verdict {
	v := verdict{health: OK}
	c := &e.Connections
	if resting(e) {
		return verdict{health: Idle}
	}
	if c.Failed > 0 {
		v.failing(e, length)
	}
	if c.Pending > 0 && c.Opened+c.Active+c.Failed == 0 {
		v.say(Warn, "%s for an answer", plural(c.Pending, "connect waits", "connects wait"))
	}
	v.roundTrips(e, far)
	v.repeats(e)
	return v
}

// resting: everything that could be counted says that nothing moved.
func resting(e *topology.Edge) bool {
	c := &e.Connections
	if c.Opened+c.Closed+c.Failed+c.Pending > 0 {
		return false
	}
	to, back := e.Bytes.Directions()
	if to == nil && back == nil {
		return c.Active == 0
	}
	return to != nil && *to == 0 && back != nil && *back == 0
}

// failing: of the connects that were tried in the window, by their share.
func (v *verdict) failing(e *topology.Edge, length time.Duration) {
	c := &e.Connections
	share := float64(c.Failed) / float64(c.Failed+c.Opened)
	h := Warn
	switch {
	case share > manyErrors:
		h = Error
	case share > someErrors:
		h = Bad
	}
	how := ""
	if names := errorNames(e.Errors); names != "" {
		how = " with " + names
	}
	what := plural(c.Failed, "connect fails", "connects fail")
	if s := length.Seconds(); s > 0 {
		what = countText(float64(c.Failed)/s) + " connects/s fail"
	}
	if c.Opened == 0 {
		v.say(h, "%s%s", what, how)
	} else {
		v.say(h, "%s%s, %s of those tried", what, how, shareText(share))
	}
}

// errorNames are the errors, the most frequent first.
func errorNames(errors map[string]uint64) string {
	names := slices.SortedFunc(maps.Keys(errors), func(a, b string) int {
		return cmp.Or(cmp.Compare(errors[b], errors[a]), cmp.Compare(a, b))
	})
	out := ""
	for i, n := range names {
		if i > 0 {
			out += ", "
		}
		out += clean(n)
	}
	return out
}

// roundTrips: on one host or network and across the internet a different time is
// much.
func (v *verdict) roundTrips(e *topology.Edge, far bool) {
	mean, ok := meanOf(e.RTT)
	if !ok {
		return
	}
	slow, very := slowHere, verySlowHere
	if far {
		slow, very = slowOutside, verySlowOutside
	}
	switch {
	case mean > very:
		v.say(Bad, "round trips take %s, more than %s", SecondsText(mean), SecondsText(very))
	case mean > slow:
		v.say(Warn, "round trips take %s, more than %s", SecondsText(mean), SecondsText(slow))
	}
}

// repeats: how many segments were sent is not counted, only how many their bytes
// need at least. So the share may be less, and is never more than a warning.
func (v *verdict) repeats(e *topology.Edge) {
	to, back := e.Retransmits.Directions()
	n := valueOf(to) + valueOf(back)
	if n < fewestRepeats {
		return
	}
	to, back = e.Bytes.Directions()
	sent := (valueOf(to)+valueOf(back))/segmentSize + 2*(e.Connections.Opened+e.Connections.Closed) + n
	if float64(n)/float64(sent) > manyErrors {
		v.say(Warn, "%s sent again, of %d at least", plural(n, "segment was", "segments were"), sent)
	}
}

func valueOf(n *uint64) uint64 {
	if n == nil {
		return 0
	}
	return *n
}

// backlog is what a node itself says: connections that wait for it to accept
// them.
func (v *verdict) backlog(listens []topology.Listen) {
	for i := range listens {
		l := &listens[i]
		if l.BacklogLimit == 0 || l.Backlog == 0 {
			continue
		}
		where := clean(l.Path)
		if l.Port != 0 {
			where = fmt.Sprintf("port %d", l.Port)
		}
		switch share := float64(l.Backlog) / float64(l.BacklogLimit); {
		case share >= 1:
			v.say(Error, "the queue of %s is full: %d connections wait to be accepted", where, l.Backlog)
		case share >= 0.5:
			v.say(Warn, "%d connections wait to be accepted on %s, which holds %d", l.Backlog, where, l.BacklogLimit)
		}
	}
}
