package netlink

import (
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"peerscope/internal/flow"
)

// holders finds out which processes hold sockets, and who they are.
type holders struct {
	cfg      Config
	wanted   map[uint64]bool // inodes of live sockets, of this look
	known    map[flow.ProcessKey]bool
	byPID    map[int32]flow.ProcessKey
	renamed  map[int32]bool // processes that started another program
	found    [][]holding    // by worker
	byInode  map[uint64][]int32
	stats    walkStats
	eventsFD int
	walked   time.Time     // when the last walk ended
	took     time.Duration // what it took
}

type holding struct {
	inode uint64
	pid   int32
}

func newHolders(cfg Config) holders {
	return holders{cfg: cfg, wanted: map[uint64]bool{}, known: map[flow.ProcessKey]bool{}, byPID: map[int32]flow.ProcessKey{},
		renamed: map[int32]bool{}, found: make([][]holding, walkWorkers()), eventsFD: -1}
}

func (h *holders) want(inode uint64) { h.wanted[inode] = true }

// walk reads who holds the wanted sockets.
func (h *holders) walk() error {
	for i := range h.found {
		h.found[i] = h.found[i][:0]
	}
	var err error
	h.stats, err = walkFDs(h.cfg.ProcRoot, nil, func(inode uint64) bool { return h.wanted[inode] },
		func(worker int, pid int32, inode uint64) {
			h.found[worker] = append(h.found[worker], holding{inode, pid})
		})
	if err != nil {
		return err
	}
	h.byInode = make(map[uint64][]int32, len(h.wanted))
	for _, list := range h.found {
		for _, f := range list {
			if pids := h.byInode[f.inode]; !slices.Contains(pids, f.pid) {
				h.byInode[f.inode] = append(pids, f.pid)
			}
		}
	}
	clear(h.byPID)
	return nil
}

// affordable: another walk would cost at most half of what looking may cost,
// spread over the time since the last one. On a small host that is every look.
func (h *holders) affordable(share float64) bool {
	return h.walked.IsZero() || float64(h.took) <= float64(time.Since(h.walked))*share/2
}

// complete: the walk could read every process, so that what it did not find is
// not there.
func (h *holders) complete() bool { return h.stats.Denied == 0 }

// key names the process that pid was during the walk that began at the given
// time since boot; a pid that was used again since is nobody.
func (h *holders) key(pid int32, began uint64) (flow.ProcessKey, bool) {
	if k, ok := h.byPID[pid]; ok {
		return k, !k.IsZero()
	}
	k, err := h.cfg.Processes.Key(pid)
	if err != nil || k.Start > began {
		k = flow.ProcessKey{}
	}
	h.byPID[pid] = k
	return k, !k.IsZero()
}

// bootTicks is the time since boot in clock ticks of 1/100 s, the unit in which
// /proc/PID/stat says when a process started (USER_HZ).
func bootTicks() uint64 {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) != nil {
		return ^uint64(0)
	}
	return uint64(ts.Nano()) / 1e7
}

// findHolders takes the walk if it is needed, and brings the holders of every
// socket up to date.
func (s *Source) findHolders(thorough bool) error {
	h := &s.procs
	defer clear(h.wanted)
	if len(h.wanted) == 0 || !thorough && !s.look.unknown {
		return nil
	}
	began, start := bootTicks(), time.Now()
	if err := h.walk(); err != nil {
		return err
	}
	h.walked = time.Now()
	h.took = h.walked.Sub(start)
	if err := s.lookIntoThreads(); err != nil {
		return err
	}
	for cookie, t := range s.sockets {
		if t.inode != 0 && t.seen == s.look.number {
			s.hold(cookie, t, began)
		}
	}
	for inode, u := range s.unix {
		if u.seen == s.look.number {
			s.holdUnix(inode, u, began)
		}
	}
	return nil
}

// keysOf are the processes that hold an inode, each told once.
func (s *Source) keysOf(inode uint64, began uint64) []flow.ProcessKey {
	var keys []flow.ProcessKey
	for _, pid := range s.procs.byInode[inode] {
		if k, ok := s.procs.key(pid, began); ok {
			keys = append(keys, k)
			s.introduce(k)
		}
	}
	return keys
}

// introduce tells who a process is, when it is first met and when it started
// another program since.
func (s *Source) introduce(k flow.ProcessKey) {
	h := &s.procs
	if h.known[k] && !h.renamed[k.PID] {
		return
	}
	delete(h.renamed, k.PID)
	h.known[k] = true
	p, err := h.cfg.Processes.Process(k.PID, s.look.at)
	if err != nil || p.Key != k {
		if err == nil {
			err = unix.ESRCH
		}
		s.emit(&flow.Loss{Time: s.look.at, Reason: flow.LossProcRead, Count: 1})
		delete(h.known, k)
		return
	}
	s.emit(&p)
}

