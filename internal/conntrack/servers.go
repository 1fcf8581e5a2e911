package conntrack

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"peerscope/internal/flow"
)

// maxServers bounds how many connected sockets are kept, those of clients too: who
// listens may be told later.
const maxServers = 100_000

// Servers are the sockets of servers of which the address that their clients
// asked for may be asked one by one, where the table of translations cannot be
// read. They are collected from what is told anyway.
type Servers struct {
	procRoot  string
	listeners map[flow.SocketCookie]portOf
	listening map[portOf]int // how many listeners
	sockets   map[flow.SocketCookie]server
	crowded   bool // there were more
}

type portOf struct {
	netns flow.NetnsID
	port  uint16
}

// server is a connected TCP socket and the process that stands for it.
type server struct {
	cookie flow.SocketCookie
	netns  flow.NetnsID
	holder flow.ProcessKey
	flow.Tuple
}

// NewServers returns an empty collection.
func NewServers(procRoot string) *Servers {
	return &Servers{procRoot: procRoot, listeners: map[flow.SocketCookie]portOf{}, listening: map[portOf]int{}, sockets: map[flow.SocketCookie]server{}}
}

// Note takes down what an observation says of a server's socket.
func (s *Servers) Note(o flow.Observation) {
	k, ok := o.(*flow.Socket)
	if !ok || k.Transport != flow.TCP {
		return
	}
	switch {
	case k.State == flow.Listen:
		s.listens(k)
	case k.Final:
		delete(s.sockets, k.Cookie)
	case k.State == flow.Established && len(k.Holders) > 0:
		if _, known := s.sockets[k.Cookie]; !known && len(s.sockets) >= maxServers {
			s.crowded = true
			return
		}
		s.sockets[k.Cookie] = server{k.Cookie, k.Netns, k.Holders[0], k.Tuple}
	}
}

// listens counts the listeners of each port.
func (s *Servers) listens(k *flow.Socket) {
	at, known := s.listeners[k.Cookie]
	switch {
	case !known && !k.Final:
		at = portOf{k.Netns, k.Local.Port()}
		s.listeners[k.Cookie] = at
		s.listening[at]++
	case known && k.Final:
		delete(s.listeners, k.Cookie)
		if s.listening[at]--; s.listening[at] == 0 {
			delete(s.listening, at)
		}
	}
}

// tell asks the servers' sockets of some namespaces and tells what was translated.
// Processes are asked in the order of their pids.
func (s *Servers) tell(of map[flow.NetnsID]bool, now flow.Time, emit func(flow.Observation)) {
	byProcess := map[flow.ProcessKey][]server{}
	for _, k := range s.sockets {
		if of[k.netns] && s.listening[portOf{k.netns, k.Local.Port()}] > 0 {
			byProcess[k.holder] = append(byProcess[k.holder], k)
		}
	}
	var processes []flow.ProcessKey
	for p, list := range byProcess {
		slices.SortFunc(list, func(a, b server) int { return cmp.Compare(a.cookie, b.cookie) })
		processes = append(processes, p)
	}
	slices.SortFunc(processes, flow.ProcessKey.Compare)
	for _, p := range processes {
		askProcess(s.procRoot, p, byProcess[p], func(k server, asked netip.AddrPort) {
			if asked != k.Local {
				emit(&flow.Translation{Time: now, Netns: k.netns, Transport: flow.TCP,
					Original: flow.Tuple{Local: k.Peer, Peer: asked}, Reply: k.Tuple})
			}
		})
	}
}

// tableRows reads the format of /proc/PID/net/tcp and tcp6: the inode of each
// connected socket by its tuple. Lines that are not of that form are left out.
func tableRows(text string, into map[flow.Tuple]uint64) {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 10 {
			continue
		}
		local, ok1 := hexAddrPort(f[1])
		peer, ok2 := hexAddrPort(f[2])
		inode, err := strconv.ParseUint(f[9], 10, 64)
		if ok1 && ok2 && err == nil && inode != 0 && peer.Port() != 0 {
			into[flow.Tuple{Local: local, Peer: peer}] = inode
		}
	}
}

// hexAddrPort reads an address as 32-bit words in the machine's byte order and a
// port, in hexadecimal digits.
func hexAddrPort(s string) (netip.AddrPort, bool) {
	address, port, ok := strings.Cut(s, ":")
	if !ok || len(address) != 8 && len(address) != 32 {
		return netip.AddrPort{}, false
	}
	p, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return netip.AddrPort{}, false
	}
	var b []byte
	for i := 0; i < len(address); i += 8 {
		word, err := strconv.ParseUint(address[i:i+8], 16, 32)
		if err != nil {
			return netip.AddrPort{}, false
		}
		b = binary.NativeEndian.AppendUint32(b, uint32(word))
	}
	a, _ := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(a.Unmap(), uint16(p)), true
}

// descriptors are the numbers of a process's descriptors of some sockets, by
// their inodes.
func descriptors(dir string, inodes map[uint64]server) map[int]server {
	out := map[int]server{}
	entries, err := os.ReadDir(filepath.Join(dir, "fd"))
	if err != nil {
		return nil
	}
	for _, e := range entries {
		link, err := os.Readlink(filepath.Join(dir, "fd", e.Name()))
		if err != nil {
			continue
		}
		number, isSocket := strings.CutPrefix(link, "socket:[")
		inode, err := strconv.ParseUint(strings.TrimSuffix(number, "]"), 10, 64)
		k, wanted := inodes[inode]
		fd, bad := strconv.Atoi(e.Name())
		if isSocket && err == nil && wanted && bad == nil {
			out[fd] = k
			delete(inodes, inode) // one descriptor of it will do
		}
	}
	return out
}
