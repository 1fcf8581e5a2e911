package ebpf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"peerscope/internal/capture/capturetest"
	"peerscope/internal/flow"
)

// observed runs f between the first and the last look of a source and returns
// what was told from beginning to end.
func observed(t *testing.T, n *capturetest.Namespace, change func(*Config), f func()) []flow.Observation {
	t.Helper()
	return observedAfter(t, n, change, func() {}, f)
}

// observedAfter runs before between the loading of the programs and the first look.
func observedAfter(t *testing.T, n *capturetest.Namespace, change func(*Config), before, f func()) []flow.Observation {
	t.Helper()
	capturetest.RequireRoot(t)
	var told []flow.Observation
	cfg := DefaultConfig()
	cfg.Namespaces = []string{n.Path()}
	cfg.Processes = nobody{}
	cfg.Emit = func(o flow.Observation) { told = append(told, clone(o)) }
	ready := make(chan struct{})
	cfg.Ready = func(Progress) { close(ready) }
	if change != nil {
		change(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	before()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, -1) }()
	select {
	case <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	f()
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the source does not end")
	}
	return told
}

// clone keeps an observation whose memory is used again.
func clone(o flow.Observation) flow.Observation {
	switch o := o.(type) {
	case *flow.Socket:
		c := *o
		return &c
	case *flow.Handover:
		c := *o
		return &c
	}
	return o
}

func sockets(told []flow.Observation, keep func(*flow.Socket) bool) []*flow.Socket {
	var out []*flow.Socket
	for _, o := range told {
		if s, ok := o.(*flow.Socket); ok && keep(s) {
			out = append(out, s)
		}
	}
	return out
}

func lost(told []flow.Observation, reason flow.LossReason) uint64 {
	var n uint64
	for _, o := range told {
		if l, ok := o.(*flow.Loss); ok && l.Reason == reason {
			n += l.Count
		}
	}
	return n
}

// exchange makes n connections that carry a request and an answer, one after
// the other, and closes them.
func exchange(t *testing.T, ns *capturetest.Namespace, n int) {
	t.Helper()
	l := capturetest.Listen(t, ns, "127.0.0.1:0")
	defer l.Close()
	for range n {
		client, server := capturetest.Connect(t, ns, l)
		talk(t, client, server)
		client.Close()
		io.Copy(io.Discard, server)
		server.Close()
	}
}

