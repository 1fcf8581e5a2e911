package ebpf

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"peerscope/internal/capture/capturetest"
	"peerscope/internal/flow"
)

// window is what was told of one.
type window struct {
	flow.Window
	totals flow.Totals
	told   []flow.Observation
}

// inWindows observes a namespace while f runs, in windows of that length.
func inWindows(t testing.TB, ns *capturetest.Namespace, length time.Duration, f func(next func())) []window {
	t.Helper()
	return inWindowsWith(t, ns, length, func(*Config) {}, f)
}

func inWindowsWith(t testing.TB, ns *capturetest.Namespace, length time.Duration, change func(*Config), f func(next func())) []window {
	t.Helper()
	capturetest.RequireRoot(t)
	var windows []window
	open := window{}
	began := make(chan struct{}, 100)
	cfg := DefaultConfig()
	cfg.Namespaces, cfg.Processes = []string{ns.Path()}, nobody{}
	cfg.Boundary = func(start, _ time.Time) time.Time { return start.Add(length) }
	cfg.Emit = func(o flow.Observation) {
		switch o := o.(type) {
		case *flow.Capture:
			open.totals = o.Totals
		case *flow.Window:
			if open.Window = *o; o.End != 0 {
				windows = append(windows, open)
				open = window{}
			} else {
				began <- struct{}{}
			}
		}
		open.told = append(open.told, clone(o))
	}
	change(&cfg)
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, -1) }()
	next := func() {
		select {
		case <-began:
		case err := <-done:
			t.Fatal(err)
		}
	}
	next()
	f(next)
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return windows
}

// counted is the payload of a socket as it was told last in each window, -1 where
// it was not told.
func counted(windows []window, cookie flow.SocketCookie) []int {
	var out []int
	for _, w := range windows {
		n := -1
		for _, s := range sockets(w.told, func(s *flow.Socket) bool { return s.Cookie == cookie && s.HasCounters }) {
			n = int(s.Counters.BytesReceived)
		}
		out = append(out, n)
	}
	return out
}

// TestOpenConnections: what goes over an open connection is told at the end of
// each window, and an idle one is not told again.
func TestOpenConnections(t *testing.T) {
	ns := capturetest.NewNamespace(t)
	windows := inWindows(t, ns, 400*time.Millisecond, func(next func()) {
		l := capturetest.Listen(t, ns, "127.0.0.1:7001")
		client, server := capturetest.Connect(t, ns, l)
		defer closeBoth(client, server)
		for range 2 {
			next()
			talk(t, client, server)
		}
		for range 4 {
			next() // idle; the first of them comes when it is not young any more
		}
		talk(t, client, server)
		next()
	})
	servers := map[flow.SocketCookie]bool{}
	for _, w := range windows {
		for _, s := range sockets(w.told, func(s *flow.Socket) bool { return s.First == flow.Server && s.Transport == flow.TCP }) {
			servers[s.Cookie] = true
		}
	}
	if len(servers) != 1 {
		t.Fatalf("servers %v", servers)
	}
	for cookie := range servers {
		got := counted(windows, cookie)
		// The window in which it was opened; two with a request each; idle ones; a
		// request; the end.
		sum, again := 0, 0
		for i, n := range got {
			sum = max(sum, n)
			if i > 3 && i < 6 && n >= 0 {
				again++
			}
		}
		if sum != 12 || again > 1 {
			t.Errorf("received as told by window: %v", got)
		}
	}
}

// TestTotalsOfWindows: every connection belongs to one window, whether it is over
// by its end or not, and what was told of it is what the kernel counted.
func TestTotalsOfWindows(t *testing.T) {
	ns := capturetest.NewNamespace(t)
	const n = 150
	windows := inWindows(t, ns, 150*time.Millisecond, func(next func()) {
		l := capturetest.Listen(t, ns, "127.0.0.1:7001")
		defer l.Close()
		var open []net.Conn
		for i := range n {
			client, server := capturetest.Connect(t, ns, l)
			talk(t, client, server)
			if i%3 > 0 {
				closeBoth(client, server)
			} else {
				open = append(open, client, server)
			}
			time.Sleep(5 * time.Millisecond)
		}
		for i := 0; i < len(open); i += 2 {
			closeBoth(open[i], open[i+1])
		}
	})
	var sum flow.Totals
	for i, w := range windows {
		if w.totals.Told != w.totals.Kernel {
			t.Errorf("window %d of %d: %+v", i, len(windows), w.totals)
		}
		sum.Kernel += w.totals.Kernel
		sum.Told += w.totals.Told
	}
	if want := (flow.Totals{Kernel: 2 * n, Told: 2 * n}); sum != want {
		t.Errorf("%+v in %d windows, want %+v", sum, len(windows), want)
	}
	checkPairs(t, windows)
}

// checkPairs demands that both ends of a connection are first told in one window.
func checkPairs(t *testing.T, windows []window) {
	t.Helper()
	firstTold := map[flow.Sequence]map[flow.Role]int{}
	for i, w := range windows {
		for _, s := range sockets(w.told, func(s *flow.Socket) bool { return s.HasSequence && s.First != flow.RoleNone }) {
			id := s.Sequence
			if s.First == flow.Client {
				id = flow.Sequence{SendBase: id.RecvBase, RecvBase: id.SendBase + 1}
			}
			if firstTold[id] == nil {
				firstTold[id] = map[flow.Role]int{}
			}
			if _, told := firstTold[id][s.First]; !told {
				firstTold[id][s.First] = i
			}
		}
	}
	for id, ends := range firstTold {
		if len(ends) != 2 || ends[flow.Client] != ends[flow.Server] {
			t.Errorf("the ends of %v are first told in the windows %v of %d", id, ends, len(windows))
		}
	}
}

// TestBoundariesCutNoConnection: with windows as short as a few connections, both
// ends of each are in one window.
func TestBoundariesCutNoConnection(t *testing.T) {
	ns := capturetest.NewNamespace(t)
	windows := inWindows(t, ns, 20*time.Millisecond, func(func()) { exchange(t, ns, 500) })
	checkPairs(t, windows)
	ends := 0
	for _, w := range windows {
		ends += len(sockets(w.told, func(s *flow.Socket) bool { return s.Final && s.HasSequence }))
	}
	if ends != 1000 || len(windows) < 3 {
		t.Errorf("%d ends in %d windows, want 1000 in more", ends, len(windows))
	}
}

func closeBoth(client, server net.Conn) {
	client.Close()
	_ = server.SetReadDeadline(time.Now().Add(time.Second))
	_, _ = io.Copy(io.Discard, server)
	server.Close()
}
