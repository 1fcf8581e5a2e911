package e2e

import (
	"fmt"

	"peerscope/test/e2e/script"
)

func shortScenarios() []Scenario {
	return []Scenario{
		{
			Name:   "millisecond",
			Proves: "200 connections of less than a millisecond: none is lost, every byte is counted, the server is named",
			Limits: "The process of a client whose socket died between two looks: the connections are the server's, with an unnamed client of that address.",
			Run:    millisecond,
		},
		{
			Name:   "brief-clients",
			Proves: "20 clients that start, talk once and exit",
			Limits: "The same as for millisecond: the client process itself is gone before anybody looks.",
			Run:    briefClients,
		},
		{
			Name:   "vanished",
			Proves: "200 processes that are started, connect, ask, are answered and exit, each within milliseconds, and clients that are killed right after connect: each is named, by its program too",
			Limits: "The clients.",
			Run:    vanished,
		},
		{
			Name:   "reused-port",
			Proves: "a client port that another process uses a moment later: the second connection is not given to the first process",
			Run:    reusedPort,
		},
		{
			Name:   "reused-pid",
			Proves: "a pid that another process gets within the window: two processes, two edges",
			Run:    reusedPID,
		},
		{
			Name:   "restarted-server",
			Proves: "a server that is replaced within the window: short connections belong to the one that listened at the time",
			Limits: "The client's process.",
			Run:    restartedServer,
		},
		{
			Name:   "retried-socket",
			Proves: "a refused connect that is tried again on the same socket, and a socket connected elsewhere after connect(AF_UNSPEC)",
			Limits: "A blocking connect that was refused leaves no trace: its socket was never destroyed and forgot its port.",
			Run:    retriedSocket,
		},
	}
}

func millisecond(l *Lab) {
	ns := l.Netns("a")
	web, client := l.Actor(ns, "web"), l.Actor(ns, "client")
	ln := web.Listen(script.TCP, "127.0.0.1:8080")
	web.Must(script.Command{Op: script.Serve, Sock: ln.Sock, Request: 100, Reply: 900})
	l.Observe(ns)
	l.Burst(client, ln, script.Command{Count: 200, Request: 100, Reply: 900, PauseUS: 1000})
}

func briefClients(l *Lab) {
	a, b := l.Linked("a", "b")
	web := l.Actor(b, "web")
	ln := web.Listen(script.TCP, l.V4("0.2:8080"))
	web.Must(script.Command{Op: script.Serve, Sock: ln.Sock, Request: 10, Reply: 20})
	l.Observe(a, b)
	for i := range 20 {
		client := l.Actor(a, fmt.Sprintf("brief-%d", i))
		l.Burst(client, ln, script.Command{Count: 1, Request: 10, Reply: 20})
		client.Exit()
	}
}

func vanished(l *Lab) {
	a, b := l.Linked("a", "b")
	web, idle, parent := l.Actor(b, "web"), l.Actor(b, "idle"), l.Actor(a, "parent")
	ln, quiet := web.Listen(script.TCP, l.V4("0.2:8080")), idle.Listen(script.TCP, l.V4("0.2:9090"))
	web.Must(script.Command{Op: script.Serve, Sock: ln.Sock, Request: 10, Reply: 20})
	var killed []*Actor
	for i := range 3 {
		killed = append(killed, l.Actor(a, fmt.Sprintf("killed-%d", i)))
	}
	l.Observe(a, b)
	l.Brief(parent, "brief", l.V4("0.1"), ln, script.Command{Count: 200, Request: 10, Reply: 20})
	for _, client := range killed {
		c := l.Dial(client, quiet, DialOptions{})
		client.Kill()
		if f := c.must(Server, script.Command{Op: script.Receive, Bytes: -1}); !f.End {
			l.T.Fatalf("wanted the end of the stream, got %+v", f)
		}
		c.ended(c.must(Server, script.Command{Op: script.Close}))
	}
}

func reusedPort(l *Lab) {
	ns := l.Netns("a")
	web, first, second := l.Actor(ns, "web"), l.Actor(ns, "first"), l.Actor(ns, "second")
	ln := web.Listen(script.TCP, "127.0.0.1:8080")
	l.Observe(ns)
	from := DialOptions{Bind: "127.0.0.1:40000"}
	c := l.Dial(first, ln, from)
	c.Request(111)
	pause(hold)
	// A reset leaves no TIME_WAIT, so the port is free at once.
	c.Reset(Client)
	d := l.Dial(second, ln, from)
	d.Request(222)
	d.Reply(333)
}

func reusedPID(l *Lab) {
	ns := l.Netns("a")
	web, parent := l.Actor(ns, "web"), l.Actor(ns, "parent")
	ln := web.Listen(script.TCP, "127.0.0.1:8080")
	first := parent.Spawn("first", 0)
	l.Observe(ns)
	c := l.Dial(first, ln, DialOptions{})
	c.Request(10)
	pause(hold)
	c.Close(Client)
	pid := first.Proc.PID
	first.Exit()
	second := parent.Spawn("second", pid)
	if second.Proc.PID != pid || second.Proc == first.Proc {
		l.T.Fatalf("wanted pid %d again: first %v, second %v", pid, first.Proc, second.Proc)
	}
	d := l.Dial(second, ln, DialOptions{})
	d.Request(20)
	d.Reply(30)
}

func retriedSocket(l *Lab) {
	ns := l.Netns("a")
	web, other, client := l.Actor(ns, "web"), l.Actor(ns, "other"), l.Actor(ns, "client")
	elsewhere := other.Listen(script.TCP, "127.0.0.1:9090")
	l.Observe(ns)
	refused := l.Fail(client, "127.0.0.1:8080", "ECONNREFUSED", FailOptions{Blocking: true, Leave: true})
	ln := web.Listen(script.TCP, "127.0.0.1:8080")
	again := l.Dial(client, ln, DialOptions{Sock: refused.sides[Client].sock})
	again.Request(44)
	again.Reply(55)
	pause(hold)
	again.Disconnect()
	third := l.Dial(client, elsewhere, DialOptions{Sock: refused.sides[Client].sock})
	third.Request(66)
	third.Reply(77)
}

func restartedServer(l *Lab) {
	ns := l.Netns("a")
	older, client := l.Actor(ns, "older"), l.Actor(ns, "client")
	serve := func(a *Actor) *Listener {
		ln := a.Listen(script.TCP, "127.0.0.1:8080")
		a.Must(script.Command{Op: script.Serve, Sock: ln.Sock, Request: 10, Reply: 20})
		return ln
	}
	ln := serve(older)
	l.Observe(ns)
	l.Burst(client, ln, script.Command{Count: 5, Request: 10, Reply: 20})
	pause(hold)
	older.Exit()
	ln = serve(l.Actor(ns, "younger"))
	// Time for a look, so that its listener is known.
	pause(hold)
	l.Burst(client, ln, script.Command{Count: 7, Request: 10, Reply: 20})
}
