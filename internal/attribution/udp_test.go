package attribution_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/attribution"
	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// UDP as a source tells it that counts datagrams: one observation for each
// socket and peer, with a cookie of its own.

// datagrams gives the payload bytes that went to and came from the peer.
func datagrams(sent, received uint64) opt {
	return func(s *flow.Socket) {
		s.Transport, s.HasCounters, s.Exact = flow.UDP, true, true
		s.Counters = flow.Counters{BytesSent: sent, BytesAcked: sent, BytesReceived: received}
	}
}

func unconnected(s *flow.Socket) { s.Unconnected = true }
func ephemeral(s *flow.Socket)   { s.Ephemeral = true }
func older(s *flow.Socket)       { s.Older = true }
func gone(s *flow.Socket)        { s.Final = true }
func unasked(s *flow.Socket)     { s.Unasked = true }

// bound tells of a UDP socket that takes datagrams of anybody.
func (w *world) bound(ns flow.NetnsID, addr string, holders ...flow.ProcessKey) {
	w.socket(ns, addr, udp, state(flow.Close), held(holders...))
}

func TestDatagramServerOnAnyAddressHasTwoClients(t *testing.T) {
	var w world
	one, two := w.netns(1, "10.0.0.1"), w.netns(2, "10.0.0.2")
	a, c, s := w.process(10, "a"), w.process(11, "c"), w.process(20, "s")
	w.bound(two, "0.0.0.0:53", s)
	w.socket(one, "10.0.0.1:4000 > 10.0.0.2:53", held(a), first(flow.Client), datagrams(30, 100))
	w.socket(one, "0.0.0.0:4001 > 10.0.0.2:53", held(c), unconnected, first(flow.Client), datagrams(7, 9), gone)
	w.socket(two, "0.0.0.0:53 > 10.0.0.1:4000", held(s), unconnected, first(flow.Server), datagrams(100, 30))
	w.socket(two, "[::]:53 > 10.0.0.1:4001", held(s), unconnected, first(flow.Server), datagrams(12, 6))
	w.expect(t,
		"a > s udp 53 | tuple 1 | listener 1 | active 1 opened 1 | 30/100",
		"c > s udp 53 | tuple 1 | listener 1 | opened 1 closed 1 | 7/9")
	for _, e := range mapOf(w.obs).Edges {
		want := [4]uint64{30, 100, 30, 100}
		if e.Connections.Closed == 1 {
			want = [4]uint64{7, 9, 6, 12} // what got lost shows
		}
		side := e.Sides
		if got := [4]uint64{*side.Client.ToServer, *side.Client.ToClient, *side.Server.ToServer, *side.Server.ToClient}; got != want {
			t.Errorf("sides %v, want %v", got, want)
		}
		if e.Retransmits != nil || e.Inexact != nil {
			t.Errorf("retransmits %v, inexact %v; UDP has neither", e.Retransmits, e.Inexact)
		}
	}
}

// What a socket took without asking who sent it is known of the sender only.
func TestDatagramsThatNobodyAskedAbout(t *testing.T) {
	for _, tt := range []struct {
		name                  string
		received              uint64 // that is known to be from the server
		observed              bool   // the server
		toClient, atTheClient string
	}{
		{"all, the server tells", 0, true, "100", "unknown"},
		{"some, the server tells", 60, true, "100", "60"},
		{"all, nobody tells", 0, false, "unknown", "unknown"},
		{"some, nobody tells", 60, false, "60", "60"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var w world
			one, two := w.netns(1, "10.0.0.1"), w.netns(2, "10.0.0.2")
			a, s := w.process(10, "a"), w.process(20, "s")
			w.socket(one, "0.0.0.0:4000 > 10.0.0.2:53", held(a), unconnected, unasked, first(flow.Client), datagrams(30, tt.received))
			if tt.observed {
				w.bound(two, "0.0.0.0:53", s)
				w.socket(two, "0.0.0.0:53 > 10.0.0.1:4000", held(s), unconnected, first(flow.Server), datagrams(100, 30))
			}
			e := mapOf(w.obs).Edges[0]
			text := func(v *uint64) string {
				if v == nil {
					return "unknown"
				}
				return fmt.Sprint(*v)
			}
			if got := text(e.Bytes.ToClient); got != tt.toClient {
				t.Errorf("to the client: %s, want %s", got, tt.toClient)
			}
			if got := text(e.Sides.Client.ToClient); got != tt.atTheClient {
				t.Errorf("as the client counted: %s, want %s", got, tt.atTheClient)
			}
			if got := text(e.Bytes.ToServer); got != "30" {
				t.Errorf("to the server: %s, want 30", got)
			}
		})
	}
}

