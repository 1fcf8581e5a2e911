package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"peerscope/internal/capture/capturetest"
	"peerscope/internal/topology"
)

// tickOf is the map of one second with one edge that opened n connections in it.
func tickOf(second int, n uint64) *topology.Map {
	at := func(s int) string { return fmt.Sprintf("2026-01-02T03:04:%02d.000Z", s) }
	return &topology.Map{Schema: topology.Schema, Window: topology.Window{Start: at(second), End: at(second + 1)},
		Nodes: []topology.Node{{ID: "process:1@1", Kind: topology.KindProcess, Name: "a"}},
		Edges: []topology.Edge{{ID: "e:1", Client: "process:1@1", Server: "process:1@1", Transport: "tcp", ServerPort: 80, Connections: topology.Connections{Opened: n}}}}
}

// TestSlowViewGetsTicksAsOne: what waits is merged, and nothing is lost.
func TestSlowViewGetsTicksAsOne(t *testing.T) {
	f := newTicks()
	room := cap(f.maps)
	for i := range 10 {
		f.offer(tickOf(i, 1))
	}
	var got []uint64
	for range room {
		m := <-f.maps
		got = append(got, m.Edges[0].Connections.Opened)
	}
	f.end()
	last, ok := <-f.maps
	if !ok {
		t.Fatal("what waited when the ticks ended is gone")
	}
	if n := last.Edges[0].Connections.Opened; n != uint64(10-room) || last.Window.Start != tickOf(room, 0).Window.Start {
		t.Errorf("the last map has %d connections since %s, want %d since %s", n, last.Window.Start, 10-room, tickOf(room, 0).Window.Start)
	}
	for i, n := range got {
		if n != 1 {
			t.Errorf("map %d has %d connections, want 1", i, n)
		}
	}
	if _, ok := <-f.maps; ok {
		t.Error("the ticks did not end")
	}
}

// TestFirstWindowEndsSoon: somebody who waits sees at once what is open.
func TestFirstWindowEndsSoon(t *testing.T) {
	capturetest.RequireRoot(t)
	ns := capturetest.NewNamespace(t)
	l := capturetest.Listen(t, ns, "127.0.0.1:7001")
	capturetest.Connect(t, ns, l)
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	ob := observation{length: -1, source: "auto", namespaces: []string{ns.Path()}}
	if err := ob.check(); err != nil {
		t.Fatal(err)
	}
	var first, second *topology.Map
	err := runLive(ctx, ob, liveOptions{Tick: 2 * time.Second, Watched: func() bool { return true }, First: soon}, func(m *topology.Map) {
		if first == nil {
			first = m
		} else if second == nil {
			second = m
			stop()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if second == nil || len(first.Edges) != 1 || first.Window.Length() > time.Second || first.Window.End != second.Window.Start {
		t.Errorf("the first window is %+v with %d edges, the second %+v", first.Window, len(first.Edges), second)
	}
	if !strings.HasSuffix(second.Window.End, ".000Z") {
		t.Errorf("the second window ends at %s, which is no whole second", second.Window.End)
	}
}
