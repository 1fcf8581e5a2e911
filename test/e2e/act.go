package e2e

import (
	"slices"

	"peerscope/test/e2e/script"
)

// do runs a command on one side's socket.
func (c *Conn) do(s Side, cmd script.Command) script.Fact {
	c.lab.T.Helper()
	cmd.Sock = c.sides[s].sock
	return c.sides[s].actor.Do(cmd)
}

// must is do for what has to succeed.
func (c *Conn) must(s Side, cmd script.Command) script.Fact {
	c.lab.T.Helper()
	cmd.Sock = c.sides[s].sock
	return c.sides[s].actor.Must(cmd)
}

// Request sends payload from the client and receives it at the server.
func (c *Conn) Request(n int64) { c.lab.T.Helper(); c.Move(Client, n, "", "") }

// Reply sends payload from the server and receives it at the client.
func (c *Conn) Reply(n int64) { c.lab.T.Helper(); c.Move(Server, n, "", "") }

// Move sends n bytes from one side to the other by the given ways and counts
// them if both agree.
func (c *Conn) Move(from Side, n int64, sendVia, receiveVia string) {
	c.lab.T.Helper()
	to := 1 - from
	other := c.sides[to]
	receive := other.actor.Step(script.Command{Op: script.Receive, Sock: other.sock, Bytes: n, Via: receiveVia})
	sent := c.must(from, script.Command{Op: script.Send, Bytes: n, Via: sendVia})
	got := receive()
	if sent.Bytes != n || got.Bytes != n {
		c.lab.T.Fatalf("sent %d of %d bytes, received %d (%s)", sent.Bytes, n, got.Bytes, got.Errno)
	}
	c.count(from, n)
}

// Unread sends payload that the other side's process never reads. Its kernel
// acknowledges it all the same, so it counts; n must fit the receive buffer.
func (c *Conn) Unread(from Side, n int64) {
	c.lab.T.Helper()
	c.must(from, script.Command{Op: script.Send, Bytes: n})
	for range 100 {
		if c.must(from, script.Command{Op: script.Inspect}).Queued == 0 {
			c.count(from, n)
			return
		}
		pause(10)
	}
	c.lab.T.Fatalf("%d bytes that nobody reads were not acknowledged", n)
}

// count adds payload that moved, if the window is open.
func (c *Conn) count(from Side, n int64) {
	switch {
	case !c.lab.Watching():
	case from == Client:
		c.ToServer += n
	default:
		c.ToClient += n
	}
}

// Close ends a connection in the ordinary way: one side closes, the other
// reads the end and closes too.
func (c *Conn) Close(first Side) {
	c.lab.T.Helper()
	other := 1 - first
	f := c.must(first, script.Command{Op: script.Close})
	if c.sides[other].actor != nil {
		if end := c.must(other, script.Command{Op: script.Receive, Bytes: -1}); !end.End || end.Bytes != 0 {
			c.lab.T.Fatalf("wanted the end of the stream, got %+v", end)
		}
		c.must(other, script.Command{Op: script.Close})
	}
	c.ended(f)
}

// HalfClose ends one direction; the connection lives on.
func (c *Conn) HalfClose(by Side) {
	c.lab.T.Helper()
	c.must(by, script.Command{Op: script.Shutdown, How: script.Write})
	if end := c.must(1-by, script.Command{Op: script.Receive, Bytes: -1}); !end.End {
		c.lab.T.Fatalf("wanted the end of the stream, got %+v", end)
	}
}

// CloseHalf ends a connection of which `first` has shut down its direction.
func (c *Conn) CloseHalf(first Side) {
	c.lab.T.Helper()
	f := c.must(1-first, script.Command{Op: script.Close})
	c.must(first, script.Command{Op: script.Receive, Bytes: -1})
	c.must(first, script.Command{Op: script.Close})
	c.ended(f)
}

// Reset ends a connection with SO_LINGER 0.
func (c *Conn) Reset(by Side) { c.lab.T.Helper(); c.cut(by, script.Reset) }

// CloseUnread closes a socket that holds bytes nobody read: the kernel resets.
func (c *Conn) CloseUnread(by Side) { c.lab.T.Helper(); c.cut(by, script.Close) }

// cut ends a connection by a RST, which the other side has to see.
func (c *Conn) cut(by Side, op script.Op) {
	c.lab.T.Helper()
	f := c.must(by, script.Command{Op: op})
	c.WasCut(1 - by)
	c.ended(f)
}

// WasCut wants that a side sees its connection reset, and closes its socket.
func (c *Conn) WasCut(s Side) {
	c.lab.T.Helper()
	if got := c.do(s, script.Command{Op: script.Receive, Bytes: -1}); got.Errno != "ECONNRESET" {
		c.lab.T.Fatalf("wanted a reset, got %+v", got)
	}
	c.must(s, script.Command{Op: script.Close})
}

// Disconnect ends a connection by connect(AF_UNSPEC) at the client; its socket
// stays for another one.
func (c *Conn) Disconnect() {
	c.lab.T.Helper()
	f := c.must(Client, script.Command{Op: script.Disconnect})
	c.WasCut(Server)
	c.ended(f)
}

// ended records the end of the connection. One that ended before the window
// is no truth of it, whatever its TIME_WAIT leaves behind.
func (c *Conn) ended(f script.Fact) {
	c.State, c.Died = Closed, f.Began
	if !c.lab.Watching() {
		c.lab.forget(c)
	}
}

// forget takes a connection out of the truth: no map may show it.
func (l *Lab) forget(c *Conn) {
	l.Truth = slices.DeleteFunc(l.Truth, func(o *Conn) bool { return o == c })
}
