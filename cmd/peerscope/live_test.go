package main

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"peerscope/internal/capture/capturetest"
	"peerscope/internal/topology"
)

// liveTicks observes a namespace in ticks while f runs.
func liveTicks(t *testing.T, ns *capturetest.Namespace, source string, tick time.Duration, f func()) []*topology.Map {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ob := observation{length: -1, source: source, namespaces: []string{ns.Path()}}
	if err := ob.check(); err != nil {
		t.Fatal(err)
	}
	var maps []*topology.Map
	began := make(chan struct{}, 1)
	done := make(chan error, 1)
	go func() {
		done <- runLive(ctx, ob, liveOptions{Tick: tick, Watched: func() bool { return true }}, func(m *topology.Map) {
			maps = append(maps, m)
			select {
			case began <- struct{}{}:
			default:
			}
		})
	}()
	select {
	case <-began:
	case err := <-done:
		t.Fatal(err)
	}
	f()
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return maps
}

// TestLive: a connection that lives over many ticks is opened once, closed once,
// and its bytes are all there; ticks follow each other; short connections are
// each in one of them.
func TestLive(t *testing.T) {
	for _, source := range []string{"ebpf", "netlink"} {
		t.Run(source, func(t *testing.T) {
			capturetest.RequireRoot(t)
			ns := capturetest.NewNamespace(t)
			const message, short = 1000, 40
			sent := 0
			maps := liveTicks(t, ns, source, 300*time.Millisecond, func() {
				l := capturetest.Listen(t, ns, "127.0.0.1:7001")
				defer l.Close()
				client, server := capturetest.Connect(t, ns, l)
				go io.Copy(io.Discard, server)
				for range short {
					if _, err := client.Write(make([]byte, message)); err != nil {
						t.Fatal(err)
					}
					sent += message
					c, s := capturetest.Connect(t, ns, l)
					closeBoth(c, s)
					time.Sleep(25 * time.Millisecond)
				}
				closeBoth(client, server)
				time.Sleep(100 * time.Millisecond)
			})
			var sum topology.Connections
			var bytes uint64
			var whole *topology.Map
			for i, m := range maps {
				if i > 0 && m.Window.Start != maps[i-1].Window.End {
					t.Errorf("a window begins at %s, the one before ended at %s", m.Window.Start, maps[i-1].Window.End)
				}
				for _, e := range m.Edges {
					if e.ServerPort != 7001 || m.Capture.Lost["contradiction"] != 0 {
						t.Errorf("window %d: edge %+v, lost %v", i, e, m.Capture.Lost)
					}
					sum.Opened += e.Connections.Opened
					sum.Closed += e.Connections.Closed
					bytes += *e.Bytes.ToServer
				}
				if i == 0 {
					whole = m
				} else {
					whole = topology.Merge(whole, m)
				}
			}
			if len(maps) < 4 {
				t.Errorf("%d ticks, want more", len(maps))
			}
			if sum.Opened != short+1 || sum.Closed != short+1 || bytes != uint64(sent) {
				t.Errorf("opened %d, closed %d, bytes %d; want %d, %d, %d", sum.Opened, sum.Closed, bytes, short+1, short+1, sent)
			}
			if c := whole.Capture.Completeness; source == "ebpf" && (c == nil || *c != 1) {
				t.Errorf("completeness %v, want 1", c)
			}
		})
	}
}

func closeBoth(client, server net.Conn) {
	client.Close()
	server.SetReadDeadline(time.Now().Add(time.Second))
	io.Copy(io.Discard, server)
	server.Close()
}

// TestLiveEnds: one that is stopped at once still gives what it has.
func TestLiveEnds(t *testing.T) {
	capturetest.RequireRoot(t)
	ns := capturetest.NewNamespace(t)
	maps := liveTicks(t, ns, "auto", 100*time.Millisecond, func() {})
	if len(maps) < 2 {
		t.Errorf("%d windows, want the first and the last", len(maps))
	}
}
