package netns

import (
	"cmp"
	"maps"
	"slices"

	"peerscope/internal/capture/nlsocket"
	"peerscope/internal/flow"
)

// Registry keeps an eye on the network namespaces of the host for a source that
// keeps nothing open in them. It enters each namespace anew whenever it wants to
// know something of it, so that none lives longer for being observed. It is for
// one goroutine.
type Registry struct {
	survey *Survey
	known  map[uint64]*entry // observed namespaces that live, by inode
	gone   []Reading         // ended since the last ReadTotals
	buf    []byte
}

// entry is what was last told and read of a namespace.
type entry struct {
	told   flow.Namespace
	totals Totals
}

// Open resolves which namespaces are to be observed, see OpenSurvey. Until the
// first Refresh it keeps those that were asked for open.
func Open(selectors []string, procRoot string) (*Registry, error) {
	survey, err := OpenSurvey(selectors, procRoot)
	if err != nil {
		return nil, err
	}
	return &Registry{survey: survey, known: map[uint64]*entry{}, buf: make([]byte, nlsocket.BufferSize)}, nil
}

// Close lets go of the namespaces that Refresh did not enter.
func (r *Registry) Close() { r.survey.Close() }

// Refresh looks which namespaces there are and what addresses live in them, and
// returns those that are new or have changed since the last call, in the order
// of their inodes, then the new ones that are not observed. Of the latter only
// the addresses are read, once. DeathsSeen is for the caller to say.
//
// An error means that nothing can be known here, or that a namespace that was
// asked for cannot be entered. A namespace that ends meanwhile is none.
func (r *Registry) Refresh(now flow.Time) ([]flow.Namespace, error) {
	if err := r.survey.Scan(); err != nil {
		return nil, err
	}
	var out []flow.Namespace
	for _, inode := range slices.Sorted(maps.Keys(r.known)) {
		if n := r.revisit(inode); n != nil {
			out = append(out, *n)
		}
	}
	err := r.survey.EnterNew(func(h *Handle) error {
		n, err := describe(h, r.buf)
		if err != nil {
			return err
		}
		if l, _ := r.survey.Find(h.Inode); l.Name != "" {
			n.Name = l.Name
		}
		n.Observed = true
		r.known[h.Inode] = &entry{told: n}
		out = append(out, n)
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(out, func(a, b flow.Namespace) int { return cmp.Compare(a.Inode, b.Inode) })
	out = append(out, r.survey.Others(now)...)
	for i := range out {
		out[i].Time = now
	}
	return out, nil
}

// revisit reads a known namespace again and returns it if it has changed. One
// that has ended is not known any more.
func (r *Registry) revisit(inode uint64) *flow.Namespace {
	e := r.known[inode]
	living, lives := r.survey.Find(inode)
	if !lives {
		r.end(inode)
		return nil
	}
	h, err := r.survey.open(inode)
	if err != nil {
		return nil // it ends just now, which the next call finds out
	}
	defer h.close()
	n, err := describe(h, r.buf)
	if err != nil {
		return nil
	}
	if n.ID != e.told.ID { // another one has its inode
		r.end(inode)
		r.survey.forget(inode)
		return nil
	}
	n.Name, n.Observed = e.told.Name, true
	if living.Name != "" {
		n.Name = living.Name
	}
	if same(n, e.told) {
		return nil
	}
	e.told = n
	return &n
}

// end keeps what a namespace had counted for the next ReadTotals.
func (r *Registry) end(inode uint64) {
	e := r.known[inode]
	r.gone = append(r.gone, Reading{ID: e.told.ID, Inode: inode, Totals: e.totals})
	delete(r.known, inode)
}

func same(a, b flow.Namespace) bool {
	return a.Name == b.Name && slices.Equal(a.Local, b.Local) && slices.Equal(a.Broadcast, b.Broadcast)
}

// Selected are the observed namespaces that lived at the last Refresh, by rising
// inode, and whether they are all there are.
func (r *Registry) Selected() (ids []flow.NetnsID, inodes []uint64, all bool) {
	inodes = slices.Sorted(maps.Keys(r.known))
	for _, inode := range inodes {
		ids = append(ids, r.known[inode].told.ID)
	}
	return ids, inodes, r.survey.All()
}

// Gaps are what cannot be observed, as of the last Refresh, for want of rights.
func (r *Registry) Gaps() []flow.Gap { return r.survey.Gaps() }

// Do runs f inside a namespace that lived at the last Refresh, see
// (*Handle).Do.
func (r *Registry) Do(inode uint64, f func() error) error {
	h, err := r.survey.open(inode)
	if err != nil {
		return err
	}
	defer h.close()
	return h.Do(f)
}