func talk(t *testing.T, client, server net.Conn) {
	t.Helper()
	var b [4]byte
	for _, step := range [...]func() (int, error){
		func() (int, error) { return client.Write([]byte("ping")) },
		func() (int, error) { return io.ReadFull(server, b[:]) },
		func() (int, error) { return server.Write([]byte("pong")) },
		func() (int, error) { return io.ReadFull(client, b[:]) },
	} {
		if _, err := step(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestShortConnections: each end of each connection is told once, with its
// process, its identity and its payload, and all that the kernel counted are.
func TestShortConnections(t *testing.T) {
	capturetest.RequireRoot(t)
	ns := capturetest.NewNamespace(t)
	const n = 20
	told := observed(t, ns, nil, func() { exchange(t, ns, n) })
	ends := sockets(told, func(s *flow.Socket) bool { return s.Transport == flow.TCP && s.Final && s.State != flow.Listen })
	if len(ends) != 2*n {
		t.Fatalf("%d ends are told, want %d", len(ends), 2*n)
	}
	identities := map[flow.Sequence]int{}
	for _, s := range ends {
		id := s.Sequence
		if s.First == flow.Client {
			id = flow.Sequence{SendBase: id.RecvBase, RecvBase: id.SendBase + 1}
			s.Counters.BytesAcked-- // its SYN
		}
		identities[id]++
		if len(s.Holders) != 1 || s.Holders[0].PID != int32(os.Getpid()) {
			t.Errorf("%v has the holders %v, want this process", s.Tuple, s.Holders)
		}
		if s.First == flow.RoleNone || !s.Exact || s.Counters.BytesAcked != 4 || s.Counters.BytesReceived != 4 || s.Opened == 0 {
			t.Errorf("%v: first %v, exact %v, opened %d, counters %+v", s.Tuple, s.First, s.Exact, s.Opened, s.Counters)
		}
	}
	for id, count := range identities {
		if count != 2 {
			t.Errorf("the identity %v has %d ends", id, count)
		}
	}
	var totals flow.Totals
	for _, o := range told {
		if c, ok := o.(*flow.Capture); ok {
			totals = c.Totals
		}
	}
	if want := (flow.Totals{Kernel: 2 * n, Told: 2 * n}); totals != want {
		t.Errorf("the totals are %+v, want %+v", totals, want)
	}
}

// TestBound: what finds no room is told all the same, without its process, and
// is counted.
func TestBound(t *testing.T) {
	capturetest.RequireRoot(t)
	for _, c := range []struct{ room, processes, connections int }{{100, 1, 80}, {100_000, 10, 5_001}} {
		t.Run(fmt.Sprint(c.room), func(t *testing.T) { checkBound(t, c.room, c.processes, c.connections) })
	}
}

func checkBound(t *testing.T, room, processes, each int) {
	n := processes * each
	ns := capturetest.NewNamespace(t)
	ends, owned, nameless := 0, 0, 0
	told := observed(t, ns, func(c *Config) {
		emit := c.Emit
		c.MaxConnections = room
		c.Emit = func(o flow.Observation) {
			s, ok := o.(*flow.Socket)
			if !ok || s.Transport != flow.TCP || !s.Final || s.State == flow.Listen {
				emit(o)
				return
			}
			ends++
			if !s.HasSequence {
				nameless++
			}
			if len(s.Holders) > 0 {
				owned++
			}
		}
	}, func() {
		t.Run("hold", func(t *testing.T) { capturetest.Population(t, ns, processes, each) })
	})
	if ends != 2*n || nameless != 0 {
		t.Errorf("%d ends are told, %d of them without identity, want %d and 0", ends, nameless, 2*n)
	}
	if owned != room {
		t.Errorf("%d ends have their process, want the %d that found room", owned, room)
	}
	if got := lost(told, flow.LossMapFull); got != uint64(2*n-room) {
		t.Errorf("map_full is %d, want %d", got, 2*n-room)
	}
}

// TestMessagesBeforeTheFirstWindow: the programs count from when they are loaded,
// one after the other. What they counted before the window begins is in no window.
func TestMessagesBeforeTheFirstWindow(t *testing.T) {
	capturetest.RequireRoot(t)
	ns := capturetest.NewNamespace(t)
	var udp, local [2]int
	capturetest.In(t, ns, func() (err error) {
		if udp, err = connectedDatagrams(); err != nil {
			return err
		}
		local, err = unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		return err
	})
	for _, fd := range []int{udp[0], udp[1], local[0], local[1]} {
		defer unix.Close(fd)
	}
	move := func(n int) {
		for _, pair := range [][2]int{udp, local} {
			if _, err := unix.Write(pair[0], make([]byte, n)); err != nil {
				t.Fatal(err)
			}
			if got, err := unix.Read(pair[1], make([]byte, 2*n)); err != nil || got != n {
				t.Fatalf("read %d of %d bytes: %v", got, n, err)
			}
		}
	}
	told := observedAfter(t, ns, nil, func() { move(1000) }, func() { move(7) })
	var got [4]uint64
	for _, o := range told {
		switch o := o.(type) {
		case *flow.Socket:
			if o.Transport == flow.UDP && o.HasCounters {
				got[0] += o.Counters.BytesSent
				got[1] += o.Counters.BytesReceived
			}
		case *flow.UnixSocket:
			if o.HasCounters {
				got[2] += o.Counters.BytesSent
				got[3] += o.Counters.BytesReceived
			}
		}
	}
	if want := [4]uint64{7, 7, 7, 7}; got != want {
		t.Errorf("UDP sent and received, unix sent and received: %v bytes, want %v", got, want)
	}
}

// connectedDatagrams makes two UDP sockets that talk to each other.
func connectedDatagrams() (pair [2]int, err error) {
	var names [2]unix.Sockaddr
	for i := range pair {
		if pair[i], err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return pair, err
		}
		if err = unix.Bind(pair[i], &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			return pair, err
		}
		if names[i], err = unix.Getsockname(pair[i]); err != nil {
			return pair, err
		}
	}
	return pair, errors.Join(unix.Connect(pair[0], names[1]), unix.Connect(pair[1], names[0]))
}

// TestErrorsAreNoMessages: what comes back in the error queue of a UDP socket is
// its own datagram, which nobody sent to it.
func TestErrorsAreNoMessages(t *testing.T) {
	capturetest.RequireRoot(t)
	ns := capturetest.NewNamespace(t)
	told := observed(t, ns, nil, func() { capturetest.In(t, ns, sendToNobody) })
	flows := sockets(told, func(s *flow.Socket) bool { return s.Transport == flow.UDP && s.Peer.Port() == 9 })
	if len(flows) == 0 {
		t.Fatal("the datagram is not told")
	}
	for _, s := range flows {
		if s.Counters.BytesSent != 10 || s.Counters.BytesReceived != 0 {
			t.Errorf("sent %d and received %d bytes, want 10 and 0", s.Counters.BytesSent, s.Counters.BytesReceived)
		}
	}
}

// sendToNobody sends a datagram that is refused, and reads it back as an error.
func sendToNobody() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	to := &unix.SockaddrInet4{Port: 9, Addr: [4]byte{127, 0, 0, 1}}
	if err := errors.Join(unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_RECVERR, 1), unix.Connect(fd, to)); err != nil {
		return err
	}
	if _, err := unix.Write(fd, make([]byte, 10)); err != nil {
		return err
	}
	poll := []unix.PollFd{{Fd: int32(fd)}} // errors are always polled for
	if _, err := unix.Poll(poll, 2000); err != nil {
		return err
	}
	n, _, _, _, err := unix.Recvmsg(fd, make([]byte, 100), make([]byte, 512), unix.MSG_ERRQUEUE)
	if err == nil && n != 10 {
		err = fmt.Errorf("the error queue has %d bytes, want 10", n)
	}
	return err
}

