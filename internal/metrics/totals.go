package metrics

import (
	"cmp"
	"slices"

	"peerscope/internal/topology"
)

// totals are what a series has added up. Copies may be kept: what a copy points
// to is never changed.
type totals struct {
	bytes, retransmits     [2]count // first to second, and back
	active                 uint64   // of the last window
	opened, closed, failed uint64
	errors                 []errorCount // of the failed ones, by name, sorted
	rtt, connect           spread
}

// count is a sum of what may be unknown: then it is absent, until some is known.
type count struct {
	n     uint64
	known bool
}

func (c *count) add(n *uint64) {
	if n != nil {
		c.n, c.known = c.n+*n, true
	}
}

type errorCount struct {
	name string
	n    uint64
}

// spread is a histogram over topology.BucketBounds; the last bucket is above
// all of them.
type spread struct {
	count, sum uint64 // sum in microseconds
	buckets    [len(topology.BucketBounds) + 1]uint64
}

// add reports whether it is known in which buckets the samples of s are; if not
// it has not added them.
func (p *spread) add(s *topology.Stat) bool {
	if s == nil || s.Count == 0 {
		return true
	}
	buckets := s.Distribution()
	var n uint64
	for _, b := range buckets {
		n += b.Count
	}
	if n != s.Count {
		return false
	}
	p.count += s.Count
	p.sum += s.Sum
	for _, b := range buckets {
		p.buckets[topology.BucketOf(b.UpTo)] += b.Count
	}
	return true
}

// add counts an edge of one window. If reversed, its first end is the second of
// the series. It reports whether everything could be added.
func (t *totals) add(e *topology.Edge, reversed bool) (whole bool) {
	addBoth(&t.bytes, e.Bytes, reversed)
	addBoth(&t.retransmits, e.Retransmits, reversed)
	c := &e.Connections
	t.active += c.Active
	t.opened += c.Opened
	t.closed += c.Closed
	t.failed += c.Failed
	if len(e.Errors) > 0 {
		t.errors = addErrors(t.errors, e.Errors)
	}
	rtt, connect := t.rtt.add(e.RTT), t.connect.add(e.Connect)
	return rtt && connect
}

func addBoth(into *[2]count, b *topology.Bytes, reversed bool) {
	to, back := b.Directions()
	if reversed {
		to, back = back, to
	}
	into[0].add(to)
	into[1].add(back)
}

// mostErrors is how many names of errors a series has. Linux has fewer that a
// connect can end in.
const mostErrors = 32

// addErrors makes a new list: copies of the old one may be in use.
func addErrors(old []errorCount, errors map[string]uint64) []errorCount {
	out := slices.Clone(old)
	for name, n := range errors {
		name = clip(name)
		i, ok := slices.BinarySearchFunc(out, name, func(e errorCount, name string) int { return cmp.Compare(e.name, name) })
		switch {
		case ok:
			out[i].n += n
		case len(out) < mostErrors:
			out = slices.Insert(out, i, errorCount{name, n})
		}
	}
	return out
}

// unnamed are the failed connects of which the error is not known.
func (t *totals) unnamed() uint64 {
	n := t.failed
	for _, e := range t.errors {
		n -= min(n, e.n)
	}
	return n
}
