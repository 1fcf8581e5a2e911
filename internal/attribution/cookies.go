package attribution

import "peerscope/internal/flow"

// cookies finds the record of a socket by its cookie and generation. The
// kernel hands cookies out in order, so neighbours are kept together: eight
// to a page, and the pages by hash. That is smaller and kinder to the
// processor's cache than one entry a socket.
type cookies struct {
	index index
	pages []page
	free  []uint32 // pages to use again
}

// page holds the record numbers of eight neighbours; 0: none.
type page struct {
	key  uint64 // cookie/8 and generation
	refs [8]uint32
	used uint32 // how many of refs are not 0
}

func newCookies(expected int) cookies {
	room := expected/8 + 1
	return cookies{index: newIndex(room), pages: make([]page, 1, room+1)}
}

func pageKey(c flow.SocketCookie, generation uint16) uint64 {
	return uint64(c)>>3 | uint64(generation)<<48
}

func pageHash(key uint64) uint32 { return uint32(key * 0x9e3779b97f4a7c15 >> 32) }

// page finds the page of key, or makes it.
func (t *cookies) page(key uint64) uint32 {
	hash := pageHash(key)
	i := t.index.home(hash)
	for ; ; i = t.index.next(i) {
		slot := t.index.slots[i]
		p := uint32(slot)
		if p == 0 {
			break
		}
		if uint32(slot>>32) == hash && t.pages[p].key == key {
			return p
		}
	}
	var p uint32
	if n := len(t.free); n > 0 {
		p = t.free[n-1]
		t.free = t.free[:n-1]
		t.pages[p].key = key
	} else {
		p = uint32(len(t.pages))
		t.pages = append(t.pages, page{key: key})
	}
	t.index.put(i, hash, p)
	return p
}

// slot is where the record number of a socket's generation stands; 0 there
// means that it is new, and the caller puts one in and calls taken.
func (t *cookies) slot(c flow.SocketCookie, generation uint16) (slot *uint32, page uint32) {
	p := t.page(pageKey(c, generation))
	return &t.pages[p].refs[c&7], p
}

func (t *cookies) taken(page uint32) { t.pages[page].used++ }

func (t *cookies) remove(c flow.SocketCookie, generation uint16) {
	key := pageKey(c, generation)
	p := t.page(key)
	if t.pages[p].refs[c&7] == 0 {
		return
	}
	t.pages[p].refs[c&7] = 0
	if t.pages[p].used--; t.pages[p].used == 0 {
		t.index.remove(pageHash(key), p)
		t.free = append(t.free, p)
	}
}
