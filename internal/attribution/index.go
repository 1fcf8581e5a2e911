package attribution

// index is an open-addressing hash index from a 32-bit hash to record numbers.
// It stores no keys: the caller compares the records. A slot is hash<<32 | ref;
// ref 0 is empty. Homes are spread by multiplication (hash * slots >> 32), so
// any number of slots works and growing needs no look at the records.
type index struct {
	slots []uint64
	used  int
	room  int // how many entries to make room for at first use
}

// maxLoad is used/slots in percent; linear probing stays short below it.
const maxLoad = 75

// newIndex makes an index that takes room for the expected entries when the
// first one comes.
func newIndex(expected int) index { return index{slots: make([]uint64, 2), room: expected} }

func (x *index) home(hash uint32) int {
	return int(uint64(hash) * uint64(len(x.slots)) >> 32)
}

// next is the slot after i.
func (x *index) next(i int) int {
	if i++; i == len(x.slots) {
		return 0
	}
	return i
}

// put stores ref under hash in the empty slot i and grows when it gets tight.
func (x *index) put(i int, hash, ref uint32) {
	x.slots[i] = uint64(hash)<<32 | uint64(ref)
	x.used++
	if x.used*100 > len(x.slots)*maxLoad {
		x.grow()
	}
}

func (x *index) grow() {
	old := x.slots
	x.slots = make([]uint64, max(64, x.room*100/maxLoad+2, len(old)*3/2+1))
	x.room = 0
	for _, s := range old {
		if uint32(s) != 0 {
			i := x.home(uint32(s >> 32))
			for uint32(x.slots[i]) != 0 {
				i = x.next(i)
			}
			x.slots[i] = s
		}
	}
}

// slotOf finds the slot that holds exactly hash and ref, or -1.
func (x *index) slotOf(hash, ref uint32) int {
	want := uint64(hash)<<32 | uint64(ref)
	for i := x.home(hash); uint32(x.slots[i]) != 0; i = x.next(i) {
		if x.slots[i] == want {
			return i
		}
	}
	return -1
}

// replace makes the slot of (hash, from) point to another record of the same key.
func (x *index) replace(hash, from, to uint32) {
	if i := x.slotOf(hash, from); i >= 0 {
		x.slots[i] = uint64(hash)<<32 | uint64(to)
	}
}

// remove empties the slot of (hash, ref) and moves later entries of the run
// back, so that no search ends too early.
func (x *index) remove(hash, ref uint32) {
	hole := x.slotOf(hash, ref)
	if hole < 0 {
		return
	}
	x.used--
	n := len(x.slots)
	for i := x.next(hole); uint32(x.slots[i]) != 0; i = x.next(i) {
		home := x.home(uint32(x.slots[i] >> 32))
		// The entry at i may move to the hole unless its home lies in (hole, i].
		if (i-home+n)%n >= (i-hole+n)%n {
			x.slots[hole] = x.slots[i]
			hole = i
		}
	}
	x.slots[hole] = 0
}

// spread is a cheap mix for keys that are compared afterwards anyway: its upper
// half depends on all bits of x.
func spread(x uint64) uint64 {
	x *= 0x9e3779b97f4a7c15
	return x ^ x>>32
}
