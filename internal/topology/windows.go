package topology

import "time"

// NextBoundary is where the window that began at start ends: at a whole multiple
// of length. If several of them have passed, it is the latest one, or the next to
// come if that is nearer: being late makes one longer window and not many that
// are empty.
func NextBoundary(start, now time.Time, length time.Duration) time.Time {
	end, passed := start.Truncate(length).Add(length), now.Truncate(length)
	if passed.After(end) {
		end = passed
	}
	if now.Sub(end) >= length/2 {
		end = passed.Add(length)
	}
	return end
}

// Joiner merges ticks, maps of short windows that follow each other, into
// windows of one length, aligned to it. Every tick is in exactly one of them. A
// window ends early where the next tick does not begin at its end: nobody
// observed in between, or the clock was set. It changes none of the maps and is
// not safe for concurrent use.
type Joiner struct {
	length     time.Duration
	open       []*Map // those of the window that is not complete
	start, end time.Time
}

// mostOpen is how many ticks wait to be merged: all at once costs less than each with
// those before, but they take memory.
const mostOpen = 16

// NewJoiner returns an empty Joiner of windows of that length.
func NewJoiner(length time.Duration) *Joiner { return &Joiner{length: length} }

// Add takes the next tick and gives the windows that are complete now, none to
// two. The error is for a map that was not made by this program.
func (j *Joiner) Add(m *Map) ([]*Map, error) {
	start, end, err := m.Window.Bounds()
	if err != nil {
		return nil, err
	}
	var out []*Map
	if len(j.open) > 0 && !start.Equal(j.end) {
		out = append(out, j.Rest())
	}
	if len(j.open) == 0 {
		j.start = start
	}
	if j.open = append(j.open, m); len(j.open) == mostOpen {
		j.open = append(j.open[:0], MergeAll(j.open))
	}
	j.end = end
	if !end.Before(j.start.Truncate(j.length).Add(j.length)) {
		out = append(out, j.Rest())
	}
	return out, nil
}

// Rest is the window that is not complete yet, and begins anew; nil: none.
func (j *Joiner) Rest() *Map {
	m := MergeAll(j.open)
	j.open = nil
	return m
}