// TestListenersOlderThanTheObservation: also one of MPTCP, as Go's own are where
// nobody says otherwise. To the TCP socket that it listens by no file leads.
func TestListenersOlderThanTheObservation(t *testing.T) {
	capturetest.RequireRoot(t)
	ns := capturetest.NewNamespace(t)
	for _, multipath := range []bool{false, true} {
		t.Run(fmt.Sprintf("multipath=%v", multipath), func(t *testing.T) {
			var cfg net.ListenConfig
			cfg.SetMultipathTCP(multipath)
			var l net.Listener
			capturetest.In(t, ns, func() (err error) {
				l, err = cfg.Listen(t.Context(), "tcp4", "127.0.0.1:0")
				return err
			})
			defer l.Close()
			port := l.Addr().(*net.TCPAddr).Port
			told := observed(t, ns, nil, func() {})
			got := sockets(told, func(s *flow.Socket) bool { return s.State == flow.Listen && int(s.Tuple.Local.Port()) == port })
			if len(got) == 0 {
				t.Fatal("it is not told")
			}
			for _, s := range got {
				if len(s.Holders) != 1 || int(s.Holders[0].PID) != os.Getpid() || s.Transport != flow.TCP {
					t.Errorf("told as %v held by %v", s.Transport, s.Holders)
				}
			}
		})
	}
}
