package history

import (
	"slices"

	"peerscope/internal/topology"
)

// merger adds windows up, in the order of time, to what topology.Merge makes of
// their maps: counts add, what is open is as the last window says. It looks at
// each number once, and does not build the maps in between.
type merger struct {
	forms  *forms
	joins  map[[2]*form]*joined
	unions map[[2]*sets]*sets

	parts    []alikes // of the group that is added
	lastPair [2]*form // that was asked of joins
	lastJoin *joined
	numbers  pieces[uint64] // of slots

	windows    int // how many were added; the one that is being added counts
	start, end int64
	observed   int64
	about      about
	events     []topology.Event

	edges map[string]int32 // by id, into slots
	slots []slot
	nodes map[string]int32 // by id, into last
	last  []*node
}

// slot is an edge as far as it is added up.
type slot struct {
	row
	window int // the last one that it was in
	times  int // in how many windows it was
}

func newMerger(f *forms) *merger {
	return &merger{forms: f, joins: map[[2]*form]*joined{}, unions: map[[2]*sets]*sets{}, edges: map[string]int32{}, nodes: map[string]int32{}}
}

// expect makes room for the edges and nodes of a window, when nothing was added.
func (m *merger) expect(edges, nodes int) {
	if len(m.slots) == 0 && len(m.last) == 0 {
		m.edges, m.slots = make(map[string]int32, edges), make([]slot, 0, edges)
		m.nodes, m.last = make(map[string]int32, nodes), make([]*node, 0, nodes)
	}
}

// begin takes what a window says beside its nodes and edges.
func (m *merger) begin(start, end, observed int64, a about) {
	m.windows++
	m.observed += observed
	if m.windows == 1 {
		m.start, m.end, m.about = start, end, a
		m.about.Gaps, m.about.Missed = slices.Clone(a.Gaps), slices.Clone(a.Missed)
		return
	}
	m.about.Gaps = append(m.about.Gaps, gapsBetween(m.end, start, a)...)
	m.about.Gaps = append(m.about.Gaps, a.Gaps...)
	m.about.Missed = append(m.about.Missed, a.Missed...)
	m.about.Map = topology.Merge(m.about.Map, a.Map)
	m.end = end
}

// slotOf is where an edge is added up.
func (m *merger) slotOf(d *identity) int32 {
	at, ok := m.edges[d.id]
	if !ok {
		at = int32(len(m.slots))
		m.edges[d.id] = at
		m.slots = append(m.slots, slot{row: row{edge: d}})
	}
	return at
}

// add takes one edge of the window that was begun. It keeps no part of numbers.
func (m *merger) add(at int32, f *form, numbers []uint64, s *sets) {
	t := &m.slots[at]
	switch {
	case t.times == 0:
		t.form, t.numbers, t.sets = f, m.numbers.take(len(numbers)), s
		copy(t.numbers, numbers)
	case t.form == f:
		f.apply(t.numbers, numbers)
	default:
		m.addOther(t, f, numbers)
	}
	if t.times > 0 {
		t.sets = m.unite(t.sets, s)
	}
	t.window = m.windows
	t.times++
}

// apply merges the numbers of the next window, b, into a. Both are of the form.
func (f *form) apply(a, b []uint64) {
	for _, r := range f.runs {
		x, y := a[r.from:r.to], b[r.from:r.to]
		switch r.op {
		case opAdd:
			for i, n := range y[:len(x)] {
				x[i] += n
			}
		case opMin:
			for i, n := range y[:len(x)] {
				x[i] = min(x[i], n)
			}
		case opMax:
			for i, n := range y[:len(x)] {
				x[i] = max(x[i], n)
			}
		case opLast:
			copy(x, y)
		}
	}
}

func (o operation) apply(a, b uint64) uint64 {
	switch o {
	case opAdd:
		return a + b
	case opMin:
		return min(a, b)
	case opMax:
		return max(a, b)
	}
	return b
}

// addOther adds numbers of another form than the slot has.
func (m *merger) addOther(t *slot, f *form, numbers []uint64) {
	j := m.joined([2]*form{t.form, f})
	if j.form == t.form { // the slot has all columns already
		for i, op := range j.form.ops {
			if b := j.b[i]; b >= 0 {
				t.numbers[i] = op.apply(t.numbers[i], numbers[b])
			} else if op == opLast {
				t.numbers[i] = 0
			}
		}
		return
	}
	out := m.numbers.take(len(j.form.columns))
	for i, op := range j.form.ops {
		a, b := j.a[i], j.b[i]
		switch {
		case a < 0:
			out[i] = numbers[b]
		case b >= 0:
			out[i] = op.apply(t.numbers[a], numbers[b])
		case op != opLast:
			out[i] = t.numbers[a]
		}
	}
	t.form, t.numbers = j.form, out
}

// joined is the form that two have together. The rows of a window come form by
// form, and most edges have the same form as others, so it is mostly the last one.
func (m *merger) joined(of [2]*form) *joined {
	if m.lastJoin != nil && m.lastPair == of {
		return m.lastJoin
	}
	j := m.joins[of]
	if j == nil {
		j = new(m.forms.join(of[0], of[1]))
		m.joins[of] = j
	}
	m.lastPair, m.lastJoin = of, j
	return j
}

// unite joins two sets of one edge.
func (m *merger) unite(a, b *sets) *sets {
	if a == nil && b == nil {
		return nil
	}
	key := [2]*sets{a, b}
	if out, ok := m.unions[key]; ok {
		return out
	}
	empty := &sets{}
	x, y := a, b
	if x == nil {
		x = empty
	}
	if y == nil {
		y = empty
	}
	out := &sets{Dialed: union(x.Dialed, y.Dialed), Services: union(x.Services, y.Services),
		Candidates: unionOf(x.Candidates, y.Candidates), Holders: unionOf(x.Holders, y.Holders)}
	if out.equal(a) {
		out = a
	}
	m.unions[key] = out
	return out
}

func union(a, b []string) []string {
	if len(a)+len(b) == 0 {
		return nil
	}
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}

func unionOf(a, b map[string][]string) map[string][]string {
	if len(a)+len(b) == 0 {
		return nil
	}
	out := map[string][]string{}
	for k, v := range a {
		out[k] = union(v, b[k])
	}
	for k, v := range b {
		out[k] = union(a[k], v)
	}
	return out
}

// nodeSlot is where a node of that id is kept.
func (m *merger) nodeSlot(id string) int32 {
	at, ok := m.nodes[id]
	if !ok {
		at = int32(len(m.last))
		m.nodes[id] = at
		m.last = append(m.last, nil)
	}
	return at
}

// addWindow takes a whole window that follows the others.
func (m *merger) addWindow(w *window) {
	m.begin(w.start, w.end, w.observed, w.about)
	m.events = append(m.events, w.events...)
	for _, n := range w.nodes {
		m.last[m.nodeSlot(n.id)] = n
	}
	for i := range w.rows {
		r := &w.rows[i]
		m.add(m.slotOf(r.edge), r.form, r.numbers, r.sets)
	}
}

// window is the sum. The merger is not used any more.
func (m *merger) window() *window {
	w := &window{start: m.start, end: m.end, observed: m.observed, about: m.about, events: m.events, nodes: m.last, rows: make([]row, len(m.slots))}
	for i := range m.slots {
		t := &m.slots[i]
		if t.window != m.windows {
			for c, op := range t.form.ops {
				if op == opLast {
					t.numbers[c] = 0
				}
			}
		}
		w.rows[i] = t.row
	}
	return w
}
