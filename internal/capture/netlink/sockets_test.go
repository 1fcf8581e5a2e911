package netlink

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"peerscope/internal/capture/capturetest"
	"peerscope/internal/capture/nlsocket"
	"peerscope/internal/flow"
)

// dumpTCP is every TCP socket of the namespace, by tuple.
func dumpTCP(t testing.TB, c *nlsocket.Conn) map[flow.Tuple]inetSocket {
	t.Helper()
	out := map[flow.Tuple]inetSocket{}
	err := dumpInet(c, inetRequest{Transport: flow.TCP, States: liveStates, Info: true}, func(s *inetSocket) error {
		if _, twice := out[s.Tuple]; twice {
			return fmt.Errorf("%v is listed twice", s.Tuple)
		}
		out[s.Tuple] = *s
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// tuplesOf are the tuples of the two ends of a connection.
func tuplesOf(client net.Conn) (ofClient, ofServer flow.Tuple) {
	ofClient = flow.Tuple{Local: addrPortOf(client.LocalAddr()), Peer: addrPortOf(client.RemoteAddr())}
	return ofClient, ofClient.Mirror()
}

func addrPortOf(a net.Addr) netip.AddrPort {
	p := netip.MustParseAddrPort(a.String())
	return netip.AddrPortFrom(p.Addr().WithZone(""), p.Port())
}

func TestDumpKnowsBothEndsOfAConnection(t *testing.T) {
	h := capturetest.NewNamespace(t)
	c := dialSocketsIn(t, h)
	for _, address := range []string{"127.0.0.1:0", "[::1]:0", "[::]:0"} {
		l := capturetest.Listen(t, h, address)
		client, server := capturetest.Connect(t, h, l)
		client.Write([]byte("hello"))
		server.Read(make([]byte, 8))
		server.Write([]byte("abc"))
		ofClient, ofServer := tuplesOf(client)
		sockets := dumpTCP(t, c)

		for _, end := range []struct {
			tuple flow.Tuple
			conn  net.Conn
			want  flow.Counters
		}{
			// The client's SYN counts in BytesAcked, the server's does not.
			{ofClient, client, flow.Counters{BytesSent: 5, BytesAcked: 6, BytesReceived: 3}},
			{ofServer, server, flow.Counters{BytesSent: 3, BytesAcked: 3, BytesReceived: 5}},
		} {
			got, ok := sockets[end.tuple]
			if !ok {
				t.Errorf("listener %s: no %v among %v", address, end.tuple, sockets)
				continue
			}
			got.Counters.RTT = 0
			if got.Counters != end.want || !got.HasSent || got.State != flow.Established || got.Transport != flow.TCP {
				t.Errorf("listener %s: %s, want %+v", address, inetLine(&got), end.want)
			}
			if inode := inodeOf(t, end.conn.(syscall.Conn)); got.Inode != inode {
				t.Errorf("listener %s: inode %d, the file has %d", address, got.Inode, inode)
			}
			if cookie := cookieOf(t, end.conn.(syscall.Conn)); uint64(got.Cookie) != cookie {
				t.Errorf("listener %s: cookie %d, the socket says %d", address, got.Cookie, cookie)
			}
		}
	}
}

// Both ways to ask must list the same, so that the older one may be taken where
// there is one.
func TestDumpOfBothFamiliesIsOnePass(t *testing.T) {
	h := capturetest.NewNamespace(t)
	for _, address := range []string{"127.0.0.1:0", "[::1]:0", "[::]:0"} {
		capturetest.Connect(t, h, capturetest.Listen(t, h, address))
	}
	c := dialSocketsIn(t, h)
	var want, got []string
	collect := func(to *[]string) func(*inetSocket) error {
		return func(s *inetSocket) error { *to = append(*to, inetLine(s)); return nil }
	}
	r := inetRequest{Transport: flow.TCP, States: liveStates, Info: true}
	if err := dumpFamily(c, r, collect(&got)); err != nil {
		t.Fatalf("the older request: %v", err)
	}
	for _, r.Family = range []uint8{unix.AF_INET, unix.AF_INET6} {
		if err := dumpInet(c, r, collect(&want)); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if len(got) != 9 || !slices.Equal(got, want) {
		t.Errorf("in one pass:\n%q\nby family:\n%q", got, want)
	}
}

func TestUnacceptedConnectionsHaveNoInode(t *testing.T) {
	h := capturetest.NewNamespace(t)
	c := dialSocketsIn(t, h)
	l := capturetest.Listen(t, h, "127.0.0.1:8000")
	var client net.Conn
	capturetest.In(t, h, func() (err error) { client, err = net.Dial("tcp", "127.0.0.1:8000"); return err })
	defer client.Close()
	_, ofServer := tuplesOf(client)

	before := dumpTCP(t, c)
	listener := before[tuple("127.0.0.1:8000", "0.0.0.0:0")]
	if listener.State != flow.Listen || listener.RQueue != 1 || listener.WQueue != 4096 || listener.HasInfo {
		t.Errorf("listener with one waiting: %s", inetLine(&listener))
	}
	waiting := before[ofServer]
	if waiting.State != flow.Established || waiting.Inode != 0 || waiting.Cookie == 0 {
		t.Errorf("not accepted: %s", inetLine(&waiting))
	}
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	after := dumpTCP(t, c)
	accepted := after[ofServer]
	if accepted.Inode != inodeOf(t, server.(syscall.Conn)) || accepted.Cookie != waiting.Cookie {
		t.Errorf("accepted: %s, before: %s", inetLine(&accepted), inetLine(&waiting))
	}
}

// A full accept queue leaves clients in SYN_SENT, and one more that believes to
// be connected while the server has only a request.
func TestFullAcceptQueue(t *testing.T) {
	h := capturetest.NewNamespace(t)
	c := dialSocketsIn(t, h)
	var listener int
	var clients []int
	capturetest.In(t, h, func() (err error) {
		if listener, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		address := unix.SockaddrInet4{Port: 8000, Addr: [4]byte{127, 0, 0, 1}}
		if err := errors.Join(unix.Bind(listener, &address), unix.Listen(listener, 1)); err != nil {
			return err
		}
		for range 4 {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
			if err != nil {
				return err
			}
			clients = append(clients, fd)
			if err := unix.Connect(fd, &address); err != nil && err != unix.EINPROGRESS {
				return err
			}
		}
		return nil
	})
	defer func() {
		for _, fd := range append(clients, listener) {
			unix.Close(fd)
		}
	}()
	count := func() map[flow.State]int {
		states := map[flow.State]int{}
		for _, s := range dumpTCP(t, c) {
			states[s.State]++
			if s.State == flow.Listen && (s.RQueue != 2 || s.WQueue != 1) {
				t.Errorf("full listener: %s", inetLine(&s))
			}
			if s.State == flow.SynSent && (s.Inode == 0 || s.Counters.BytesAcked != 0) {
				t.Errorf("connecting: %s", inetLine(&s))
			}
		}
		return states
	}
	// A limit of 1 lets 2 wait: both ends of these are established.
	if got := count(); got[flow.Established] != 4 || got[flow.SynSent] != 2 || got[flow.SynRecv] != 0 {
		t.Errorf("states with a full queue: %v", got)
	}
}

// The socket that comes of a request has the request's cookie. With
// TCP_DEFER_ACCEPT the request waits for the first data, so it can be looked at.
func TestRequestHandsOnItsCookie(t *testing.T) {
	h := capturetest.NewNamespace(t)
	c := dialSocketsIn(t, h)
	l := capturetest.Listen(t, h, "127.0.0.1:8000")
	raw, err := l.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_TCP, unix.TCP_DEFER_ACCEPT, 30) })
	if err != nil {
		t.Fatal(err)
	}
	var client net.Conn
	capturetest.In(t, h, func() (err error) { client, err = net.Dial("tcp", "127.0.0.1:8000"); return err })
	defer client.Close()
	ofClient, ofServer := tuplesOf(client)

	sockets := dumpTCP(t, c)
	request := sockets[ofServer]
	if request.State != flow.SynRecv || request.Inode != 0 || request.HasInfo || request.Cookie == 0 {
		t.Errorf("half-open: %s", inetLine(&request))
	}
	if s := sockets[ofClient]; s.State != flow.Established {
		t.Errorf("the client of a request: %s", inetLine(&s))
	}
	if again := dumpTCP(t, c)[ofServer]; again.Cookie != request.Cookie {
		t.Errorf("cookie %d, then %d", request.Cookie, again.Cookie)
	}
	client.Write([]byte("hello"))
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if s := dumpTCP(t, c)[ofServer]; s.Cookie != request.Cookie || s.State != flow.Established || s.Counters.BytesReceived != 5 {
		t.Errorf("the socket of request %d: %s", request.Cookie, inetLine(&s))
	}
}

func TestSubflowsHaveTheInodeOfTheFile(t *testing.T) {
	h := capturetest.NewNamespace(t)
	c := dialSocketsIn(t, h)
	var l net.Listener
	var client net.Conn
	capturetest.In(t, h, func() (err error) {
		var listen net.ListenConfig
		listen.SetMultipathTCP(true)
		if l, err = listen.Listen(context.Background(), "tcp", "127.0.0.1:0"); err != nil {
			return err
		}
		var dial net.Dialer
		dial.SetMultipathTCP(true)
		client, err = dial.Dial("tcp", l.Addr().String())
		return err
	})
	defer l.Close()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if is, err := client.(*net.TCPConn).MultipathTCP(); err != nil || !is {
		t.Skipf("no MPTCP here: %v", err)
	}
	client.Write([]byte("hello"))
	server.Read(make([]byte, 8))
	ofClient, ofServer := tuplesOf(client)
	sockets := dumpTCP(t, c)
	for _, end := range []struct {
		tuple flow.Tuple
		conn  net.Conn
	}{{ofClient, client}, {ofServer, server}} {
		s := sockets[end.tuple]
		if s.Inode != inodeOf(t, end.conn.(syscall.Conn)) || s.State != flow.Established || !s.HasSent {
			t.Errorf("subflow: %s", inetLine(&s))
		}
		if uint64(s.Cookie) == cookieOf(t, end.conn.(syscall.Conn)) {
			t.Errorf("subflow %s has the cookie of the MPTCP socket", inetLine(&s))
		}
	}
	ended := deathsOf(t, h, flow.TCP, 2, func() { client.Close(); server.Close() })
	for _, d := range ended {
		if d.Cookie != sockets[ofClient].Cookie && d.Cookie != sockets[ofServer].Cookie {
			t.Errorf("death of an unknown cookie: %s", inetLine(&d))
		}
		// The end that closes second has lost its numbers, seen on 6.18.
		if d.Cookie == sockets[ofClient].Cookie && (d.cleared() || d.Counters.BytesSent != 5) {
			t.Errorf("death of the end that closed first: %s", inetLine(&d))
		}
	}
}

func TestLinkLocalScopeIsTheBoundInterface(t *testing.T) {
	h := capturetest.NewNamespace(t)
	c := dialSocketsIn(t, h)
	capturetest.IP(t, h, "addr add fe80::a/64 dev lo nodad")
	const want = 1 // lo is the first interface of every namespace
	l := capturetest.Listen(t, h, "[::]:8000")
	var client net.Conn
	capturetest.In(t, h, func() (err error) {
		// The kernel puts the address's route in place a moment after the address.
		for range 50 {
			if client, err = net.Dial("tcp", "[fe80::a%1]:8000"); !errors.Is(err, syscall.ENETUNREACH) {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		return err
	})
	defer client.Close()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	ofClient, ofServer := tuplesOf(client)
	sockets := dumpTCP(t, c)
	for _, end := range []flow.Tuple{ofClient, ofServer} {
		if s, ok := sockets[end]; !ok || s.If != want {
			t.Errorf("%v: found %v, interface %d, want %d", end, ok, s.If, want)
		}
	}
}
