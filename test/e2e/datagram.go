package e2e

import "peerscope/test/e2e/script"

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

// loose records a flow of a socket that connects to nobody: it names its peer in
// every call.
func (l *Lab) loose(client side, ln *Listener, to string) *Conn {
	l.T.Helper()
	addrs := hosts(to)
	c := &Conn{Transport: transport(ln.Kind), Client: client.actor.end(addrs...), Server: ln.Actor.end(addrs...), Port: port(ln.Addr),
		DialedPort: port(to), Listener: ln, Limits: Limits{NoClient: true, NoServer: true, NoCounts: true}}
	if c.Transport == "unix" {
		c.Path = ln.Addr
	}
	c.kind, c.to = ln.Kind, to
	c.sides = [2]side{client, {ln.Actor, ln.Sock}}
	return l.add(c)
}

// ask sends a datagram from one socket that is not connected to another, and
// answers it unless the reply is 0.
func (c *Conn) ask(request, reply int64) {
	c.lab.T.Helper()
	f := c.must(Client, script.Command{Op: script.SendTo, Kind: c.kind, Addr: c.to, Bytes: request})
	if c.Born == 0 {
		c.Born = f.Began
	}
	got := c.must(Server, script.Command{Op: script.ReceiveFrom, Via: c.via})
	if got.Bytes != request {
		c.lab.T.Fatalf("server got %d of %d bytes", got.Bytes, request)
	}
	c.count(Client, request)
	if from := host(got.Peer); from != "" {
		c.Client.Addrs = []string{from}
	}
	if reply == 0 {
		return
	}
	c.must(Server, script.Command{Op: script.SendTo, Kind: c.kind, Addr: got.Peer, Bytes: reply})
	back := c.must(Client, script.Command{Op: script.ReceiveFrom, Via: c.backVia})
	asked := c.backVia == ""
	if back.Bytes != reply || asked && (host(back.Peer) != host(c.to) || port(back.Peer) != port(c.to)) {
		c.lab.T.Fatalf("client got %d of %d bytes from %s, asked %s", back.Bytes, reply, back.Peer, c.to)
	}
	c.count(Server, reply)
}
