package e2e

import (
	"slices"
	"time"

	"peerscope/test/e2e/script"
)

// Proxy is an actor that passes on what it accepts from a listener.
type Proxy struct {
	*Listener
	// told is how many of its connections a path has been made of.
	told int
}

// Forward lets an actor pass on what it accepts: see script.Forward.
func (a *Actor) Forward(ln *Listener, c script.Command) *Proxy {
	a.lab.T.Helper()
	c.Op, c.Sock = script.Forward, ln.Sock
	a.Must(c)
	ground := grounds[c.Via]
	if c.Pool > 0 {
		ground = "" // what is shared need not show
	}
	a.lab.proxy(a.Proc, ground)
	return &Proxy{Listener: ln}
}

// grounds are those of a proxy, by where it passes on to.
var grounds = map[string]string{script.ToOriginal: "redirect", script.ToLocal: "tproxy", "": "forward"}

// relays are the connections of the proxy that no path has been made of yet.
func (p *Proxy) relays(want int) []script.Relay {
	p.Actor.lab.T.Helper()
	for range 400 {
		all := p.Actor.Must(script.Command{Op: script.Relays, Sock: p.Sock}).Relays
		if len(all) >= p.told+want {
			return all[p.told:]
		}
		pause(10)
	}
	p.Actor.lab.T.Fatalf("%s passed on no further connection", p.Actor.Name)
	return nil
}

// Path is one connection of a client to a server as proxies passed it on: each
// hop is a connection of its own.
type Path struct {
	Hops []*Conn
	*Through
	// via are the proxies between the hops.
	via []*Proxy
	at  []int // which of each proxy's connections it is
}

// DialThrough connects a client to an address whose connections the proxies take
// one after the other, the last of which calls the server.
func (l *Lab) DialThrough(client *Actor, to string, server *Listener, via ...*Proxy) *Path {
	l.T.Helper()
	sock, served := l.sock("c"), l.sock("s")
	f := client.Must(script.Command{Op: script.Connect, Sock: sock, Kind: script.TCP, Addr: to})
	got := server.Actor.Must(script.Command{Op: script.Accept, Sock: server.Sock, As: served})
	p := &Path{via: via}
	from, out := client.end(), script.Leg{Local: f.Local, Peer: f.Peer, Began: f.Began}
	for _, proxy := range via {
		r := proxy.relays(1)
		if len(r) != 1 || r[0].Errno != "" {
			l.T.Fatalf("%s passed on %+v, want one connection", proxy.Actor.Name, r)
		}
		p.at = append(p.at, proxy.told)
		proxy.told++
		p.hop(l, from, out, proxy.Listener, r[0].In.Local, r[0].In.Peer)
		from, out = proxy.Actor.end(), r[0].Out
	}
	last := p.hop(l, from, out, server, got.Local, got.Peer)
	p.Through = l.through(p)
	p.Hops[0].sides[Client] = side{client, sock}
	last.sides[Server] = side{server.Actor, served}
	return p
}

// hop records the connection between two of those on the way: out is what the
// caller's socket says, local and peer what the other end's does.
func (p *Path) hop(l *Lab, from End, out script.Leg, to *Listener, local, peer string) *Conn {
	from.Addrs = hosts(out.Local, peer)
	c := &Conn{Transport: "tcp", Client: from, Server: to.Actor.end(hosts(out.Peer, local)...), Port: port(local), DialedPort: port(out.Peer),
		Born: out.Began, Listener: to}
	if out.Peer != local {
		c.Dialed = out.Peer
	}
	p.Hops = append(p.Hops, l.add(c))
	return c
}

func (p *Path) ends() (first, last *Conn) { return p.Hops[0], p.Hops[len(p.Hops)-1] }

// Request sends payload from the client through to the server.
func (p *Path) Request(n int64) { p.move(Client, n) }

// Reply sends payload from the server through to the client.
func (p *Path) Reply(n int64) { p.move(Server, n) }

func (p *Path) move(from Side, n int64) {
	first, last := p.ends()
	first.lab.T.Helper()
	sender, receiver := first.sides[Client], last.sides[Server]
	if from == Server {
		sender, receiver = receiver, sender
	}
	got := receiver.actor.Step(script.Command{Op: script.Receive, Sock: receiver.sock, Bytes: n})
	sender.actor.Must(script.Command{Op: script.Send, Sock: sender.sock, Bytes: n})
	if f := got(); f.Bytes != n {
		first.lab.T.Fatalf("sent %d bytes, received %d (%s)", n, f.Bytes, f.Errno)
	}
	for _, c := range p.Hops {
		c.count(from, n)
	}
}

// Close ends the connection from one side; the proxies pass the end on.
func (p *Path) Close(first Side) {
	a, b := p.ends()
	a.lab.T.Helper()
	closer, other := a.sides[Client], b.sides[Server]
	if first == Server {
		closer, other = other, closer
	}
	f := closer.actor.Must(script.Command{Op: script.Close, Sock: closer.sock})
	if end := other.actor.Must(script.Command{Op: script.Receive, Sock: other.sock, Bytes: -1}); !end.End || end.Bytes != 0 {
		a.lab.T.Fatalf("wanted the end of the stream, got %+v", end)
	}
	other.actor.Must(script.Command{Op: script.Close, Sock: other.sock})
	p.settled()
	for _, c := range p.Hops {
		c.ended(f)
	}
}

// settled waits until every proxy has closed both of its connections.
func (p *Path) settled() {
	for i, proxy := range p.via {
		deadline := time.Now().Add(stepTimeout)
		for {
			r := proxy.Actor.Must(script.Command{Op: script.Relays, Sock: proxy.Sock}).Relays[p.at[i]]
			if r.In.Ended != 0 && r.Out.Ended != 0 {
				break
			}
			if time.Now().After(deadline) {
				proxy.Actor.lab.T.Fatalf("%s still passes on %+v", proxy.Actor.Name, r)
			}
			pause(10)
		}
	}
}

// Outside says that namespaces are not looked at: a hop between two of them is in
// no map, and one that leaves for them is shown once.
func (p *Path) Outside(ns ...*Netns) {
	for _, c := range p.Hops {
		c.Client.Outside = slices.Contains(ns, c.Client.NS)
		if c.Server.Outside = slices.Contains(ns, c.Server.NS); c.Server.Outside {
			c.Dialed = "" // there is nothing it differs from
		}
		if c.Client.Outside && c.Server.Outside {
			c.lab.forget(c)
		}
	}
}
