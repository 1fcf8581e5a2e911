package e2e

import (
	"fmt"
	"net/netip"

	"peerscope/test/e2e/script"
)

// State is what became of a connection by the end of the window.
type State int

// The states a true connection can end the window in.
const (
	Open State = iota
	Closed
	Failed  // the connect ended in an error
	Pending // the connect has no answer yet
)

func (s State) String() string { return [...]string{"open", "closed", "failed", "pending"}[s] }

// End is one end of a true connection.
type End struct {
	Name string
	Proc Proc // zero: nobody is there
	NS   *Netns
	// Addrs are the addresses that it is known by, without ports: its own and
	// what the other end sees.
	Addrs []string
	// Outside: its namespace is not among those the tool was told to look at.
	Outside bool
	// Exe is the name of its executable, as /proc has it. An Actor calls itself
	// nothing else.
	Exe   string
	Actor bool
	// AlsoHeld are other processes that hold its socket too, Former those that
	// held it before.
	AlsoHeld, Former []Proc
}

// Side names an end of a connection in a step.
type Side int

// The sides. For connections without roles Client is the first end.
const (
	Client Side = iota
	Server
)

// Conn is one true connection (or N equal ones), made of the facts that its
// two actors reported.
type Conn struct {
	Transport      string
	Client, Server End
	Port           uint16 // of the server's socket
	DialedPort     uint16 // what the client asked for
	Path           string // unix
	NoRole         bool   // nobody called anybody (a socketpair)
	N              int

	Before     bool // it was open when the window began
	State      State
	Errno      string // of a failed one
	Soft       string // the same, where its kernel went on trying until the client gave up
	Born, Died int64  // CLOCK_REALTIME, nanoseconds; 0: not in the window
	// Payload within the window.
	ToServer, ToClient int64

	// Loose: nobody reports exactly how many bytes it moved.
	Loose bool
	// Parts are what was moved before an end changed hands, of the payload above.
	Parts []Part
	// Dialed is the address that the client asked for, where the server's socket
	// has another.
	Dialed string
	// Listener is what the server's socket was accepted from.
	Listener *Listener
	Limits   Limits

	// translated: the two ends see other addresses of each other.
	translated bool

	lab   *Lab
	sides [2]side
	// kind and to are what the client's calls name, via and backVia how the server
	// and the client receive, of datagrams.
	kind, to, via, backVia string
}

// Part is the payload that a connection moved between two processes while it
// was theirs.
type Part struct {
	Client, Server     End
	ToServer, ToClient int64
}

// part is such a part as what a map shows: bytes of no connection.
func (c *Conn) part(p Part) *Conn {
	return &Conn{Transport: c.Transport, Client: p.Client, Server: p.Server, Port: c.Port, DialedPort: c.DialedPort,
		Path: c.Path, NoRole: c.NoRole, State: Closed, ToServer: p.ToServer, ToClient: p.ToClient, Dialed: c.Dialed,
		Born: c.Born, lab: c.lab}
}

// end is the process at a side.
func (c *Conn) end(s Side) *End {
	if s == Client {
		return &c.Client
	}
	return &c.Server
}

// side is the socket that an actor holds of a connection.
type side struct {
	actor *Actor
	sock  string
}

// Listener is a socket that connections are accepted from, in one process.
type Listener struct {
	Actor *Actor
	Sock  string
	Kind  string
	Addr  string // as the socket reports it
	// Maker is who made it: the oldest of the processes that hold it.
	Maker End
	// Many: other sockets listen on the same address and port (SO_REUSEPORT).
	Many bool
}

// Listen makes an actor listen, and accept by itself.
func (a *Actor) Listen(kind, addr string) *Listener {
	a.lab.T.Helper()
	return a.ListenWith(script.Command{Kind: kind, Addr: addr})
}

// ListenWith is Listen with options.
func (a *Actor) ListenWith(c script.Command) *Listener {
	a.lab.T.Helper()
	if c.Op == "" {
		c.Op = script.Listen
	}
	c.Sock = a.lab.sock("l")
	f := a.Must(c)
	return &Listener{Actor: a, Sock: c.Sock, Kind: c.Kind, Addr: f.Local, Maker: a.end(), Many: c.ReusePort}
}

// In is the same listener in the hands of a child that inherited it.
func (ln *Listener) In(child *Actor) *Listener {
	c := *ln
	c.Actor = child
	return &c
}

// end is the actor as one end of a connection.
func (a *Actor) end(addrs ...string) End {
	return End{Name: a.Name, Exe: a.Name, Actor: true, Proc: a.Proc, NS: a.NS, Addrs: addrs}
}

// sock makes a name for a socket.
func (l *Lab) sock(stem string) string {
	l.socks++
	return fmt.Sprintf("%s%d", stem, l.socks)
}

// add puts a connection among the truth.
func (l *Lab) add(c *Conn) *Conn {
	c.lab = l
	c.N = max(c.N, 1)
	c.Before = !l.Watching()
	l.Truth = append(l.Truth, c)
	return c
}

// host is the address without its port; a path has none.
func host(addr string) string {
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return ""
	}
	return ap.Addr().WithZone("").String()
}

// port is the port of an address.
func port(addr string) uint16 {
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return 0
	}
	return ap.Port()
}

// hosts are the distinct hosts of addresses.
func hosts(addrs ...string) []string {
	var out []string
	seen := map[string]bool{"": true}
	for _, a := range addrs {
		if h := host(a); !seen[h] {
			seen[h] = true
			out = append(out, h)
		}
	}
	return out
}

// transport is the map's word for a kind of socket.
func transport(kind string) string {
	switch kind {
	case script.UDP:
		return "udp"
	case script.UnixStream, script.UnixPacket, script.UnixDgram:
		return "unix"
	}
	return "tcp"
}
