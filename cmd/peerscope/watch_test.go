package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"peerscope/internal/capture/capturetest"
	"peerscope/internal/topology"
)

// happened is a line of the stream.
type happened struct {
	Time, Event, Edge string
	Port              uint16
	PID               int32
	ToServer          *uint64
	Error, Lost       string
}

func (h *happened) UnmarshalJSON(b []byte) error {
	var l struct {
		Time  string  `json:"time"`
		Event string  `json:"event"`
		Edge  string  `json:"peerscope.edge.id"`
		Port  uint16  `json:"client.port"`
		PID   int32   `json:"server.process.pid"`
		To    *uint64 `json:"peerscope.bytes.to_server"`
		Error string  `json:"error.type"`
		Lost  string  `json:"peerscope.lost.reason"`
	}
	err := json.Unmarshal(b, &l)
	*h = happened{l.Time, l.Event, l.Edge, l.Port, l.PID, l.To, l.Error, l.Lost}
	return err
}

func happenedIn(t *testing.T, stream string) []happened {
	t.Helper()
	var out []happened
	for line := range strings.Lines(stream) {
		var h happened
		if err := json.Unmarshal([]byte(line), &h); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		out = append(out, h)
	}
	return out
}

// TestWatchReplays: what happens in a recording is what its map counts.
func TestWatchReplays(t *testing.T) {
	worlds, _ := filepath.Glob("../../testdata/worlds/*.jsonl")
	for _, world := range worlds {
		t.Run(filepath.Base(world), func(t *testing.T) {
			var out, errs bytes.Buffer
			if code := run([]string{"watch", "--from", world}, nil, &out, &errs); code != 0 || errs.Len() > 0 {
				t.Fatalf("exit code %d, standard error: %s", code, errs.String())
			}
			var m topology.Map
			tape, err := os.ReadFile(world)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(replayed(t, tape), &m); err != nil {
				t.Fatal(err)
			}
			want, got := map[string]uint64{}, map[string]uint64{}
			for _, e := range m.Edges {
				want[e.ID+" "+topology.HappenedOpened] += e.Connections.Opened
				want[e.ID+" "+topology.HappenedClosed] += e.Connections.Closed
				want[e.ID+" "+topology.HappenedFailed] += e.Connections.Failed
			}
			last := ""
			for _, h := range happenedIn(t, out.String()) {
				if h.Time < last {
					t.Errorf("%s at %s after %s", h.Event, h.Time, last)
				}
				if last = h.Time; !topology.HappenedOnEdge(h.Event) && h.Event != topology.HappenedLost {
					got[h.Edge+" "+h.Event]++
				}
			}
			for k, n := range want {
				if n == 0 {
					delete(want, k)
				}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("(-map +watch):\n%s", d)
			}
		})
	}
}

func TestWatchChooses(t *testing.T) {
	const world = "../../testdata/worlds/two-tenants-by-sequence.jsonl"
	count := func(args ...string) int {
		t.Helper()
		var out, errs bytes.Buffer
		if code := run(append([]string{"watch", "--from", world}, args...), nil, &out, &errs); code != 0 || errs.Len() > 0 {
			t.Fatalf("%v: exit code %d, standard error: %s", args, code, errs.String())
		}
		return strings.Count(out.String(), "\n")
	}
	all, some, pid, text := count(), count("pid:11"), count("--pid", "11"), count("-o", "text")
	if some == 0 || some >= all || pid != some || text != all {
		t.Errorf("%d lines in all, %d by filter, %d by pid, %d as text", all, some, pid, text)
	}
	for _, args := range [][]string{{"-o", "json"}, {"rtt>>3"}, {"--from", world, "--for", "3s"}, {"--for", "-1s"}} {
		if code := run(append([]string{"watch"}, args...), nil, io.Discard, io.Discard); code != exitUsage {
			t.Errorf("%v: exit code %d, want %d", args, code, exitUsage)
		}
	}
}

