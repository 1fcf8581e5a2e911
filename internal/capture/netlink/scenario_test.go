package netlink

import (
	"errors"
	"flag"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"peerscope/internal/capture/capturetest"
	"peerscope/internal/capture/nlsocket"
	"peerscope/internal/flow"
)

// With -update, tests that read recorded bytes record them anew from the
// running kernel (as root, in network namespaces of their own) and rewrite what
// they expect.
var update = flag.Bool("update", false, "record testdata from this kernel and rewrite the golden files")

// The scenes that are recorded. Each has its own namespace, and leaves nothing.

func recordTCPDump(t *testing.T, r *capturetest.Recording) {
	h := capturetest.NewNamespace(t)
	l := capturetest.Listen(t, h, "127.0.0.1:8000")
	client, server := capturetest.Connect(t, h, l)
	client.Write([]byte("hello"))
	server.Read(make([]byte, 8))
	server.Write([]byte("abc"))
	capturetest.In(t, h, func() error { // one that nobody accepts
		waiting, err := net.Dial("tcp", "127.0.0.1:8000")
		t.Cleanup(func() { waiting.Close() })
		return err
	})
	dual := capturetest.Listen(t, h, "[::]:8001")
	capturetest.Connect(t, h, dual)
	gone, _ := capturetest.Connect(t, h, dual)
	gone.Close() // leaves FIN_WAIT2 without a process, and CLOSE_WAIT
	time.Sleep(20 * time.Millisecond)
	c := dialSocketsIn(t, h)
	if err := c.Dump(appendInetRequest(nil, inetRequest{Transport: flow.TCP, States: ^uint32(0), Info: true}), r.Add); err != nil {
		t.Fatal(err)
	}
}

func recordTCPDeaths(t *testing.T, r *capturetest.Recording) {
	h := capturetest.NewNamespace(t)
	l := capturetest.Listen(t, h, "127.0.0.1:8000")
	recordDeaths(t, h, r, flow.TCP, func() {
		client, server := capturetest.Connect(t, h, l) // a usual end
		client.Write([]byte("hello"))
		server.Read(make([]byte, 8))
		client.Close()
		server.Close()
		client, server = capturetest.Connect(t, h, l) // an end by reset
		server.Write([]byte("abc"))
		client.Read(make([]byte, 8))
		server.(*net.TCPConn).SetLinger(0)
		server.Close()
		client.Close()
		capturetest.In(t, h, func() error { return refusedConnect(t) })
		l.Close()
	})
}

// refusedConnect makes a blocking connect to a port where nobody listens.
func refusedConnect(t testing.TB) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	err = unix.Connect(fd, &unix.SockaddrInet4{Port: 1, Addr: [4]byte{127, 0, 0, 1}})
	if err != unix.ECONNREFUSED {
		t.Errorf("connect to a port where nobody listens: %v", err)
	}
	return nil
}

func recordUDPDump(t *testing.T, r *capturetest.Recording) {
	h := capturetest.NewNamespace(t)
	bound, connected := pairUDP(t, h)
	connected.Write([]byte("hello"))
	defer bound.Close()
	defer connected.Close()
	c := dialSocketsIn(t, h)
	if err := c.Dump(appendInetRequest(nil, inetRequest{Family: unix.AF_INET, Transport: flow.UDP, States: ^uint32(0), Info: true}), r.Add); err != nil {
		t.Fatal(err)
	}
}

func recordUDPDeaths(t *testing.T, r *capturetest.Recording) {
	h := capturetest.NewNamespace(t)
	recordDeaths(t, h, r, flow.UDP, func() {
		bound, connected := pairUDP(t, h)
		connected.Write([]byte("hello"))
		connected.Close()
		bound.Close()
	})
}

// pairUDP is a bound socket that is not connected, and one connected to it.
func pairUDP(t testing.TB, h *capturetest.Namespace) (bound net.PacketConn, connected net.Conn) {
	t.Helper()
	capturetest.In(t, h, func() (err error) {
		if bound, err = net.ListenPacket("udp4", "127.0.0.1:5000"); err == nil {
			connected, err = net.Dial("udp4", "127.0.0.1:5000")
		}
		return err
	})
	return bound, connected
}

func recordDeaths(t testing.TB, h *capturetest.Namespace, r *capturetest.Recording, transport flow.Transport, scene func()) {
	t.Helper()
	var c *nlsocket.Conn
	capturetest.In(t, h, func() (err error) { c, err = dialDeaths(transport); return err })
	defer c.Close()
	scene()
	for {
		c.SetDeadline(time.Now().Add(200 * time.Millisecond))
		if _, _, err := c.Receive(r.Add); errors.Is(err, os.ErrDeadlineExceeded) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func recordUnixDump(t *testing.T, r *capturetest.Recording) {
	h := capturetest.NewNamespace(t)
	t.Chdir(t.TempDir()) // so that names are the same everywhere
	capturetest.In(t, h, func() error {
		for _, name := range []string{"server.sock", "@abstract", "@ab\x00\x1bstract"} {
			l, err := net.Listen("unix", name)
			if err != nil {
				return err
			}
			t.Cleanup(func() { l.Close() })
			if name != "server.sock" {
				continue
			}
			for range 2 { // one is accepted and one waits
				c, err := net.Dial("unix", name)
				if err != nil {
					return err
				}
				t.Cleanup(func() { c.Close() })
			}
			accepted, err := l.Accept()
			if err != nil {
				return err
			}
			t.Cleanup(func() { accepted.Close() })
		}
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
		t.Cleanup(func() { unix.Close(pair[0]); unix.Close(pair[1]) })
		return err
	})
	c := dialSocketsIn(t, h)
	if err := c.Dump(appendUnixRequest(nil), r.Add); err != nil {
		t.Fatal(err)
	}
}
