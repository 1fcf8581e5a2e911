package e2e

import (
	"time"

	"peerscope/test/e2e/script"
)

func loadScenarios() []Scenario {
	return []Scenario{
		{
			Name:   "churn",
			Proves: "300 connections that come and go beside 300 that stay, at two servers on one port (SO_REUSEPORT)",
			Limits: "Which server a connection too short for a look belongs to, and its client.",
			Run:    churn,
		},
		{
			Name:   "wrap",
			Proves: "4.5 GB on one connection: more than 32 bits count",
			Run:    wrap,
		},
		{
			Name:   "rate",
			Proves: "2,000 connections a second for 20 seconds, from one client to one server: none is lost, every byte is counted",
			Limits: "The client's process.",
			Alone:  true,
			Run:    rate,
		},
	}
}

func churn(l *Lab) {
	ns := l.Netns("a")
	stays, comes := l.Actor(ns, "stays"), l.Actor(ns, "comes")
	var listeners []*Listener
	for _, name := range []string{"web-1", "web-2"} {
		listeners = append(listeners, l.Actor(ns, name).ListenWith(script.Command{Kind: script.TCP, Addr: "127.0.0.1:8000", ReusePort: true}))
	}
	l.Observe(ns)
	for i := range int64(300) {
		l.DialAny(stays, listeners, DialOptions{}).Request(i)
	}
	for _, ln := range listeners {
		ln.Actor.Must(script.Command{Op: script.Serve, Sock: ln.Sock, Request: 30, Reply: 40})
	}
	f := comes.Must(script.Command{Op: script.Burst, Kind: script.TCP, Addr: listeners[0].Addr, Count: 300, Request: 30, Reply: 40})
	l.served(comes, f, listeners)
}

func wrap(l *Lab) {
	ns := l.Netns("a")
	client, store := l.Actor(ns, "client"), l.Actor(ns, "store")
	ln := store.Listen(script.TCP, "127.0.0.1:8080")
	l.Observe(ns)
	c := l.Dial(client, ln, DialOptions{})
	c.Move(Client, 4_500_000_000, script.Bulk, script.Bulk)
	c.Reply(1)
	c.Close(Client)
}

// The load of rate.
const (
	ratePerSecond = 2000
	rateFor       = 20 * time.Second
)

func rate(l *Lab) {
	ns := l.Netns("a")
	// The ports of 40,000 connections wait for a minute.
	ns.Sysctl("net.ipv4.ip_local_port_range", "1024 65535")
	web, client := l.Actor(ns, "web"), l.Actor(ns, "client")
	ln := web.ListenWith(script.Command{Kind: script.TCP, Addr: "127.0.0.1:8080", Backlog: 4096})
	web.Must(script.Command{Op: script.Serve, Sock: ln.Sock, Request: 20, Reply: 50})
	l.Observe(ns)
	c := l.Rate(client, ln, script.Command{Count: ratePerSecond * int(rateFor/time.Second), PerSecond: ratePerSecond,
		Request: 20, Reply: 50, TimeoutMS: 30_000})
	if took := time.Duration(c.Died - c.Born); took > rateFor+rateFor/20 {
		l.T.Fatalf("%d connections took %v, want %v: the machine does not reach the rate", c.N, took, rateFor)
	}
	// None of them is promised to meet a look.
	c.Died = c.Born
	if f := web.Must(script.Command{Op: script.Stop, Sock: ln.Sock}); f.Count != c.N || f.Failed != 0 || f.Bytes != c.ToServer || f.BytesSent != c.ToClient {
		l.T.Fatalf("server took %d connections, %d failed, %d and %d bytes", f.Count, f.Failed, f.Bytes, f.BytesSent)
	}
}
