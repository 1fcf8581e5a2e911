package main

import (
	"fmt"
	"net/netip"

	"peerscope/internal/flow"
)

const unixPath = "/run/daemon.sock"

// container is a namespace that comes and goes, with one process and its
// connections.
type container struct {
	place *place
	main  *process
	conns []*conn
	until int // number of the window in which it ends
}

// pipe is a unix connection.
type pipe struct {
	client *process
	inodes [2]uint64
	conn   conn
}

func (l *life) anyServer() *process { return l.servers[l.r.IntN(len(l.servers))] }
func (l *life) anyClient() *process { return l.clients[l.r.IntN(len(l.clients))] }

// endBrief ends what was left open for one window, and the processes that had it.
func (l *life) endBrief() {
	for _, c := range l.brief {
		l.over(c)
	}
	l.brief = l.brief[:0]
	for _, p := range l.pipes {
		l.tellPipe(&p, true)
		t := l.truth.of(&p.conn)
		t.closed++
		t.active--
	}
	l.pipes = l.pipes[:0]
	for _, c := range l.rewritten {
		l.over(c)
		l.tellRewritten(c, 0, l.at(700))
	}
	l.rewritten = l.rewritten[:0]
	for _, p := range l.leaving {
		l.exit(p)
	}
	l.leaving = l.leaving[:0]
}

// beBrief lets short processes connect. Half of their connections are over before
// the window is, the others in the next one.
func (l *life) beBrief() {
	for i := range l.some(60) {
		p := l.newProcess(fmt.Sprintf("job-%d", i%7), l.places[l.r.IntN(len(l.places))])
		l.tellProcess(p, "")
		for range 1 + l.r.IntN(3) {
			c := l.begun(l.connect(p, l.anyServer()))
			l.move(c, 5000)
			if i%2 == 0 {
				l.over(c)
			} else {
				l.brief = append(l.brief, c)
			}
		}
		if i%2 == 0 {
			l.exit(p)
		} else {
			l.leaving = append(l.leaving, p)
		}
	}
}

// reconnect ends some of the long connections and makes others in their place.
func (l *life) reconnect() {
	for range l.some(500) {
		i := l.r.IntN(len(l.long))
		old := l.long[i]
		l.move(old, 1000)
		l.over(old)
		l.long[i] = l.begun(l.connect(old.client, old.server))
	}
}

// restart lets a server end, now and then, and start again with another pid: all
// its connections with it.
func (l *life) restart() {
	if l.number%30 != 17 {
		return
	}
	i := l.r.IntN(len(l.servers))
	old := l.servers[i]
	fresh := l.newProcess(old.name, old.place)
	fresh.port, fresh.wait = old.port, l.cookie()
	l.servers[i] = fresh
	l.tell(&flow.Socket{Time: l.at(600), Cookie: old.wait, Netns: old.place.id, Transport: flow.TCP, State: flow.Listen, Final: true,
		Tuple: flow.Tuple{Local: netip.AddrPortFrom(netip.IPv4Unspecified(), old.port)}})
	l.tellServer(fresh)
	replace := func(list []*conn) {
		for i, c := range list {
			if c.server == old {
				l.over(c)
				list[i] = l.begun(l.connect(c.client, fresh))
			}
		}
	}
	replace(l.long)
	for _, c := range l.containers {
		replace(c.conns)
	}
	l.exit(old)
}

// beContainer starts containers. Their addresses and the inodes of their
// namespaces were those of others before.
func (l *life) beContainer() {
	for range l.some(2) {
		if len(l.ids.free) == 0 {
			return
		}
		addr := l.ids.free[len(l.ids.free)-1]
		l.ids.free = l.ids.free[:len(l.ids.free)-1]
		c := &container{place: l.newPlace(addr), until: l.number + 2 + l.r.IntN(60)}
		l.tellPlace(c.place)
		c.main = l.newProcess(fmt.Sprintf("app-%d", l.r.IntN(20)), c.place)
		l.tellProcess(c.main, fmt.Sprintf("%064x", l.ids.netns))
		for range 3 {
			c.conns = append(c.conns, l.begun(l.connect(c.main, l.anyServer())))
		}
		l.containers = append(l.containers, c)
	}
}

func (l *life) endContainers() {
	left := l.containers[:0]
	for _, c := range l.containers {
		if c.until > l.number {
			left = append(left, c)
			continue
		}
		for _, k := range c.conns {
			l.over(k)
		}
		l.exit(c.main)
		l.tell(&flow.Namespace{Time: l.at(9100), ID: c.place.id, Inode: c.place.inode, Gone: true})
		l.ids.free = append(l.ids.free, c.place.addr)
	}
	clear(l.containers[len(left):])
	l.containers = left
}

// fail lets clients call a port that nobody listens on.
func (l *life) fail() {
	for range l.some(20) {
		c := l.anyClient()
		k := &conn{client: c, transport: flow.TCP, from: netip.AddrPortFrom(c.place.addr, c.place.takePort()),
			to: netip.AddrPortFrom(l.places[l.r.IntN(len(l.places))].addr, 9), opened: l.at(100)}
		l.tell(&flow.Socket{Time: l.at(200), Cookie: l.cookie(), Netns: c.place.id, Transport: flow.TCP, State: flow.Close, Final: true,
			Tuple: flow.Tuple{Local: k.from, Peer: k.to}, Opened: k.opened, First: flow.Client, Errno: "ECONNREFUSED", Holders: c.keys})
		l.truth.of(k).failed++
		delete(c.place.ports, k.from.Port())
	}
}

