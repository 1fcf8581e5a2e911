package ebpf

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"peerscope/internal/flow"
)

// looking is what one look collects before it can be told: who else holds a
// socket is known only when all processes have been read.
type looking struct {
	on        bool
	number    uint32
	shared    map[uint64]*heldTCP // by cookie: connections that several may hold
	listeners map[uint64]*heldTCP
	udp       map[uint64]*heldTCP
	unix      map[uint64]*heldUnix
}

type heldTCP struct {
	record  peerscopeTcpRecord
	holders []flow.ProcessKey
}

type heldUnix struct {
	record  peerscopeUnixRecord
	holders []flow.ProcessKey
}

func newLooking(number uint32) looking {
	return looking{on: true, number: number, shared: map[uint64]*heldTCP{}, listeners: map[uint64]*heldTCP{},
		udp: map[uint64]*heldTCP{}, unix: map[uint64]*heldUnix{}}
}

// takeLook reads everything that is there now.
func (s *Source) takeLook() error {
	s.look = newLooking(s.look.number + 1)
	defer func() { s.look = looking{number: s.look.number} }()
	s.sockets = 0
	// What a look costs is its thread's: others may draw and answer meanwhile.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cost := threadTime()
	vars := &s.kernel.vars
	if err := errors.Join(vars.look.Set(s.look.number), vars.deep.Set(false), vars.unchanged.Set(uint64(0))); err != nil {
		return fmt.Errorf("begin a look: %w", err)
	}
	if err := s.iterate(link.IterOptions{Program: s.kernel.looks.files}); err != nil {
		return fmt.Errorf("look at the files of all processes: %w", err)
	}
	if s.kernel.looks.namespace != nil && (s.counted.on || s.withoutFiles()) {
		// The sockets that no file leads to.
		if err := s.eachNamespace(s.kernel.looks.namespace); err != nil {
			return fmt.Errorf("look at a namespace: %w", err)
		}
	}
	s.tellShared()
	s.tellListeners()
	s.seenDatagrams()
	s.seenLocals()
	var unchanged uint64
	if err := vars.unchanged.Get(&unchanged); err != nil {
		return fmt.Errorf("end a look: %w", err)
	}
	s.sockets += int(unchanged)
	s.looked, s.lookCost = time.Now(), threadTime()-cost
	s.missWaits()
	return nil
}

// threadTime is what this thread has used, in user and system; what programs in the
// kernel use while they are read is in it.
func threadTime() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_THREAD, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// withoutFiles: there are connections that no file leads to. To read a
// namespace's whole table costs as much as all files.
func (s *Source) withoutFiles() bool {
	var deep bool
	if err := s.kernel.vars.deep.Get(&deep); err != nil || deep {
		return true
	}
	var message uint64
	if err := s.kernel.maps.MessageOwners.NextKey(nil, &message); err == nil {
		return true
	}
	b, err := os.ReadFile(filepath.Join(s.cfg.ProcRoot, "self/net/sockstat"))
	return err != nil || orphans(b) != 0
}

// orphans is how many TCP sockets of the host no process has any more, from
// /proc/net/sockstat, which counts those of all namespaces.
func orphans(sockstat []byte) int {
	for line := range strings.Lines(string(sockstat)) {
		if f := strings.Fields(line); len(f) > 4 && f[0] == "TCP:" && f[3] == "orphan" {
			n, _ := strconv.Atoi(f[4])
			return n
		}
	}
	return -1
}

// eachNamespace runs a program over the TCP sockets of each namespace and takes
// what it tells.
func (s *Source) eachNamespace(prog *ebpf.Program) error {
	_, inodes, _ := s.spaces.Selected()
	for _, inode := range inodes {
		var it *link.Iter
		var rd io.ReadCloser
		err := s.spaces.Do(inode, func() error {
			var err error
			if it, err = link.AttachIter(link.IterOptions{Program: prog}); err != nil {
				return err
			}
			rd, err = it.Open() // it is of the namespace it is opened in
			return err
		})
		if it != nil {
			defer it.Close()
		}
		if err != nil {
			if s.counted.on {
				s.counted.missed = append(s.counted.missed, inode)
			}
			continue // it has gone, or may not be entered, which is told as a gap
		}
		err = s.read(rd)
		rd.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// iterate runs a program over everything it is for and takes what it tells.
func (s *Source) iterate(o link.IterOptions) error {
	it, err := link.AttachIter(o)
	if err != nil {
		return err
	}
	defer it.Close()
	rd, err := it.Open()
	if err != nil {
		return err
	}
	defer rd.Close()
	return s.read(rd)
}

// read takes records until the end. The kernel gives up to 32 KiB a time,
// which may end within a record.
func (s *Source) read(rd io.Reader) error {
	if s.buf == nil {
		s.buf = make([]byte, 64<<10)
	}
	buf, have := s.buf, 0
	for {
		n, err := rd.Read(buf[have:])
		have += n
		rest := buf[:have]
		for {
			_, size := kindOf(rest)
			if size == 0 || len(rest) < size {
				break
			}
			if err := s.take(rest[:size]); err != nil {
				return err
			}
			rest = rest[size:]
		}
		have = copy(buf, rest)
		switch {
		case errors.Is(err, io.EOF) && have > 0:
			return fmt.Errorf("a look ended within a record of %d bytes", have)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// hold adds a holder of what was met before, or meets it.
func hold(met map[uint64]*heldTCP, r *peerscopeTcpRecord, holder []flow.ProcessKey) {
	h := met[r.Cookie]
	if h == nil {
		h = &heldTCP{record: *r}
		met[r.Cookie] = h
	}
	h.holders = append(h.holders, holder...)
}

// all are the holders, the oldest first: who that is does not depend on the
// order in which processes are read.
func (h *heldTCP) all() []flow.ProcessKey {
	slices.SortFunc(h.holders, flow.ProcessKey.Compare)
	h.holders = slices.Compact(h.holders)
	return h.holders
}

// tellShared tells the connections that several processes may hold.
func (s *Source) tellShared() {
	for _, cookie := range slices.Sorted(maps.Keys(s.look.shared)) {
		h := s.look.shared[cookie]
		r := &h.record
		holders := h.all()
		owner := processKey(r.Owner, r.OwnerStart)
		if r.Flags&flagUsed == 0 || len(holders) == 0 {
			s.tellConnection(r, holders)
			continue
		}
		if !slices.Contains(holders, owner) {
			// Who used it has let go of it.
			r.Holder, r.HolderStart = uint32(holders[0].PID), 0
			s.tellHandover(r, owner)
			s.tellConnection(r, holders)
			continue
		}
		s.tellConnection(r, s.holder(r.Owner, r.OwnerStart))
	}
}

func (s *Source) tellListeners() {
	s.listens = len(s.look.listeners)
	for _, cookie := range slices.Sorted(maps.Keys(s.look.listeners)) {
		h := s.look.listeners[cookie]
		s.clock.socket(&h.record, &s.out)
		s.out.Holders = h.all()
		s.emit(&s.out)
		s.waits.met(&s.out)
	}
}
