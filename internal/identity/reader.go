package identity

import (
	"bytes"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"peerscope/internal/flow"
)

// Config says where to read. The zero value reads this host.
type Config struct {
	ProcRoot   string    // where procfs is mounted; default /proc
	PasswdPath string    // the list of users; default /etc/passwd
	Boot       flow.Time // wall clock of the host's boot; default: from its clocks
}

// Reader reads processes. It uses its buffers again, so it serves one
// goroutine at a time.
type Reader struct {
	root    string
	boot    flow.Time
	users   users
	cgroups cgroups
	parsed  map[string]Cgroup // by the content of /proc/PID/cgroup
	procfs  answer            // root is the kernel's own procfs
	path    []byte            // of what is opened, NUL-terminated
	buf     []byte            // content of the file last read; grows to the largest one
	link    []byte            // target of the link last read
}

// New makes a reader. It reads nothing yet.
func New(c Config) *Reader {
	if c.ProcRoot == "" {
		c.ProcRoot = "/proc"
	}
	if c.PasswdPath == "" {
		c.PasswdPath = "/etc/passwd"
	}
	root := strings.TrimRight(c.ProcRoot, "/") + "/"
	return &Reader{
		root:    root,
		boot:    c.Boot,
		users:   users{path: c.PasswdPath},
		cgroups: newCgroups(root),
		parsed:  map[string]Cgroup{},
		buf:     make([]byte, 8<<10),
		link:    make([]byte, 4<<10), // PATH_MAX
	}
}

// Key reads only the process's key: to learn whether a pid still is the
// process it was. It does not allocate. Errors are those of Process.
func (r *Reader) Key(pid int32) (flow.ProcessKey, error) {
	b, err := r.read(unix.AT_FDCWD, r.pathOf(pid, "/stat"), maxFile)
	if err != nil {
		return flow.ProcessKey{}, fmt.Errorf("read stat of pid %d: %w", pid, err)
	}
	st, err := parseStat(b)
	if err != nil {
		return flow.ProcessKey{}, fmt.Errorf("read stat of pid %d: %w", pid, err)
	}
	return flow.ProcessKey{PID: pid, Start: st.start}, nil
}

// Process reads what is known of a process at the time now. What its
// privileges do not show, or what is gone because the process ended while it
// was read, is left zero.
//
// The error wraps fs.ErrNotExist if there is no such process (a thread that
// leads no process is none), fs.ErrPermission if it may not be seen.
//
// All files are opened through one descriptor of the process's directory. It
// stands for the process and not for the number: if the process ends and the
// pid is used again, it answers ESRCH, so two processes never mix.
func (r *Reader) Process(pid int32, now flow.Time) (flow.Process, error) {
	dir, err := open(unix.AT_FDCWD, r.pathOf(pid, ""), unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return flow.Process{}, fmt.Errorf("open pid %d: %w", pid, err)
	}
	defer unix.Close(dir)

	st, err := r.readStat(dir)
	if err != nil {
		return flow.Process{}, fmt.Errorf("read stat of pid %d: %w", pid, err)
	}
	p := r.processOf(pid, st, now)
	if s, ok := r.readStatus(dir, &p, now); ok && s.tgid != 0 && s.tgid != pid {
		return flow.Process{}, fmt.Errorf("pid %d is a thread of pid %d: %w", pid, s.tgid, fs.ErrNotExist)
	}
	r.readRest(dir, st.flags, &p)
	return p, nil
}

// readStat reads what must be there: without it there is no process. The comm
// of the result is valid until the next read.
func (r *Reader) readStat(dir int) (stat, error) {
	b, err := r.read(dir, "stat\x00", maxFile)
	if err != nil {
		return stat{}, err
	}
	return parseStat(b)
}

// processOf begins a process with what its stat says.
func (r *Reader) processOf(pid int32, st stat, now flow.Time) flow.Process {
	return flow.Process{
		Time:    now,
		Key:     flow.ProcessKey{PID: pid, Start: st.start},
		Parent:  st.parent,
		Created: r.created(st.start),
		Name:    printable(string(st.comm)),
	}
}

// readStatus reads owner and inner pid. ok is false if there is nothing to
// read.
func (r *Reader) readStatus(dir int, p *flow.Process, now flow.Time) (s status, ok bool) {
	b, err := r.read(dir, "status\x00", maxFile)
	if err != nil {
		return status{}, false
	}
	s = parseStatus(untilPID(b))
	if s.vpid != p.Key.PID {
		p.VPID = s.vpid
	}
	if s.hasUID {
		p.UID, p.Owner = s.uid, r.users.name(s.uid, now)
	}
	return s, true
}

