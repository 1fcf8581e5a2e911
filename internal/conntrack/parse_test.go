package conntrack

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"peerscope/internal/capture/capturetest"
	"peerscope/internal/capture/nlsocket"
	"peerscope/internal/flow"
)

func entryLine(payload []byte) (string, error) {
	var e entry
	err := parseEntry(payload, &e)
	return fmt.Sprintf("%v %v | %v status=%x translated=%v", e.Transport, e.Original, e.Reply, e.Status, e.translated()), err
}

// recordScene makes a UDP and two TCP flows that are redirected, one that is
// not, and one of ICMP, over fixed ports.
func recordScene(t *testing.T, n *capturetest.Namespace) {
	capturetest.Listen(t, n, "127.0.0.1:8080")
	capturetest.Listen(t, n, "[::1]:8080")
	call(t, n, "tcp", "127.0.0.1:80")
	call(t, n, "tcp", "[::1]:80")
	call(t, n, "udp", "127.0.0.1:80")
	call(t, n, "tcp", "127.0.0.1:8080")
	capturetest.In(t, n, func() error {
		c, err := net.Dial("ip4:icmp", "127.0.0.1")
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.Write([]byte{8, 0, 0xf7, 0xff, 0, 0, 0, 0}) // an echo request with its checksum
		return err
	})
}

func recordDump(t *testing.T, r *capturetest.Recording) {
	n := translating(t, redirects)
	recordScene(t, n)
	if err := dialIn(t, n).Dump(append(nlsocket.AppendHeader(nil, msgGet), make([]byte, genericLen)...), r.Add); err != nil {
		t.Fatal(err)
	}
}

func recordEvents(t *testing.T, r *capturetest.Recording) {
	n := translating(t, redirects)
	c := dialIn(t, n, unix.NFNLGRP_CONNTRACK_NEW, unix.NFNLGRP_CONNTRACK_DESTROY)
	recordScene(t, n)
	empty(t, dialIn(t, n))
	for more := true; more; {
		var err error
		if more, _, err = c.Poll(r.Add); err != nil {
			t.Fatal(err)
		}
	}
}

func TestParseRecordedDump(t *testing.T) {
	capturetest.CheckRecorded(t, "dump", *update, recordDump, entryLine)
}

func TestParseRecordedEvents(t *testing.T) {
	capturetest.CheckRecorded(t, "events", *update, recordEvents, entryLine)
}

func TestParseEntry(t *testing.T) {
	from, to := netip.MustParseAddrPort("10.0.0.1:4000"), netip.MustParseAddrPort("10.0.0.2:53")
	original, reply := nested(attrOriginal, tupleBytes(from, to)), nested(attrReply, tupleBytes(to, from))
	f := func(name string, want error, parts ...[]byte) {
		t.Helper()
		payload := make([]byte, genericLen)
		for _, p := range parts {
			payload = append(payload, p...)
		}
		var e entry
		if err := parseEntry(payload, &e); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	f("whole", nil, original, reply)
	f("unknown attributes", nil, attribute(200, []byte{1}), original, attribute(201, nil), reply)
	f("one direction", errNotEntry, original)
	f("nothing", errNotEntry)
	f("no address", errNotEntry, original, nested(attrReply, nested(tupleProtocol, attribute(protocolNumber, []byte{17}))))
	f("no port", errNotEntry, original, nested(attrReply,
		nested(tupleIP, attribute(ipSource4, to.Addr().AsSlice()), attribute(ipDestination4, from.Addr().AsSlice())),
		nested(tupleProtocol, attribute(protocolNumber, []byte{17}))))
	f("short address", errNotEntry, original, nested(attrReply, nested(tupleIP, attribute(ipSource4, []byte{1, 2, 3}))))
	var e entry
	if err := parseEntry([]byte{1, 2}, &e); !errors.Is(err, errNotEntry) {
		t.Errorf("two bytes: %v", err)
	}
}

// A kernel before Linux 5.15 gives everything, whatever is asked for.
func TestKernelThatDoesNotFilterIsAskedOnce(t *testing.T) {
	asked, told := 0, map[flow.Tuple]int{}
	err := dump(func(_ []byte, take func(uint16, []byte) error) error {
		asked++
		for _, p := range capturetest.RecordedPayloads(t, "dump") {
			if err := take(msgNew, p); err != nil {
				return err
			}
		}
		return nil
	}, func(e *entry) { told[e.Original]++ })
	if err != nil || asked != 1 || len(told) != 3 {
		t.Errorf("asked %d times, told %v, error %v; want once and the three that are translated", asked, told, err)
	}
}

func TestGarbageInADumpIsOneError(t *testing.T) {
	err := dump(func(_ []byte, take func(uint16, []byte) error) error { return take(msgNew, []byte{1}) }, func(*entry) {})
	if !errors.Is(err, errNotEntry) {
		t.Errorf("got %v", err)
	}
}

func FuzzEntry(f *testing.F) {
	for _, name := range []string{"dump", "events"} {
		for _, p := range capturetest.RecordedPayloads(f, name) {
			f.Add(p)
		}
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		var e entry
		if parseEntry(payload, &e) != nil {
			return
		}
		if e.Original.Local.Addr().Is4In6() || e.Reply.Peer.Addr().Is4In6() {
			t.Errorf("IPv4-mapped address in %v", e)
		}
		if e.translated() && e.Transport == flow.TransportUnknown {
			t.Errorf("a translation of no transport: %v", e)
		}
		again := entry{Transport: flow.TCP, Status: 1}
		if _ = parseEntry(payload, &again); again != e {
			t.Errorf("depends on what was there before: %v, %v", e, again)
		}
	})
}

func BenchmarkParseEntry(b *testing.B) {
	payload := capturetest.RecordedPayloads(b, "dump")[0]
	var e entry
	b.ReportAllocs()
	for b.Loop() {
		if err := parseEntry(payload, &e); err != nil {
			b.Fatal(err)
		}
	}
}
