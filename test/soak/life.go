package main

import (
	"fmt"
	"math/rand/v2"
	"net/netip"

	"peerscope/internal/flow"
)

// life is a host: what is on it and what happens to it. It tells everything, as
// the source by eBPF does: what is open once a window, what ends when it ends.
type life struct {
	r     *rand.Rand
	scale float64
	truth truth
	emit  func(flow.Observation)
	out   flow.Socket // in the making, used again

	number int       // of the window
	now    flow.Time // begin of the window that is played
	ids    ids

	places     []*place   // that stay
	servers    []*process // each with a listener of its own
	clients    []*process // that stay
	resolver   *process   // of names
	socket     *process   // with a unix listener
	long       []*conn    // between clients and servers, about as many all the time
	brief      []*conn    // that end in the next window
	leaving    []*process // that exit in the next window
	containers []*container
	pipes      []pipe // unix connections that end in the next window
	rewritten  []*conn
}

// ids are handed out once, but for pids, inodes and addresses, which the host uses
// again.
type ids struct {
	cookie, netns, start, inode uint64
	pid                         int32
	pids                        map[int32]bool
	free                        []netip.Addr
	outside                     uint32
}

// place is a network namespace with one address.
type place struct {
	id    flow.NetnsID
	inode uint64
	addr  netip.Addr
	port  uint16
	ports map[uint16]bool
}

// process is one on the host.
type process struct {
	key   flow.ProcessKey
	keys  []flow.ProcessKey // just the key
	name  string
	place *place
	port  uint16 // that it listens on; 0: none
	wait  flow.SocketCookie
	conns int // that are open
}

const start = flow.Time(1_800_000_000e9)

// newLife makes a host; the first window tells it. At scale 1 it has 1,000 clients
// with 5 servers each, and 10 connections for each of these edges.
func newLife(seed uint64, scale float64) *life {
	l := &life{r: rand.New(rand.NewPCG(seed, 1)), scale: scale, now: start, truth: newTruth(),
		ids: ids{pids: map[int32]bool{}, pid: 300, start: 100, inode: 10_000}}
	for i := range 1000 {
		l.ids.free = append(l.ids.free, netip.AddrFrom4([4]byte{10, 200, byte(i >> 8), byte(i)}))
	}
	for i := range l.some(50) {
		l.places = append(l.places, l.newPlace(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i + 1)})))
	}
	for i := range l.some(300) {
		l.servers = append(l.servers, l.newServer(i, uint16(2000+i)))
	}
	l.resolver = l.newProcess("resolver", l.places[0])
	l.socket = l.newProcess("daemon", l.places[0])
	for i := range l.some(1000) {
		c := l.newProcess(fmt.Sprintf("client-%d", i), l.places[i%len(l.places)])
		l.clients = append(l.clients, c)
		for k := range 5 {
			for range 10 {
				l.long = append(l.long, l.connect(c, l.servers[(i*7+k*13)%len(l.servers)]))
			}
		}
	}
	return l
}

// some is how many of n there are at this scale, one at least.
func (l *life) some(n float64) int { return max(1, int(n*l.scale)) }

func (l *life) open() int { return len(l.long) }

func (l *life) liveEdges() int { return 5 * len(l.clients) }

func (l *life) tell(o flow.Observation) { l.emit(o) }

// at is a time within the window.
func (l *life) at(ms int) flow.Time { return l.now + flow.Time(ms)*1e6 }

func (l *life) newPlace(addr netip.Addr) *place {
	l.ids.netns++
	return &place{id: flow.NetnsID(l.ids.netns), inode: 4026532000 + l.ids.netns%500, addr: addr, port: 20_000, ports: map[uint16]bool{}}
}

func (l *life) newServer(i int, port uint16) *process {
	p := l.newProcess(fmt.Sprintf("server-%d", i), l.places[i%len(l.places)])
	p.port, p.wait = port, l.cookie()
	return p
}

