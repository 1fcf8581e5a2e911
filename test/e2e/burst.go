package e2e

import (
	"cmp"

	"peerscope/test/e2e/script"
)

// Burst makes n short connections to a service, one after the other.
func (l *Lab) Burst(client *Actor, ln *Listener, b script.Command) *Conn {
	l.T.Helper()
	b.Op = script.Burst
	c, f := l.many(client, ln, b)
	// Each lived for a part of the step; none is promised to meet a look.
	c.Born, c.Died = f.Began, f.Began
	return c
}

// Rate makes n short connections to a service, so many a second. It lives as
// long as all of them took.
func (l *Lab) Rate(client *Actor, ln *Listener, b script.Command) *Conn {
	l.T.Helper()
	b.Op = script.Rate
	c, f := l.many(client, ln, b)
	c.Born, c.Died = f.Began, f.Ended
	return c
}

// many does such a step and records its connections as one. Rate reports no
// addresses: its world is loopback.
func (l *Lab) many(client *Actor, ln *Listener, b script.Command) (*Conn, script.Fact) {
	l.T.Helper()
	b.Kind = ln.Kind
	if b.Addr == "" {
		b.Addr = ln.Addr
	}
	f := client.Must(b)
	if f.Count != b.Count || f.Failed != 0 {
		l.T.Fatalf("%s made %d of %d connections, %d failed", client.Name, f.Count, b.Count, f.Failed)
	}
	server := hosts(f.Peer)
	if len(server) == 0 {
		server = hosts(b.Addr)
	}
	c := l.add(&Conn{Transport: transport(ln.Kind), Client: client.end(hosts(cmp.Or(f.Local, b.Addr))...), Server: ln.Actor.end(server...),
		N: b.Count, Port: port(ln.Addr), DialedPort: port(b.Addr), State: Closed, Listener: ln,
		ToServer: f.BytesSent, ToClient: f.Bytes})
	if c.Transport == "unix" {
		c.Path, c.Port = ln.Addr, 0
	}
	return c, f
}

// Brief runs b.Count processes of that name, each of which makes one connection
// to a service and exits. They call from an address of their parent's namespace.
func (l *Lab) Brief(parent *Actor, name, from string, ln *Listener, b script.Command) {
	l.T.Helper()
	b.Op, b.Exe, b.Kind, b.Addr = script.Brief, l.executable(name), ln.Kind, ln.Addr
	f := parent.Must(b)
	for _, child := range f.Children {
		if child.Status != 0 {
			l.T.Fatalf("%s %d: exit code %d", name, child.PID, child.Status)
		}
		client := End{Name: name, Exe: name, Actor: true, Proc: Proc{PID: child.PID, Start: child.Start}, NS: parent.NS, Addrs: []string{from}}
		l.procs[client.Proc] = true
		l.add(&Conn{Transport: transport(ln.Kind), Client: client, Server: ln.Actor.end(hosts(ln.Addr)...), Port: port(ln.Addr),
			DialedPort: port(ln.Addr), State: Closed, Listener: ln, ToServer: b.Request, ToClient: b.Reply,
			Born: child.Began, Died: child.Ended})
	}
}

// served adds what a service's processes say they served: short connections
// of one client, told apart by who accepted them.
func (l *Lab) served(client *Actor, burst script.Fact, by []*Listener) {
	l.T.Helper()
	sum := 0
	for _, ln := range by {
		f := ln.Actor.Must(script.Command{Op: script.Stop, Sock: ln.Sock})
		sum += f.Count
		if f.Count == 0 {
			continue
		}
		c := l.add(&Conn{Transport: "tcp", Client: client.end(hosts(burst.Local)...), Server: ln.Actor.end(hosts(burst.Peer)...),
			N: f.Count, Port: port(ln.Addr), DialedPort: port(burst.Peer), State: Closed, Listener: ln,
			ToServer: f.Bytes, ToClient: f.BytesSent})
		c.Born, c.Died = burst.Began, burst.Began
	}
	if sum != burst.Count {
		l.T.Fatalf("client made %d connections, servers took %d", burst.Count, sum)
	}
}
