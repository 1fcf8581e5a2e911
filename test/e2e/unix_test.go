package e2e

import (
	"os"

	"peerscope/test/e2e/script"
)

func unixScenarios() []Scenario {
	return []Scenario{
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
			Name:   "unix-brief",
			Proves: "50 unix connections of less than a millisecond, each with a request and a reply",
			Limits: "Everything: nothing tells of a unix socket that came and went between two looks.",
			Run:    unixBrief,
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
			Name:   "unix-log",
			Proves: "a server of unix datagrams that is called by a link to its file, from other network namespaces, and by a process that is gone soon (as /dev/log is)",
			Limits: "Everything: a datagram client that does not connect is not seen.",
			Run:    unixLog,
		},
		{
			Name:   "socketpair",
			Proves: "two processes that share a pair of unix sockets: they talk, and nobody called",
			Limits: "Bytes are not counted.",
			Run:    socketpair,
		},
	}
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

func unixBrief(l *Lab) {
	ns := l.Netns("a")
	client, daemon := l.Actor(ns, "client"), l.Actor(ns, "daemon")
	ln := daemon.Listen(script.UnixStream, l.dir+"/daemon.sock")
	daemon.Must(script.Command{Op: script.Serve, Sock: ln.Sock, Request: 15, Reply: 25})
	l.Observe(ns)
	l.Burst(client, ln, script.Command{Count: 50, Request: 15, Reply: 25})
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
	d := l.loose(side{caller, loose}, ln, ln.Addr)
	d.ask(65, 66)
	// One without a name of its own can only be talked to by nobody.
	l.loose(side{caller, l.sock("c")}, ln, ln.Addr).ask(67, 0)
}

func unixLog(l *Lab) {
	a, b := l.Netns("a"), l.Netns("b")
	client, brief, logger := l.Actor(a, "client"), l.Actor(a, "brief"), l.Actor(b, "logger")
	ln := logger.Listen(script.UnixDgram, l.dir+"/log.sock")
	link := l.dir + "/log"
	if err := os.Symlink(ln.Addr, link); err != nil {
		l.T.Fatal(err)
	}
	l.Observe(a, b)
	l.loose(side{client, l.sock("c")}, ln, link).ask(67, 0)
	c := l.loose(side{brief, l.sock("c")}, ln, ln.Addr)
	c.ask(68, 0)
	c.ended(c.must(Client, script.Command{Op: script.Close}))
	brief.Exit()
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
