package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/capture/capturetest"
	"peerscope/internal/flow"
	"peerscope/internal/recording"
	"peerscope/internal/topology"
)

// recordLive observes a namespace in windows and records it: the maps as they
// were closed, and the recording, flushed at each line.
func recordLive(t *testing.T, ns *capturetest.Namespace, source string, window time.Duration, f func()) (maps [][]byte, tape []byte) {
	t.Helper()
	var out bytes.Buffer
	writer, err := recording.NewWriter(&out, recording.Options{Tool: "test", Created: time.Unix(0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	w := newWindows(newPipeline(), func(m *topology.Map) { maps = append(maps, encode(t, m)) })
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ob := observation{length: -1, source: source, namespaces: []string{ns.Path()}, boundary: liveOptions{Window: window}.withDefaults().boundary}
	if err := ob.check(); err != nil {
		t.Fatal(err)
	}
	began, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- observe(ctx, ob, func(o flow.Observation) {
			if err := writer.Write(o); err != nil {
				t.Error(err)
			}
			w.take(o)
			if b, ok := o.(*flow.Window); ok && b.End == 0 && len(maps) == 0 {
				close(began)
			}
		}, newProgress(io.Discard))
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
	w.rest()
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return maps, out.Bytes()
}

func encode(t *testing.T, m *topology.Map) []byte {
	t.Helper()
	b, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// replayedMaps are the maps of a recording's windows.
func replayedMaps(t *testing.T, tape []byte) (maps [][]byte, stderr string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tape")
	if err := os.WriteFile(file, tape, 0o600); err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	if err := replayWindows(t.Context(), file, 0, func(m *topology.Map) { maps = append(maps, encode(t, m)) }, &errs); err != nil {
		t.Fatal(err)
	}
	return maps, errs.String()
}

// TestRecordedWindows: a recording gives the maps that were closed while it was
// made, to the byte, and one that was cut off those of the windows that are whole.
func TestRecordedWindows(t *testing.T) {
	for _, source := range []string{"ebpf", "netlink"} {
		t.Run(source, func(t *testing.T) {
			capturetest.RequireRoot(t)
			ns := capturetest.NewNamespace(t)
			live, tape := recordLive(t, ns, source, 300*time.Millisecond, func() {
				l := capturetest.Listen(t, ns, "127.0.0.1:7001")
				defer l.Close()
				for range 10 {
					client, server := capturetest.Connect(t, ns, l)
					_, _ = client.Write([]byte("hello"))
					time.Sleep(60 * time.Millisecond)
					closeBoth(client, server)
				}
			})
			if len(live) < 3 {
				t.Fatalf("%d windows, want more", len(live))
			}
			got, stderr := replayedMaps(t, tape)
			if d := cmp.Diff(asText(live), asText(got)); d != "" || stderr != "" {
				t.Fatalf("said %q, maps (-live +replayed):\n%s", stderr, d)
			}
			// Cut off in the middle of the last window but one.
			ends := windowEnds(tape)
			cut := ends[len(ends)-3] + (ends[len(ends)-2]-ends[len(ends)-3])/2
			got, stderr = replayedMaps(t, tape[:cut])
			if n := len(ends) - 2; len(got) != n+1 || cmp.Diff(asText(live[:n]), asText(got[:n])) != "" || !strings.Contains(stderr, "cut off") {
				t.Errorf("said %q; %d maps of a recording that was cut in window %d:\n%s", stderr, len(got), n, cmp.Diff(asText(live[:n]), asText(got[:min(n, len(got))])))
			}
		})
	}
}

func asText(maps [][]byte) []string {
	var out []string
	for _, m := range maps {
		out = append(out, string(m))
	}
	return out
}

// windowEnds are the offsets in a recording behind the lines that end a window.
func windowEnds(tape []byte) []int {
	var out []int
	at := 0
	for line := range bytes.Lines(tape) {
		at += len(line)
		if bytes.Contains(line, []byte(`"window"`)) && bytes.Contains(line, []byte(`"end"`)) {
			out = append(out, at)
		}
	}
	return out
}

// TestReplayOfOneWindow: a recording without windows is replayed as one.
func TestReplayOfOneWindow(t *testing.T) {
	const world = "../../testdata/worlds/pre-fork.jsonl"
	tape, err := os.ReadFile(world)
	if err != nil {
		t.Fatal(err)
	}
	maps, stderr := replayedMaps(t, tape)
	if len(maps) != 1 || stderr != "" {
		t.Fatalf("%d maps, said %q", len(maps), stderr)
	}
	var want, got topology.Map
	if err := json.Unmarshal(replayed(t, tape), &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(maps[0], &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(encode(t, &want), encode(t, &got)); d != "" {
		t.Error(d)
	}
}

// TestReplayAtItsPace: with a speed the maps come as they came, and a replay that
// is stopped ends.
func TestReplayAtItsPace(t *testing.T) {
	const world = "../../testdata/worlds/pre-fork.jsonl" // ten seconds
	began := time.Now()
	n := 0
	if err := replayWindows(t.Context(), world, 50, func(*topology.Map) { n++ }, io.Discard); err != nil || n != 1 {
		t.Fatalf("%d maps: %v", n, err)
	}
	if took := time.Since(began); took < 200*time.Millisecond {
		t.Errorf("ten seconds at fifty times the speed took %v", took)
	}
	ctx, stop := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, stop)
	if err := replayWindows(ctx, world, 1, func(*topology.Map) { t.Error("a map after the end") }, io.Discard); err != nil {
		t.Error(err)
	}
}
