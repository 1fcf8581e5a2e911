package history

import "math"

// alikes are rows of a group whose slots have the same form.
type alikes struct {
	form    *form
	at      []int32    // by column of the group's form: the column of the slots
	rows    []int32    // of the group
	numbers [][]uint64 // of their slots
}

// addGroup takes edges of the window that was begun, column by column: that is
// several times as fast as edge by edge, and most of a long time is spent here.
// slots are where the edges are added up. It keeps no part of the group.
func (m *merger) addGroup(g *group, slots []int32, all []*sets) {
	m.parts = m.parts[:0]
	last := 0
	for i, at := range slots {
		t := &m.slots[at]
		m.follow(t, g.form, all[g.sets[i]])
		if last >= len(m.parts) || m.parts[last].form != t.form {
			last = m.partOf(t.form, g.form)
		}
		p := &m.parts[last]
		p.rows, p.numbers = append(p.rows, int32(i)), append(p.numbers, t.numbers)
	}
	for i := range m.parts {
		p := &m.parts[i]
		for c, op := range g.form.ops {
			p.add(int(p.at[c]), op, g.columns[c])
		}
	}
}

// follow makes a slot ready for the numbers of the next window, which are of that
// form: it has all columns, and what is open is 0.
func (m *merger) follow(t *slot, f *form, s *sets) {
	switch {
	case t.times == 0:
		t.form, t.sets, t.numbers = f, s, m.numbers.take(len(f.columns))
		for _, r := range f.runs {
			if r.op == opMin {
				lift(t.numbers[r.from:r.to])
			}
		}
	case t.form != f:
		m.widen(t, m.joined([2]*form{t.form, f}))
	}
	if t.times > 0 {
		t.sets = m.unite(t.sets, s)
	}
	t.window = m.windows
	t.times++
}

// lift makes numbers such that the least of them and any other is the other.
func lift(numbers []uint64) {
	for i := range numbers {
		numbers[i] = math.MaxUint64
	}
}

// widen gives a slot the columns that it lacks.
func (m *merger) widen(t *slot, j *joined) {
	if j.form != t.form {
		out := m.numbers.take(len(j.form.columns))
		for i, a := range j.a {
			switch {
			case a >= 0:
				out[i] = t.numbers[a]
			case j.form.ops[i] == opMin:
				out[i] = math.MaxUint64
			}
		}
		t.form, t.numbers = j.form, out
	}
	for _, r := range t.form.runs {
		if r.op == opLast {
			clear(t.numbers[r.from:r.to])
		}
	}
}

// partOf is where rows go whose slots have a form, which has all columns of that
// of the group.
func (m *merger) partOf(of, group *form) int {
	for i := range m.parts {
		if m.parts[i].form == of {
			return i
		}
	}
	n := len(m.parts)
	if n < cap(m.parts) {
		m.parts = m.parts[:n+1] // with the memory that it had
	} else {
		m.parts = append(m.parts, alikes{})
	}
	p := &m.parts[n]
	p.form, p.at, p.rows, p.numbers = of, p.at[:0], p.rows[:0], p.numbers[:0]
	if of == group {
		for c := range group.columns {
			p.at = append(p.at, int32(c))
		}
		return n
	}
	for i, b := range m.joined([2]*form{of, group}).b {
		if b >= 0 {
			p.at = append(p.at, int32(i))
		}
	}
	return n
}

// add merges one column.
func (p *alikes) add(at int, op operation, column []uint64) {
	if column == nil {
		p.addNothing(at, op)
		return
	}
	switch op {
	case opAdd:
		for i, n := range p.numbers {
			n[at] += column[p.rows[i]]
		}
	case opMin:
		for i, n := range p.numbers {
			n[at] = min(n[at], column[p.rows[i]])
		}
	case opMax:
		for i, n := range p.numbers {
			n[at] = max(n[at], column[p.rows[i]])
		}
	case opLast:
		for i, n := range p.numbers {
			n[at] = column[p.rows[i]]
		}
	}
}

// addNothing merges a column that is 0.
func (p *alikes) addNothing(at int, op operation) {
	if op == opMin || op == opLast {
		for _, n := range p.numbers {
			n[at] = 0
		}
	}
}
