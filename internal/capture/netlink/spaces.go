package netlink

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sys/unix"

	"peerscope/internal/flow"
)

// deathBuffer is how many bytes of deaths may wait in a namespace: about
// 10,000 of them, which is what a busy host ends in a second.
const deathBuffer = 8 << 20

// space is one network namespace that is looked at, through sockets that were
// made inside it.
type space struct {
	id     flow.NetnsID
	inode  uint64
	name   string
	diag   *conn
	routes *conn
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
	cfg      Config
	epoll    int
	open     []*space // sorted by inode
	selected map[uint64]*nsHandle
	all      bool
	// others are namespaces that are not looked at, of which only the addresses
	// are read: an address may live there too.
	others map[uint64]bool
	// denied: namespaces that this program may not enter.
	denied map[uint64]bool
	hidden int  // processes whose namespace this user may not see
	stale  bool // a namespace may have lost its last process
	buf    []byte
}

// openSpaces resolves what was asked for. Nothing is opened for good yet.
func openSpaces(cfg Config, epoll int) (spaces, error) {
	sp := spaces{cfg: cfg, epoll: epoll, all: len(cfg.Namespaces) == 0, selected: map[uint64]*nsHandle{},
		others: map[uint64]bool{}, denied: map[uint64]bool{}, buf: make([]byte, dumpBufferSize)}
	for _, selector := range cfg.Namespaces {
		h, err := resolveNamespace(selector, namespaceDirs(), cfg.ProcRoot)
		if err != nil {
			sp.closeAll()
			return sp, err
		}
		if old := sp.selected[h.Inode]; old != nil {
			h.close()
			continue
		}
		sp.selected[h.Inode] = h
	}
	return sp, nil
}

func (sp *spaces) closeAll() {
	for _, s := range sp.open {
		s.close()
	}
	sp.open = nil
	for _, h := range sp.selected {
		h.close()
	}
	sp.selected = nil
}

func (s *space) close() {
	s.diag.close()
	s.routes.close()
	if s.deaths != nil {
		s.deaths.conn.close()
	}
}

// refresh finds the namespaces that came and lets go of those that went: a
// namespace lives as long as a process is in it or a file names it, and our
// own sockets must not be what keeps it.
func (sp *spaces) refresh(s *Source, addresses bool) error {
	sp.stale = false
	procs, err := readProcessNamespaces(sp.cfg.ProcRoot, nil)
	if err != nil {
		return err
	}
	sp.hidden = procs.Denied
	named, err := listNamedNamespaces(namespaceDirs())
	if err != nil {
		return err
	}
	names := map[uint64]namedNamespace{}
	for _, n := range named {
		names[n.Inode] = n
	}
	for _, path := range sp.cfg.Namespaces {
		// A path that was asked for counts as a name as long as it leads there.
		if inode, err := namespaceInode(path); err == nil && names[inode].Path == "" {
			names[inode] = namedNamespace{Path: path, Inode: inode}
		}
	}
	sp.forget(procs, names)
	for _, old := range slices.Clone(sp.open) {
		n, isNamed := names[old.inode]
		if procs.ByInode[old.inode] == nil && !isNamed {
			if err := s.letGo(old); err != nil {
				return err
			}
			continue
		}
		old.named, old.pids = isNamed, pidSet(procs.ByInode[old.inode])
		if isNamed && old.name == "" {
			old.name = n.Name
		}
	}
	if err := sp.enterNew(s, procs, names); err != nil {
		return err
	}
	if addresses {
		return sp.readOthers(s, procs, names)
	}
	return nil
}

// forget drops what is kept by inode of namespaces that are gone: the kernel
// uses their numbers again.
func (sp *spaces) forget(procs processNamespaces, names map[uint64]namedNamespace) {
	for _, known := range [...]map[uint64]bool{sp.others, sp.denied} {
		for inode := range known {
			if _, named := names[inode]; !named && procs.ByInode[inode] == nil {
				delete(known, inode)
			}
		}
	}
}

func pidSet(pids []int32) map[int32]bool {
	set := make(map[int32]bool, len(pids))
	for _, p := range pids {
		set[p] = true
	}
	return set
}

