package topology

import (
	"maps"
	"slices"
)

// MergeAll is what Merge makes of maps one after the other, earliest first, with
// the edges added up once and not once a map. It is nil without maps; none of
// them is changed, and the result shares parts of them.
func MergeAll(list []*Map) *Map {
	switch len(list) {
	case 0:
		return nil
	case 1:
		return list[0]
	}
	out := list[0].header()
	for _, m := range list[1:] {
		out = Merge(out, m.header())
	}
	last := len(list) - 1
	var room merging
	out.Nodes = []Node{}
	together(list, func(m *Map) []Node { return m.Nodes }, func(n *Node) string { return n.ID }, func(same []*Node, _ []int) {
		out.Nodes = append(out.Nodes, *same[len(same)-1])
	})
	out.Edges = []Edge{}
	together(list, func(m *Map) []Edge { return m.Edges }, func(e *Edge) string { return e.ID }, func(same []*Edge, at []int) {
		if e := room.sumEdges(same, at[len(at)-1] == last); e.Shows() {
			out.Edges = append(out.Edges, e)
		}
	})
	return out
}

// merging has the memory of what is added up, in pieces for many edges at once:
// they live and die with their map.
type merging struct {
	bytes pieces[Bytes]
	sums  pieces[[4]uint64]
	sides pieces[Sides]
	stats pieces[Stat]
}

type pieces[T any] struct{ free []T }

func (p *pieces[T]) new() *T {
	const many = 128
	if len(p.free) == 0 {
		p.free = make([]T, many)
	}
	t := &p.free[0]
	p.free = p.free[1:]
	return t
}

// header is a map without what is in it.
func (m *Map) header() *Map {
	h := *m
	h.Nodes, h.Edges = nil, nil
	return &h
}

// together calls f with the things of one id in all maps that have it, in the
// order of the maps, and which maps these are; ids ascending. Every map's own
// list is sorted by id. What f gets is of this call only.
func together[T any](list []*Map, of func(*Map) []T, id func(*T) string, f func(same []*T, at []int)) {
	next := make([]int, len(list))
	same, at := make([]*T, 0, len(list)), make([]int, 0, len(list))
	for {
		same, at = same[:0], at[:0]
		least := ""
		for i, m := range list {
			things := of(m)
			if next[i] == len(things) {
				continue
			}
			t := &things[next[i]]
			switch k := id(t); {
			case len(same) > 0 && k > least:
				continue
			case len(same) == 0 || k < least:
				least, same, at = k, same[:0], at[:0]
			}
			same, at = append(same, t), append(at, i)
		}
		if len(same) == 0 {
			return
		}
		for _, i := range at {
			next[i]++
		}
		f(same, at)
	}
}

// sumEdges adds one edge up over time. open: the last of them is of the last map,
// so that what it says is open is open.
func (r *merging) sumEdges(same []*Edge, open bool) Edge {
	if same = withoutIdle(same); open && len(same) == 2 && same[0].lasts(same[1]) {
		return *same[0]
	}
	e := *same[len(same)-1]
	if !open {
		e.Evidence, e.open = e.ended(), Evidence{}
		e.Connections.Active, e.Connections.Pending = 0, 0
	}
	if len(same) == 1 {
		e.countProtocols()
		return e
	}
	before := same[:len(same)-1]
	peer, role, errors := counts{sum: e.Evidence.Peer}, counts{sum: e.Evidence.Role}, counts{sum: e.Errors}
	for _, b := range before {
		e.Connections.Opened += b.Connections.Opened
		e.Connections.Closed += b.Connections.Closed
		e.Connections.Failed += b.Connections.Failed
		peer.addEnded(b.Evidence.Peer, b.open.Peer)
		role.addEnded(b.Evidence.Role, b.open.Role)
		errors.addEnded(b.Errors, nil)
	}
	e.Evidence, e.Errors = Evidence{Peer: peer.sum, Role: role.sum}, errors.sum
	e.Bytes = r.sumBytes(same, func(e *Edge) *Bytes { return e.Bytes })
	e.Retransmits = r.sumBytes(same, func(e *Edge) *Bytes { return e.Retransmits })
	e.Sides = r.sumSides(same)
	e.RTT, e.Connect = r.sumStats(same, func(e *Edge) *Stat { return e.RTT }), r.sumStats(same, func(e *Edge) *Stat { return e.Connect })
	for i := len(before) - 1; i >= 0; i-- {
		b := before[i]
		e.Inexact, e.Dialed, e.Services = joinSets(e.Inexact, b.Inexact), joinSets(e.Dialed, b.Dialed), joinSets(e.Services, b.Services)
		if len(b.Candidates)+len(b.Holders) > 0 {
			e.Candidates, e.Holders = uniteSets(b.Candidates, e.Candidates), uniteSets(b.Holders, e.Holders)
		}
		if len(b.Protocols) > 0 {
			e.Protocols = addProtocols(b.Protocols, e.Protocols)
		}
	}
	e.countProtocols()
	return e
}

