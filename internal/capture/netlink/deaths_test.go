package netlink

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"peerscope/internal/capture/capturetest"
	"peerscope/internal/capture/nlsocket"
	"peerscope/internal/flow"
)

// deathsOf runs scene and returns the deaths of sockets of the namespace that
// come until want of them are there, or too much time has passed. If none are
// wanted, a tenth of a second is enough to see that.
func deathsOf(t testing.TB, h *capturetest.Namespace, transport flow.Transport, want int, scene func()) []inetSocket {
	t.Helper()
	var c *nlsocket.Conn
	capturetest.In(t, h, func() (err error) { c, err = dialDeaths(transport); return err })
	defer c.Close()
	scene()
	var out []inetSocket
	d := newDeaths(c, func(s *inetSocket) { out = append(out, *s) })
	patience := 2 * time.Second
	if want == 0 {
		patience = 100 * time.Millisecond
	}
	c.SetDeadline(time.Now().Add(patience))
	for want == 0 || len(out) < want {
		if _, overrun, err := d.receive(); errors.Is(err, os.ErrDeadlineExceeded) {
			break
		} else if err != nil || overrun {
			t.Fatalf("receive deaths: overrun %v, error %v", overrun, err)
		}
	}
	if len(out) != want {
		t.Errorf("got %d deaths, want %d: %+v", len(out), want, out)
	}
	return out
}

// A process that closes first leaves FIN_WAIT2 behind, which is no socket and
// under another cookie than the one that died.
func TestRemainsAreNotSockets(t *testing.T) {
	h := capturetest.NewNamespace(t)
	c := dialSocketsIn(t, h)
	client, _ := capturetest.Connect(t, h, capturetest.Listen(t, h, "127.0.0.1:0"))
	ofClient, ofServer := tuplesOf(client)
	died := deathsOf(t, h, flow.TCP, 1, func() { client.Close() })
	if len(died) == 1 && (died[0].Tuple != ofClient || died[0].Counters.BytesAcked != 2) {
		t.Errorf("death: %s", inetLine(&died[0]))
	}
	sockets := dumpTCP(t, c)
	if s, ok := sockets[ofClient]; ok {
		t.Errorf("listed although dead: %s", inetLine(&s))
	}
	if s := sockets[ofServer]; s.State != flow.CloseWait || s.RQueue != 1 {
		t.Errorf("the open end: %s", inetLine(&s))
	}
	remains := 0
	err := dumpInet(c, inetRequest{Transport: flow.TCP, States: ^uint32(0), Info: true}, func(s *inetSocket) error {
		if s.Remains {
			remains++
			if s.State != flow.FinWait2 || s.Inode != 0 || s.HasInfo || s.Tuple != ofClient {
				t.Errorf("remains: %s", inetLine(s))
			}
		}
		return nil
	})
	if err != nil || remains != 1 {
		t.Errorf("%d remains, error %v", remains, err)
	}
}

// After a reset the socket is in no dump, and dies when its process closes it.
func TestResetSocketLeavesTheDumpBeforeItDies(t *testing.T) {
	h := capturetest.NewNamespace(t)
	c := dialSocketsIn(t, h)
	client, server := capturetest.Connect(t, h, capturetest.Listen(t, h, "127.0.0.1:0"))
	ofClient, ofServer := tuplesOf(client)
	cookie := dumpTCP(t, c)[ofClient].Cookie
	ended := deathsOf(t, h, flow.TCP, 1, func() {
		server.(*net.TCPConn).SetLinger(0)
		server.Close()
	})
	if len(ended) == 1 {
		d := ended[0]
		if !d.cleared() || d.Local != ofServer.Local || d.Peer.Addr() != ofServer.Peer.Addr() || d.HasInfo {
			t.Errorf("death by SO_LINGER 0: %s", inetLine(&d))
		}
	}
	if s, ok := dumpTCP(t, c)[ofClient]; ok {
		t.Errorf("listed after the reset: %s", inetLine(&s))
	}
	ended = deathsOf(t, h, flow.TCP, 1, func() { client.Close() })
	if len(ended) == 1 && (ended[0].Tuple != ofClient || ended[0].Cookie != cookie || ended[0].State != flow.Close) {
		t.Errorf("death after a reset: %s, cookie was %d", inetLine(&ended[0]), cookie)
	}
}

