package history

import (
	"time"

	"peerscope/internal/topology"
)

// points are the steps of a series while it is made.
type points struct {
	first, width int64 // Unix milliseconds
	steps        []point
	have         uint64 // the first 64 kinds that some window had
}

// point is one step.
type point struct {
	windows  int
	observed int64 // milliseconds
	present  bool  // in some window
	totals   totals
}

func newPoints(from, to, width int64) *points {
	first := from / width * width
	return &points{first: first, width: width, steps: make([]point, (to-first+width-1)/width)}
}

// add takes a window, in the order of time; present: the edges are in it. The
// window counts to the step that it begins in.
func (p *points) add(start, observed int64, t *totals, present bool) {
	i := min(max((start-p.first)/p.width, 0), int64(len(p.steps)-1))
	s := &p.steps[i]
	s.windows++
	s.observed += observed
	if t == nil {
		t = &totals{}
	}
	if s.present = s.present || present; s.windows == 1 {
		s.totals = *t
	} else {
		s.totals.follow(t)
	}
	p.have |= t.have[0]
}

// idle are the kinds that are 0 where the edges were not in a window, if they are
// known at all.
const idle = 1<<kindActive | 1<<kindPending | 1<<kindOpened | 1<<kindClosed | 1<<kindFailed |
	3<<kindBytes | 3<<kindRetransmits

func (p *points) series() *topology.Series {
	out := &topology.Series{StepMS: p.width, Times: make([]int64, len(p.steps)), Columns: map[string][]*float64{}, Gaps: []topology.Span{}}
	for _, m := range topology.Measures() {
		out.Columns[m] = make([]*float64, len(p.steps))
	}
	if p.have == 0 { // never there
		p.have = idle &^ (3 << kindRetransmits)
	}
	var room edgeRoom
	var values pieces[float64]
	for i := range p.steps {
		out.Times[i] = p.first + int64(i)*p.width
		s := &p.steps[i]
		if s.windows == 0 {
			continue
		}
		if !s.present {
			s.totals.have[0] = p.have & idle
		}
		e := s.totals.edge(&room)
		for _, m := range topology.Measures() {
			if v, ok := e.Measure(m, time.Duration(s.observed)*time.Millisecond); ok {
				out.Columns[m][i] = values.new()
				*out.Columns[m][i] = v
			}
		}
	}
	return out
}
