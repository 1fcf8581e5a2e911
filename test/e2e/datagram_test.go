package e2e

import (
	"os"

	"peerscope/test/e2e/script"
)

func datagramScenarios() []Scenario {
	return []Scenario{
		{
			Name:   "udp-connected",
			Proves: "a connected UDP client of a bound server: the two processes, the port, who called",
			Limits: "Datagrams and their bytes are not counted; the process of an endpoint that comes and goes between two looks is not named.",
			Run:    udpConnected,
		},
		{
			Name:   "udp-unconnected",
			Proves: "two UDP sockets that name their peer in every call: nothing is invented",
			Limits: "Everything: the kernel keeps no trace of who such a socket talks to.",
			Run:    udpUnconnected,
		},
		{
			Name:   "udp-both-connected",
			Proves: "two UDP sockets connected to each other, in two namespaces",
			Limits: "Who called whom: both ends look the same.",
			Run:    udpBothConnected,
		},
		{
			Name:   "udp-specific",
			Proves: "of two UDP servers on one port the one on the very address gets the datagrams",
			Limits: "Datagrams and their bytes are not counted.",
			Run:    udpSpecific,
		},
		{
			Name:   "unix-rebound",
			Proves: "a path that a second server binds while connections to the first are open: each connection stays with its server",
			Limits: "Bytes are not counted.",
			Run:    unixRebound,
		},
		{
			Name:   "unix-stream",
			Proves: "unix stream sockets by path and by abstract name, accepted and not yet accepted",
			Limits: "Bytes are not counted.",
			Run:    unixStream,
		},
		{
			Name:   "unix-seqpacket",
			Proves: "unix sockets that keep message boundaries",
			Limits: "Bytes are not counted.",
			Run:    func(l *Lab) { unixCalls(l, script.UnixPacket, l.dir+"/packet.sock") },
		},
		{
			Name:   "unix-datagram",
			Proves: "a connected unix datagram client of a named server; one that names the server in every call is not invented",
			Limits: "Bytes are not counted; a datagram client that does not connect is not seen.",
			Run:    unixDatagram,
		},
		{
			Name:   "socketpair",
			Proves: "two processes that share a pair of unix sockets: they talk, and nobody called",
			Limits: "Bytes are not counted.",
			Run:    socketpair,
		},
	}
}

// datagrams records what two datagram sockets did to each other.
func (l *Lab) datagrams(kind string, client, server side, ln *Listener) *Conn {
	l.T.Helper()
	look := func(s side) script.Fact { return s.actor.Do(script.Command{Op: script.Inspect, Sock: s.sock}) }
	a, b := look(client), look(server)
	c := &Conn{Transport: transport(kind), Client: client.actor.end(hosts(a.Local)...), Server: server.actor.end(hosts(a.Peer, b.Local)...),
		Port: port(b.Local), DialedPort: port(b.Local), Listener: ln, Born: a.Began}
	if c.Transport == "unix" {
		c.Path = b.Local
	}
	c.sides = [2]side{client, server}
	return l.add(c)
}

// query sends a datagram by the client's connected socket and answers it.
func (c *Conn) query(kind string, request, reply int64) {
	c.lab.T.Helper()
	c.must(Client, script.Command{Op: script.Send, Bytes: request})
	got := c.must(Server, script.Command{Op: script.ReceiveFrom})
	if got.Bytes != request {
		c.lab.T.Fatalf("server got %d of %d bytes", got.Bytes, request)
	}
	c.count(Client, request)
	if reply == 0 {
		return
	}
	c.must(Server, script.Command{Op: script.SendTo, Kind: kind, Addr: got.Peer, Bytes: reply})
	if back := c.must(Client, script.Command{Op: script.ReceiveFrom}); back.Bytes != reply {
		c.lab.T.Fatalf("client got %d of %d bytes", back.Bytes, reply)
	}
	c.count(Server, reply)
}

func udpConnected(l *Lab) {
	a, b := l.Linked("a", "b")
	client, dns, near := l.Actor(a, "client"), l.Actor(b, "dns"), l.Actor(b, "near")
	ln := dns.Listen(script.UDP, l.V4("0.2:53"))
	sock, other := l.sock("c"), l.sock("c")
	l.Observe(a, b)
	client.Must(script.Command{Op: script.Connect, Sock: sock, Kind: script.UDP, Addr: ln.Addr})
	c := l.datagrams(script.UDP, side{client, sock}, side{dns, ln.Sock}, ln)
	c.query(script.UDP, 40, 400)
	// Another client on the server's own host, by its other address.
	near.Must(script.Command{Op: script.Connect, Sock: other, Kind: script.UDP, Addr: ln.Addr})
	d := l.datagrams(script.UDP, side{near, other}, side{dns, ln.Sock}, ln)
	d.query(script.UDP, 41, 0)
}

func udpUnconnected(l *Lab) {
	ns := l.Netns("a")
	client, dns := l.Actor(ns, "client"), l.Actor(ns, "dns")
	ln, from := dns.Listen(script.UDP, "127.0.0.1:53"), client.Listen(script.UDP, "127.0.0.1:5300")
	l.Observe(ns)
	c := l.datagrams(script.UDP, side{client, from.Sock}, side{dns, ln.Sock}, ln)
	c.Client.Addrs, c.Server.Addrs = []string{"127.0.0.1"}, []string{"127.0.0.1"}
	c.Limits = Limits{NoClient: true, NoServer: true, NoCounts: true}
	client.Must(script.Command{Op: script.SendTo, Sock: from.Sock, Kind: script.UDP, Addr: ln.Addr, Bytes: 30})
	got := dns.Must(script.Command{Op: script.ReceiveFrom, Sock: ln.Sock})
	if got.Peer != from.Addr {
		l.T.Fatalf("datagram from %s, want %s", got.Peer, from.Addr)
	}
	c.count(Client, got.Bytes)
}