func TestRefusedConnectDies(t *testing.T) {
	h := capturetest.NewNamespace(t)
	ended := deathsOf(t, h, flow.TCP, 1, func() { capturetest.In(t, h, func() error { return refusedConnect(t) }) })
	if len(ended) == 1 && (!ended[0].cleared() || ended[0].Peer != netip.MustParseAddrPort("127.0.0.1:0")) {
		t.Errorf("blocking: %s", inetLine(&ended[0]))
	}
	// Go's connect does not block, and so the tuple is left.
	ended = deathsOf(t, h, flow.TCP, 1, func() {
		capturetest.In(t, h, func() error {
			if c, err := net.Dial("tcp", "127.0.0.1:1"); err == nil {
				c.Close()
				return errors.New("connected to a port where nobody listens")
			}
			return nil
		})
	})
	if len(ended) == 1 && (ended[0].cleared() || ended[0].Peer != netip.MustParseAddrPort("127.0.0.1:1") || ended[0].Counters.BytesAcked != 0) {
		t.Errorf("not blocking: %s", inetLine(&ended[0]))
	}
}

func TestUDPStatesAndDeaths(t *testing.T) {
	h := capturetest.NewNamespace(t)
	c := dialSocketsIn(t, h)
	bound, connected := pairUDP(t, h)
	ofConnected, _ := tuplesOf(connected)
	want := map[flow.Tuple]flow.State{tuple("127.0.0.1:5000", "0.0.0.0:0"): flow.Close, ofConnected: flow.Established}
	got := map[flow.Tuple]flow.State{}
	err := dumpInet(c, inetRequest{Transport: flow.UDP, States: ^uint32(0)}, func(s *inetSocket) error {
		got[s.Tuple] = s.State
		if s.Inode == 0 || s.Cookie == 0 {
			t.Errorf("dump: %s", inetLine(s))
		}
		return nil
	})
	if err != nil || len(got) != 2 {
		t.Errorf("dump: %v, %v", got, err)
	}
	ended := deathsOf(t, h, flow.UDP, 2, func() { connected.Close(); bound.Close() })
	for tu, state := range want {
		if got[tu] != state {
			t.Errorf("%v is %v, want %v", tu, got[tu], state)
		}
		i := slices.IndexFunc(ended, func(d inetSocket) bool { return d.Tuple == tu })
		if i < 0 || ended[i].State != state || ended[i].Transport != flow.UDP || ended[i].HasInfo || ended[i].WQueue != 0 {
			t.Errorf("death of %v (%v): %+v", tu, state, ended)
		}
	}
}

// A socket of the kernel has an inode like any other, but nobody holds it and
// its death is not told.
func TestKernelSocketsHaveAnInodeAndDieSilently(t *testing.T) {
	h := capturetest.NewNamespace(t)
	capturetest.IP(t, h, "link add psnl0 type vxlan id 5 dstport 4789 dev lo", "link set psnl0 up")
	c := dialSocketsIn(t, h)
	found := 0
	err := dumpInet(c, inetRequest{Transport: flow.UDP, States: ^uint32(0)}, func(s *inetSocket) error {
		if s.Local.Port() == 4789 {
			found++
			if s.Inode == 0 || s.UID != 0 || s.State != flow.Close {
				t.Errorf("socket of a vxlan device: %s", inetLine(s))
			}
		}
		return nil
	})
	if err != nil || found == 0 {
		t.Errorf("found %d sockets of a vxlan device, error %v", found, err)
	}
	deathsOf(t, h, flow.UDP, 0, func() { capturetest.IP(t, h, "link del psnl0") })
}
