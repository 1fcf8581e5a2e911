package e2e

import (
	"strconv"

	"peerscope/test/e2e/script"
)

func loopbackScenarios() []Scenario {
	return []Scenario{
		{
			Name:   "loopback",
			Proves: "two processes of one namespace over 127.0.0.1: names, roles, counts and bytes, with a window that runs out by itself",
			For:    5e9,
			Run:    loopback,
		},
		{
			Name:   "same-loopback",
			Proves: "the same loopback address and both the same ports in two namespaces at once stay two connections, also where they are too short for a look",
			Limits: "The clients of the short ones.",
			Run:    sameLoopback,
		},
		{
			Name:   "veth",
			Proves: "a client and a server in two namespaces over a link, both ends named",
			Run:    veth,
		},
		{
			Name:   "before",
			Proves: "connections open before the start whose listener is gone: the roles are right although the ports mislead (a server on 61000, a client on 1024), bytes from before are not in the window, and what is left of a connection that was over is nothing",
			Run:    before,
		},
		{
			Name:     "snapshot",
			Proves:   "a window of no length: what is open now, and nothing opened or closed",
			Snapshot: true,
			Run:      snapshot,
		},
		{
			Name:   "one-sided",
			Proves: "a peer in a namespace that the tool was not told to look at is an address",
			Limits: "The process at the other end, for any source: it was not asked for.",
			Run:    oneSided,
		},
		{
			Name:   "pid-filter",
			Proves: "--pid shows the edges of that process, both their ends named, and no others",
			Run:    pidFilter,
		},
		{
			Name:   "many",
			Proves: "300 connections at once on one edge",
			Run:    many,
		},
	}
}

func loopback(l *Lab) {
	ns := l.Netns("a")
	web, client := l.Actor(ns, "web"), l.Actor(ns, "client")
	ln := web.Listen(script.TCP, "127.0.0.1:8080")
	l.Observe(ns)
	kept := l.Dial(client, ln, DialOptions{})
	kept.Request(1000)
	kept.Reply(200_000)
	other := l.Dial(client, ln, DialOptions{})
	other.Request(7)
	short := l.Dial(client, ln, DialOptions{})
	short.Request(11)
	short.Reply(13)
	short.Close(Client)
	samePort := l.Dial(client, ln, DialOptions{Bind: "127.0.0.2:8080"})
	samePort.Request(23)
	byServer := l.Dial(client, ln, DialOptions{})
	byServer.Request(17)
	byServer.Reply(19)
	byServer.Close(Server)
}

func sameLoopback(l *Lab) {
	a, b := l.Netns("a"), l.Netns("b")
	webA, webB := l.Actor(a, "web-a"), l.Actor(b, "web-b")
	clientA, clientB := l.Actor(a, "client-a"), l.Actor(b, "client-b")
	lnA, lnB := webA.Listen(script.TCP, "127.0.0.1:8080"), webB.Listen(script.TCP, "127.0.0.1:8080")
	l.Observe(a, b)
	ca := l.Dial(clientA, lnA, DialOptions{Bind: "127.0.0.1:40000"})
	cb := l.Dial(clientB, lnB, DialOptions{Bind: "127.0.0.1:40000"})
	ca.Request(100)
	cb.Request(200)
	ca.Reply(300)
	cb.Reply(400)
	for i, one := range []struct {
		client *Actor
		ln     *Listener
	}{{clientA, lnA}, {clientB, lnB}} {
		size := int64(10 * (i + 1))
		one.ln.Actor.Must(script.Command{Op: script.Serve, Sock: one.ln.Sock, Request: size, Reply: 2 * size})
		l.Burst(one.client, one.ln, script.Command{Count: 5 + i, Request: size, Reply: 2 * size})
	}
}

func veth(l *Lab) {
	a, b := l.Linked("a", "b")
	client, db := l.Actor(a, "client"), l.Actor(b, "db")
	ln := db.Listen(script.TCP, l.V4("0.2:5432"))
	l.Observe(a, b)
	c := l.Dial(client, ln, DialOptions{})
	c.Request(1234)
	c.Reply(5678)
	held := l.Dial(client, ln, DialOptions{})
	held.Request(10)
	pause(hold)
	held.Reply(20)
	held.Close(Client)
}

func before(l *Lab) {
	ns := l.Netns("a")
	high, low := l.Actor(ns, "high-server"), l.Actor(ns, "low-client")
	third := l.Actor(ns, "third")
	ln := high.Listen(script.TCP, "127.0.0.1:61000")
	up := l.Dial(low, ln, DialOptions{Bind: "127.0.0.1:1024"})
	up.Request(5000)
	idle := l.Dial(third, ln, DialOptions{Bind: "127.0.0.1:1025"})
	idle.Reply(9)
	half := l.Dial(third, ln, DialOptions{})
	half.HalfClose(Client)
	ends := l.Dial(third, ln, DialOptions{})
	ends.Request(40)
	over := l.Dial(low, ln, DialOptions{})
	over.Close(Client)
	high.Must(script.Command{Op: script.Close, Sock: ln.Sock})
	l.Observe(ns)
	up.Request(321)
	up.Reply(654)
	half.Reply(77)
	ends.Request(8)
	ends.Close(Server)
	// The third never moves a byte in the window and is shown all the same.
}

func snapshot(l *Lab) {
	a, b := l.Linked("a", "b")
	client, web, daemon := l.Actor(a, "client"), l.Actor(b, "web"), l.Actor(a, "daemon")
	ln, inner := web.Listen(script.TCP, l.V4("0.2:8080")), daemon.Listen(script.UnixStream, l.dir+"/daemon.sock")
	for range 3 {
		l.Dial(client, ln, DialOptions{}).Request(100)
	}
	l.Dial(client, inner, DialOptions{})
	l.Dial(client, ln, DialOptions{}).Close(Client)
	l.Observe(a, b)
}

func oneSided(l *Lab) {
	a, b := l.Linked("a", "b")
	inside, outside := l.Actor(a, "inside"), l.Actor(b, "outside")
	in, out := inside.Listen(script.TCP, l.V4("0.1:8080")), outside.Listen(script.TCP, l.V4("0.2:9090"))
	l.Observe(a)
	calls := l.Dial(inside, out, DialOptions{})
	calls.Request(10)
	calls.Reply(20)
	calls.Server.Outside = true
	called := l.Dial(outside, in, DialOptions{})
	called.Request(30)
	called.Reply(40)
	called.Client.Outside = true
	pause(hold)
	called.Close(Client)
}

func pidFilter(l *Lab) {
	ns := l.Netns("a")
	web, wanted, other := l.Actor(ns, "web"), l.Actor(ns, "wanted"), l.Actor(ns, "other")
	ln := web.Listen(script.TCP, "127.0.0.1:8080")
	l.args = []string{"--pid", strconv.Itoa(wanted.Proc.PID)}
	l.Observe(ns)
	c := l.Dial(wanted, ln, DialOptions{})
	c.Request(10)
	c.Reply(20)
	l.forget(l.Dial(other, ln, DialOptions{}))
}

func many(l *Lab) {
	a, b := l.Linked("a", "b")
	client, web := l.Actor(a, "client"), l.Actor(b, "web")
	ln := web.Listen(script.TCP, l.V4("0.2:8080"))
	l.Observe(a, b)
	for i := range int64(300) {
		l.Dial(client, ln, DialOptions{}).Request(i)
	}
}