// counts are added up in a copy, that is made when something is added: to most
// edges of a short time nothing is.
type counts struct {
	sum map[string]uint64
	own bool
}

// addEnded adds counts without those that are still open.
func (c *counts) addEnded(all, open map[string]uint64) {
	for k, n := range all {
		if n <= open[k] {
			continue
		}
		if !c.own {
			copied := make(map[string]uint64, len(c.sum)+1)
			maps.Copy(copied, c.sum)
			c.sum, c.own = copied, true
		}
		c.sum[k] += n - open[k]
	}
}

// joinSets is unite for what is mostly the same already.
func joinSets(a, b []string) []string {
	if len(b) == 0 || slices.Equal(a, b) {
		return a
	}
	return unite(a, b)
}

// sumBytes adds up one pair of counts of several edges. A direction that nobody
// counted stays unknown.
func (r *merging) sumBytes(same []*Edge, of func(*Edge) *Bytes) *Bytes {
	var out *Bytes
	var sums *[4]uint64 // one piece of memory for all four
	add := func(into **uint64, i int, n *uint64) {
		if n == nil {
			return
		}
		if *into == nil {
			*into = &sums[i]
		}
		sums[i] += *n
	}
	for _, e := range same {
		b := of(e)
		if b == nil {
			continue
		}
		if out == nil {
			out, sums = r.bytes.new(), r.sums.new()
		}
		add(&out.ToServer, 0, b.ToServer)
		add(&out.ToClient, 1, b.ToClient)
		add(&out.FirstToSecond, 2, b.FirstToSecond)
		add(&out.SecondToFirst, 3, b.SecondToFirst)
	}
	return out
}

func (r *merging) sumSides(same []*Edge) *Sides {
	if !slices.ContainsFunc(same, func(e *Edge) bool { return e.Sides != nil }) {
		return nil
	}
	side := func(of func(*Sides) *Bytes) *Bytes {
		return r.sumBytes(same, func(e *Edge) *Bytes {
			if e.Sides == nil {
				return nil
			}
			return of(e.Sides)
		})
	}
	out := r.sides.new()
	*out = Sides{Client: side(func(s *Sides) *Bytes { return s.Client }), Server: side(func(s *Sides) *Bytes { return s.Server }),
		First: side(func(s *Sides) *Bytes { return s.First }), Second: side(func(s *Sides) *Bytes { return s.Second })}
	return out
}

func (r *merging) sumStats(same []*Edge, of func(*Edge) *Stat) *Stat {
	var out, only *Stat
	var spread [len(BucketBounds) + 1]uint64
	for _, e := range same {
		s := of(e)
		switch {
		case s == nil:
			continue
		case only == nil:
			only = s
		case out == nil:
			out = r.stats.new()
			*out = Stat{Count: only.Count, Sum: only.Sum, Min: only.Min, Max: only.Max}
			only.into(&spread)
			fallthrough
		default:
			out.Count, out.Sum, out.Min, out.Max = out.Count+s.Count, out.Sum+s.Sum, min(out.Min, s.Min), max(out.Max, s.Max)
			s.into(&spread)
		}
	}
	if out == nil {
		return only
	}
	n := 0
	for _, count := range spread {
		if count > 0 {
			n++
		}
	}
	if n > 0 {
		out.Buckets = make(Buckets, 0, n)
	}
	for i, count := range spread {
		if count > 0 {
			out.Buckets = append(out.Buckets, Bucket{bound(i), count})
		}
	}
	return out
}

// into adds the samples to a histogram by BucketOf, as far as it is known in
// which buckets they are.
func (s *Stat) into(spread *[len(BucketBounds) + 1]uint64) {
	for _, b := range s.Distribution() {
		spread[BucketOf(b.UpTo)] += b.Count
	}
}
