package netlink

import (
	"maps"
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
	wanted   map[uint64]bool           // inodes of live sockets, of this look
	known    map[int32]flow.ProcessKey // that were told, by pid
	swept    time.Time                 // when known was last compared with what lives
	byPID    map[int32]flow.ProcessKey
	alone    map[int32][]flow.ProcessKey // of a process that holds alone, to be shared
	renamed  map[int32]bool              // processes that started another program
	found    [][]holding                 // by worker
	byInode  map[uint64]pids
	stats    walkStats
	eventsFD int
	host     bool          // /proc shows every process of the host
	all      bool          // the walk under way is for every socket there is
	walked   time.Time     // when the last walk ended
	took     time.Duration // what it took
}

type holding struct {
	inode uint64
	pid   int32
}

func newHolders(cfg Config) holders {
	return holders{cfg: cfg, wanted: map[uint64]bool{}, known: map[int32]flow.ProcessKey{}, byPID: map[int32]flow.ProcessKey{}, alone: map[int32][]flow.ProcessKey{},
		renamed: map[int32]bool{}, found: make([][]holding, walkWorkers()), eventsFD: -1, host: showsHost(cfg.ProcRoot)}
}

func (h *holders) want(inode uint64) {
	if !h.all {
		h.wanted[inode] = true
	}
}

// pids are the processes that hold one inode; most have one.
type pids struct {
	first int32
	more  []int32
}

func (p pids) with(pid int32) pids {
	switch {
	case p.first == 0:
		p.first = pid
	case p.first != pid && !slices.Contains(p.more, pid):
		p.more = append(p.more, pid)
	}
	return p
}

// walk reads who holds sockets: those that want says, all if it is nil. What it
// finds counts from index on.
func (h *holders) walk(want func(inode uint64) bool) error {
	start := time.Now()
	for i := range h.found {
		h.found[i] = h.found[i][:0]
	}
	if want == nil {
		want = func(uint64) bool { return true }
	}
	var err error
	h.stats, err = walkFDs(h.cfg.ProcRoot, nil, want, func(worker int, pid int32, inode uint64) {
		h.found[worker] = append(h.found[worker], holding{inode, pid})
	})
	h.walked = time.Now()
	h.took = h.walked.Sub(start)
	return err
}

// index sorts what the walk found by inode, of those that are wanted.
func (h *holders) index() {
	size := len(h.wanted)
	if h.all {
		for _, list := range h.found {
			size += len(list)
		}
	}
	h.byInode = make(map[uint64]pids, size)
	for _, list := range h.found {
		for _, f := range list {
			if h.all || h.wanted[f.inode] {
				h.byInode[f.inode] = h.byInode[f.inode].with(f.pid)
			}
		}
	}
	clear(h.byPID)
}

// walkAhead starts a walk while the sockets are being dumped: at the first look
// all of them are unknown anyway. The answer comes when it is over.
func (h *holders) walkAhead() <-chan error {
	h.all = true
	done := make(chan error, 1)
	go func() { done <- h.walk(nil) }()
	return done
}

// affordable: another walk would cost at most half of what looking may cost,
// spread over the time since the last one. On a small host that is every look.
func (h *holders) affordable(share float64) bool {
	return h.walked.IsZero() || float64(h.took) <= float64(time.Since(h.walked))*share/2
}

// complete: the walk could read every process of the host, so that what it did
// not find is not there.
func (h *holders) complete() bool { return h.host && h.stats.Denied == 0 }

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

// findHolders takes the walk if it is needed, or the one that was started
// ahead, and brings the holders of every socket up to date.
func (s *Source) findHolders(thorough bool, ahead <-chan error, began uint64) error {
	h := &s.procs
	defer clear(h.wanted)
	if ahead != nil {
		if err := <-ahead; err != nil {
			return err
		}
	} else {
		if len(h.wanted) == 0 || !thorough && !s.look.unknown && !h.affordable(s.cfg.Share) {
			return nil
		}
		began = bootTicks()
		if err := h.walk(func(inode uint64) bool { return h.wanted[inode] }); err != nil {
			return err
		}
	}
	h.index()
	if err := s.lookIntoThreads(); err != nil {
		return err
	}
	s.look.since = []int{s.look.number}
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
	h.all = false
	if ahead != nil && s.look.unknown && s.unheldNow() {
		// Opened after the walk had passed their process.
		return s.findHolders(true, nil, 0)
	}
	return nil
}

