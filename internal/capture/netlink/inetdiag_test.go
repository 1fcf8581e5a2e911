package netlink

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"peerscope/internal/capture/capturetest"
	"peerscope/internal/capture/nlsocket"
	"peerscope/internal/flow"
)

func tuple(local, peer string) flow.Tuple {
	return flow.Tuple{Local: netip.MustParseAddrPort(local), Peer: netip.MustParseAddrPort(peer)}
}

// inetLine is every field of a socket as text.
func inetLine(s *inetSocket) string {
	return fmt.Sprintf("family=%d %v %v %v cookie=%d inode=%d uid=%d if=%d queues=%d,%d cgroup=%d v6only=%v remains=%v cleared=%v has=%v,%v,%v,%v %+v",
		s.Family, s.Transport, s.State, s.Tuple, s.Cookie, s.Inode, s.UID, s.If, s.RQueue, s.WQueue, s.Cgroup, s.V6Only, s.Remains,
		s.cleared(), s.HasInfo, s.HasAcked, s.HasNotSent, s.HasSent, s.Counters)
}

func parseInetLine(payload []byte) (string, error) {
	var s inetSocket
	err := parseInetSocket(payload, &s)
	return inetLine(&s), err
}

func TestParseRecordedTCP(t *testing.T) {
	capturetest.CheckRecorded(t, "tcp_dump", *update, recordTCPDump, parseInetLine)
}

func TestParseRecordedTCPDeaths(t *testing.T) {
	capturetest.CheckRecorded(t, "tcp_deaths", *update, recordTCPDeaths, parseInetLine)
}

func TestParseRecordedUDP(t *testing.T) {
	capturetest.CheckRecorded(t, "udp_dump", *update, recordUDPDump, parseInetLine)
}

func TestParseRecordedUDPDeaths(t *testing.T) {
	capturetest.CheckRecorded(t, "udp_deaths", *update, recordUDPDeaths, parseInetLine)
}

func TestInetRequestBytes(t *testing.T) {
	f := func(r inetRequest, wantType uint16, want string) {
		t.Helper()
		b := appendInetRequest(nil, r)
		if got := binary.NativeEndian.Uint16(b[4:]); got != wantType {
			t.Errorf("appendInetRequest(%+v): type %d, want %d", r, got, wantType)
		}
		if d := cmp.Diff(want, fmt.Sprintf("%x", b[nlsocket.HeaderLen:])); d != "" {
			t.Errorf("appendInetRequest(%+v) (-want +got):\n%s", r, d)
		}
	}
	id := fmt.Sprintf("%096x", 0)
	f(inetRequest{Family: unix.AF_INET, Transport: flow.TCP, States: liveStates, Info: true}, unix.SOCK_DIAG_BY_FAMILY, "02060200"+"be1f0000"+id)
	f(inetRequest{Family: unix.AF_INET6, Transport: flow.UDP, States: 1 << flow.Close}, unix.SOCK_DIAG_BY_FAMILY, "0a110000"+"80000000"+id)
	f(inetRequest{Transport: flow.TCP, States: liveStates, Info: true}, tcpGetSock, "00000002"+id+"be1f0000"+"00000000")
}

// A kernel's tcp_info is as long as the kernel is young.
func TestShortTCPInfoLacksWhatItLacks(t *testing.T) {
	full := make([]byte, 280)
	for i := range full {
		full[i] = byte(i)
	}
	at32 := func(i int) uint32 { return binary.NativeEndian.Uint32(full[i:]) }
	at64 := func(i int) uint64 { return binary.NativeEndian.Uint64(full[i:]) }
	want := tcpInfo{}
	f := func(length int, kernel string) {
		t.Helper()
		if d := cmp.Diff(want, parseTCPInfo(full[:length])); d != "" {
			t.Errorf("tcp_info of %d bytes, %s (-want +got):\n%s", length, kernel, d)
		}
	}
	f(0, "none")
	f(103, "cut")
	want.HasInfo, want.Counters = true, flow.Counters{Unacked: at32(24), RTT: at32(68), Retransmits: at32(100)}
	f(104, "Linux 3.14")
	f(135, "cut")
	want.HasAcked, want.Counters.BytesAcked, want.Counters.BytesReceived = true, at64(120), at64(128)
	f(136, "Linux 4.1")
	f(144, "Linux 4.2")
	want.HasNotSent, want.Counters.NotSent = true, at32(144)
	want.Answered = true
	f(160, "Linux 4.6")
	f(200, "Linux 4.18")
	want.HasSent, want.Counters.BytesSent, want.Counters.BytesRetrans = true, at64(200), at64(208)
	f(224, "Linux 4.19")
	f(248, "Linux 6.7")
	f(280, "a later one")
}

func TestLiveStates(t *testing.T) {
	for s := flow.StateUnknown; s <= flow.NewSynRecv+1; s++ {
		want := s != flow.StateUnknown && s != flow.TimeWait && s <= flow.NewSynRecv
		if got := liveStates&(1<<s) != 0; got != want {
			t.Errorf("liveStates has %v: %v, want %v", s, got, want)
		}
	}
}

func FuzzInetSocket(f *testing.F) {
	for _, name := range []string{"tcp_dump", "tcp_deaths", "udp_dump", "udp_deaths"} {
		for _, p := range capturetest.RecordedPayloads(f, name) {
			f.Add(p)
		}
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		var s, again inetSocket
		if parseInetSocket(payload, &s) != nil {
			return
		}
		if s.Local.Addr().Is4In6() || s.Peer.Addr().Is4In6() {
			t.Errorf("IPv4-mapped address in %v", s.Tuple)
		}
		again = inetSocket{Inode: 1, V6Only: true, tcpInfo: tcpInfo{HasSent: true}}
		if parseInetSocket(payload, &again); s != again {
			t.Errorf("depends on what was there before: %v, %v", inetLine(&s), inetLine(&again))
		}
	})
}

func BenchmarkParseInetSocket(b *testing.B) {
	payload := capturetest.RecordedPayloads(b, "tcp_dump")[0]
	var s inetSocket
	b.ReportAllocs()
	for b.Loop() {
		if err := parseInetSocket(payload, &s); err != nil {
			b.Fatal(err)
		}
	}
}
