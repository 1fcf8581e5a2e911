package main

import (
	"net/netip"

	"peerscope/internal/flow"
)

// conn is one connection. An end without a process is outside of the host.
type conn struct {
	client, server *process
	transport      flow.Transport
	from, to       netip.AddrPort
	dialed         netip.AddrPort // what the client's socket has, if that is another
	cookies        [2]flow.SocketCookie
	opened         flow.Time
	sent, back     uint64 // payload
	plain          bool   // no sequence identity is told
	counts         *counts
	hour           int // of counts
}

// connect makes a connection from one process to another's listener.
func (l *life) connect(c, s *process) *conn {
	c.conns++
	s.conns++
	return &conn{client: c, server: s, transport: flow.TCP, from: netip.AddrPortFrom(c.place.addr, c.place.takePort()),
		to: netip.AddrPortFrom(s.place.addr, s.port), cookies: [2]flow.SocketCookie{l.cookie(), l.cookie()}, opened: l.at(l.r.IntN(9000))}
}

// begun begins a connection in this window.
func (l *life) begun(c *conn) *conn {
	t := l.truth.of(c)
	t.opened++
	t.active++
	return c
}

// move sends something each way.
func (l *life) move(c *conn, most uint64) {
	sent, back := l.r.Uint64N(most), l.r.Uint64N(8*most)
	c.sent, c.back = c.sent+sent, c.back+back
	t := l.truth.of(c)
	t.toServer, t.toClient = t.toServer+sent, t.toClient+back
}

// over ends a connection and tells it.
func (l *life) over(c *conn) {
	t := l.truth.of(c)
	t.closed++
	t.active--
	l.tellConn(c, true)
	if c.client != nil {
		c.client.conns--
		delete(c.client.place.ports, c.from.Port())
	}
	if c.server != nil {
		c.server.conns--
	}
}

func (l *life) tellConn(c *conn, final bool) {
	if c.client != nil {
		l.tellHalf(c, true, final)
	}
	if c.server != nil {
		l.tellHalf(c, false, final)
	}
}

// tellHalf tells what one end's socket counted.
func (l *life) tellHalf(c *conn, client, final bool) {
	s := &l.out
	*s = flow.Socket{Time: l.at(9500), Transport: c.transport, State: flow.Established, Opened: c.opened, Connected: true,
		HasCounters: true, Exact: true, HasSequence: c.transport == flow.TCP && !c.plain, Final: final}
	if final {
		s.Time, s.State = l.at(500), flow.LastAck
		s.Time = max(s.Time, c.opened+1e6)
	}
	base := uint32(uint64(c.cookies[0]) * 2654435761)
	if client {
		s.Cookie, s.Netns, s.Holders, s.First = c.cookies[0], c.client.place.id, c.client.keys, flow.Client
		s.Tuple = flow.Tuple{Local: c.from, Peer: c.to}
		if c.dialed.IsValid() {
			s.Peer = c.dialed
		}
		s.Sequence = flow.Sequence{SendBase: base, RecvBase: ^base}
		s.Counters = flow.Counters{BytesSent: c.sent, BytesAcked: c.sent, BytesReceived: c.back, RTT: 100 + base%50, Connect: 200}
		if c.transport == flow.TCP {
			s.Counters.BytesAcked++ // our SYN
		}
		l.tell(s)
		return
	}
	s.Cookie, s.Netns, s.Holders, s.First = c.cookies[1], c.server.place.id, c.server.keys, flow.Server
	s.Tuple = flow.Tuple{Local: c.to, Peer: c.from}
	s.Sequence = flow.Sequence{SendBase: ^base, RecvBase: base + 1}
	s.Counters = flow.Counters{BytesSent: c.back, BytesAcked: c.back, BytesReceived: c.sent, RTT: 90 + base%50}
	s.Unconnected = c.transport == flow.UDP
	l.tell(s)
}