// readRest reads program, cgroup and network namespace. flags are those of the
// stat line.
func (r *Reader) readRest(dir int, flags uint32, p *flow.Process) {
	if flags&kernelThread == 0 {
		r.readProgram(dir, p)
	}
	if b, err := r.read(dir, "cgroup\x00", maxFile); err == nil {
		setCgroup(p, r.parseCgroup(b))
	}
	if b, err := readLink(dir, "ns/net\x00", r.link); err == nil {
		p.NetnsInode = namespaceInode(b)
	}
}

func setCgroup(p *flow.Process, c Cgroup) {
	p.Cgroup, p.Unit, p.Container, p.Runtime = c.Path, c.Unit, c.Container, c.Runtime
}

// readProgram reads what kernel threads do not have: executable and arguments.
func (r *Reader) readProgram(dir int, p *flow.Process) {
	if b, err := readLink(dir, "exe\x00", r.link); err == nil && len(b) > 0 {
		// The kernel marks a file that was removed or replaced since (d_path).
		p.Executable = printable(string(bytes.TrimSuffix(b, []byte(" (deleted)"))))
	}
	b, err := r.read(dir, "cmdline\x00", maxArguments)
	if err != nil {
		b = nil
	}
	args := readArguments(b, len(b) >= maxArguments)
	p.CommandLine = args.line()
	setProgram(p, p.Name, p.Executable, b, args)
}

// parseCgroup is ParseCgroup for one of many processes: they share few groups,
// so the results share their texts.
func (r *Reader) parseCgroup(b []byte) Cgroup {
	// A group may be nested as deep as a process likes; the most are short.
	const maxTexts, maxText = 1024, 1024
	if c, ok := r.parsed[string(b)]; ok {
		return c
	}
	c := ParseCgroup(b)
	if len(b) <= maxText {
		if len(r.parsed) >= maxTexts {
			clear(r.parsed)
		}
		r.parsed[string(b)] = c
	}
	return c
}

// read reads a file of a process. The result is valid until the next read.
func (r *Reader) read(dir int, name string, limit int) ([]byte, error) {
	var b []byte
	var err error
	b, r.buf, err = readInto(dir, name, r.buf, limit)
	return b, err
}

// pathOf is the NUL-terminated path of a file of a process, valid until the
// next call. The kernel has no process below 1; the number is not a path then,
// and opening it says that it does not exist.
func (r *Reader) pathOf(pid int32, file string) string {
	r.path = append(r.path[:0], r.root...)
	r.path = strconv.AppendInt(r.path, int64(pid), 10)
	r.path = append(r.path, file...)
	r.path = append(r.path, 0)
	return unsafe.String(unsafe.SliceData(r.path), len(r.path))
}

// tick is what the kernel counts start times in for user space: USER_HZ, 100 a
// second on every architecture that Go supports.
const tick = flow.Time(10 * time.Millisecond)

// created is the wall clock of a start time; 0 if that makes no sense.
func (r *Reader) created(start uint64) flow.Time {
	if start > 1<<39 { // 170 years of running
		return 0
	}
	if r.boot == 0 {
		r.boot = bootTime()
	}
	return r.boot + flow.Time(start)*tick
}

// bootTime is the wall clock of the host's boot by the clocks of now. The
// btime of /proc/stat is whole seconds; the difference of the two clocks is
// exact to the time between the two calls, of which the best of a few counts.
// It is taken once a Reader, so that a clock that is set moves no process.
//
// In a time namespace both this clock and field 22 of stat have the offset.
func bootTime() flow.Time {
	var boot, best int64
	for range 5 {
		var before, up, after unix.Timespec
		if unix.ClockGettime(unix.CLOCK_REALTIME, &before) != nil ||
			unix.ClockGettime(unix.CLOCK_BOOTTIME, &up) != nil ||
			unix.ClockGettime(unix.CLOCK_REALTIME, &after) != nil {
			return 0
		}
		if took := after.Nano() - before.Nano(); boot == 0 || took < best {
			boot, best = before.Nano()+took/2-up.Nano(), took
		}
	}
	return flow.Time(boot)
}

// namespaceInode is the number of a link target like net:[4026531840], or 0.
func namespaceInode(b []byte) uint64 {
	_, b, ok := bytes.Cut(b, []byte(":["))
	if !ok {
		return 0
	}
	n, _ := parseUint(bytes.TrimSuffix(b, []byte{']'}))
	return n
}
