package netlink

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"peerscope/internal/capture/netns"
	"peerscope/internal/capture/nlsocket"
	"peerscope/internal/flow"
)

// deathBuffer is how many bytes of deaths may wait in a namespace: 13,000 of
// them, more than a busy host ends in a second. The death of a TCP socket takes
// 640 on Linux 6.18, four times what is read.
const deathBuffer = 8 << 20

// space is one network namespace that is looked at, through sockets that were
// made inside it.
type space struct {
	id     flow.NetnsID
	inode  uint64
	name   string
	diag   *nlsocket.Conn
	routes *nlsocket.Conn
	deaths *deaths // nil: the kernel would not
	// deathsFD is the descriptor of deaths, for epoll.
	deathsFD int
	pids     map[int32]bool // processes that live in it, as of the last refresh
	named    bool
	fresh    int // looks until its addresses count as settled
	told     flow.Namespace
}

// spaces are the namespaces of the host.
type spaces struct {
	survey *netns.Survey
	epoll  int
	open   []*space // sorted by inode
	stale  bool     // a namespace may have lost its last process
	buf    []byte
}

// openSpaces resolves what was asked for. Nothing is opened for good yet.
func openSpaces(cfg Config, epoll int) (spaces, error) {
	survey, err := netns.OpenSurvey(cfg.Namespaces, cfg.ProcRoot)
	return spaces{survey: survey, epoll: epoll, buf: make([]byte, nlsocket.BufferSize)}, err
}

func (sp *spaces) closeAll() {
	for _, s := range sp.open {
		s.close()
	}
	sp.open = nil
	sp.survey.Close()
}

func (s *space) close() {
	s.diag.Close()
	s.routes.Close()
	if s.deaths != nil {
		s.deaths.conn.Close()
	}
}

// refresh finds the namespaces that came and lets go of those that went: a
// namespace lives as long as a process is in it or a file names it, and our
// own sockets must not be what keeps it.
func (sp *spaces) refresh(s *Source, addresses bool) error {
	sp.stale = false
	if err := sp.survey.Scan(); err != nil {
		return err
	}
	for _, old := range slices.Clone(sp.open) {
		living, lives := sp.survey.Find(old.inode)
		if !lives {
			if err := s.letGo(old); err != nil {
				return err
			}
			continue
		}
		old.kept(living)
	}
	err := sp.survey.EnterNew(func(h *netns.Handle) error { return sp.enterNew(s, h) })
	if err != nil {
		return err
	}
	if addresses {
		for _, n := range sp.survey.Others(s.now()) {
			s.emit(&n)
		}
	}
	return nil
}

// kept takes down what keeps the namespace alive, besides our own sockets.
func (s *space) kept(by netns.Living) {
	s.named = by.Named
	s.pids = make(map[int32]bool, len(by.PIDs))
	for _, pid := range by.PIDs {
		s.pids[pid] = true
	}
	if s.name == "" {
		s.name = by.Name
	}
}

// enterNew opens a namespace that is to be looked at from now on.
func (sp *spaces) enterNew(s *Source, h *netns.Handle) error {
	opened, err := sp.enter(h, s.cfg.Translations)
	if err != nil {
		return err
	}
	living, _ := sp.survey.Find(h.Inode)
	opened.kept(living)
	if opened.name == "" {
		opened.name = h.Name // its file has just gone
	}
	if s.looks > 1 && sp.survey.All() {
		// What happened in it before it was found was not seen.
		s.emit(&flow.Loss{Time: s.now(), Reason: flow.LossNamespace, Count: 1, Netns: opened.id})
	}
	sp.open = append(sp.open, opened)
	slices.SortFunc(sp.open, func(a, b *space) int { return int(int64(a.inode) - int64(b.inode)) })
	if opened.deaths != nil {
		opened.deaths.each = func(d *inetSocket) { s.died(opened, d) }
	}
	return nil
}

// enter makes the sockets of one namespace.
func (sp *spaces) enter(h *netns.Handle, translations Translations) (*space, error) {
	out := &space{inode: h.Inode, deathsFD: -1, fresh: 8}
	open := func() error {
		var err error
		if out.diag, err = dialSockets(); err != nil {
			return err
		}
		if out.routes, err = netns.DialRoutes(); err != nil {
			out.diag.Close()
			return err
		}
		if c, err := dialDeaths(flow.TCP, flow.UDP); err == nil {
			out.deaths = newDeaths(c, nil)
			_, _ = c.SetReceiveBuffer(deathBuffer) // a smaller one only overruns earlier, which is counted
		}
		err = out.diag.Control(func(fd int) error {
			out.id, err = netns.IDOf(fd, h.Inode)
			return err
		})
		if err == nil && translations != nil {
			translations.Enter(out.id, h.Inode)
		}
		return err
	}
	if err := h.Do(open); err != nil {
		return nil, err
	}
	out.diag.ShareBuffer(sp.buf)
	out.routes.ShareBuffer(sp.buf)
	if out.deaths != nil {
		err := out.deaths.conn.Control(func(fd int) error {
			out.deathsFD = fd
			return unix.EpollCtl(sp.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
		})
		if err != nil {
			out.close()
			return nil, fmt.Errorf("watch deaths of sockets: %w", err)
		}
	}
	return out, nil
}

// tell says what is known of the namespace, if that is new.
func (s *Source) tell(sp *space) error {
	routes, err := netns.ReadLocalRoutes(sp.routes)
	if err != nil {
		return err
	}
	n := flow.Namespace{ID: sp.id, Inode: sp.inode, Name: sp.name, Observed: true, DeathsSeen: sp.deaths != nil, Local: routes.Local, Broadcast: routes.Broadcast}
	if n.Name == sp.told.Name && slices.Equal(n.Local, sp.told.Local) && slices.Equal(n.Broadcast, sp.told.Broadcast) && sp.told.ID != 0 {
		return nil
	}
	sp.told = n
	n.Time = s.now()
	s.emit(&n)
	return nil
}

// letGo closes a namespace that nothing else keeps alive, after taking the
// deaths that are still waiting. What it had open is gone.
func (s *Source) letGo(old *space) error {
	if old.deaths != nil {
		if err := s.drainDeaths(old); err != nil {
			return err
		}
	}
	for cookie, t := range s.sockets {
		if t.space == old {
			s.vanish(cookie, t)
		}
	}
	for inode, u := range s.unix {
		if u.space == old {
			s.vanishUnix(inode, u)
		}
	}
	if s.cfg.Translations != nil {
		s.cfg.Translations.Leave(old.inode, s.cfg.Emit)
	}
	s.emit(&flow.Namespace{Time: s.now(), ID: old.id, Inode: old.inode, Gone: true})
	old.close()
	s.spaces.open = slices.DeleteFunc(s.spaces.open, func(o *space) bool { return o == old })
	return nil
}
