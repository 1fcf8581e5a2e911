package capturetest

import (
	"context"
	"net"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// Listen listens in the namespace, as plain TCP and not, as Go does by itself,
// as MPTCP.
func Listen(t testing.TB, n *Namespace, address string) net.Listener {
	t.Helper()
	var config net.ListenConfig
	config.SetMultipathTCP(false)
	var l net.Listener
	In(t, n, func() (err error) {
		l, err = config.Listen(context.Background(), "tcp", address)
		return err
	})
	t.Cleanup(func() { l.Close() })
	return l
}

// Connect makes a connection to l inside the namespace and returns both ends. A
// listener for all addresses is called at 127.0.0.1.
func Connect(t testing.TB, n *Namespace, l net.Listener) (client, server net.Conn) {
	t.Helper()
	address := strings.Replace(l.Addr().String(), "[::]", "127.0.0.1", 1)
	In(t, n, func() (err error) { client, err = net.Dial("tcp", address); return err })
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

// Live starts a process that lives in the namespace until the test ends or end
// is called, which returns when it is gone.
func Live(t testing.TB, n *Namespace) (pid int32, end func()) {
	t.Helper()
	c := exec.Command("/bin/cat")
	stdin, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	In(t, n, c.Start)
	end = sync.OnceFunc(func() { stdin.Close(); c.Wait() })
	t.Cleanup(end)
	return int32(c.Process.Pid), end
}
