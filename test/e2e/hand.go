package e2e

import (
	"slices"

	"peerscope/test/e2e/script"
)

// HandTo passes the server's socket to another process over a unix socket that
// joins the two; the old holder closes its copy.
func (c *Conn) HandTo(channel *Conn, to Side) {
	c.lab.T.Helper()
	sock, old := c.lab.sock("s"), c.sides[Server]
	channel.must(1-to, script.Command{Op: script.Give, Pass: old.sock})
	got := channel.must(to, script.Command{Op: script.Take, As: sock})
	old.actor.Must(script.Command{Op: script.Close, Sock: old.sock})
	// One byte goes with the descriptor.
	channel.count(1-to, 1)
	c.passed(Server, side{channel.sides[to].actor, sock}, false)
	c.Server.Addrs = hosts(got.Local)
}

// Fork gives a side's socket to a child, which uses it from now on; the parent
// keeps it open.
func (c *Conn) Fork(s Side, name string) *Actor {
	c.lab.T.Helper()
	held := c.sides[s]
	child := held.actor.Spawn(name, 0, held.sock)
	c.passed(s, side{child, held.sock}, true)
	return child
}

// UsedBy says that another of the holders of a side's socket uses it from now on.
func (c *Conn) UsedBy(s Side, holder *Actor) {
	c.passed(s, side{holder, c.sides[s].sock}, true)
}

// passed says that from now on another process uses a side's socket. What was
// moved until now stays with the one that moved it.
func (c *Conn) passed(s Side, to side, kept bool) {
	part := Part{Client: c.Client, Server: c.Server, ToServer: c.ToServer, ToClient: c.ToClient}
	for _, p := range c.Parts {
		part.ToServer -= p.ToServer
		part.ToClient -= p.ToClient
	}
	if part.ToServer != 0 || part.ToClient != 0 {
		c.Parts = append(c.Parts, part)
	}
	end := c.end(s)
	was := *end
	*end = to.actor.end(was.Addrs...)
	end.Former = slices.Clone(was.Former)
	end.AlsoHeld = slices.DeleteFunc(slices.Clone(was.AlsoHeld), func(p Proc) bool { return p == end.Proc })
	if kept {
		end.AlsoHeld = append(end.AlsoHeld, was.Proc)
	} else {
		end.Former = append(end.Former, was.Proc)
	}
	c.sides[s] = to
}
