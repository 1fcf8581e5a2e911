package ebpf

import "peerscope/internal/flow"

// refresh tells which namespaces there are and which addresses live in each, as
// far as that is new.
func (s *Source) refresh() error {
	changed, err := s.spaces.Refresh(s.now())
	if err != nil {
		return err
	}
	s.tellPlaces(changed)
	s.people.forget(s.now())
	return nil
}

func (s *Source) tellPlaces(list []flow.Namespace) {
	for i := range list {
		n := &list[i]
		if n.Observed {
			s.places[n.ID] = true
			n.DeathsSeen = true
		}
		s.emit(n)
	}
}

// met tells a namespace in which something was seen before it was found: it may
// be gone when it would be.
func (s *Source) met(cookie uint64, inode uint32) {
	id := netnsID(cookie, inode)
	if s.places[id] {
		return
	}
	s.places[id] = true
	s.emit(&flow.Namespace{Time: s.now(), ID: id, Inode: uint64(inode), Observed: true, DeathsSeen: true})
}
