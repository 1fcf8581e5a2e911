package e2e

import (
	"time"

	"peerscope/test/e2e/script"
)

// DialOptions say how a client connects.
type DialOptions struct {
	// To is dialled instead of the listener's own address (a virtual one).
	To   string
	Bind string
	// Kind of the client's socket, if it is not the listener's.
	Kind string
	// Sock uses a socket that the client has already.
	Sock string
	// Translated: neither end sees the other's address.
	Translated bool
	// Early connects by sending so many bytes (TCP Fast Open).
	Early int64
}

// Dial connects a client to a listener, accepts there, and records the truth.
func (l *Lab) Dial(client *Actor, ln *Listener, o DialOptions) *Conn {
	l.T.Helper()
	return l.DialAny(client, []*Listener{ln}, o)
}

// DialAny connects to an address that several processes accept on and finds
// out which of them got the connection.
func (l *Lab) DialAny(client *Actor, listeners []*Listener, o DialOptions) *Conn {
	l.T.Helper()
	c := l.dialed(client, listeners[0], o)
	sock := l.sock("s")
	deadline := time.Now().Add(stepTimeout)
	for time.Now().Before(deadline) {
		for _, ln := range listeners {
			f := ln.Actor.Do(script.Command{Op: script.TryAccept, Sock: ln.Sock, As: sock})
			if f.Errno == "EAGAIN" {
				continue
			}
			if f.Errno != "" {
				l.T.Fatalf("%s: accept: %s", ln.Actor.Name, f.Errno)
			}
			l.accepted(c, ln, sock, f)
			if o.Early > 0 {
				c.early(o.Early)
			}
			return c
		}
	}
	l.T.Fatalf("%s: nobody accepted the connection of %s", l.Scenario.Name, client.Name)
	return nil
}

// early takes what came with the connect.
func (c *Conn) early(n int64) {
	c.lab.T.Helper()
	if got := c.must(Server, script.Command{Op: script.Receive, Bytes: n}); got.Bytes != n {
		c.lab.T.Fatalf("sent %d bytes with the connect, received %d", n, got.Bytes)
	}
	c.count(Client, n)
}

// DialOnly connects; no process accepts, the kernel alone completes it.
func (l *Lab) DialOnly(client *Actor, ln *Listener, o DialOptions) *Conn {
	l.T.Helper()
	return l.dialed(client, ln, o)
}

// dialed is the client's half. Until somebody accepts, the server is the
// process that listens.
func (l *Lab) dialed(client *Actor, ln *Listener, o DialOptions) *Conn {
	l.T.Helper()
	cmd := script.Command{Op: script.Connect, Sock: o.Sock, Kind: o.Kind, Addr: o.To, Bind: o.Bind,
		FastOpen: o.Early > 0, Bytes: o.Early}
	if cmd.Kind == "" {
		cmd.Kind = ln.Kind
	}
	if cmd.Addr == "" {
		cmd.Addr = ln.Addr
	}
	if cmd.Sock == "" {
		cmd.Sock = l.sock("c")
	}
	f := client.Must(cmd)
	if f.Bytes != o.Early {
		l.T.Fatalf("%s sent %d of %d bytes with its connect", client.Name, f.Bytes, o.Early)
	}
	c := &Conn{Transport: transport(ln.Kind), Client: client.end(hosts(f.Local)...), Born: f.Began, Listener: ln,
		DialedPort: port(f.Peer), Port: port(ln.Addr)}
	c.Server = ln.Maker
	c.Server.Addrs = hosts(f.Peer)
	if c.Transport == "unix" {
		c.Path = ln.Addr
	}
	c.translated = o.Translated
	c.sides[Client] = side{client, cmd.Sock}
	l.add(c)
	return c
}