func udpBothConnected(l *Lab) {
	a, b := l.Linked("a", "b")
	one, two := l.Actor(a, "one"), l.Actor(b, "two")
	ends := [2]side{{one, l.sock("c")}, {two, l.sock("c")}}
	addrs := [2]string{l.V4("0.1:7000"), l.V4("0.2:7000")}
	l.Observe(a, b)
	for i, s := range ends {
		s.actor.Must(script.Command{Op: script.Connect, Sock: s.sock, Kind: script.UDP, Bind: addrs[i], Addr: addrs[1-i]})
	}
	c := l.datagrams(script.UDP, ends[0], ends[1], nil)
	c.Limits.NoRole = true
	c.Move(Client, 25, "", "")
	c.Move(Server, 26, "", "")
}

func unixStream(l *Lab) {
	ns := l.Netns("a")
	client, daemon := l.Actor(ns, "client"), l.Actor(ns, "daemon")
	byPath := daemon.Listen(script.UnixStream, l.dir+"/daemon.sock")
	byName := daemon.Listen(script.UnixStream, "@"+ns.Name)
	lazy := daemon.Listen(script.UnixStream, l.dir+"/lazy.sock")
	was := l.Dial(client, byPath, DialOptions{})
	l.Observe(ns)
	was.Request(5)
	c := l.Dial(client, byName, DialOptions{})
	c.Request(100)
	c.Reply(200)
	l.DialOnly(client, lazy, DialOptions{})
	ended := l.Dial(client, byPath, DialOptions{})
	ended.Request(11)
	pause(hold)
	ended.Close(Client)
}

// unixCalls is one client of a listener by path.
func unixCalls(l *Lab, kind, path string) {
	ns := l.Netns("a")
	client, daemon := l.Actor(ns, "client"), l.Actor(ns, "daemon")
	ln := daemon.Listen(kind, path)
	l.Observe(ns)
	c := l.Dial(client, ln, DialOptions{})
	c.Move(Client, 100, "", "")
	c.Move(Server, 200, "", "")
}

func unixDatagram(l *Lab) {
	ns := l.Netns("a")
	client, caller, logger := l.Actor(ns, "client"), l.Actor(ns, "caller"), l.Actor(ns, "logger")
	ln := logger.Listen(script.UnixDgram, l.dir+"/log.sock")
	sock, loose := l.sock("c"), l.sock("c")
	l.Observe(ns)
	client.Must(script.Command{Op: script.Connect, Sock: sock, Kind: script.UnixDgram, Addr: ln.Addr})
	c := l.datagrams(script.UnixDgram, side{client, sock}, side{logger, ln.Sock}, ln)
	c.query(script.UnixDgram, 64, 0)
	caller.Must(script.Command{Op: script.Listen, Sock: loose, Kind: script.UnixDgram, Addr: l.dir + "/caller.sock"})
	d := l.datagrams(script.UnixDgram, side{caller, loose}, side{logger, ln.Sock}, ln)
	d.Limits = Limits{NoClient: true, NoServer: true, NoCounts: true}
	caller.Must(script.Command{Op: script.SendTo, Sock: loose, Kind: script.UnixDgram, Addr: ln.Addr, Bytes: 65})
	d.count(Client, logger.Must(script.Command{Op: script.ReceiveFrom, Sock: ln.Sock}).Bytes)
}

func socketpair(l *Lab) {
	ns := l.Netns("a")
	parent := l.Actor(ns, "parent")
	ours, theirs := l.sock("p"), l.sock("p")
	l.Observe(ns)
	began := parent.Must(script.Command{Op: script.SocketPair, Sock: ours, As: theirs, Kind: script.UnixStream}).Began
	child := parent.Spawn("child", 0, theirs)
	parent.Must(script.Command{Op: script.Close, Sock: theirs})
	c := l.add(&Conn{Transport: "unix", Client: parent.end(), Server: child.end(), NoRole: true, Born: began})
	c.sides = [2]side{{parent, ours}, {child, theirs}}
	c.Request(10)
	c.Reply(20)
}

func udpSpecific(l *Lab) {
	ns := l.Netns("a")
	all, one, client := l.Actor(ns, "all"), l.Actor(ns, "one"), l.Actor(ns, "client")
	all.Listen(script.UDP, "0.0.0.0:53")
	ln := one.Listen(script.UDP, "127.0.0.1:53")
	sock := l.sock("c")
	l.Observe(ns)
	client.Must(script.Command{Op: script.Connect, Sock: sock, Kind: script.UDP, Addr: ln.Addr})
	c := l.datagrams(script.UDP, side{client, sock}, side{one, ln.Sock}, ln)
	c.query(script.UDP, 40, 50)
}

func unixRebound(l *Lab) {
	ns := l.Netns("a")
	older, younger, client := l.Actor(ns, "older"), l.Actor(ns, "younger"), l.Actor(ns, "client")
	path := l.dir + "/d.sock"
	first := older.Listen(script.UnixStream, path)
	l.Observe(ns)
	l.Dial(client, first, DialOptions{}).Request(1)
	if err := os.Remove(path); err != nil {
		l.T.Fatal(err)
	}
	second := younger.Listen(script.UnixStream, path)
	l.Dial(client, second, DialOptions{}).Request(2)
	l.DialOnly(client, second, DialOptions{})
}