// hold brings one socket's holders up to date. Who held it before and still
// does stays in front: that one holds it longest.
func (s *Source) hold(cookie flow.SocketCookie, t *tracked, began uint64) {
	keys := s.keysOf(t.inode, began)
	if len(keys) == 0 {
		s.unheld(cookie, t)
		return
	}
	t.unheld = 0
	keys, since := inOrder(keys, t.holders, t.since, s.look.number)
	if slices.Equal(keys, t.holders) {
		t.confirmed = t.counters
		return
	}
	if len(t.holders) > 0 && !t.listener && !slices.Contains(keys, t.holders[0]) {
		// When exactly it changed hands is not known: what was counted since the
		// old holder was last confirmed may be either's.
		s.emit(&flow.Handover{Time: s.look.at, Cookie: cookie, Generation: t.generation, From: t.holders[0],
			Counters: t.confirmed, Inexact: payloadOf(t.confirmed) != payloadOf(t.counters)})
	}
	t.holders, t.since, t.confirmed = keys, since, t.counters
	o := s.observation(cookie, t)
	o.Holders = keys
	o.Adopted = s.look.kind == firstLook
	s.emit(o)
}

// payloadOf is the part of counters that is payload.
func payloadOf(c flow.Counters) [3]uint64 {
	return [3]uint64{c.BytesSent - c.BytesRetrans, c.BytesAcked, c.BytesReceived}
}

// unheld deals with a socket that has a file but nobody who holds it. It may be
// on its way between two processes, inside a message (SCM_RIGHTS), or a thread's
// own; where neither can be, a third complete walk that finds nobody makes it
// the kernel's.
func (s *Source) unheld(cookie flow.SocketCookie, t *tracked) {
	if !s.procs.complete() || t.kernel || len(t.holders) > 0 || s.listenedBySomebody(t) {
		return
	}
	if t.unheld++; t.unheld >= 3 {
		t.kernel = true
		s.emit(s.observation(cookie, t))
	}
}

// listenedBySomebody: a process listens where t talks from, so it was accepted
// from there and is a process's, whoever holds it now.
func (s *Source) listenedBySomebody(t *tracked) bool {
	for _, l := range s.sockets {
		if l.listener && l != t && l.space == t.space && l.transport == t.transport &&
			l.tuple.Local.Port() == t.tuple.Local.Port() && len(l.holders) > 0 {
			return true
		}
	}
	return false
}

// lookIntoThreads looks for sockets that nobody was found to hold among the
// files of single threads (CLONE_FILES undone by unshare), once they were
// missed before.
func (s *Source) lookIntoThreads() error {
	missed := false
	for _, t := range s.sockets {
		if t.unheld > 0 && !t.kernel && t.seen == s.look.number && len(s.procs.byInode[t.inode]) == 0 {
			missed = true
			break
		}
	}
	if !missed {
		return nil
	}
	pids, err := listPIDs(s.cfg.ProcRoot, nil)
	if err != nil {
		return err
	}
	h := &s.procs
	for _, pid := range pids {
		// A process without threads of its own has been read.
		tasks := filepath.Join(s.cfg.ProcRoot, strconv.Itoa(int(pid)), "task")
		if tids, err := listPIDs(tasks, nil); err != nil || len(tids) < 2 {
			continue
		}
		_, _ = walkFDs(tasks, nil, func(inode uint64) bool { return h.wanted[inode] && len(h.byInode[inode]) == 0 },
			func(worker int, _ int32, inode uint64) {
				h.found[worker] = append(h.found[worker], holding{inode, pid})
			})
	}
	for _, list := range h.found {
		for _, f := range list {
			if pids := h.byInode[f.inode]; !slices.Contains(pids, f.pid) {
				h.byInode[f.inode] = append(pids, f.pid)
			}
		}
	}
	return nil
}

// inOrder sorts holders by how long they have held, then the older process.
func inOrder(keys, before []flow.ProcessKey, since []int, look int) ([]flow.ProcessKey, []int) {
	first := func(k flow.ProcessKey) int {
		if i := slices.Index(before, k); i >= 0 {
			return since[i]
		}
		return look
	}
	slices.SortFunc(keys, func(a, b flow.ProcessKey) int {
		if d := first(a) - first(b); d != 0 {
			return d
		}
		return a.Compare(b)
	})
	out := make([]int, len(keys))
	for i, k := range keys {
		out[i] = first(k)
	}
	return keys, out
}