// accepted is the server's half. Where no translation is between them the two
// ends have to agree on both addresses.
func (l *Lab) accepted(c *Conn, ln *Listener, sock string, f script.Fact) {
	l.T.Helper()
	client := c.sides[Client]
	seen := client.actor.Do(script.Command{Op: script.Inspect, Sock: client.sock})
	if !c.translated && c.Transport != "unix" && (seen.Local != f.Peer || seen.Peer != f.Local) {
		l.T.Fatalf("client sees %s -> %s, server %s <- %s", seen.Local, seen.Peer, f.Local, f.Peer)
	}
	c.Server = ln.Actor.end(hosts(seen.Peer, f.Local)...)
	c.Client.Addrs = hosts(seen.Local, f.Peer)
	if c.Transport != "unix" {
		c.Port = port(f.Local)
		if seen.Peer != f.Local {
			c.Dialed = seen.Peer
		}
	}
	c.Listener = ln
	c.sides[Server] = side{ln.Actor, sock}
}

// Accept takes a connection that DialOnly made.
func (c *Conn) Accept(ln *Listener) {
	c.lab.T.Helper()
	sock := c.lab.sock("s")
	c.lab.accepted(c, ln, sock, ln.Actor.Must(script.Command{Op: script.Accept, Sock: ln.Sock, As: sock}))
}

// FailOptions say how a connect is made that is not answered well.
type FailOptions struct {
	Kind, Bind, Sock string
	// Blocking is one connect(2) that returns the error: its socket then forgets
	// where it wanted to go.
	Blocking   bool
	SynRetries int
	// Leave keeps the socket open after the error.
	Leave bool
	// Wait bounds how long the answer is waited for.
	Wait time.Duration
}

// Fail makes a connect that nobody answers well, and wants that error of it.
// EINPROGRESS wants no answer: the connect stays pending.
func (l *Lab) Fail(client *Actor, addr, errno string, o FailOptions) *Conn {
	l.T.Helper()
	cmd := script.Command{Op: script.Connect, Sock: o.Sock, Kind: o.Kind, Addr: addr, Bind: o.Bind,
		NonBlocking: !o.Blocking, SynRetries: o.SynRetries, TimeoutMS: int(o.Wait.Milliseconds())}
	if cmd.Kind == "" {
		cmd.Kind = script.TCP
	}
	if cmd.Sock == "" {
		cmd.Sock = l.sock("c")
	}
	f := client.Do(cmd)
	if f.Errno != errno {
		l.T.Fatalf("%s: connect to %s: %q, want %s", client.Name, addr, f.Errno, errno)
	}
	c := &Conn{Transport: transport(cmd.Kind), Client: client.end(hosts(f.Local)...), Server: End{Addrs: hosts(addr), NS: client.NS},
		Port: port(addr), DialedPort: port(addr), Born: f.Began, Died: f.Ended, State: Failed, Errno: errno}
	c.sides[Client] = side{client, cmd.Sock}
	c.Limits.NoCounts = o.Blocking
	if errno == "EINPROGRESS" {
		c.State, c.Errno, c.Died = Pending, "", 0
	} else if !o.Leave {
		client.Must(script.Command{Op: script.Close, Sock: cmd.Sock})
	}
	return l.add(c)
}

// Decide waits for a pending connect and records what became of it.
func (c *Conn) Decide(errno string) {
	c.lab.T.Helper()
	s := c.sides[Client]
	f := s.actor.Do(script.Command{Op: script.Finish, Sock: s.sock})
	if f.Errno != errno {
		c.lab.T.Fatalf("pending connect of %s: %q, want %q", s.actor.Name, f.Errno, errno)
	}
	c.State, c.Errno, c.Died = Failed, errno, f.Ended
}

// Comes waits for a pending connect that is answered after all, and accepts it.
func (c *Conn) Comes(ln *Listener) {
	c.lab.T.Helper()
	s := c.sides[Client]
	if f := s.actor.Do(script.Command{Op: script.Finish, Sock: s.sock}); f.Errno != "" {
		c.lab.T.Fatalf("pending connect of %s: %s", s.actor.Name, f.Errno)
	}
	c.State, c.Listener = Open, ln
	c.Accept(ln)
}

// GiveUp closes a socket whose connect is still pending: for the client it
// ended without an answer.
func (c *Conn) GiveUp() {
	c.lab.T.Helper()
	f := c.do(Client, script.Command{Op: script.Close})
	c.State, c.Died = Failed, f.Began
}
