package netns

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sys/unix"

	"peerscope/internal/flow"
)

// Survey finds out which network namespaces there are, which of them are to be
// observed and how each is entered. It is for one goroutine.
//
// A caller takes a Scan, lets go of what does not live any more, then has
// EnterNew bring what came.
type Survey struct {
	procRoot  string
	selectors []string
	all       bool
	asked     map[uint64]*Handle // asked for, and not entered yet
	entered   map[uint64]bool
	others    map[uint64]bool // not observed, and told of by Others
	denied    map[uint64]bool // namespaces that this program may not enter

	// As of the last Scan.
	processes processes
	names     map[uint64]namedNamespace
}

// Living is what keeps a namespace alive.
type Living struct {
	Name  string  // of its file, if it is in one of the directories for that
	Named bool    // a file keeps it
	PIDs  []int32 // processes that live in it, rising; valid until the next Scan
}

// OpenSurvey resolves which namespaces are to be observed: each selector is a
// name under /run/netns, a path or an inode; none select all. The error is one
// line that says what does not exist, and what comes nearest to it.
func OpenSurvey(selectors []string, procRoot string) (*Survey, error) {
	s := &Survey{procRoot: procRoot, selectors: selectors, all: len(selectors) == 0, asked: map[uint64]*Handle{},
		entered: map[uint64]bool{}, others: map[uint64]bool{}, denied: map[uint64]bool{}}
	for _, selector := range selectors {
		h, err := resolve(selector, nameDirs(), procRoot)
		if err != nil {
			s.Close()
			return nil, err
		}
		if s.asked[h.Inode] != nil {
			h.close()
			continue
		}
		s.asked[h.Inode] = h
	}
	return s, nil
}

// Close lets go of the namespaces that were asked for and never entered.
func (s *Survey) Close() {
	for _, h := range s.asked {
		h.close()
	}
	s.asked = nil
}

// All reports whether every namespace is to be observed.
func (s *Survey) All() bool { return s.all }

// Scan looks which namespaces live now.
func (s *Survey) Scan() error {
	processes, err := readProcesses(s.procRoot)
	if err != nil {
		return err
	}
	named, err := listNamed(nameDirs())
	if err != nil {
		return err
	}
	s.processes, s.names = processes, make(map[uint64]namedNamespace, len(named))
	for _, n := range named {
		s.names[n.Inode] = n
	}
	for _, path := range s.selectors {
		// A path that was asked for counts as a name as long as it leads there.
		if inode, err := inodeOf(path); err == nil && s.names[inode].Path == "" {
			s.names[inode] = namedNamespace{Path: path, Inode: inode}
		}
	}
	// The kernel uses the numbers of those that are gone again.
	for _, known := range [...]map[uint64]bool{s.entered, s.others, s.denied} {
		maps.DeleteFunc(known, func(inode uint64, _ bool) bool { return !s.lives(inode) })
	}
	return nil
}

// Inodes are the namespaces that live, rising.
func (s *Survey) Inodes() []uint64 {
	inodes := make([]uint64, 0, len(s.names)+len(s.processes.byInode))
	inodes = slices.AppendSeq(inodes, maps.Keys(s.names))
	inodes = slices.AppendSeq(inodes, maps.Keys(s.processes.byInode))
	slices.Sort(inodes)
	return slices.Compact(inodes)
}

// Find says what keeps a namespace alive. It is gone if nothing does.
func (s *Survey) Find(inode uint64) (l Living, lives bool) {
	n, named := s.names[inode]
	l = Living{Name: n.Name, Named: named, PIDs: s.processes.byInode[inode]}
	return l, s.lives(inode)
}

func (s *Survey) lives(inode uint64) bool {
	_, named := s.names[inode]
	return named || s.processes.byInode[inode] != nil
}

// EnterNew calls enter with each namespace that is to be observed and was not
// entered yet, in the order of the inodes. The handle is closed after the call.
//
// Where all are observed, one that cannot be opened, or of which enter fails, is
// left out, and for good if that is for want of rights. Of those that were asked
// for enter's error is returned.
func (s *Survey) EnterNew(enter func(*Handle) error) error {
	var inodes []uint64
	if s.all {
		inodes = s.Inodes()
	} else {
		inodes = slices.Sorted(maps.Keys(s.asked))
	}
	for _, inode := range inodes {
		if s.entered[inode] || s.denied[inode] {
			continue
		}
		h := s.asked[inode]
		delete(s.asked, inode)
		var err error
		if h == nil {
			h, err = s.open(inode)
		}
		if err == nil {
			err = enter(h)
			h.close()
		}
		switch {
		case err == nil:
			s.entered[inode] = true
		case !s.all:
			return err
		case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
			s.denied[inode] = true
		}
	}
	return nil
}

// forget makes an inode unknown: it is another namespace's now.
func (s *Survey) forget(inode uint64) { delete(s.entered, inode) }

// Others reads the addresses of the namespaces that live and are not observed: a
// match in one that is observed is not the only one possible if the address
// lives in another as well. Each is read and returned once.
func (s *Survey) Others(now flow.Time) []flow.Namespace {
	if s.all {
		return nil
	}
	var out []flow.Namespace
	for _, inode := range s.Inodes() {
		if s.entered[inode] || s.others[inode] {
			continue
		}
		s.others[inode] = true
		h, err := s.open(inode)
		if err != nil {
			continue
		}
		n, err := describe(h, nil)
		h.close()
		if err != nil {
			continue
		}
		n.Name, n.Time, n.Broadcast = s.names[inode].Name, now, nil
		out = append(out, n)
	}
	return out
}

// open opens a namespace that lives by whatever leads to it.
func (s *Survey) open(inode uint64) (*Handle, error) {
	if n, ok := s.names[inode]; ok {
		if h, err := openNamed(n); err == nil {
			if h.Inode == inode {
				return h, nil
			}
			h.close()
		}
	}
	var last error = unix.ENOENT
	for _, pid := range s.processes.byInode[inode] {
		h, err := openProcess(s.procRoot, pid)
		if err == nil && h.Inode == inode {
			return h, nil
		}
		if err == nil {
			h.close()
			continue
		}
		last = err
	}
	return nil, fmt.Errorf("open network namespace %d: %w", inode, last)
}