// unheldNow: some socket of this look has a file and nobody who holds it.
func (s *Source) unheldNow() bool {
	clear(s.procs.wanted)
	for _, t := range s.sockets {
		if t.inode != 0 && t.seen == s.look.number && t.holders == nil && !t.kernel {
			s.procs.want(t.inode)
		}
	}
	return len(s.procs.wanted) > 0
}

// keysOf are the processes that hold an inode, each told once. The slice is
// shared and must not be written to.
func (s *Source) keysOf(inode uint64, began uint64) []flow.ProcessKey {
	p := s.procs.byInode[inode]
	if p.first == 0 {
		return nil
	}
	if len(p.more) == 0 {
		if keys := s.procs.alone[p.first]; keys != nil && s.procs.byPID[p.first] == keys[0] {
			return keys
		}
	}
	var keys []flow.ProcessKey
	for _, pid := range append([]int32{p.first}, p.more...) {
		if k, ok := s.procs.key(pid, began); ok {
			keys = append(keys, k)
			s.introduce(k)
		}
	}
	if len(keys) == 1 && len(p.more) == 0 {
		s.procs.alone[p.first] = keys
	}
	return keys
}

// introduce tells who a process is, when it is first met and when it started
// another program since.
func (s *Source) introduce(k flow.ProcessKey) {
	h := &s.procs
	before, met := h.known[k.PID]
	if met && before == k && !h.renamed[k.PID] {
		return
	}
	if met && before != k { // its number is used again
		s.emit(&flow.Exit{Time: s.look.at, Key: before})
	}
	delete(h.renamed, k.PID)
	h.known[k.PID] = k
	p, err := h.cfg.Processes.Process(k.PID, s.look.at)
	if err != nil || p.Key != k {
		if err == nil {
			err = unix.ESRCH
		}
		s.emit(&flow.Loss{Time: s.look.at, Reason: flow.LossProcRead, Count: 1})
		delete(h.known, k.PID)
		return
	}
	s.emit(&p)
}

// sweepEvery is how often processes that were told are looked for: the word of
// their end may have been lost, or nobody says it.
const sweepEvery = time.Minute

// sweep tells the end of processes that are not there any more, and forgets what
// was kept by their numbers.
func (s *Source) sweep() error {
	h := &s.procs
	if time.Since(h.swept) < sweepEvery {
		return nil
	}
	h.swept = time.Now()
	pids, err := listPIDs(s.cfg.ProcRoot, nil)
	if err != nil {
		return err
	}
	lives := make(map[int32]bool, len(pids))
	for _, pid := range pids {
		lives[pid] = true
	}
	for _, pid := range slices.Sorted(maps.Keys(h.known)) {
		if !lives[pid] {
			s.ended(pid, nil)
		}
	}
	maps.DeleteFunc(h.renamed, func(pid int32, _ bool) bool { return !lives[pid] })
	maps.DeleteFunc(h.alone, func(pid int32, _ []flow.ProcessKey) bool { return !lives[pid] })
	return nil
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
	if slices.Equal(keys, t.holders) {
		t.confirmed = t.counters
		return
	}
	since := s.look.since
	if len(keys) > 1 {
		if keys, since = inOrder(keys, t.holders, t.since, s.look.number); slices.Equal(keys, t.holders) {
			t.confirmed = t.counters
			return
		}
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
	if t.kernel || len(t.holders) > 0 {
		return
	}
	if t.unheld++; t.unheld >= 3 && s.procs.complete() && !s.listenedBySomebody(t) {
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
// missed before. It is tried once for each.
func (s *Source) lookIntoThreads() error {
	missed := false
	for _, t := range s.sockets {
		if t.unheld == 1 && !t.kernel && t.seen == s.look.number && s.procs.byInode[t.inode].first == 0 {
			missed = true
			break
		}
	}
	if !missed {
		return nil
	}
	all, err := listPIDs(s.cfg.ProcRoot, nil)
	if err != nil {
		return err
	}
	h := &s.procs
	for _, pid := range all {
		// A process without threads of its own has been read.
		tasks := filepath.Join(s.cfg.ProcRoot, strconv.Itoa(int(pid)), "task")
		if tids, err := listPIDs(tasks, nil); err != nil || len(tids) < 2 {
			continue
		}
		_, _ = walkFDs(tasks, nil, func(inode uint64) bool { return h.wanted[inode] && h.byInode[inode].first == 0 },
			func(worker int, _ int32, inode uint64) {
				h.found[worker] = append(h.found[worker], holding{inode, pid})
			})
	}
	h.index()
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
	keys = slices.Clone(keys)
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
