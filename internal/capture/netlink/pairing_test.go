package netlink

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/capture/pace"
	"peerscope/internal/flow"
)

// TestDeathsInPairs: both ends of a connection are told at once, when the second dies;
// an end alone is told when it has waited long enough, and all at the end.
func TestDeathsInPairs(t *testing.T) {
	var told []flow.SocketCookie
	s := &Source{pace: pace.New(nil), pairing: newPairing()}
	s.cfg.Emit = func(o flow.Observation) { told = append(told, o.(*flow.Socket).Cookie) }
	a, b, c := netip.MustParseAddrPort("127.0.0.1:40000"), netip.MustParseAddrPort("127.0.0.1:80"), netip.MustParseAddrPort("192.0.2.1:9")
	die := func(cookie flow.SocketCookie, netns flow.NetnsID, local, peer netip.AddrPort, age time.Duration) {
		s.tellDeath(&flow.Socket{Time: s.now() - flow.Time(age), Cookie: cookie, Netns: netns, Transport: flow.TCP, Tuple: flow.Tuple{Local: local, Peer: peer}, Final: true})
	}
	check := func(what string, want ...flow.SocketCookie) {
		t.Helper()
		if d := cmp.Diff(want, told); d != "" {
			t.Errorf("%s (-want +got):\n%s", what, d)
		}
		told = nil
	}
	die(1, 7, a, b, 0)
	check("with one window nothing waits", 1)
	s.cfg.Boundary = func(start, _ time.Time) time.Time { return start.Add(time.Second) }
	die(2, 7, a, b, 0)
	die(3, 8, b, a, 0)
	check("the same loopback addresses in two namespaces are no pair")
	die(4, 7, b, a, 0)
	check("the other end dies", 2, 4)
	die(6, 7, a, b, 0)
	die(7, 7, a, b, 0)
	check("the addresses are used again", 6)
	s.tellDeath(&flow.Socket{Cookie: 8, Transport: flow.TCP, Vanished: true})
	check("one without counters does not wait", 8)
	s.releaseOld(false)
	check("nobody has waited for long")
	s.pairing.queue[0].socket.Time -= patience // it is told already
	s.pairing.queue[1].socket.Time -= patience + 1
	s.releaseOld(false)
	check("one has", 3)
	die(9, 7, c, a, 0)
	s.releaseOld(true)
	if len(told) != 2 || len(s.pairing.held) != 0 || len(s.pairing.queue) != 0 {
		t.Errorf("at the end %v were told, %d are held", told, len(s.pairing.held))
	}
}