func TestDatagramRoles(t *testing.T) {
	// Nobody waits on a port: the sockets have come and gone between two looks.
	pair := func(w *world, client, server opt, port string) {
		one, two := flow.NetnsID(1), flow.NetnsID(2)
		w.socket(one, "0.0.0.0:4000 > 10.0.0.2:"+port, held(w.process(10, "a")), datagrams(1, 2), client)
		w.socket(two, "0.0.0.0:"+port+" > 10.0.0.1:4000", held(w.process(20, "b")), datagrams(2, 1), server)
	}
	for name, c := range map[string]struct {
		client, server opt
		want           string
		contradictions uint64
	}{
		"both agree":                  {both(unconnected, first(flow.Client)), both(unconnected, first(flow.Server)), "a > b udp 53 | tuple 1 | first-datagram 1 | active 1 opened 1 | 1/2", 0},
		"one was there before":        {first(flow.Client), unconnected, "a > b udp 53 | tuple 1 | first-datagram 1 | active 1 opened 1 | 1/2", 0},
		"the other was":               {unconnected, first(flow.Server), "a > b udp 53 | tuple 1 | first-datagram 1 | active 1 opened 1 | 1/2", 0},
		"stronger than bound":         {both(unconnected, first(flow.Client)), first(flow.Server), "a > b udp 53 | tuple 1 | first-datagram 1 | active 1 opened 1 | 1/2", 0},
		"only one is bound":           {both(), unconnected, "a > b udp 53 | tuple 1 | bound 1 | active 1 opened 1 | 1/2", 0},
		"both are bound":              {unconnected, unconnected, "a - b udp 4000-53 | tuple 1 | none 1 | active 1 opened 1 | 1/2", 0},
		"neither is bound":            {both(), both(), "a - b udp 4000-53 | tuple 1 | none 1 | active 1 opened 1 | 1/2", 0},
		"only one asked for its port": {both(unconnected, ephemeral), unconnected, "a > b udp 53 | tuple 1 | bound 1 | active 1 opened 1 | 1/2", 0},
		"two that are older, of which one was seen to send first": {both(unconnected, older, first(flow.Client)), both(unconnected, older, first(flow.Server)),
			"a > b udp 53 | tuple 1 | first-datagram 1 | active 1 opened 1 | 1/2", 0},
		"of two that are older the one that is bound serves": {both(unconnected, ephemeral, older, first(flow.Server)), both(unconnected, older, first(flow.Client)),
			"a > b udp 53 | tuple 1 | bound 1 | active 1 opened 1 | 1/2", 0},
		"two that are older and sent at once": {both(unconnected, older, first(flow.Client)), both(unconnected, older, first(flow.Client)),
			"a - b udp 4000-53 | tuple 1 | none 1 | active 1 opened 1 | 1/2", 0},
		"both say it was they": {first(flow.Client), both(unconnected, first(flow.Client)), "a - b udp 4000-53 | tuple 1 | none 1 | active 1 opened 1 | 1/2", 1},
	} {
		t.Run(name, func(t *testing.T) {
			var w world
			w.netns(1, "10.0.0.1")
			w.netns(2, "10.0.0.2")
			pair(&w, c.client, c.server, "53")
			w.expect(t, c.want)
			if n := mapOf(w.obs).Capture.Lost["contradiction"]; n != c.contradictions {
				t.Errorf("%d contradictions, want %d", n, c.contradictions)
			}
		})
	}
}

func TestSocketThatSendsFirstIsNoServerForBeingBound(t *testing.T) {
	var w world
	ns := w.netns(1, "10.0.0.1")
	a, s := w.process(10, "a"), w.process(20, "s")
	// A resolver asks without connecting: its socket takes what others send, too.
	w.bound(ns, "0.0.0.0:4000", a)
	w.socket(ns, "0.0.0.0:4000 > 203.0.113.53:53", held(a), unconnected, first(flow.Client), datagrams(30, 100))
	// A server that was there before: nothing else tells its role.
	w.bound(ns, "0.0.0.0:54", s)
	w.socket(ns, "0.0.0.0:54 > 203.0.113.9:5000", held(s), unconnected, datagrams(9, 8))
	w.socket(ns, "0.0.0.0:54 > 203.0.113.9:5001", held(s), unconnected, datagrams(1, 2))
	// A connected socket on a port that is served: two facts that contradict.
	w.socket(ns, "10.0.0.1:54 > 203.0.113.9:5002", held(s), first(flow.Client), datagrams(5, 5))
	w.expect(t,
		"a > 203.0.113.53 udp 53 | none 1 | first-datagram 1 | active 1 opened 1 | 30/100",
		"203.0.113.9 > s udp 54 | none 2 | listener 2 | active 2 opened 2 | 10/10",
		"203.0.113.9 - s udp 5002-54 | none 1 | none 1 | active 1 opened 1 | 5/5")
}

