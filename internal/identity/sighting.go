package identity

import (
	"golang.org/x/sys/unix"
	"strings"

	"peerscope/internal/flow"
)

// Sighting is what the kernel told of a process at some moment of its life. It
// is small and bounded, and may be all that there is when user space comes to
// look for the process.
type Sighting struct {
	PID   int32  // in the host's pid namespace (tgid)
	Start uint64 // clock ticks since boot, field 22 of /proc/PID/stat
	Comm  string // at most 15 bytes
	// Args are the arguments as they are in memory from mm->arg_start on, each
	// ended by a NUL; ArgsCut: there may be more. What does not end in a NUL is
	// taken for cut in any case: so looks a title that is longer than the
	// arguments were.
	Args    []byte
	ArgsCut bool
	Exe     string // path or base name of the executable file; empty: not known
	Parent  int32
	VPID    int32  // in its own pid namespace; 0: not known
	UID     uint32 // effective
	Cgroup  uint64 // id of its cgroup of version 2; 0: not known
	Netns   uint64 // inode of its network namespace
	Kthread bool   // a thread of the kernel, without a program
}

// Sighted makes the most of a sighting: what /proc says where that process
// still is there, and of the sighting what /proc does not say any more. Where
// the two differ /proc counts, because it is newer: the process may have
// executed another program since.
//
// A process that is gone has the Executable if its path was told, and the cgroup that its id leads to, if that still exists or was asked for before.
func (r *Reader) Sighted(s *Sighting, now flow.Time) flow.Process {
	// Asked in any case: the cgroup of a container ends with its last process.
	group := r.cgroups.find(s.Cgroup, now)
	p, sameProgram := r.alive(s, now)
	if p.Key.IsZero() {
		sameProgram = true
		p = flow.Process{
			Time:    now,
			Key:     flow.ProcessKey{PID: s.PID, Start: s.Start},
			Created: r.created(s.Start),
			Name:    printable(s.Comm),
		}
	}
	if p.Parent == 0 { // stat has none of a process that has just been waited for
		p.Parent = s.Parent
	}
	if p.VPID == 0 && s.VPID != s.PID {
		p.VPID = s.VPID
	}
	if p.Owner == "" {
		p.UID, p.Owner = s.UID, r.users.name(s.UID, now)
	}
	if p.Cgroup == "" {
		setCgroup(&p, group)
	}
	if p.NetnsInode == 0 {
		p.NetnsInode = s.Netns
	}
	if sameProgram && !s.Kthread {
		s.completeProgram(&p)
	}
	return p
}

// completeProgram fills in what is not there any more as soon as a process has
// begun to end, and what another user may not read.
func (s *Sighting) completeProgram(p *flow.Process) {
	args := s.Args
	cut := s.ArgsCut || len(args) > 0 && args[len(args)-1] != 0
	told := readArguments(args, cut)
	if p.Executable == "" {
		whole := args
		if cut {
			whole = wholeWords(args)
		}
		exe := printable(s.Exe)
		if strings.HasPrefix(exe, "/") {
			p.Executable = exe
		}
		setProgram(p, printable(s.Comm), exe, whole, told)
	}
	if p.CommandLine == "" && len(args) > 0 {
		p.CommandLine = told.line()
	}
}

// alive reads the process if it still is the one that was seen; if not, the
// key is zero. sameProgram: it has executed no other program since.
//
// It does not read status, the dearest of the files, where it need not: the
// sighting knows the inner pid, which never changes, and that the pid is no
// thread's; and the owner of the directory is the effective user, whether the
// process may be traced or not (task_dump_owner in fs/proc/base.c).
func (r *Reader) alive(s *Sighting, now flow.Time) (p flow.Process, sameProgram bool) {
	dir, err := open(unix.AT_FDCWD, r.pathOf(s.PID, ""), unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return flow.Process{}, false
	}
	defer unix.Close(dir)
	// The owner of a process that is gone is root; but as stat can be read after
	// this, it was there.
	var owner unix.Stat_t
	owned := s.VPID != 0 && r.isProcfs(dir) && unix.Fstat(dir, &owner) == nil
	st, err := r.readStat(dir)
	if err != nil || st.start != s.Start {
		return flow.Process{}, false
	}
	sameProgram = string(st.comm) == s.Comm
	p = r.processOf(s.PID, st, now)
	if owned {
		p.UID, p.Owner = owner.Uid, r.users.name(owner.Uid, now)
	} else if status, ok := r.readStatus(dir, &p, now); ok && status.tgid != 0 && status.tgid != s.PID {
		return flow.Process{}, false
	}
	r.readRest(dir, st.flags, &p)
	return p, sameProgram
}

// answer is that of a question that is asked once.
type answer uint8

const (
	notAsked answer = iota
	yes
	no
)

// isProcfs reports whether a directory below the root is of the kernel's own
// procfs, where owners are those of processes.
func (r *Reader) isProcfs(dir int) bool {
	if r.procfs == notAsked {
		r.procfs = no
		var st unix.Statfs_t
		if err := unix.Fstatfs(dir, &st); err == nil && st.Type == unix.PROC_SUPER_MAGIC {
			r.procfs = yes
		}
	}
	return r.procfs == yes
}
