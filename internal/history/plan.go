package history

// plan finds the windows that together are what was seen in [from, to): the
// longest ones within it, shorter ones at its boundaries, and each moment once.
// A window that only begins or ends within it is taken if nothing finer is kept.
// No window is longer than those of level most.
func (s *Store) plan(most int, from, to int64) []entry {
	if from >= to {
		return nil
	}
	p := planner{s: s, from: from, to: to, floor: [5]int64{}}
	for i, l := range s.levels {
		p.floor[i+1] = 1 << 62
		if len(l.index) > 0 {
			p.floor[i+1] = l.index[0].start()
		}
	}
	// The window that from is in the middle of, as fine as it is kept.
	low := from
	for i, l := range s.levels[:most+1] {
		at, exact := l.find(from)
		if exact || at == 0 || !readable(l.index[at-1]) || l.index[at-1].end() <= from {
			continue
		}
		if start := l.index[at-1].start(); i == 0 || start < p.floor[i] {
			low = start
			break
		}
	}
	p.cover(most, low, to)
	return p.out
}

type planner struct {
	s        *Store
	from, to int64
	floor    [5]int64 // by level+1: when what is kept below the level begins
	out      []entry
}

func readable(e entry) bool { return !e.record().bad.Load() }

// cover takes windows that begin in [low, high).
func (p *planner) cover(at int, low, high int64) {
	if low >= high || at < 0 {
		return
	}
	l := p.s.levels[at]
	first, _ := l.find(low)
	for _, e := range l.index[first:] {
		start, end := e.start(), e.end()
		if start >= high {
			break
		}
		if !readable(e) {
			continue
		}
		p.cover(at-1, low, start)
		if at == 0 || start >= p.from && end <= p.to || start < p.floor[at] {
			p.out = append(p.out, e)
		} else {
			p.cover(at-1, start, min(end, high))
		}
		low = end
	}
	p.cover(at-1, low, high)
}
