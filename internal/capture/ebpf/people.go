package ebpf

import (
	"bytes"
	"time"

	"peerscope/internal/flow"
)

// Sighting is what the kernel tells of a process when it first uses a socket,
// and when it starts another program.
type Sighting struct {
	PID   int32  // in the host's pid namespace (tgid)
	Start uint64 // clock ticks since boot, as in /proc/PID/stat
	Comm  string
	// Args are the arguments as they are in memory, each ended by a 0 byte, at
	// most 512 bytes; ArgsCut: there were more.
	Args    []byte
	ArgsCut bool
	Exe     string // path of the executable file, as its own root sees it; empty: not known
	Parent  int32
	VPID    int32  // in its own pid namespace
	UID     uint32 // effective
	Cgroup  uint64 // id of its cgroup v2
	Netns   uint64 // inode
	Kthread bool
}

// people are the processes that were met.
type people struct {
	known map[flow.ProcessKey]*person
	byPID map[int32]flow.ProcessKey // the latest of each number
	swept time.Time
}

type person struct {
	key    []flow.ProcessKey // just this one; shared
	exited flow.Time         // 0: not yet
}

// remembered is how long a process is known after its end: its last
// connections may end later than itself.
const remembered = flow.Time(time.Minute)

func newPeople() people {
	return people{known: map[flow.ProcessKey]*person{}, byPID: map[int32]flow.ProcessKey{}}
}

// meet adds a process. One that had its number is over, whether that was told or
// not.
func (s *Source) meet(k flow.ProcessKey) *person {
	p := &s.people
	if before, ok := p.byPID[k.PID]; ok && before != k && before.Start <= k.Start {
		if who := p.known[before]; who != nil && who.exited == 0 {
			s.told(before, who)
		}
	}
	if p.byPID[k.PID].Start <= k.Start {
		p.byPID[k.PID] = k
	}
	who := &person{key: []flow.ProcessKey{k}}
	p.known[k] = who
	return who
}

// forget drops those that ended long ago.
func (p *people) forget(now flow.Time) {
	for k, who := range p.known {
		if who.exited != 0 && now-who.exited > remembered {
			if delete(p.known, k); p.byPID[k.PID] == k {
				delete(p.byPID, k.PID)
			}
		}
	}
}

// sighted takes a process record.
func (s *Source) sighted(r *peerscopeProcessRecord) {
	k := processKey(r.Pid, r.Start)
	p := s.cfg.Processes.Sighted(sighting(r), s.clock.time(r.Time))
	if p.Key != k {
		return
	}
	if s.people.known[k] == nil {
		s.meet(k)
	}
	s.emit(&p)
}

func sighting(r *peerscopeProcessRecord) Sighting {
	return Sighting{
		PID: int32(r.Pid), Start: ticks(r.Start), Comm: cString(r.Comm[:]),
		Args: r.Args[:min(int(r.ArgsLen), len(r.Args))], ArgsCut: int(r.ArgsLen) >= len(r.Args),
		Exe: exePath(r.Exe[:min(int(r.ExeNames), len(r.Exe))]), Parent: int32(r.Parent), VPID: int32(r.Vpid), UID: r.Uid,
		Cgroup: r.Cgroup, Netns: uint64(r.NetnsInode), Kthread: r.Kthread != 0,
	}
}

// exited takes the end of a process.
func (s *Source) exited(r *exitRecord) {
	k := processKey(r.Pid, r.Start)
	who := s.people.known[k]
	if who == nil {
		return
	}
	who.exited = s.clock.time(r.Time)
	e := flow.Exit{Time: who.exited, Key: k}
	e.SetStatus(uint32(r.Status))
	s.emit(&e)
}

// holder is the list of just this process, which is introduced if no event told
// it: then a look met it. The list is shared and must not be written to.
func (s *Source) holder(pid uint32, start uint64) []flow.ProcessKey {
	k := processKey(pid, start)
	if k.IsZero() {
		return nil
	}
	if who := s.people.known[k]; who != nil {
		return who.key
	}
	who := s.meet(k)
	p, err := s.cfg.Processes.Process(k.PID, s.now())
	if err != nil || p.Key != k {
		s.emit(&flow.Loss{Time: s.now(), Reason: flow.LossProcRead, Count: 1})
		return who.key
	}
	s.emit(&p)
	return who.key
}

// exePath is the path of these names, which begin at its end.
func exePath(names [][64]uint8) string {
	var path string
	for _, name := range names {
		path = "/" + cString(name[:]) + path
	}
	return path
}

func cString(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}
