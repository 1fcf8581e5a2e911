package ebpf

import (
	"slices"
	"time"

	"peerscope/internal/flow"
)

// seenPlace is a namespace that was told, and when it was last found to live.
type seenPlace struct {
	inode uint64
	seen  time.Time
}

// cookies: the kernel names namespaces by cookies (netns.IDOf), and so may the
// programs.
func cookies(found []flow.Namespace) bool {
	return !slices.ContainsFunc(found, func(n flow.Namespace) bool { return n.ID>>63 != 0 })
}

// refresh tells which namespaces there are and which addresses live in each, as
// far as that is new.
func (s *Source) refresh() error {
	changed, err := s.spaces.Refresh(s.now())
	if err != nil {
		return err
	}
	s.tellPlaces(changed)
	ids, _, _ := s.spaces.Selected()
	s.foundPlaces(ids, time.Now())
	s.expire()
	return nil
}

func (s *Source) tellPlaces(list []flow.Namespace) {
	for i := range list {
		n := &list[i]
		if n.Observed {
			s.places[n.ID] = &seenPlace{n.Inode, time.Now()}
			n.DeathsSeen = true
		}
		s.emit(n)
	}
	if s.cfg.Translations != nil {
		s.enterTranslations()
	}
}

// enterTranslations lets Translations into the namespaces that came, and has it
// let go of those that went.
func (s *Source) enterTranslations() {
	ids, inodes, _ := s.spaces.Selected()
	for inode, id := range s.entered {
		if i := slices.Index(inodes, inode); i < 0 || ids[i] != id {
			s.cfg.Translations.Leave(inode, s.cfg.Emit)
			delete(s.entered, inode)
		}
	}
	for i, inode := range inodes {
		if _, ok := s.entered[inode]; ok {
			continue
		}
		s.entered[inode] = ids[i]
		// One that cannot be entered has ended, or is told as a gap.
		_ = s.spaces.Do(inode, func() error { s.cfg.Translations.Enter(ids[i], inode); return nil })
	}
}

func (s *Source) takeTranslations() {
	if s.cfg.Translations != nil {
		s.cfg.Translations.Take(s.cfg.Emit)
	}
}

// finishTranslations tells all there is once more, but where windows are shorter
// than what lies between two looks, not at the end of each: it may be much.
func (s *Source) finishTranslations() {
	switch now := time.Now(); {
	case s.cfg.Translations == nil:
	case now.Sub(s.finished) < s.cfg.Interval-refreshEvery:
		s.cfg.Translations.Take(s.cfg.Emit)
	default:
		s.finished = now
		s.cfg.Translations.Finish(s.cfg.Emit)
	}
}

// met tells a namespace in which something was seen before it was found: it may
// be gone when it would be.
func (s *Source) met(cookie uint64, inode uint32) {
	id := netnsID(cookie, inode)
	if p := s.places[id]; p != nil {
		if s.expired.After(p.seen) {
			p.seen = s.expired
		}
		return
	}
	s.places[id] = &seenPlace{uint64(inode), time.Now()}
	s.emit(&flow.Namespace{Time: s.now(), ID: id, Inode: uint64(inode), Observed: true, DeathsSeen: true})
}
