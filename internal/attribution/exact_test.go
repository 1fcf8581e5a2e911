package attribution_test

import (
	"testing"

	"peerscope/internal/attribution"
	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// Counters from which a source has taken the FINs off, and what it tells of a
// connection when it ends and not before.

// exactClient gives exact counters after payload sent and received: our SYN is
// the only thing beside payload, at the end too.
func exactClient(sent, received uint64) opt {
	return func(s *flow.Socket) {
		s.HasCounters, s.Exact = true, true
		s.Counters = flow.Counters{BytesSent: sent, BytesAcked: sent + 1, BytesReceived: received}
	}
}

// connected says how long the handshake took, in microseconds.
func connected(us uint32) opt { return func(s *flow.Socket) { s.Counters.Connect = us } }

func exactServer(sent, received uint64) opt {
	return func(s *flow.Socket) {
		s.HasCounters, s.Exact = true, true
		s.Counters = flow.Counters{BytesSent: sent, BytesAcked: sent, BytesReceived: received}
	}
}

// ended is the end of a connection that was complete.
func ended(s *flow.Socket)    { s.State, s.Final, s.Connected = flow.LastAck, true, true }
func opened(t flow.Time) opt  { return func(s *flow.Socket) { s.Opened = start + t } }
func first(r flow.Role) opt   { return func(s *flow.Socket) { s.First = r } }
func inFlight(s *flow.Socket) { s.Counters.Unacked = 1 }
func both(o ...opt) opt {
	return func(s *flow.Socket) {
		for _, f := range o {
			f(s)
		}
	}
}

func TestExactCountersLeaveNoDoubt(t *testing.T) {
	var w world
	ns := w.netns(1, "10.0.0.1")
	a, b := w.process(10, "a"), w.process(20, "b")
	w.socket(ns, "10.0.0.1:4000 > 10.0.0.1:80", held(a), exactClient(10, 20), ended)
	w.socket(ns, "10.0.0.1:80 > 10.0.0.1:4000", held(b), exactServer(20, 10), ended)
	// From one end only, alive and at the end, in any state.
	w.socket(ns, "10.0.0.1:4001 > 203.0.113.9:81", held(a), exactClient(1, 2), ended)
	w.socket(ns, "10.0.0.1:4002 > 203.0.113.9:82", held(a), exactClient(0, 0), ended)
	w.socket(ns, "10.0.0.1:4003 > 203.0.113.9:83", held(a), exactClient(3, 4), state(flow.FinWait2))
	w.socket(ns, "10.0.0.1:90 > 203.0.113.9:4004", held(b), exactServer(0, 5), ended)
	w.socket(ns, "10.0.0.1:91 > 203.0.113.9:4005", held(b), exactServer(6, 7), state(flow.CloseWait))
	w.expect(t,
		"a > b tcp 80 | tuple 1 | syn-byte 1 | opened 1 closed 1 | 10/20",
		"a > 203.0.113.9 tcp 81 | none 1 | syn-byte 1 | opened 1 closed 1 | 1/2",
		"a > 203.0.113.9 tcp 82 | none 1 | syn-byte 1 | opened 1 closed 1 | 0/0",
		"a > 203.0.113.9 tcp 83 | none 1 | syn-byte 1 | active 1 opened 1 | 3/4",
		"203.0.113.9 > b tcp 90 | none 1 | syn-byte 1 | opened 1 closed 1 | 5/0",
		"203.0.113.9 > b tcp 91 | none 1 | syn-byte 1 | active 1 opened 1 | 7/6")
}

func TestExactCountersWithoutARoleHaveAByteOfDoubt(t *testing.T) {
	var w world
	ns := w.netns(1, "10.0.0.1")
	a := w.process(10, "a")
	w.socket(ns, "10.0.0.1:4000 > 203.0.113.9:80", held(a), exactClient(10, 20), inFlight)
	w.socket(ns, "10.0.0.1:4001 > 203.0.113.9:81", held(a), exactServer(0, 20), inFlight) // nothing acknowledged: no SYN either
	// The SYN is in the baseline as well as in the total: no doubt is left.
	w.socket(ns, "10.0.0.1:4002 > 203.0.113.9:82", cookie(90), held(a), adopted, exactClient(10, 20), inFlight)
	w.socket(ns, "10.0.0.1:4002 > 203.0.113.9:82", cookie(90), at(3*second), held(a), exactClient(15, 21), inFlight)
	w.expect(t,
		"203.0.113.9 - a tcp 80-4000 | none 1 | none 1 | active 1 opened 1 | 20/11 inexact bytes.second_to_first",
		"203.0.113.9 - a tcp 81-4001 | none 1 | none 1 | active 1 opened 1 | 20/0",
		"203.0.113.9 - a tcp 82-4002 | none 1 | none 1 | active 1 | 1/5")
}

func TestExactButVanishedStaysInexact(t *testing.T) {
	var w world
	ns := w.netns(1, "10.0.0.1")
	a := w.process(10, "a")
	w.socket(ns, "10.0.0.1:4000 > 203.0.113.9:80", cookie(1), held(a), exactClient(10, 20))
	w.socket(ns, "10.0.0.1:4000 > 203.0.113.9:80", cookie(1), at(2*second), vanished, exactClient(10, 20))
	w.expect(t, "a > 203.0.113.9 tcp 80 | none 1 | syn-byte 1 | opened 1 closed 1 | 10/20 inexact bytes.to_client,bytes.to_server")
}

func TestExactAdoptedCountsFromTheStart(t *testing.T) {
	var w world
	ns := w.netns(1, "10.0.0.1")
	a, b := w.process(10, "a"), w.process(20, "b")
	w.socket(ns, "10.0.0.1:4000 > 10.0.0.1:80", cookie(1), held(a), adopted, opened(-9*second), exactClient(100, 200))
	w.socket(ns, "10.0.0.1:80 > 10.0.0.1:4000", cookie(2), held(b), adopted, opened(-9*second), exactServer(200, 100))
	w.socket(ns, "10.0.0.1:4000 > 10.0.0.1:80", cookie(1), at(3*second), adopted, exactClient(110, 220), ended)
	w.socket(ns, "10.0.0.1:80 > 10.0.0.1:4000", cookie(2), at(3*second), adopted, exactServer(220, 110), ended)
	w.expect(t, "a > b tcp 80 | tuple 1 | syn-byte 1 | closed 1 | 10/20")
}

func TestTheOtherEndOfAnAdoptedConnectionFoundLater(t *testing.T) {
	for _, clientFirst := range []bool{true, false} {
		var w world
		ns := w.netns(1, "10.0.0.1")
		a, b := w.process(10, "a"), w.process(20, "b")
		client, server := both(held(a), exactClient(110, 220)), both(held(b), exactServer(220, 110))
		if clientFirst {
			w.socket(ns, "10.0.0.1:4000 > 10.0.0.1:80", cookie(1), held(a), adopted, exactClient(100, 200))
		} else {
			w.socket(ns, "10.0.0.1:80 > 10.0.0.1:4000", cookie(2), held(b), adopted, exactServer(200, 100))
		}
		w.socket(ns, "10.0.0.1:4000 > 10.0.0.1:80", cookie(1), at(3*second), client)
		w.socket(ns, "10.0.0.1:80 > 10.0.0.1:4000", cookie(2), at(3*second), server)
		m := mapOf(w.obs)
		s := m.Edges[0].Sides
		if s == nil || *s.Client.ToServer != 10 || *s.Client.ToClient != 20 || *s.Server.ToServer != 10 || *s.Server.ToClient != 20 {
			t.Errorf("client first %v: sides %+v %+v, want 10 and 20 on both", clientFirst, s.Client, s.Server)
		}
	}
}

func TestToldOnlyWhenItEnded(t *testing.T) {
	var w world
	ns := w.netns(1, "10.0.0.1")
	a, b := w.process(10, "a"), w.process(20, "b")
	// One tuple, three times within a second, by other processes each time.
	const t1, t2 = "10.0.0.1:4000 > 10.0.0.1:80", "10.0.0.1:80 > 10.0.0.1:4000"
	c, d := w.process(30, "c"), w.process(40, "d")
	for i, p := range [][2]flow.ProcessKey{{a, b}, {c, d}, {a, d}} {
		began := flow.Time(i) * 300e6
		// The ends are told long after, and not in the order of the beginnings.
		w.socket(ns, t1, at(9*second-flow.Time(i)*second), opened(began), held(p[0]), first(flow.Client), exactClient(5, 6), ended)
		w.socket(ns, t2, at(8*second+flow.Time(i)*second), opened(began+100e3), held(p[1]), first(flow.Server), exactServer(6, 5), ended)
	}
	w.expect(t,
		"a > b tcp 80 | tuple 1 | handshake 1 | opened 1 closed 1 | 5/6",
		"c > d tcp 80 | tuple 1 | handshake 1 | opened 1 closed 1 | 5/6",
		"a > d tcp 80 | tuple 1 | handshake 1 | opened 1 closed 1 | 5/6")
}

func TestToldOnlyWhenItEndedBySequence(t *testing.T) {
	var w world
	one, two := w.netns(1, "10.0.0.1"), w.netns(2, "10.0.0.2")
	a, b := w.process(10, "a"), w.process(20, "b")
	// Masqueraded: neither end sees the other's address.
	w.socket(one, "10.0.0.1:4000 > 10.96.0.7:80", opened(second), held(a), sequence(99, 500), exactClient(5, 6), ended)
	w.socket(two, "10.0.0.2:8080 > 10.0.0.254:61000", opened(second), held(b), sequence(500, 100), exactServer(6, 5), ended)
	w.expect(t, "a > b tcp 8080 | sequence 1 | sequence 1 | opened 1 closed 1 | 5/6 dialed 10.96.0.7:80")
}

func TestHandshakeThatTheSourceRemembers(t *testing.T) {
	var w world
	ns := w.netns(1, "10.0.0.1")
	a, b := w.process(10, "a"), w.process(20, "b")
	// Reset before the one byte that it sent was acknowledged: the counters alone
	// look like a server's.
	w.socket(ns, "10.0.0.1:4000 > 203.0.113.9:80", held(a), first(flow.Client), exactServer(1, 0), ended)
	w.socket(ns, "10.0.0.1:90 > 203.0.113.9:4001", held(b), first(flow.Server), exactServer(1, 2), ended)
	w.socket(ns, "10.0.0.1:4002 > 203.0.113.9:81", held(a), first(flow.Client), func(s *flow.Socket) {
		s.State, s.Final, s.Errno = flow.SynSent, true, "ECONNREFUSED"
	})
	w.socket(ns, "10.0.0.1:91 > 203.0.113.9:4003", first(flow.Server), func(s *flow.Socket) { s.State, s.Final = flow.SynRecv, true })
	w.expect(t,
		"a > 203.0.113.9 tcp 80 | none 1 | handshake 1 | opened 1 closed 1 | 0/0",
		"203.0.113.9 > b tcp 90 | none 1 | handshake 1 | opened 1 closed 1 | 2/1",
		"a > 203.0.113.9 tcp 81 | none 1 | handshake 1 | failed 1")
}

func TestListenerThatLivedOnlyBetween(t *testing.T) {
	var w world
	ns := w.netns(1)
	a, older, younger := w.process(10, "a"), w.process(20, "older"), w.process(30, "younger")
	// Two listeners on one port, one after the other, each told at its end only;
	// of the connections the one that accepted is not known.
	for i, p := range []flow.ProcessKey{older, younger} {
		began := flow.Time(i) * second
		w.socket(ns, "127.0.0.1:80", state(flow.Listen), held(p), opened(began), at(began+500e6), func(s *flow.Socket) { s.Final = true })
		port := []string{"4000", "4001"}[i]
		// In the very millisecond in which it began, and that ended after it.
		w.socket(ns, "127.0.0.1:"+port+" > 127.0.0.1:80", held(a), opened(began), at(9*second), exactClient(1, 2), ended)
		w.socket(ns, "127.0.0.1:80 > 127.0.0.1:"+port, opened(began), at(9*second), exactServer(2, 1), ended)
	}
	w.expect(t,
		"a > older tcp 80 | listener 1 | syn-byte 1 | opened 1 closed 1 | 1/2",
		"a > younger tcp 80 | listener 1 | syn-byte 1 | opened 1 closed 1 | 1/2")
}

func TestListenerOfTheSameMillisecond(t *testing.T) {
	const microsecond = second / 1e6
	var w world
	ns := w.netns(1)
	a, early, late := w.process(10, "a"), w.process(20, "early"), w.process(30, "late")
	refused := both(held(a), state(flow.SynSent), func(s *flow.Socket) { s.Final = true }, first(flow.Client))
	began := func(at flow.Time) opt { return func(s *flow.Socket) { s.After = start + at } }
	w.socket(ns, "127.0.0.1:80", state(flow.Listen), held(early), began(second-300*microsecond), at(second-100*microsecond), func(s *flow.Socket) { s.Final = true })
	w.socket(ns, "127.0.0.1:80", state(flow.Listen), held(late), began(second+300*microsecond))
	w.socket(ns, "127.0.0.1:4000 > 127.0.0.1:80", at(second+10*microsecond), opened(second), refused)
	w.socket(ns, "127.0.0.1:4001 > 127.0.0.1:80", at(second+410*microsecond), opened(second+400*microsecond), refused)
	w.expectShuffled(t,
		"a > 127.0.0.1@1 tcp 80 | none 1 | handshake 1 | failed 1",
		"a > late tcp 80 | listener 1 | handshake 1 | failed 1")
}

func TestOpenedLongAgo(t *testing.T) {
	var w world
	ns := w.netns(1)
	a, b := w.process(10, "a"), w.process(20, "b")
	const days = 24 * 3600 * second
	w.listener(ns, "127.0.0.1:80", b)
	w.socket(ns, "127.0.0.1:80", cookie(1), at(3*second), state(flow.Listen), func(s *flow.Socket) { s.Final = true })
	w.socket(ns, "127.0.0.1:4000 > 127.0.0.1:80", held(a), adopted, opened(-40*days), exactClient(1, 2))
	w.socket(ns, "127.0.0.1:80 > 127.0.0.1:4000", adopted, opened(-40*days), exactServer(2, 1))
	w.expect(t, "a > b tcp 80 | listener 1 | syn-byte 1 | active 1 | 0/0")
}

func TestUnacceptedToTheEndBelongsToTheListener(t *testing.T) {
	var w world
	ns := w.netns(1)
	a, b := w.process(10, "a"), w.process(20, "b")
	w.listener(ns, "127.0.0.1:80", b)
	w.socket(ns, "127.0.0.1:4000 > 127.0.0.1:80", held(a), exactClient(1, 0), ended)
	w.socket(ns, "127.0.0.1:80 > 127.0.0.1:4000", unaccepted, exactServer(0, 1), ended)
	w.expect(t, "a > b tcp 80 | tuple 1 | syn-byte 1 | opened 1 closed 1 | 1/0")
}

func TestHolderToldAfterTheEnd(t *testing.T) {
	var w world
	ns := w.netns(1)
	a, b := w.process(10, "a"), w.process(20, "b")
	w.socket(ns, "127.0.0.1:4000 > 127.0.0.1:80", held(a), exactClient(1, 2), ended)
	w.socket(ns, "127.0.0.1:80 > 127.0.0.1:4000", cookie(7), exactServer(2, 1), ended)
	// It says who, and nothing else, not even where.
	w.tell(&flow.Socket{Time: start + 2*second, Cookie: 7, Netns: 1 << 63, Transport: flow.TCP, State: flow.Close, Final: true, Connected: true,
		Holders: []flow.ProcessKey{b}})
	w.expect(t, "a > b tcp 80 | tuple 1 | syn-byte 1 | opened 1 closed 1 | 1/2")
}

func TestExactHandoverSplitsToTheByte(t *testing.T) {
	handover := func(from flow.ProcessKey, cookie flow.SocketCookie, acked, received uint64) *flow.Handover {
		return &flow.Handover{Time: start + 2*second, Cookie: cookie, From: from, Exact: true,
			Counters: flow.Counters{BytesAcked: acked, BytesReceived: received}}
	}
	t.Run("of a server", func(t *testing.T) {
		var w world
		ns := w.netns(1)
		a, b, c := w.process(10, "a"), w.process(20, "b"), w.process(30, "c")
		w.socket(ns, "127.0.0.1:4000 > 127.0.0.1:80", held(a), exactClient(150, 500), ended)
		w.socket(ns, "127.0.0.1:80 > 127.0.0.1:4000", cookie(9), held(c), exactServer(500, 150), ended)
		w.tell(handover(b, 9, 30, 100))
		w.expect(t,
			"a > b tcp 80 |  |  | | 100/30",
			"a > c tcp 80 | tuple 1 | syn-byte 1 | opened 1 closed 1 | 50/470")
	})
	t.Run("of a client, twice", func(t *testing.T) {
		var w world
		ns := w.netns(1)
		a, b, c, d := w.process(10, "a"), w.process(20, "b"), w.process(30, "c"), w.process(40, "d")
		w.socket(ns, "127.0.0.1:4000 > 127.0.0.1:80", cookie(8), held(c), exactClient(150, 500), ended)
		w.socket(ns, "127.0.0.1:80 > 127.0.0.1:4000", cookie(9), held(d), exactServer(500, 150), ended)
		w.tell(handover(a, 8, 41, 100), handover(b, 8, 61, 300)) // 40 and 60 of payload, and the SYN
		w.expect(t,
			"a > d tcp 80 |  |  | | 40/100",
			"b > d tcp 80 |  |  | | 20/200",
			"c > d tcp 80 | tuple 1 | syn-byte 1 | opened 1 closed 1 | 90/200")
	})
	t.Run("after the baseline", func(t *testing.T) {
		var w world
		ns := w.netns(1)
		a, b := w.process(10, "a"), w.process(20, "b")
		w.socket(ns, "127.0.0.1:4000 > 203.0.113.9:80", cookie(8), held(a), adopted, exactClient(30, 10))
		w.socket(ns, "127.0.0.1:4000 > 203.0.113.9:80", cookie(8), at(3*second), held(b), exactClient(50, 20))
		w.tell(handover(a, 8, 43, 13))
		w.expect(t,
			"a > 203.0.113.9 tcp 80 |  |  | | 12/3",
			"b > 203.0.113.9 tcp 80 | none 1 | syn-byte 1 | active 1 | 8/7")
	})
	t.Run("more than was ever acknowledged", func(t *testing.T) {
		var w world
		ns := w.netns(1)
		a, b := w.process(10, "a"), w.process(20, "b")
		w.socket(ns, "127.0.0.1:4000 > 203.0.113.9:80", cookie(8), held(b), exactClient(50, 20), ended)
		w.tell(handover(a, 8, 91, 25))
		w.expect(t,
			"a > 203.0.113.9 tcp 80 |  |  | | 50/20",
			"b > 203.0.113.9 tcp 80 | none 1 | syn-byte 1 | opened 1 closed 1 | 0/0")
	})
}

func TestWhatWasSentBeforeAHandoverAndAcknowledgedLater(t *testing.T) {
	var w world
	ns := w.netns(1)
	a, b := w.process(10, "a"), w.process(20, "b")
	e, l := attribution.New(attribution.Config{}), topology.NewLedger()
	window := func() []string {
		for _, o := range w.obs {
			e.Apply(o)
		}
		w.obs = nil
		e.Close(l.Add)
		got := edgesOf(factsOf(e, l))
		l.Reset()
		return got
	}
	// a had sent 40 when b took it over; 10 of them are acknowledged.
	w.socket(ns, "127.0.0.1:4000 > 203.0.113.9:80", cookie(8), held(b), first(flow.Client), exactClient(10, 0), inFlight)
	w.tell(&flow.Handover{Time: start + second/2, Cookie: 8, From: a, Exact: true, Counters: flow.Counters{BytesAcked: 41}})
	for i, want := range [][]string{
		{"a > 203.0.113.9 tcp 80 |  |  | | 10/0", "b > 203.0.113.9 tcp 80 | none 1 | handshake 1 | active 1 opened 1 | 0/0"},
		{"a > 203.0.113.9 tcp 80 |  |  | | 30/0", "b > 203.0.113.9 tcp 80 | none 1 | handshake 1 | active 1 | 5/7"},
		{"b > 203.0.113.9 tcp 80 | none 1 | handshake 1 | active 1 | 5/0"},
	} {
		got := window()
		if len(got) != len(want) || got[0] != want[0] || got[len(got)-1] != want[len(want)-1] {
			t.Errorf("window %d:\n got %q\nwant %q", i, got, want)
		}
		w.socket(ns, "127.0.0.1:4000 > 203.0.113.9:80", cookie(8), at(flow.Time(i+2)*second), held(b), exactClient(45+5*uint64(i), 7))
	}
}