// outside lets addresses that nobody has seen before call servers, and clients
// call such addresses.
func (l *life) outside() {
	next := func(first byte) netip.Addr {
		l.ids.outside++
		n := l.ids.outside
		return netip.AddrFrom4([4]byte{first, byte(n >> 16), byte(n >> 8), byte(n)})
	}
	for range l.some(20) {
		s := l.anyServer()
		s.conns++
		in := l.begun(&conn{server: s, transport: flow.TCP, from: netip.AddrPortFrom(next(100), 40_000), to: netip.AddrPortFrom(s.place.addr, s.port),
			cookies: [2]flow.SocketCookie{l.cookie(), l.cookie()}, opened: l.at(300)})
		l.move(in, 2000)
		c := l.anyClient()
		c.conns++
		out := l.begun(&conn{client: c, transport: flow.TCP, from: netip.AddrPortFrom(c.place.addr, c.place.takePort()), to: netip.AddrPortFrom(next(101), 443),
			cookies: [2]flow.SocketCookie{l.cookie(), l.cookie()}, opened: l.at(300)})
		l.move(out, 2000)
		l.brief = append(l.brief, in, out)
	}
}

// ask sends datagrams to the resolver, each from a socket of its own.
func (l *life) ask() {
	for range l.some(100) {
		c := l.anyClient()
		c.conns++
		l.resolver.conns++
		k := l.begun(&conn{client: c, server: l.resolver, transport: flow.UDP, from: netip.AddrPortFrom(c.place.addr, c.place.takePort()),
			to: netip.AddrPortFrom(l.resolver.place.addr, 53), cookies: [2]flow.SocketCookie{l.cookie(), l.cookie()}, opened: l.at(l.r.IntN(9000))})
		l.move(k, 100)
		k.sent++ // a flow without a byte is none
		l.truth.of(k).toServer++
		l.over(k)
	}
}

// pipe lets clients call the daemon's unix socket.
func (l *life) pipe() {
	for range l.some(30) {
		c := l.anyClient()
		l.ids.inode += 2
		p := pipe{client: c, inodes: [2]uint64{l.ids.inode, l.ids.inode + 1}, conn: conn{client: c, server: l.socket, transport: flow.Unix}}
		l.begun(&p.conn)
		l.move(&p.conn, 300)
		l.tellPipe(&p, false)
		l.pipes = append(l.pipes, p)
	}
}

func (l *life) tellPipe(p *pipe, final bool) {
	netns := l.socket.place.id
	l.tell(&flow.UnixSocket{Time: l.at(400), Inode: p.inodes[0], Netns: netns, Type: flow.UnixStream, State: flow.Established, Peer: p.inodes[1],
		Final: final, HasCounters: true, Counters: flow.UnixCounters{BytesSent: p.conn.sent, BytesReceived: p.conn.back}, Holders: p.client.keys})
	l.tell(&flow.UnixSocket{Time: l.at(400), Inode: p.inodes[1], Netns: netns, Type: flow.UnixStream, State: flow.Established, Peer: p.inodes[0], Path: unixPath,
		Final: final, HasCounters: true, Counters: flow.UnixCounters{BytesSent: p.conn.back, BytesReceived: p.conn.sent}, Holders: l.socket.keys})
}

// rewrite lets clients call servers by a virtual address, which only conntrack
// tells.
func (l *life) rewrite() {
	for i := range l.some(20) {
		c := l.connect(l.anyClient(), l.anyServer())
		c.plain, c.dialed = true, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 96, 0, byte(i + 1)}), c.to.Port())
		l.begun(c)
		l.move(c, 700)
		l.tellRewritten(c, c.opened, 0)
		l.rewritten = append(l.rewritten, c)
	}
}

func (l *life) tellRewritten(c *conn, opened, closed flow.Time) {
	l.tell(&flow.Translation{Time: max(opened, closed), Netns: c.client.place.id, Transport: flow.TCP, Opened: opened, Closed: closed,
		Original: flow.Tuple{Local: c.from, Peer: c.dialed}, Reply: flow.Tuple{Local: c.to, Peer: c.from}})
}

// handOver passes a connection to another client: what it counts from then on is
// that one's.
func (l *life) handOver() {
	c := l.long[l.r.IntN(len(l.long))]
	to := l.anyClient()
	if to.place != c.client.place || to == c.client || c.opened >= l.now {
		return
	}
	l.tell(&flow.Handover{Time: l.at(50), Cookie: c.cookies[0], From: c.client.key, Exact: true,
		Counters: flow.Counters{BytesSent: c.sent, BytesAcked: c.sent + 1, BytesReceived: c.back}})
	l.truth.of(c).active--
	c.client.conns--
	to.conns++
	c.client, c.counts = to, nil
	l.truth.of(c).active++
}

// look tells everything that is open. Some of it was idle.
func (l *life) look() {
	for i, c := range l.long {
		if i%4 != l.number%4 {
			l.move(c, 3000)
		}
		l.tellConn(c, false)
	}
	for _, c := range l.containers {
		for _, k := range c.conns {
			l.move(k, 1000)
			l.tellConn(k, false)
		}
	}
	for _, list := range [...][]*conn{l.brief, l.rewritten} {
		for _, c := range list {
			l.tellConn(c, false)
		}
	}
}
