package netlink

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"peerscope/internal/flow"
)

// The scenes that are recorded. Each has its own namespace, and leaves nothing.

func recordTCPDump(t *testing.T, r *recording) {
	h := newNamespace(t)
	l := listenTCP(t, h, "127.0.0.1:8000")
	client, server := connectTCP(t, h, l)
	client.Write([]byte("hello"))
	server.Read(make([]byte, 8))
	server.Write([]byte("abc"))
	in(t, h, func() error { // one that nobody accepts
		waiting, err := net.Dial("tcp", "127.0.0.1:8000")
		t.Cleanup(func() { waiting.Close() })
		return err
	})
	dual := listenTCP(t, h, "[::]:8001")
	connectTCP(t, h, dual)
	gone, _ := connectTCP(t, h, dual)
	gone.Close() // leaves FIN_WAIT2 without a process, and CLOSE_WAIT
	time.Sleep(20 * time.Millisecond)
	c := dialSocketsIn(t, h)
	if err := c.dump(appendInetRequest(nil, inetRequest{Transport: flow.TCP, States: ^uint32(0), Info: true}), r.add); err != nil {
		t.Fatal(err)
	}
}

func recordTCPDeaths(t *testing.T, r *recording) {
	h := newNamespace(t)
	l := listenTCP(t, h, "127.0.0.1:8000")
	recordDeaths(t, h, r, flow.TCP, func() {
		client, server := connectTCP(t, h, l) // a usual end
		client.Write([]byte("hello"))
		server.Read(make([]byte, 8))
		client.Close()
		server.Close()
		client, server = connectTCP(t, h, l) // an end by reset
		server.Write([]byte("abc"))
		client.Read(make([]byte, 8))
		server.(*net.TCPConn).SetLinger(0)
		server.Close()
		client.Close()
		in(t, h, func() error { return refusedConnect(t) })
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

func recordUDPDump(t *testing.T, r *recording) {
	h := newNamespace(t)
	bound, connected := pairUDP(t, h)
	connected.Write([]byte("hello"))
	defer bound.Close()
	defer connected.Close()
	c := dialSocketsIn(t, h)
	if err := c.dump(appendInetRequest(nil, inetRequest{Family: unix.AF_INET, Transport: flow.UDP, States: ^uint32(0), Info: true}), r.add); err != nil {
		t.Fatal(err)
	}
}

func recordUDPDeaths(t *testing.T, r *recording) {
	h := newNamespace(t)
	recordDeaths(t, h, r, flow.UDP, func() {
		bound, connected := pairUDP(t, h)
		connected.Write([]byte("hello"))
		connected.Close()
		bound.Close()
	})
}

// pairUDP is a bound socket that is not connected, and one connected to it.
func pairUDP(t testing.TB, h *nsHandle) (bound net.PacketConn, connected net.Conn) {
	t.Helper()
	in(t, h, func() (err error) {
		if bound, err = net.ListenPacket("udp4", "127.0.0.1:5000"); err == nil {
			connected, err = net.Dial("udp4", "127.0.0.1:5000")
		}
		return err
	})
	return bound, connected
}

func recordDeaths(t testing.TB, h *nsHandle, r *recording, transport flow.Transport, scene func()) {
	t.Helper()
	var c *conn
	in(t, h, func() (err error) { c, err = dialDeaths(transport); return err })
	defer c.close()
	scene()
	for {
		c.setDeadline(time.Now().Add(200 * time.Millisecond))
		if _, _, err := c.receive(r.add); errors.Is(err, os.ErrDeadlineExceeded) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func recordUnixDump(t *testing.T, r *recording) {
	h := newNamespace(t)
	t.Chdir(t.TempDir()) // so that names are the same everywhere
	in(t, h, func() error {
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
	if err := c.dump(appendUnixRequest(nil), r.add); err != nil {
		t.Fatal(err)
	}
}

func recordRoutes(t *testing.T, r *recording) {
	c := routesScene(t)
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		if err := c.dump(appendRouteRequest(nil, routeRequest{family: family}), r.add); err != nil {
			t.Fatal(err)
		}
	}
}

// routesScene is a namespace with an own address, a prefix given to it, and the
// routes of a transparent proxy.
func routesScene(t testing.TB) *conn {
	t.Helper()
	h := newNamespace(t)
	ip(t, h,
		"link add psnl0 type veth peer name psnl1", "link set psnl0 up", "link set psnl1 up",
		"addr add 10.9.0.1/24 broadcast 10.9.0.255 dev psnl0",
		"addr add 2001:db8::1/64 dev psnl0 nodad",
		"route add local 192.0.2.0/24 dev lo",
		"route add local 0.0.0.0/0 dev lo table 100",
		"route add local ::/0 dev lo table 1000",
		"route add 198.51.100.0/24 via 10.9.0.2",
	)
	var c *conn
	in(t, h, func() (err error) { c, err = dialRoutes(); return err })
	t.Cleanup(func() { c.close() })
	return c
}

// ip runs ip(8) in the namespace, and skips the test where there is none.
func ip(t testing.TB, h *nsHandle, commands ...string) {
	t.Helper()
	path, err := exec.LookPath("ip")
	if err != nil {
		t.Skip("needs ip(8)")
	}
	for _, command := range commands {
		in(t, h, func() error {
			out, err := exec.CommandContext(context.Background(), path, strings.Fields(command)...).CombinedOutput()
			if err != nil {
				return errors.New("ip " + command + ": " + string(out))
			}
			return nil
		})
	}
}
