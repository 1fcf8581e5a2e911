package e2e

import "peerscope/test/e2e/script"

func endingScenarios() []Scenario {
	return []Scenario{
		{
			Name:   "resets",
			Proves: "connections ended by SO_LINGER 0 on either side and by closing with unread data on either side are counted once, with their bytes",
			Run:    func(l *Lab) { resets(l, hold) },
		},
		{
			Name:   "reset-kept",
			Proves: "a connection that the server resets and whose client keeps its dead socket for a while is counted once, also in short windows",
			Run:    resetKept,
		},
		{
			Name:   "short-resets",
			Proves: "the same without a look between: the dead socket of the side that reset has no addresses, so the other side's tells",
			Limits: "The client's process, as for all connections too short for a look.",
			Run:    func(l *Lab) { resets(l, 0) },
		},
		{
			Name:   "exits",
			Proves: "processes that end with their connections open, by themselves or killed: the connections are closed and still theirs",
			Run:    exits,
		},
		{
			Name:   "half-closed",
			Proves: "a connection of which one direction is shut down is open, and counts what goes the other way",
			Run:    halfClosed,
		},
		{
			Name:   "dropped-output",
			Proves: "a client whose own packet was dropped by its own host looks like a server by its SYN byte: a listener corrects that",
			Limits: "Where the listener is gone too, both ends look like servers: the role is not known.",
			Run:    droppedOutput,
		},
	}
}

// resets opens one connection for each kind of reset, keeps them for a while
// and ends them all.
func resets(l *Lab, keep int) {
	a, b := l.Linked("a", "b")
	client, web := l.Actor(a, "client"), l.Actor(b, "web")
	ln := web.Listen(script.TCP, l.V4("0.2:8080"))
	l.Observe(a, b)
	var conns []*Conn
	for i := range int64(4) {
		c := l.Dial(client, ln, DialOptions{})
		c.Request(100 + i)
		c.Reply(1000 + i)
		conns = append(conns, c)
	}
	pause(keep)
	conns[0].Reset(Client)
	conns[1].Reset(Server)
	conns[2].Unread(Client, 21)
	conns[2].CloseUnread(Server)
	conns[3].Unread(Server, 31)
	conns[3].CloseUnread(Client)
}

func resetKept(l *Lab) {
	a, b := l.Linked("a", "b")
	client, web := l.Actor(a, "client"), l.Actor(b, "web")
	ln := web.Listen(script.TCP, l.V4("0.2:8080"))
	l.Observe(a, b)
	c := l.Dial(client, ln, DialOptions{})
	c.Request(100)
	c.Reply(1000)
	pause(hold)
	f := c.must(Server, script.Command{Op: script.Reset})
	pause(hold)
	c.WasCut(Client)
	c.ended(f)
}

func halfClosed(l *Lab) {
	ns := l.Netns("a")
	client, web := l.Actor(ns, "client"), l.Actor(ns, "web")
	ln := web.Listen(script.TCP, "127.0.0.1:8080")
	l.Observe(ns)
	open := l.Dial(client, ln, DialOptions{})
	open.Request(10)
	open.HalfClose(Client)
	open.Reply(2000)
	byServer := l.Dial(client, ln, DialOptions{})
	byServer.Reply(30)
	byServer.HalfClose(Server)
	byServer.Request(4000)
	ended := l.Dial(client, ln, DialOptions{})
	ended.HalfClose(Client)
	ended.Reply(50)
	pause(hold)
	ended.CloseHalf(Client)
}

func droppedOutput(l *Lab) {
	ns := l.Netns("a")
	client, web, orphan := l.Actor(ns, "client"), l.Actor(ns, "web"), l.Actor(ns, "orphan")
	ln, gone := web.Listen(script.TCP, "127.0.0.1:8080"), orphan.Listen(script.TCP, "127.0.0.1:9090")
	conns := []*Conn{l.Dial(client, ln, DialOptions{}), l.Dial(client, gone, DialOptions{})}
	orphan.Must(script.Command{Op: script.Close, Sock: gone.Sock})
	conns[1].Limits.NoRole = true
	// One byte is lost on the way out: bytes_sent counts it twice, bytes_retrans
	// not at all, which takes away exactly what tells a client.
	ns.Nft(`table ip filter {
 chain out {
  type filter hook output priority 0
  policy accept
  ip daddr 127.0.0.1 tcp dport { 8080, 9090 } tcp flags & psh == psh drop
 }
}
`)
	var received []func() script.Fact
	for _, c := range conns {
		s := c.sides[Server]
		received = append(received, s.actor.Step(script.Command{Op: script.Receive, Sock: s.sock, Bytes: 1}))
		c.must(Client, script.Command{Op: script.Send, Bytes: 1})
	}
	pause(20)
	ns.Nft("flush ruleset\n")
	for i, r := range received {
		r()
		// The trap has to be set: a client whose SYN byte is gone.
		f := conns[i].must(Client, script.Command{Op: script.Inspect})
		if f.Acked != f.Wired-f.Again {
			l.T.Fatalf("client acked %d, sent %d, again %d: its SYN byte is not hidden", f.Acked, f.Wired, f.Again)
		}
	}
	l.Observe(ns)
	for _, c := range conns {
		c.Request(100)
		c.Reply(200)
	}
}

func exits(l *Lab) {
	a, b := l.Linked("a", "b")
	leaves, killed, stays := l.Actor(a, "leaves"), l.Actor(a, "killed"), l.Actor(a, "stays")
	web, ends := l.Actor(b, "web"), l.Actor(b, "ends")
	ln, other := web.Listen(script.TCP, l.V4("0.2:8080")), ends.Listen(script.TCP, l.V4("0.2:9090"))
	l.Observe(a, b)
	conns := []*Conn{l.Dial(leaves, ln, DialOptions{}), l.Dial(killed, ln, DialOptions{}), l.Dial(stays, other, DialOptions{})}
	for i, c := range conns {
		c.Request(int64(10 * (i + 1)))
		c.Reply(int64(100 * (i + 1)))
	}
	pause(hold)
	leaves.Exit()
	killed.Kill()
	ends.Exit()
	for i, left := range []Side{Server, Server, Client} {
		c := conns[i]
		if f := c.must(left, script.Command{Op: script.Receive, Bytes: -1}); !f.End {
			l.T.Fatalf("wanted the end of the stream, got %+v", f)
		}
		c.ended(c.must(left, script.Command{Op: script.Close}))
	}
}