// enterNew opens the namespaces that are to be looked at and are not yet.
func (sp *spaces) enterNew(s *Source, procs processNamespaces, names map[uint64]namedNamespace) error {
	inodes := map[uint64]bool{}
	if sp.all {
		for inode := range procs.ByInode {
			inodes[inode] = true
		}
		for inode := range names {
			inodes[inode] = true
		}
	} else {
		for inode := range sp.selected {
			inodes[inode] = true
		}
	}
	for _, inode := range slices.Sorted(maps.Keys(inodes)) {
		if slices.ContainsFunc(sp.open, func(o *space) bool { return o.inode == inode }) || sp.denied[inode] {
			continue
		}
		h, err := sp.handle(inode, procs.ByInode[inode], names)
		if err != nil {
			if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
				sp.denied[inode] = true
			}
			continue // it may have gone between the two
		}
		opened, err := sp.enter(h)
		h.close()
		delete(sp.selected, inode)
		if err != nil {
			if !sp.all {
				return err
			}
			if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
				sp.denied[inode] = true
			}
			continue
		}
		n, isNamed := names[inode]
		opened.named, opened.pids = isNamed, pidSet(procs.ByInode[inode])
		if isNamed {
			opened.name = n.Name
		}
		if s.looks > 1 && sp.all {
			// What happened in it before it was found was not seen.
			s.emit(&flow.Loss{Time: now(), Reason: flow.LossNamespace, Count: 1, Netns: opened.id})
		}
		sp.open = append(sp.open, opened)
		slices.SortFunc(sp.open, func(a, b *space) int { return int(int64(a.inode) - int64(b.inode)) })
		if opened.deaths != nil {
			opened.deaths.each = func(d *inetSocket) { s.died(opened, d) }
		}
	}
	return nil
}

// handle opens a namespace by whatever leads to it.
func (sp *spaces) handle(inode uint64, pids []int32, names map[uint64]namedNamespace) (*nsHandle, error) {
	if h := sp.selected[inode]; h != nil {
		return h, nil
	}
	if n, ok := names[inode]; ok {
		if h, err := openNamed(n); err == nil && h.Inode == inode {
			return h, nil
		}
	}
	var last error = unix.ENOENT
	for _, pid := range pids {
		h, err := openProcessNamespace(sp.cfg.ProcRoot, pid)
		if err == nil && h.Inode == inode {
			return h, nil
		}
		if err == nil {
			h.close()
			continue
		}
		last = err
	}
	return nil, last
}

// enter makes the sockets of one namespace.
func (sp *spaces) enter(h *nsHandle) (*space, error) {
	out := &space{inode: h.Inode, name: h.Name, deathsFD: -1, fresh: 8}
	open := func() error {
		var err error
		if out.diag, err = dialSockets(); err != nil {
			return err
		}
		if out.routes, err = dialRoutes(); err != nil {
			out.diag.close()
			return err
		}
		if c, err := dialDeaths(flow.TCP, flow.UDP); err == nil {
			out.deaths = newDeaths(c, nil)
			_, _ = c.setReceiveBuffer(deathBuffer) // a smaller one only overruns earlier, which is counted
		}
		out.id, err = out.diag.netnsID(h.Inode)
		return err
	}
	own, err := namespaceInode(ownNamespace)
	if err == nil && own == h.Inode {
		err = open() // our own: no privilege needed
	} else {
		err = h.do(open)
	}
	if err != nil {
		return nil, err
	}
	out.diag.shareBuffer(sp.buf)
	out.routes.shareBuffer(sp.buf)
	if out.deaths != nil {
		err = out.deaths.conn.control(func(fd int) error {
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
	routes, err := readLocalRoutes(sp.routes)
	if err != nil {
		return err
	}
	n := flow.Namespace{ID: sp.id, Inode: sp.inode, Name: sp.name, Observed: true, DeathsSeen: sp.deaths != nil, Local: routes.Local, Broadcast: routes.Broadcast}
	if n.Name == sp.told.Name && slices.Equal(n.Local, sp.told.Local) && sp.told.ID != 0 {
		return nil
	}
	sp.told = n
	n.Time = now()
	s.emit(&n)
	return nil
}

// readOthers reads the addresses of namespaces that are not looked at, once:
// a match in one that is looked at is not the only one possible if the address
// lives in another as well.
func (sp *spaces) readOthers(s *Source, procs processNamespaces, names map[uint64]namedNamespace) error {
	if sp.all {
		return nil
	}
	inodes := map[uint64]bool{}
	for inode := range procs.ByInode {
		inodes[inode] = true
	}
	for inode := range names {
		inodes[inode] = true
	}
	for _, inode := range slices.Sorted(maps.Keys(inodes)) {
		if sp.others[inode] || slices.ContainsFunc(sp.open, func(o *space) bool { return o.inode == inode }) {
			continue
		}
		sp.others[inode] = true
		h, err := sp.handle(inode, procs.ByInode[inode], names)
		if err != nil {
			continue
		}
		other, err := addressesOf(h)
		h.close()
		if err != nil {
			continue
		}
		if n, ok := names[inode]; ok {
			other.Name = n.Name
		}
		s.emit(other)
	}
	return nil
}

// addressesOf reads what is delivered to a namespace, and lets it go.
func addressesOf(h *nsHandle) (*flow.Namespace, error) {
	out := &flow.Namespace{Time: now(), Inode: h.Inode}
	err := h.do(func() error {
		c, err := dialRoutes()
		if err != nil {
			return err
		}
		defer c.close()
		if out.ID, err = c.netnsID(h.Inode); err != nil {
			return err
		}
		routes, err := readLocalRoutes(c)
		out.Local = routes.Local
		return err
	})
	return out, err
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
	old.close()
	s.spaces.open = slices.DeleteFunc(s.spaces.open, func(o *space) bool { return o == old })
	return nil
}