func TestDatagramsOverLoopbackStayInTheirNamespace(t *testing.T) {
	var w world
	for i := range 2 {
		ns := w.netns(flow.NetnsID(i+1), "10.0.0.1")
		a, s := w.process(int32(10+i), fmt.Sprint("a", i)), w.process(int32(20+i), fmt.Sprint("s", i))
		w.socket(ns, "0.0.0.0:4000 > 127.0.0.1:53", held(a), unconnected, first(flow.Client), datagrams(1, 2))
		w.socket(ns, "0.0.0.0:53 > 127.0.0.1:4000", held(s), unconnected, first(flow.Server), datagrams(2, 1))
		// Its own address is nobody else's, though the other has the same.
		w.socket(ns, "0.0.0.0:4001 > 10.0.0.1:54", held(a), unconnected, first(flow.Client), datagrams(3, 4))
		w.socket(ns, "10.0.0.1:54 > 10.0.0.1:4001", held(s), first(flow.Server), datagrams(4, 3))
		// From a loopback address to one that is not, and back.
		w.socket(ns, "10.0.0.1:4002 > 127.0.0.1:55", held(a), first(flow.Client), datagrams(5, 6))
		w.socket(ns, "0.0.0.0:55 > 10.0.0.1:4002", held(s), unconnected, first(flow.Server), datagrams(6, 5))
	}
	// And one end only, whose other end exists in the other namespace only.
	w.socket(1, "0.0.0.0:4003 > 127.0.0.1:56", held(w.process(10, "a0")), unconnected, first(flow.Client), datagrams(7, 8))
	w.socket(2, "0.0.0.0:56 > 127.0.0.1:4003", held(w.process(21, "s1")), unconnected, first(flow.Server), datagrams(8, 7))
	var want []string
	for i := range 2 {
		for k, bytes := range []string{"1/2", "3/4", "5/6"} {
			want = append(want, fmt.Sprintf("a%d > s%d udp %d | tuple 1 | first-datagram 1 | active 1 opened 1 | %s", i, i, 53+k, bytes))
		}
	}
	w.expect(t, append(want,
		"a0 > 127.0.0.1@1 udp 56 | none 1 | first-datagram 1 | active 1 opened 1 | 7/8",
		"127.0.0.1@2 > s1 udp 56 | none 1 | first-datagram 1 | active 1 opened 1 | 7/8")...)
}

func TestDatagramTwinsAreAmbiguous(t *testing.T) {
	var w world
	a1, a2 := w.netns(1, "10.0.0.1"), w.netns(2, "10.0.0.2")
	b1, b2 := w.netns(3, "10.0.0.1"), w.netns(4, "10.0.0.2")
	flowOf := func(c, s flow.NetnsID, pid int32, tenant string) {
		w.socket(c, "0.0.0.0:4000 > 10.0.0.2:53", held(w.process(pid, "c"+tenant)), unconnected, first(flow.Client), datagrams(1, 2))
		w.socket(s, "0.0.0.0:53 > 10.0.0.1:4000", held(w.process(pid+1, "s"+tenant)), unconnected, first(flow.Server), datagrams(2, 1))
	}
	flowOf(a1, a2, 11, "a")
	flowOf(b1, b2, 21, "b")
	w.expect(t,
		"ca > 10.0.0.2@1 udp 53 | ambiguous 1 | first-datagram 1 | active 1 opened 1 | 1/2 candidates server=sa,sb",
		"cb > 10.0.0.2@3 udp 53 | ambiguous 1 | first-datagram 1 | active 1 opened 1 | 1/2 candidates server=sa,sb",
		"10.0.0.1@2 > sa udp 53 | ambiguous 1 | first-datagram 1 | active 1 opened 1 | 1/2 candidates client=ca,cb",
		"10.0.0.1@4 > sb udp 53 | ambiguous 1 | first-datagram 1 | active 1 opened 1 | 1/2 candidates client=ca,cb")
}

