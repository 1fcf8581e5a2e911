package history

import "slices"

// taker adds windows to a sum. It remembers where the edges of a file are in it.
type taker struct {
	s *Store
	m *merger

	segment *segment
	edges   []int32 // by number in the dictionary: 1 + slot; 0: not known yet
	nodes   []int32
	raw     []byte
	plain   []byte
	group   group
	slots   []int32 // of the edges of the group
}

// take checks all of a record before it adds anything.
func (t *taker) take(e entry, events bool) (about, error) {
	r := e.record()
	d, err := e.segment.dictionaryOf(e.number, t.s.forms, t.s.decoder)
	if err != nil {
		return about{}, err
	}
	t.raw = slices.Grow(t.raw[:0], int(r.size))[:r.size]
	if _, err := e.segment.file.ReadAt(t.raw, r.offset); err != nil {
		return about{}, err
	}
	for _, f := range r.frames {
		if castagnoli(t.raw[f.at:f.at+int64(f.size)]) != f.sum {
			return about{}, errDamaged
		}
	}
	if t.segment != e.segment {
		t.segment, t.edges, t.nodes = e.segment, nil, nil
	}
	t.edges = append(t.edges, make([]int32, len(d.edges)-len(t.edges))...)
	t.nodes = append(t.nodes, make([]int32, len(d.nodes)-len(t.nodes))...)
	return t.decode(d, r, events)
}

// frame is a part of the record that was read, decompressed.
func (t *taker) frame(r *record, which int) ([]byte, error) {
	f := r.frames[which]
	b, err := t.segment.decode(f, t.raw[f.at:f.at+int64(f.size)], t.plain[:0], t.s.decoder)
	if err == nil {
		t.plain = b
	}
	return b, err
}

func (t *taker) decode(d *dictionary, r *record, events bool) (a about, err error) {
	b, err := t.frame(r, frameAbout)
	if err != nil {
		return a, err
	}
	if a, err = decodeAbout(b); err != nil {
		return a, err
	}
	t.m.expect(min(int(r.edges), len(d.edges)), min(int(r.nodes), len(d.nodes)))
	t.m.begin(r.start, r.end, int64(r.observed), a)
	if events {
		if b, err = t.frame(r, frameEvents); err != nil {
			return a, err
		}
		list, err := decodeEvents(b)
		if err != nil {
			return a, err
		}
		t.m.events = append(t.m.events, list...)
	}
	if b, err = t.frame(r, frameNodes); err != nil {
		return a, err
	}
	nodes, err := d.decodeNodes(b)
	if err != nil {
		return a, err
	}
	for _, n := range nodes {
		if t.nodes[n] == 0 {
			t.nodes[n] = 1 + t.m.nodeSlot(d.nodes[n].id)
		}
		t.m.last[t.nodes[n]-1] = d.nodes[n]
	}
	for i := range r.chunks() {
		if b, err = t.frame(r, fixedFrames+i); err != nil {
			return a, err
		}
		if err := d.groups(b, &t.group, nil, func() { t.add(d) }); err != nil {
			return a, err
		}
	}
	return a, nil
}

func (t *taker) add(d *dictionary) {
	t.slots = slices.Grow(t.slots[:0], len(t.group.edges))[:len(t.group.edges)]
	for i, e := range t.group.edges {
		if t.edges[e] == 0 {
			t.edges[e] = 1 + t.m.slotOf(d.edges[e])
		}
		t.slots[i] = t.edges[e] - 1
	}
	t.m.addGroup(&t.group, t.slots, d.sets)
}
