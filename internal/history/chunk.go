package history

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// chunkEdges is about how many edges are compressed together: fewer, and files
// get larger; more, and it takes longer to read a single edge.
const chunkEdges = 256

// mostNumbers of one group are read; more are damage and not to be made room for.
const mostNumbers = 1 << 24

// chunkOf says in which of n chunks an edge is.
func chunkOf(id string, n int) int {
	h := uint32(2166136261) // FNV-1a
	for i := range len(id) {
		h = (h ^ uint32(id[i])) * 16777619
	}
	return int(h % uint32(n))
}

// numbered is a row whose parts are numbers of a dictionary.
type numbered struct {
	chunk           int
	form, edge, set int32
	numbers         []uint64
}

// number writes rows in terms of the dictionary, sorted by chunk, form and edge.
func (d *dictionary) number(rows []row, chunks int) []numbered {
	type place struct {
		key uint64 // chunk, form and edge
		row int
	}
	places := make([]place, len(rows))
	for i := range rows {
		r := &rows[i]
		key := uint64(chunkOf(r.edge.id, chunks))<<56 | uint64(d.form(r.form))<<32 | uint64(d.edge(r.edge))
		places[i] = place{key, i}
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Compare(a.key, b.key) })
	out := make([]numbered, len(rows))
	for i, p := range places {
		r := &rows[p.row]
		out[i] = numbered{chunk: int(p.key >> 56), form: int32(p.key >> 32 & (1<<24 - 1)), edge: int32(uint32(p.key)), set: d.set(r.sets), numbers: r.numbers}
	}
	return out
}

// appendChunk writes rows of one chunk, a group for each form: how many bytes
// follow, the form, how many rows there are, and then column by column the edges,
// the sets and the numbers.
func (d *dictionary) appendChunk(out []byte, rows []numbered) []byte {
	var b []byte
	for ; len(rows) > 0; b = b[:0] {
		n := 1
		for n < len(rows) && rows[n].form == rows[0].form {
			n++
		}
		group := rows[:n]
		rows = rows[n:]
		b = binary.AppendUvarint(b, uint64(group[0].form))
		b = binary.AppendUvarint(b, uint64(n))
		last := int32(0)
		for i := range group {
			b = binary.AppendUvarint(b, uint64(group[i].edge-last))
			last = group[i].edge
		}
		if !slices.ContainsFunc(group, func(r numbered) bool { return r.set != 0 }) {
			b = append(b, 0)
		} else {
			b = append(b, 1)
			for i := range group {
				b = binary.AppendUvarint(b, uint64(group[i].set))
			}
		}
		for c, like := range d.forms[group[0].form].like {
			b = appendColumnOf(b, group, c, like)
		}
		out = append(binary.AppendUvarint(out, uint64(len(b))), b...)
	}
	return out
}

// How a column is written.
const (
	columnZero   = 0 // all are 0
	columnSame   = 1 // all are one number
	columnLike   = 2 // all are as in another column of the form
	columnPlain  = 3
	columnDeltas = 4 // differences from the column that it is like, zigzag
)

func appendColumnOf(b []byte, group []numbered, c, like int) []byte {
	first := group[0].numbers[c]
	same, alike := true, 0
	for i := range group {
		v := group[i].numbers
		same = same && v[c] == first
		if like >= 0 && v[c] == v[like] {
			alike++
		}
	}
	switch {
	case same && first == 0:
		return append(b, columnZero)
	case alike == len(group):
		return append(b, columnLike)
	case same:
		return binary.AppendUvarint(append(b, columnSame), first)
	case alike*2 > len(group):
		b = append(b, columnDeltas)
		for i := range group {
			b = binary.AppendVarint(b, int64(group[i].numbers[c]-group[i].numbers[like]))
		}
		return b
	}
	b = append(b, columnPlain)
	for i := range group {
		b = binary.AppendUvarint(b, group[i].numbers[c])
	}
	return b
}

// group are edges of one form in one window, as they are read. Its memory is
// used again for the next one.
type group struct {
	form    *form
	edges   []int32    // of the dictionary
	sets    []int32    // likewise
	columns [][]uint64 // of the form, a number for each edge; nil: all are 0
	room    []uint64   // of the columns, of which some share theirs
}

// row writes the numbers of one edge to dst, as many as the form has columns.
func (g *group) row(i int, dst []uint64) []uint64 {
	for _, c := range g.columns {
		n := uint64(0)
		if c != nil {
			n = c[i]
		}
		dst = append(dst, n)
	}
	return dst
}

// groups calls f for each group of a chunk that has one of the edges; nil: all.
func (d *dictionary) groups(chunk []byte, g *group, wanted []int32, f func()) error {
	all := reader{b: chunk}
	for len(all.b) > 0 {
		size := all.count()
		r := reader{b: all.b[:size]}
		all.b = all.b[size:]
		if all.err != nil {
			return all.err
		}
		found, err := d.readGroup(&r, g, wanted)
		if err != nil {
			return err
		}
		if found {
			f()
		}
	}
	return nil
}

// readGroup reads a group; false: it has none of the edges, and was not read.
func (d *dictionary) readGroup(r *reader, g *group, wanted []int32) (bool, error) {
	f := r.number()
	n := r.count()
	if r.err != nil || f >= uint64(len(d.forms)) {
		return false, errDamaged
	}
	g.form = d.forms[f]
	width := len(g.form.columns)
	if n*width > mostNumbers {
		return false, errDamaged
	}
	g.edges, g.sets = slices.Grow(g.edges[:0], n)[:n], slices.Grow(g.sets[:0], n)[:n]
	at := uint64(0)
	for i := range g.edges {
		at += r.number()
		if at >= uint64(len(d.edges)) {
			return false, errDamaged
		}
		g.edges[i] = int32(at)
	}
	if wanted != nil && !slices.ContainsFunc(wanted, func(e int32) bool { _, ok := slices.BinarySearch(g.edges, e); return ok }) {
		return false, r.err
	}
	clear(g.sets)
	if r.byte() != 0 {
		for i := range g.sets {
			s := r.number()
			if s >= uint64(len(d.sets)) {
				return false, errDamaged
			}
			g.sets[i] = int32(s)
		}
	}
	g.room = slices.Grow(g.room[:0], n*width)[:n*width]
	g.columns = slices.Grow(g.columns[:0], width)[:width]
	for c, like := range g.form.like {
		var other []uint64
		if like >= 0 {
			other = g.columns[like]
		}
		g.columns[c] = r.column(g.room[c*n:(c+1)*n:(c+1)*n], like >= 0, other)
	}
	return true, r.end()
}

// column reads a column to dst, or gives another one that is the same. other is
// what it may be like; nil: all are 0.
func (r *reader) column(dst []uint64, mayBeLike bool, other []uint64) []uint64 {
	how := r.byte()
	if (how == columnLike || how == columnDeltas) && !mayBeLike {
		r.fail()
	}
	switch how {
	case columnZero:
		return nil
	case columnSame:
		one := r.number()
		for i := range dst {
			dst[i] = one
		}
	case columnLike:
		return other
	case columnPlain:
		r.fill(dst)
	case columnDeltas:
		r.fill(dst)
		for i, n := range dst {
			dst[i] = n>>1 ^ -(n & 1)
		}
		for i, n := range other {
			dst[i] += n
		}
	default:
		r.fail()
	}
	return dst
}
