package attribution

import "slices"

// marks has a bit for each number of a table: it is needed.
type marks []uint64

func newMarks(size int) marks { return make(marks, (size+63)/64) }

func (m marks) set(n uint32)      { m[n/64] |= 1 << (n % 64) }
func (m marks) has(n uint32) bool { return m[n/64]&(1<<(n%64)) != 0 }

// numbers are those of a table that nobody needs, the lowest last. They are used
// again in that order, so that a table that was large for a while gets short.
type numbers struct {
	free []uint32
	made int // numbers given out since the last sweep
}

// take gives out a number. It is next if no other is free: then the table grows.
func (t *numbers) take(next int) (n uint32, grow bool) {
	t.made++
	if k := len(t.free); k > 0 {
		n = t.free[k-1]
		t.free = t.free[:k-1]
		return n, false
	}
	return uint32(next), true
}

// sweep frees the numbers of a table of the given size that are not needed. It
// calls drop once for each that was in use, and returns how long the table has to
// be. Number 0 is never used.
func (t *numbers) sweep(size int, needed marks, drop func(n uint32)) int {
	idle := newMarks(size)
	for _, n := range t.free {
		idle.set(n)
	}
	end := size
	for end > 1 && !needed.has(uint32(end-1)) {
		end--
	}
	t.free, t.made = t.free[:0], 0
	for n := uint32(size - 1); n >= 1; n-- {
		if needed.has(n) {
			continue
		}
		if !idle.has(n) {
			drop(n)
		}
		if int(n) < end {
			t.free = append(t.free, n)
		}
	}
	return end
}

// inUse is how many numbers of a table of that size are.
func (t *numbers) inUse(size int) int { return size - 1 - len(t.free) }

// shorten cuts a column of a table, and gives its memory back if most of it is not
// used any more.
func shorten[T any](list []T, size int) []T {
	clear(list[size:])
	list = list[:size]
	if cap(list) > 4*size+1024 {
		return slices.Clip(slices.Clone(list))
	}
	return list
}