func TestDatagramTwinThatIsNotRead(t *testing.T) {
	var w world
	one, two := w.netns(1, "10.0.0.1"), w.netns(2, "10.0.0.2")
	w.tell(&flow.Namespace{ID: 3, Inode: 4026530003, Local: prefixes([]string{"10.0.0.2"})})
	a, s := w.process(10, "a"), w.process(20, "s")
	w.socket(one, "10.0.0.1:4000 > 10.0.0.2:53", held(a), first(flow.Client), datagrams(1, 2))
	w.socket(two, "0.0.0.0:53 > 10.0.0.1:4000", held(s), unconnected, first(flow.Server), datagrams(2, 1))
	w.expect(t,
		"a > 10.0.0.2@1 udp 53 | ambiguous 1 | first-datagram 1 | active 1 opened 1 | 1/2 candidates server=s",
		"10.0.0.1 > s udp 53 | ambiguous 1 | first-datagram 1 | active 1 opened 1 | 1/2 candidates client=a")
}

func TestDatagramPortThatIsUsedAgain(t *testing.T) {
	var w world
	ns := w.netns(1)
	a, b, s := w.process(10, "a"), w.process(11, "b"), w.process(20, "s")
	// Three client sockets use one port in turn; the server has one peer.
	w.socket(ns, "127.0.0.1:4000 > 127.0.0.1:53", opened(1*second), at(2*second), held(a), first(flow.Client), datagrams(1, 10), gone)
	w.socket(ns, "127.0.0.1:4000 > 127.0.0.1:53", opened(3*second), at(4*second), held(b), first(flow.Client), datagrams(2, 20), gone)
	w.socket(ns, "127.0.0.1:4000 > 127.0.0.1:53", opened(5*second), at(6*second), held(a), first(flow.Client), datagrams(3, 30))
	w.socket(ns, "0.0.0.0:53 > 127.0.0.1:4000", opened(1*second), at(6*second), held(s), unconnected, first(flow.Server), datagrams(60, 6))
	w.expect(t,
		"a > s udp 53 | tuple 2 | first-datagram 2 | active 1 opened 2 closed 1 | 4/40",
		"b > s udp 53 | tuple 1 | first-datagram 1 | opened 1 closed 1 | 2/20")
}

func TestDatagramServerThatWasReplaced(t *testing.T) {
	var w world
	one, two := w.netns(1, "10.0.0.1"), w.netns(2, "10.0.0.2")
	a, older, younger := w.process(10, "a"), w.process(20, "older"), w.process(21, "younger")
	w.socket(one, "10.0.0.1:4000 > 10.0.0.2:53", opened(1*second), at(2*second), held(a), first(flow.Client), datagrams(1, 10), gone)
	w.socket(one, "10.0.0.1:4000 > 10.0.0.2:53", opened(5*second), at(6*second), held(a), first(flow.Client), datagrams(2, 20), gone)
	w.socket(two, "0.0.0.0:53 > 10.0.0.1:4000", opened(1*second), at(2*second), held(older), unconnected, first(flow.Server), datagrams(10, 1), gone)
	w.socket(two, "0.0.0.0:53 > 10.0.0.1:4000", opened(5*second), at(6*second), held(younger), unconnected, first(flow.Server), datagrams(20, 2))
	w.expect(t,
		"a > older udp 53 | tuple 1 | first-datagram 1 | opened 1 closed 1 | 1/10",
		"a > younger udp 53 | tuple 1 | first-datagram 1 | opened 1 closed 1 | 2/20")
}

