package pace

import (
	"fmt"
	"time"

	"peerscope/internal/flow"
)

// Boundary says when the window that began at start ends. It is asked again at
// every turn, so windows may become shorter or longer while they are open.
type Boundary func(start, now time.Time) time.Time

// How far a clock may be off before it counts.
const (
	aJump = int64(250 * time.Millisecond) // of the wall clock against the others
	aStep = int64(time.Second)            // of which people are told
	aNap  = int64(time.Second)            // of the machine's sleep
)

// Pace is the clock of one observation, and its windows.
type Pace struct {
	boundary Boundary
	read     func() reading

	offset int64   // from CLOCK_BOOTTIME to the time of observations
	shift  int64   // from there to the wall clock; 0 unless that was set
	start  int64   // of the window that is open, wall clock
	last   reading // of the latest turn
	gaps   []flow.Gap
}

// Window is one that is over, [Start, End) of the wall clock, and where the next
// one begins: at its end, unless the clock was set or the machine slept.
type Window struct {
	Start, End, Next flow.Time
	Gaps             []flow.Gap // what happened to the clock within it
}

// New starts the clock. Without a boundary there is one window, which ends when
// the observation does.
func New(b Boundary) *Pace { return newPace(b, readClocks) }

func newPace(b Boundary, read func() reading) *Pace {
	r := read()
	return &Pace{boundary: b, read: read, offset: r.wall - r.boot, last: r}
}

// Begin opens the first window now.
func (p *Pace) Begin() flow.Time {
	p.last = p.read()
	p.start = p.last.boot + p.offset + p.shift
	return flow.Time(p.start)
}

// Left is how long the open window lasts from now on, at most the limit.
func (p *Pace) Left(limit time.Duration) time.Duration {
	if p.boundary == nil {
		return limit
	}
	now := p.read().boot + p.offset + p.shift
	end := p.boundary(timeOf(p.start), timeOf(now)).UnixNano()
	if end <= p.start {
		return limit
	}
	return max(min(limit, time.Duration(end-now)), 0)
}

// Turn is to be called several times a second. It reports whether the open
// window is over, and opens the next one if so.
func (p *Pace) Turn() (Window, bool) {
	r := p.read()
	before := p.last.boot + p.offset + p.shift
	slept := (r.boot - r.awake) - (p.last.boot - p.last.awake)
	p.last = r
	now := r.boot + p.offset + p.shift
	set := r.wall - now // by how much the wall clock was set since it was looked at last
	if set > -aJump && set < aJump {
		set = 0
	}
	p.shift += set
	p.note(set, slept)
	switch {
	case p.boundary == nil:
		return Window{}, false
	case slept >= aNap:
		return p.cut(before, now+set)
	case set >= aStep, now+set < p.start:
		return p.cut(now, now+set)
	}
	now += set
	end := p.boundary(timeOf(p.start), timeOf(now)).UnixNano()
	if end <= p.start || now < end {
		return Window{}, false
	}
	return p.cut(end, end)
}

// note keeps what the map of the open window has to say of the clock.
func (p *Pace) note(set, slept int64) {
	if set >= aStep || set <= -aStep {
		way := "forward"
		if set < 0 {
			way = "back"
		}
		p.gaps = append(p.gaps, flow.Gap{Code: "clock_set",
			Reason: fmt.Sprintf("the clock of this host was set %s by %v: times from before it and from after it do not compare", way, rounded(max(set, -set)))})
	}
	if slept >= aNap {
		p.gaps = append(p.gaps, flow.Gap{Code: "slept", Reason: fmt.Sprintf("this machine slept for %v: nobody observed", rounded(slept))})
	}
}

func rounded(ns int64) time.Duration { return time.Duration(ns).Round(100 * time.Millisecond) }

// cut ends the open window, which never ends before it began, and opens the next.
func (p *Pace) cut(end, next int64) (Window, bool) {
	w := p.End()
	w.End = flow.Time(max(end, p.start))
	w.Next = flow.Time(next)
	p.start = next
	return w, true
}

// End is the open window if the observation ends now.
func (p *Pace) End() Window {
	end := p.read().boot + p.offset
	if p.boundary != nil { // else it is as long as it is, and begins when it began
		end += p.shift
	}
	end = max(end, p.start)
	w := Window{Start: flow.Time(p.start), End: flow.Time(end), Next: flow.Time(end), Gaps: p.gaps}
	p.gaps = nil
	return w
}