// newProcess uses pids again, as the kernel does.
func (l *life) newProcess(name string, at *place) *process {
	for {
		if l.ids.pid++; l.ids.pid > 32_767 {
			l.ids.pid = 300
		}
		if !l.ids.pids[l.ids.pid] {
			break
		}
	}
	l.ids.pids[l.ids.pid] = true
	l.ids.start += 1 + l.r.Uint64N(5)
	k := flow.ProcessKey{PID: l.ids.pid, Start: l.ids.start}
	return &process{key: k, keys: []flow.ProcessKey{k}, name: name, place: at}
}

func (l *life) cookie() flow.SocketCookie {
	l.ids.cookie++
	return flow.SocketCookie(l.ids.cookie)
}

func (p *place) takePort() uint16 {
	for {
		if p.port++; p.port < 20_000 {
			p.port = 20_000
		}
		if !p.ports[p.port] {
			p.ports[p.port] = true
			return p.port
		}
	}
}

// play lives one window.
func (l *life) play(emit func(flow.Observation)) {
	l.emit = emit
	l.tell(&flow.Window{Start: l.now})
	l.tell(&flow.Capture{Source: "ebpf", Rung: "1"})
	if l.number == 0 {
		l.begin()
	}
	l.endBrief()
	l.endContainers()
	l.restart()
	l.reconnect()
	l.beContainer()
	l.beBrief()
	l.fail()
	l.outside()
	l.ask()
	l.pipe()
	l.rewrite()
	l.handOver()
	l.look()
	if l.number%100 == 7 {
		l.tell(&flow.Loss{Time: l.now, Reason: flow.LossProcRead, Count: 3})
		l.truth.lost += 3
	}
	l.tell(&flow.Gap{Code: "played", Reason: "this host is played"})
	l.tell(&flow.Window{Start: l.now, End: l.now + flow.Time(window)})
	l.now += flow.Time(window)
	l.number++
}

// begin tells what stays.
func (l *life) begin() {
	l.tell(&flow.Host{Name: "soak", Kernel: "6.18"})
	for _, p := range l.places {
		l.tellPlace(p)
	}
	for _, p := range l.servers {
		l.tellServer(p)
	}
	for _, p := range append([]*process{l.resolver, l.socket}, l.clients...) {
		l.tellProcess(p, "")
	}
	l.tell(&flow.Socket{Time: l.now, Cookie: l.cookie(), Netns: l.resolver.place.id, Transport: flow.UDP, State: flow.Close,
		Tuple: flow.Tuple{Local: netip.AddrPortFrom(l.resolver.place.addr, 53)}, Holders: l.resolver.keys})
	l.tell(&flow.UnixSocket{Time: l.now, Inode: 1, Netns: l.socket.place.id, Type: flow.UnixStream, State: flow.Listen, Path: unixPath, Holders: l.socket.keys})
	for _, c := range l.long {
		l.truth.of(c).opened++
		l.truth.of(c).active++
	}
}

func (l *life) tellPlace(p *place) {
	l.tell(&flow.Namespace{Time: l.now, ID: p.id, Inode: p.inode, Observed: true, DeathsSeen: true,
		Local: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.PrefixFrom(p.addr, 32)}})
}

func (l *life) tellServer(p *process) {
	l.tellProcess(p, "")
	l.tell(&flow.Socket{Time: l.now, Cookie: p.wait, Netns: p.place.id, Transport: flow.TCP, State: flow.Listen,
		Tuple: flow.Tuple{Local: netip.AddrPortFrom(netip.IPv4Unspecified(), p.port)}, Limit: 128, Holders: p.keys})
}

func (l *life) tellProcess(p *process, container string) {
	l.tell(&flow.Process{Time: l.now, Key: p.key, Created: l.now, Parent: 1, Name: p.name, Executable: "/usr/local/bin/" + p.name,
		CommandLine: "/usr/local/bin/" + p.name + " --config /etc/" + p.name + ".conf --listen 0.0.0.0", Owner: "app", UID: 1000,
		Cgroup: "/system.slice/" + p.name + ".service", NetnsInode: p.place.inode, Container: container})
}

func (l *life) exit(p *process) {
	l.tell(&flow.Exit{Time: l.at(9000), Key: p.key})
	delete(l.ids.pids, p.key.PID)
}
