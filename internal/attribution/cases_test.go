package attribution_test

import (
	"fmt"
	"testing"

	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// Cases that were once wrong, and those that the rules tests leave out.

func TestConnectionOpenBeforeTheStartCountsFromThere(t *testing.T) {
	var w world
	ns := w.netns(1)
	a, b := w.process(10, "a"), w.process(20, "b")
	w.socket(ns, "127.0.0.1:1024 > 127.0.0.1:61000", cookie(1), adopted, held(a), asClient(1000, 5000))
	w.socket(ns, "127.0.0.1:61000 > 127.0.0.1:1024", cookie(2), adopted, held(b), asServer(5000, 1000))
	w.socket(ns, "127.0.0.1:1024 > 127.0.0.1:61000", cookie(1), at(3*second), asClient(1007, 5001))
	w.socket(ns, "127.0.0.1:61000 > 127.0.0.1:1024", cookie(2), at(3*second), asServer(5001, 1007))
	w.expect(t, "a > b tcp 61000 | tuple 1 | syn-byte 1 | active 1 | 7/1")
}

func TestPendingBeforeTheStartIsOpenedInTheWindow(t *testing.T) {
	var w world
	ns := w.netns(1, "10.0.0.1")
	a := w.process(10, "a")
	w.socket(ns, "10.0.0.1:4000 > 203.0.113.9:80", cookie(1), adopted, held(a), state(flow.SynSent))
	w.socket(ns, "10.0.0.1:4000 > 203.0.113.9:80", cookie(1), at(3*second), asClient(1, 2))
	w.expect(t, "a > 203.0.113.9 tcp 80 | none 1 | handshake 1 | active 1 opened 1 | 1/2")
}

func TestUnacceptedBelongsToTheListener(t *testing.T) {
	var w world
	ns := w.netns(1)
	a, master, worker := w.process(10, "a"), w.process(20, "master"), w.process(21, "worker")
	w.listener(ns, "0.0.0.0:80", worker, master)
	w.socket(ns, "127.0.0.1:4000 > 127.0.0.1:80", held(a), asClient(1, 0))
	w.socket(ns, "127.0.0.1:80 > 127.0.0.1:4000", unaccepted, asServer(0, 1))
	w.expect(t, "a > master tcp 80 | tuple 1 | syn-byte 1 | active 1 opened 1 | 1/0")
}

func TestAcceptedAfterItWasSeenWaitingIsInferred(t *testing.T) {
	var w world
	ns := w.netns(1)
	a, master, worker := w.process(10, "a"), w.process(20, "master"), w.process(21, "worker")
	w.listener(ns, "0.0.0.0:80", worker, master)
	w.socket(ns, "127.0.0.1:4000 > 127.0.0.1:80", cookie(7), held(a), asClient(1, 0))
	w.socket(ns, "127.0.0.1:80 > 127.0.0.1:4000", cookie(8), unaccepted, asServer(0, 1))
	w.socket(ns, "127.0.0.1:4000 > 127.0.0.1:80", cookie(7), at(3*second), died, asClient(1, 5))
	w.socket(ns, "127.0.0.1:80 > 127.0.0.1:4000", cookie(8), at(3*second), died, asServer(5, 1))
	w.expect(t, "a > master tcp 80 | listener 1 | syn-byte 1 | opened 1 closed 1 | 1/5")
}

func TestFirstSeenInTheLastLookGoesToTheListener(t *testing.T) {
	var w world
	ns := w.netns(1)
	a, b := w.process(10, "a"), w.process(20, "b")
	w.listener(ns, "0.0.0.0:80", b)
	w.socket(ns, "127.0.0.1:4000 > 127.0.0.1:80", lastLook, held(a), asClient(1, 0))
	w.expect(t, "a > b tcp 80 | listener 1 | syn-byte 1 | active 1 opened 1 | 1/0")
}

func TestHandoverSplitsTheBytesAndSaysWhatIsUncertain(t *testing.T) {
	for _, uncertain := range []bool{false, true} {
		var w world
		ns := w.netns(1)
		a, b, c := w.process(10, "a"), w.process(20, "b"), w.process(30, "c")
		w.socket(ns, "127.0.0.1:4000 > 127.0.0.1:80", cookie(1), held(a), asClient(150, 500))
		w.socket(ns, "127.0.0.1:80 > 127.0.0.1:4000", cookie(2), held(b), asServer(0, 100))
		w.tell(&flow.Handover{Time: start + 2*second, Cookie: 2, From: b, Counters: flow.Counters{BytesReceived: 100}, Inexact: uncertain})
		w.socket(ns, "127.0.0.1:80 > 127.0.0.1:4000", cookie(2), at(3*second), held(c), asServer(500, 150))
		mark := ""
		if uncertain {
			mark = " inexact bytes.to_client,bytes.to_server"
		}
		w.expect(t,
			"a > b tcp 80 |  |  | | 100/0"+mark,
			"a > c tcp 80 | tuple 1 | syn-byte 1 | active 1 opened 1 | 50/500"+mark)
	}
}

func TestNamelessEnds(t *testing.T) {
	ns := flow.NetnsID(1)
	made := func() (*world, flow.ProcessKey) {
		w := &world{}
		w.netns(1)
		b := w.process(20, "b")
		w.listener(ns, "127.0.0.1:80", b)
		return w, b
	}
	t.Run("reset by the client", func(t *testing.T) {
		w, b := made()
		w.socket(ns, "0.0.0.0:4000 > 127.0.0.1:0", vanished)
		w.socket(ns, "127.0.0.1:80 > 127.0.0.1:4000", held(b), died, asServer(2, 1))
		w.expect(t, "127.0.0.1@1 > b tcp 80 | none 1 | listener 1 | opened 1 closed 1 | 2/2 inexact bytes.to_server")
	})
	t.Run("refused", func(t *testing.T) {
		w, _ := made()
		w.socket(ns, "0.0.0.0:4000 > 127.0.0.1:0", vanished)
		w.expect(t, "unknown@1 > 127.0.0.1@1 tcp | none 1 | handshake 1 | failed 1")
	})
	t.Run("established and never accepted", func(t *testing.T) {
		w, _ := made()
		for _, port := range []string{"4000", "4001"} {
			w.socket(ns, "0.0.0.0:"+port+" > 127.0.0.1:0", vanished, func(s *flow.Socket) { s.Connected = true })
		}
		w.expect(t, "127.0.0.1@1 - unknown@1 tcp | none 2 | none 2 | opened 2 closed 2")
	})
}

func TestListenersTakeOnlyWhatTheyCan(t *testing.T) {
	var w world
	ns := w.netns(1, "10.0.0.1")
	a, b := w.process(10, "a"), w.process(20, "b")
	w.socket(ns, "[::]:53", udp, state(flow.Close), held(b), func(s *flow.Socket) { s.V6Only = true })
	w.socket(ns, "127.0.0.1:4000 > 127.0.0.1:53", udp, held(a))
	w.socket(ns, "0.0.0.0:54", udp, state(flow.Close), held(b), func(s *flow.Socket) { s.Scope = 7 })
	w.socket(ns, "127.0.0.1:4001 > 127.0.0.1:54", udp, held(a))
	w.socket(ns, "0.0.0.0:55", udp, state(flow.Close), held(b))
	w.socket(ns, "127.0.0.1:4002 > 127.0.0.1:55", udp, held(a))
	w.socket(ns, "10.0.0.1:4003 > 203.0.113.9:55", udp, held(a)) // not an address of this namespace
	w.socket(ns, "10.0.0.1:4004 > 239.1.1.1:55", udp, held(a))   // a group names no receiver
	w.expect(t,
		"127.0.0.1@1 - a udp 53-4000 | none 1 | none 1 | active 1 opened 1",
		"127.0.0.1@1 - a udp 54-4001 | none 1 | none 1 | active 1 opened 1",
		"a > b udp 55 | listener 1 | bound 1 | active 1 opened 1",
		"203.0.113.9 - a udp 55-4003 | none 1 | none 1 | active 1 opened 1",
		"a > 239.1.1.1 udp 55 | none 1 | kernel 1 | active 1 opened 1")
}

func TestListenersOfDifferentTimes(t *testing.T) {
	var w world
	ns := w.netns(1)
	older, younger := w.process(20, "older"), w.process(30, "younger")
	w.listener(ns, "127.0.0.1:80", older)
	w.socket(ns, "127.0.0.1:80", cookie(1), at(3*second), state(flow.Listen), func(s *flow.Socket) { s.Final = true })
	w.socket(ns, "127.0.0.1:80", cookie(9), at(6*second), state(flow.Listen), held(younger), func(s *flow.Socket) { s.After = start + 5*second })
	for i, at2 := range []flow.Time{2 * second, 8 * second} {
		port := []string{"4000", "4001"}[i]
		after := func(s *flow.Socket) { s.After = start + at2 - second }
		w.socket(ns, "127.0.0.1:"+port+" > 127.0.0.1:80", at(at2), after, died, asClient(1, 2))
		w.socket(ns, "127.0.0.1:80 > 127.0.0.1:"+port, at(at2), after, died, asServer(2, 1))
	}
	w.expect(t,
		"127.0.0.1@1 > older tcp 80 | listener 1 | syn-byte 1 | opened 1 closed 1 | 1/2",
		"127.0.0.1@1 > younger tcp 80 | listener 1 | syn-byte 1 | opened 1 closed 1 | 1/2")
}

func TestSimultaneousOpenHasNoClient(t *testing.T) {
	var w world
	ns := w.netns(1)
	a, b := w.process(10, "a"), w.process(20, "b")
	w.socket(ns, "127.0.0.1:7001 > 127.0.0.1:7002", cookie(1), held(a), state(flow.SynSent))
	w.socket(ns, "127.0.0.1:7002 > 127.0.0.1:7001", cookie(2), held(b), state(flow.SynSent))
	w.socket(ns, "127.0.0.1:7001 > 127.0.0.1:7002", cookie(1), asClient(1, 2))
	w.socket(ns, "127.0.0.1:7002 > 127.0.0.1:7001", cookie(2), asClient(2, 1))
	w.expect(t, "a - b tcp 7001-7002 | tuple 1 | none 1 | active 1 opened 1 | 1/2")
}

func TestSelfConnect(t *testing.T) {
	var w world
	ns := w.netns(1)
	a := w.process(10, "a")
	w.socket(ns, "127.0.0.1:7001 > 127.0.0.1:7001", held(a), state(flow.Established), func(s *flow.Socket) {
		s.HasCounters, s.Counters = true, flow.Counters{BytesSent: 5, BytesAcked: 6, BytesReceived: 5}
	})
	w.expect(t, "a > a tcp 7001 | kernel 1 | syn-byte 1 | active 1 opened 1 | 5/0")
}

func unixSocket(inode, peer uint64, path string, holder flow.ProcessKey, with ...func(*flow.UnixSocket)) *flow.UnixSocket {
	s := &flow.UnixSocket{Time: start, Inode: inode, Netns: 1, Type: flow.UnixStream, State: flow.Established, Peer: peer, Path: path, Holders: []flow.ProcessKey{holder}}
	for _, f := range with {
		f(s)
	}
	return s
}

func TestUnixDatagramClientThatConnectsAgain(t *testing.T) {
	var w world
	w.netns(1)
	a, b, c := w.process(10, "a"), w.process(20, "b"), w.process(30, "c")
	dgram := func(s *flow.UnixSocket) { s.Type = flow.UnixDgram }
	w.tell(unixSocket(900, 0, "/d1", b, dgram), unixSocket(800, 0, "/d2", c, dgram),
		unixSocket(950, 900, "", a, dgram), unixSocket(950, 900, "", a, dgram, func(s *flow.UnixSocket) { s.Final = true }),
		unixSocket(950, 800, "", a, dgram, func(s *flow.UnixSocket) { s.Generation = 1 }))
	w.expect(t,
		"a > b unix /d1 | kernel 1 | kernel 1 | opened 1 closed 1",
		"a > c unix /d2 | kernel 1 | kernel 1 | active 1 opened 1")
}

func TestUnixDatagramServerThatEnds(t *testing.T) {
	var w world
	w.netns(1)
	a, b := w.process(10, "a"), w.process(20, "b")
	dgram := func(s *flow.UnixSocket) { s.Type = flow.UnixDgram }
	w.tell(unixSocket(900, 0, "/d", b, dgram), unixSocket(950, 900, "", a, dgram),
		unixSocket(900, 0, "/d", b, dgram, func(s *flow.UnixSocket) { s.Final = true }))
	w.expect(t, "a > b unix /d | kernel 1 | kernel 1 | opened 1 closed 1")
}

func TestAddressesThatAreLocalToTheHostByPrefix(t *testing.T) {
	var w world
	one := w.netns(1, "10.0.0.1")
	two := w.netns(2, "192.0.2.0/24") // AnyIP: a whole prefix is delivered here
	w.connection(one, w.process(10, "a"), two, w.process(20, "b"), "10.0.0.1:4000 > 192.0.2.77:80")
	w.expect(t, "a > b tcp 80 | tuple 1 | syn-byte 1 | active 1 opened 1 | 10/20")
}

func TestKernelSocketsAreANodeOfTheirOwn(t *testing.T) {
	var w world
	ns := w.netns(1, "10.0.0.1")
	w.socket(ns, "10.0.0.1:700 > 203.0.113.9:2049", func(s *flow.Socket) { s.Kernel = true }, asClient(1, 2))
	m := mapOf(w.obs)
	if len(m.Edges) != 1 || m.Edges[0].Client != "kernel:4026530001" || m.Capture.Unattributed != (topology.Unattributed{}) {
		t.Errorf("edges %+v, unattributed %+v", m.Edges, m.Capture.Unattributed)
	}
}

func TestTupleUsedThreeTimesIsThreeConnections(t *testing.T) {
	for _, payload := range [][3]uint64{{10, 30, 700}, {700, 30, 10}, {5, 5, 5}} {
		var w world
		one, two := w.netns(1, "10.0.0.1"), w.netns(2, "10.0.0.2")
		b := w.process(20, "b")
		w.listener(two, "10.0.0.2:80", b)
		total := uint64(0)
		for i, n := range payload {
			w.socket(one, "10.0.0.1:4000 > 10.0.0.2:80", at(flow.Time(i+1)*second), died, asClient(n, 20))
			w.socket(two, "10.0.0.2:80 > 10.0.0.1:4000", at(flow.Time(i+1)*second), died, asServer(20, n))
			total += n
		}
		w.expect(t, fmt.Sprintf("10.0.0.1 > b tcp 80 | listener 3 | syn-byte 3 | opened 3 closed 3 | %d/60", total))
	}
}

func TestListenerWhoseAddressLivesElsewhereToo(t *testing.T) {
	var w world
	one, two := w.netns(1, "10.0.0.1"), w.netns(2, "10.0.0.2")
	w.tell(&flow.Namespace{ID: 3, Inode: 4026530003, Local: prefixes([]string{"10.0.0.2"})}) // not observed
	a, innocent := w.process(10, "a"), w.process(20, "innocent")
	w.listener(two, "0.0.0.0:90", innocent)
	w.socket(one, "10.0.0.1:4000 > 10.0.0.2:90", held(a), asClient(1, 2))
	w.socket(one, "10.0.0.1:4001 > 10.0.0.2:90", held(a), state(flow.SynSent))
	w.socket(two, "0.0.0.0:91", udp, state(flow.Close), held(innocent))
	w.socket(one, "10.0.0.1:4002 > 10.0.0.2:91", udp, held(a))
	w.expect(t,
		"a > 10.0.0.2@1 tcp 90 | ambiguous 1 none 1 | handshake 1 syn-byte 1 | active 1 opened 1 pending 1 | 1/2 candidates server=innocent",
		"a > 10.0.0.2@1 udp 91 | ambiguous 1 | bound 1 | active 1 opened 1 candidates server=innocent")
}

func TestResetWhoseServerStillHoldsItsSocket(t *testing.T) {
	var w world
	ns, other := w.netns(1), w.netns(2, "10.0.0.2")
	b, c := w.process(20, "b"), w.process(30, "c")
	w.listener(ns, "127.0.0.1:80", b)
	w.listener(other, "10.0.0.2:80", c)
	reset := func(s *flow.Socket) {
		s.State, s.Final, s.Connected, s.HasCounters = flow.Close, true, true, true
		s.Counters = flow.Counters{BytesSent: 5, BytesAcked: 6, BytesReceived: 9, RTT: 3}
	}
	w.socket(ns, "127.0.0.1:4000 > 127.0.0.1:80", reset)
	w.socket(ns, "10.0.0.1:4001 > 10.0.0.2:80", reset) // whatever stands between, nobody told of c's socket
	w.expect(t,
		"127.0.0.1@1 > b tcp 80 | listener 1 | listener 1 | opened 1 closed 1 | 5/9 inexact bytes.to_client",
		"10.0.0.1 > 10.0.0.2 tcp 80 | none 1 | listener 1 | opened 1 closed 1 | 5/9 inexact bytes.to_client")
}
