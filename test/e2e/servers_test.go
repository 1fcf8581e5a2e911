package e2e

import (
	"time"

	"peerscope/test/e2e/script"
)

func serverScenarios() []Scenario {
	return []Scenario{
		{
			Name:   "prefork",
			Proves: "workers that share their parent's listener: each connection belongs to the worker that accepted it",
			Limits: "A connection too short for a look is put to the process that made the listener, with its client as an address.",
			Run:    prefork,
		},
		{
			Name:   "reuseport",
			Proves: "three processes with a listener each on one port (SO_REUSEPORT): each connection belongs to the one that got it",
			Limits: "A connection too short for a look could belong to any of the three: nobody is picked.",
			Run:    reuseport,
		},
		{
			Name:   "unaccepted",
			Proves: "connections that the kernel completed and nobody accepted belong to the process that listens, with the bytes it never read",
			Run:    unaccepted,
		},
		{
			Name:   "full-queue",
			Proves: "a connect that a full accept queue leaves without an answer is pending, at the process that listens",
			Run:    fullQueue,
		},
		{
			Name:   "simultaneous-open",
			Proves: "two processes that call each other at once: one connection, and nobody is its server",
			Run:    simultaneousOpen,
		},
		{
			Name:   "self",
			Proves: "a process that calls itself, and a socket connected to itself",
			Run:    self,
		},
	}
}

func prefork(l *Lab) {
	ns := l.Netns("a")
	master, client := l.Actor(ns, "master"), l.Actor(ns, "client")
	ln := master.Listen(script.TCP, "127.0.0.1:8000")
	var workers []*Listener
	for range 3 {
		workers = append(workers, ln.In(master.Spawn("worker", 0, ln.Sock)))
	}
	l.Observe(ns)
	for i, w := range workers {
		c := l.Dial(client, w, DialOptions{})
		c.Request(int64(100 + i))
		c.Reply(int64(1000 * (i + 1)))
	}
	l.preforkBurst(client, workers)
}

// preforkBurst lets all of the workers serve at once.
func (l *Lab) preforkBurst(client *Actor, workers []*Listener) {
	for _, w := range workers {
		w.Actor.Must(script.Command{Op: script.Serve, Sock: w.Sock, Request: 50, Reply: 500})
	}
	f := client.Must(script.Command{Op: script.Burst, Kind: script.TCP, Addr: workers[0].Addr, Count: 30, Request: 50, Reply: 500})
	l.served(client, f, workers)
}

func reuseport(l *Lab) {
	ns := l.Netns("a")
	client := l.Actor(ns, "client")
	var listeners []*Listener
	for _, name := range []string{"web-1", "web-2", "web-3"} {
		web := l.Actor(ns, name)
		listeners = append(listeners, web.ListenWith(script.Command{Kind: script.TCP, Addr: "127.0.0.1:8000", ReusePort: true}))
	}
	l.Observe(ns)
	for i := range 6 {
		c := l.DialAny(client, listeners, DialOptions{})
		c.Request(int64(10 + i))
		c.Reply(int64(20 + i))
	}
	l.preforkBurst(client, listeners)
}

func unaccepted(l *Lab) {
	ns := l.Netns("a")
	lazy, client := l.Actor(ns, "lazy"), l.Actor(ns, "client")
	ln := lazy.Listen(script.TCP, "127.0.0.1:8000")
	was := l.DialOnly(client, ln, DialOptions{})
	l.Observe(ns)
	l.DialOnly(client, ln, DialOptions{})
	spoke := l.DialOnly(client, ln, DialOptions{})
	spoke.Unread(Client, 3000)
	was.Unread(Client, 40)
}

func fullQueue(l *Lab) {
	ns := l.Netns("a")
	lazy, client := l.Actor(ns, "lazy"), l.Actor(ns, "client")
	// A backlog of 1 lets two connections wait.
	ln := lazy.ListenWith(script.Command{Kind: script.TCP, Addr: "127.0.0.1:8000", Backlog: 1})
	l.Observe(ns)
	for range 2 {
		l.DialOnly(client, ln, DialOptions{})
	}
	for range 2 {
		c := l.Fail(client, ln.Addr, "EINPROGRESS", FailOptions{Wait: 200 * time.Millisecond})
		c.Server, c.Server.Addrs = ln.Maker, hosts(ln.Addr)
	}
}

func self(l *Lab) {
	ns := l.Netns("a")
	one := l.Actor(ns, "narcissus")
	ln := one.Listen(script.TCP, "127.0.0.1:8000")
	l.Observe(ns)
	c := l.Dial(one, ln, DialOptions{})
	c.Request(55)
	c.Reply(66)
	// Connecting to the very address it is bound to opens from both ends at once.
	sock := l.sock("c")
	f := one.Must(script.Command{Op: script.Connect, Sock: sock, Kind: script.TCP, Bind: "127.0.0.1:40001", Addr: "127.0.0.1:40001"})
	inner := l.add(&Conn{Transport: "tcp", Client: one.end("127.0.0.1"), Server: one.end("127.0.0.1"), Port: 40001, DialedPort: 40001,
		Born: f.Began})
	// What such a socket sends it receives itself: it counts once.
	one.Must(script.Command{Op: script.Send, Sock: sock, Bytes: 77})
	if got := one.Must(script.Command{Op: script.Receive, Sock: sock, Bytes: 77}).Bytes; got != 77 {
		l.T.Fatalf("received %d of its own 77 bytes", got)
	}
	inner.count(Client, 77)
}

func simultaneousOpen(l *Lab) {
	a, b := l.Linked("a", "b")
	ends := [2]side{{l.Actor(a, "one"), l.sock("c")}, {l.Actor(b, "two"), l.sock("c")}}
	addrs := [2]string{l.V4("0.1:7001"), l.V4("0.2:7002")}
	for _, n := range []*Netns{a, b} {
		n.Nft(`table ip filter {
 chain in {
  type filter hook input priority 0
  policy accept
  tcp dport 7001-7002 drop
 }
}
`)
	}
	l.Observe(a, b)
	var born int64
	for i, s := range ends {
		f := s.actor.Do(script.Command{Op: script.Connect, Sock: s.sock, Kind: script.TCP, Bind: addrs[i], Addr: addrs[1-i],
			NonBlocking: true, TimeoutMS: 50})
		if f.Errno != "EINPROGRESS" {
			l.T.Fatalf("connect: %q, want it pending", f.Errno)
		}
		born = f.Began
	}
	a.Nft("flush ruleset\n")
	b.Nft("flush ruleset\n")
	for _, s := range ends {
		if f := s.actor.Do(script.Command{Op: script.Finish, Sock: s.sock}); f.Errno != "" {
			l.T.Fatalf("connect: %s", f.Errno)
		}
	}
	c := l.add(&Conn{Transport: "tcp", Client: ends[0].actor.end(hosts(addrs[0])...), Server: ends[1].actor.end(hosts(addrs[1])...),
		Port: port(addrs[1]), DialedPort: port(addrs[1]), NoRole: true, Born: born})
	c.sides = ends
	c.Request(10)
	c.Reply(20)
	pause(60) // a delayed acknowledgement
	for _, s := range []Side{Client, Server} {
		// Both have to have sent the SYN that bytes_acked counts.
		if f := c.must(s, script.Command{Op: script.Inspect}); f.Acked-(f.Wired-f.Again) != 1 {
			l.T.Fatalf("acked %d, sent %d: this end did not call", f.Acked, f.Wired)
		}
	}
}