func TestDatagramServerUnderTwoOfItsAddresses(t *testing.T) {
	var w world
	one, two := w.netns(1, "10.0.0.1"), w.netns(2, "10.0.0.2", "10.0.0.3")
	a, b, s := w.process(10, "a"), w.process(11, "b"), w.process(20, "s")
	// One client of both: the server cannot tell which it was reached under.
	w.socket(one, "0.0.0.0:4000 > 10.0.0.2:53", held(a), unconnected, first(flow.Client), datagrams(1, 10))
	w.socket(one, "0.0.0.0:4000 > 10.0.0.3:53", held(a), unconnected, first(flow.Client), datagrams(2, 20))
	w.socket(two, "0.0.0.0:53 > 10.0.0.1:4000", held(s), unconnected, first(flow.Server), datagrams(30, 3))
	// Two clients of one port at one time: each has the server at its other end,
	// but whom the server had is not decided.
	w.socket(one, "0.0.0.0:4001 > 10.0.0.2:54", held(a), unconnected, first(flow.Client), datagrams(1, 10))
	w.socket(one, "0.0.0.0:4001 > 10.0.0.3:54", held(b), unconnected, first(flow.Client), datagrams(2, 20))
	w.socket(two, "0.0.0.0:54 > 10.0.0.1:4001", held(s), unconnected, first(flow.Server), datagrams(30, 3))
	w.expect(t,
		"a > s udp 53 | tuple 2 | first-datagram 2 | active 2 opened 2 | 3/30",
		"a > s udp 54 | tuple 1 | first-datagram 1 | active 1 opened 1 | 1/10",
		"b > s udp 54 | tuple 1 | first-datagram 1 | active 1 opened 1 | 2/20",
		"10.0.0.1 > s udp 54 | ambiguous 1 | first-datagram 1 | active 1 opened 1 | 3/30 candidates client=a,b")
}

func TestTheVeryAddressComesBeforeAnyAddress(t *testing.T) {
	var w world
	one, two := w.netns(1, "10.0.0.1"), w.netns(2, "10.0.0.2", "10.0.0.3")
	a, any, own := w.process(10, "a"), w.process(20, "any"), w.process(21, "own")
	w.socket(one, "10.0.0.1:4000 > 10.0.0.2:53", held(a), first(flow.Client), datagrams(1, 10))
	w.socket(one, "10.0.0.1:4000 > 10.0.0.3:53", held(a), first(flow.Client), datagrams(2, 20))
	w.socket(two, "10.0.0.2:53 > 10.0.0.1:4000", held(own), unconnected, first(flow.Server), datagrams(10, 1))
	w.socket(two, "0.0.0.0:53 > 10.0.0.1:4000", held(any), unconnected, first(flow.Server), datagrams(20, 2))
	w.expect(t,
		"a > own udp 53 | tuple 1 | first-datagram 1 | active 1 opened 1 | 1/10",
		"a > any udp 53 | tuple 1 | first-datagram 1 | active 1 opened 1 | 2/20")
}

func TestSilentDatagramSocketIsNoConnection(t *testing.T) {
	var w world
	ns := w.netns(1)
	a, s := w.process(10, "a"), w.process(20, "s")
	w.bound(ns, "0.0.0.0:53", s)
	w.socket(ns, "127.0.0.1:4000 > 127.0.0.1:53", held(a), datagrams(0, 0))
	w.socket(ns, "0.0.0.0:4001 > 127.0.0.1:53", held(a), unconnected, datagrams(0, 0), gone)
	// What a source without counters tells stays a connection.
	w.socket(ns, "127.0.0.1:4002 > 127.0.0.1:53", udp, held(a))
	w.expect(t, "a > s udp 53 | listener 1 | bound 1 | active 1 opened 1")
}

func TestPortThatNobodyAskedForMakesNoServer(t *testing.T) {
	var w world
	ns := w.netns(1, "10.0.0.1")
	a, b := w.process(10, "a"), w.process(20, "b")
	w.socket(ns, "0.0.0.0:4000", udp, state(flow.Close), held(a), ephemeral)
	w.bound(ns, "0.0.0.0:53", b)
	w.socket(ns, "0.0.0.0:4000 > 10.0.0.1:53", held(a), unconnected, ephemeral, older, first(flow.Client), datagrams(1, 2))
	w.socket(ns, "0.0.0.0:53 > 10.0.0.1:4000", held(b), unconnected, older, first(flow.Server), datagrams(2, 1))
	w.expectShuffled(t, "a > b udp 53 | tuple 1 | listener 1 | active 1 opened 1 | 1/2")
}

func TestServerOnAnyAddressThatNobodyHolds(t *testing.T) {
	var w world
	ns := w.netns(1, "10.0.0.1")
	four, six, own := w.process(20, "four"), w.process(21, "six"), w.process(22, "own")
	w.bound(ns, "0.0.0.0:53", four)
	w.socket(ns, "[::]:53", udp, state(flow.Close), held(six), func(s *flow.Socket) { s.V6Only = true })
	w.bound(ns, "10.0.0.1:53", own)
	w.socket(ns, "0.0.0.0:53 > 10.0.0.1:5000", unconnected, first(flow.Server), datagrams(1, 2))
	w.expect(t, "10.0.0.1 > four udp 53 | none 1 | listener 1 | active 1 opened 1 | 2/1")
}