// watching runs watch on a namespace while f runs, and gives its exit code.
func watching(t *testing.T, ns *capturetest.Namespace, source string, out io.Writer, f func()) (errs string, err error) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	said := &signalBuffer{begun: make(chan struct{})}
	root := newRoot(streams{out, said})
	root.SetArgs([]string{"watch", "--source", source, "--netns", ns.Path()})
	done := make(chan error, 1)
	go func() { done <- root.ExecuteContext(ctx) }()
	select {
	case <-said.begun:
	case err := <-done:
		t.Fatalf("%v: %s", err, said.text.String())
	}
	f()
	stop()
	err = <-done
	return said.text.String(), err
}

// signalBuffer closes begun when the first look is complete.
type signalBuffer struct {
	text  bytes.Buffer
	begun chan struct{}
}

func (b *signalBuffer) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("observing ")) && !bytes.Contains(b.text.Bytes(), []byte("observing ")) {
		defer close(b.begun)
	}
	return b.text.Write(p)
}

// TestWatch: every connection is told to open and to close, once each, however
// short it is and wherever ticks end; a refused one fails.
func TestWatch(t *testing.T) {
	for _, source := range []string{"ebpf", "netlink"} {
		t.Run(source, func(t *testing.T) {
			capturetest.RequireRoot(t)
			ns := capturetest.NewNamespace(t)
			var out bytes.Buffer
			const n = 60
			opens := map[uint16]int{}
			if errs, err := watching(t, ns, source, &out, func() {
				l := capturetest.Listen(t, ns, "127.0.0.1:7001")
				defer l.Close()
				for i := range n {
					client, server := capturetest.Connect(t, ns, l)
					opens[portOf(client.LocalAddr().String())]++
					_, _ = client.Write([]byte("hello"))
					if i%10 == 0 {
						time.Sleep(300 * time.Millisecond) // some of them live over the end of a tick
					}
					closeBoth(client, server)
				}
				capturetest.In(t, ns, refused)
				time.Sleep(1200 * time.Millisecond)
			}); err != nil {
				t.Fatalf("%v: %s", err, errs)
			}
			told := map[string]int{}
			for _, h := range happenedIn(t, out.String()) {
				told[fmt.Sprintf("%s %d", h.Event, h.Port)]++
				switch {
				case h.Event == topology.HappenedClosed && (h.ToServer == nil || *h.ToServer != 5):
					t.Errorf("closed with %v bytes: %+v", h.ToServer, h)
				case h.Event == topology.HappenedFailed:
					told["failed"]++
					if source == "ebpf" && h.Error != "ECONNREFUSED" {
						t.Errorf("failed with %q", h.Error)
					}
				case h.Event == topology.HappenedLost && h.Lost != "slow_look": // the machine is busy
					t.Errorf("%+v", h)
				}
			}
			for port, times := range opens {
				if o, c := told[fmt.Sprintf("connection.opened %d", port)], told[fmt.Sprintf("connection.closed %d", port)]; o != times || c != times {
					t.Errorf("port %d: opened %d, closed %d times, want %d", port, o, c, times)
				}
			}
			if told["failed"] != 1 {
				t.Errorf("%d failed, want 1", told["failed"])
			}
		})
	}
}

func portOf(address string) (port uint16) {
	_, _ = fmt.Sscanf(address[strings.LastIndex(address, ":")+1:], "%d", &port)
	return port
}

// TestWatchEndsWithItsReader: as with head -1, without an error.
func TestWatchEndsWithItsReader(t *testing.T) {
	capturetest.RequireRoot(t)
	ns := capturetest.NewNamespace(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	read := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(r).ReadString('\n')
		r.Close()
		read <- line
	}()
	errs, err := watching(t, ns, "auto", w, func() {
		l := capturetest.Listen(t, ns, "127.0.0.1:7001")
		defer l.Close()
		for range 30 {
			closeBoth(capturetest.Connect(t, ns, l))
			time.Sleep(100 * time.Millisecond)
		}
	})
	if line := <-read; err != nil || !strings.Contains(line, `"event":"edge.new"`) || strings.Contains(errs, "peerscope:") {
		t.Errorf("read %q, said %q: %v", line, errs, err)
	}
}

// refused connects to a port that nobody listens on.
func refused() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Connect(fd, &unix.SockaddrInet4{Port: 7002, Addr: [4]byte{127, 0, 0, 1}}); !errors.Is(err, unix.ECONNREFUSED) {
		return fmt.Errorf("connect ended in %w", err)
	}
	return nil
}