// An address of the socket that is told later changes where it is looked for.
func TestDatagramAddressThatIsToldLater(t *testing.T) {
	var w world
	one, two := w.netns(1, "10.0.0.1"), w.netns(2, "10.0.0.2", "10.0.0.3")
	a, s := w.process(10, "a"), w.process(20, "s")
	w.socket(one, "10.0.0.1:4000 > 10.0.0.2:53", held(a), first(flow.Client), datagrams(1, 2))
	w.socket(two, "0.0.0.0:53 > 10.0.0.1:4000", cookie(9), held(s), unconnected, first(flow.Server), datagrams(1, 1))
	w.socket(two, "10.0.0.2:53 > 10.0.0.1:4000", cookie(9), at(2*second), held(s), unconnected, first(flow.Server), datagrams(2, 1))
	w.expect(t, "a > s udp 53 | tuple 1 | first-datagram 1 | active 1 opened 1 | 1/2")
}

// windows closes one after each group of observations and returns the edges.
func windows(groups ...[]flow.Observation) [][]string {
	e, l := attribution.New(attribution.Config{}), topology.NewLedger()
	var out [][]string
	for _, g := range groups {
		for _, o := range g {
			e.Apply(o)
		}
		e.Close(l.Add)
		out = append(out, edgesOf(factsOf(e, l)))
		l.Reset()
	}
	return out
}

// part takes what was told since the last call.
func (w *world) part() []flow.Observation {
	obs := w.obs
	w.obs = nil
	return obs
}

func TestDatagramServerOutlivesItsClients(t *testing.T) {
	var w world
	ns := w.netns(1)
	a, b, s := w.process(10, "a"), w.process(11, "b"), w.process(20, "s")
	server := func(t flow.Time, sent, received uint64) {
		w.socket(ns, "0.0.0.0:53 > 127.0.0.1:4000", cookie(9), at(t), opened(1*second), held(s), unconnected, first(flow.Server), datagrams(sent, received))
	}
	w.socket(ns, "127.0.0.1:4000 > 127.0.0.1:53", cookie(1), opened(1*second), held(a), first(flow.Client), datagrams(1, 2))
	server(second, 2, 1)
	one := w.part()
	w.socket(ns, "127.0.0.1:4000 > 127.0.0.1:53", cookie(1), at(3*second), held(a), datagrams(3, 6), gone)
	server(3*second, 6, 3)
	two := w.part()
	server(4*second, 6, 3) // nothing new
	three := w.part()
	w.socket(ns, "127.0.0.1:4000 > 127.0.0.1:53", cookie(2), at(5*second), opened(5*second), held(b), first(flow.Client), datagrams(10, 20))
	server(5*second, 26, 13)
	four := w.part()
	w.socket(ns, "127.0.0.1:4000 > 127.0.0.1:53", cookie(2), at(7*second), held(b), datagrams(11, 22), gone)
	five := w.part()
	want := [][]string{
		{"a > s udp 53 | tuple 1 | first-datagram 1 | active 1 opened 1 | 1/2"},
		{"a > s udp 53 | tuple 1 | first-datagram 1 | closed 1 | 2/4"},
		{},
		{"b > s udp 53 | tuple 1 | first-datagram 1 | active 1 opened 1 | 10/20"},
		{"b > s udp 53 | tuple 1 | first-datagram 1 | closed 1 | 1/2"},
	}
	got := windows(one, two, three, four, five)
	for i := range got {
		if len(got[i]) == 0 {
			got[i] = []string{}
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestPlacesThatAreToldAfterTheDatagrams(t *testing.T) {
	var w world
	a, s := w.process(10, "a"), w.process(20, "s")
	w.socket(1, "0.0.0.0:4000 > 10.0.0.2:53", held(a), unconnected, first(flow.Client), datagrams(1, 2))
	w.socket(2, "0.0.0.0:53 > 10.0.0.1:4000", held(s), unconnected, first(flow.Server), datagrams(2, 1))
	one := w.part()
	w.netns(1, "10.0.0.1")
	w.netns(2, "10.0.0.2")
	got := windows(one, w.part())[1]
	if d := cmp.Diff([]string{"a > s udp 53 | tuple 1 | first-datagram 1 | active 1 | 0/0"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
