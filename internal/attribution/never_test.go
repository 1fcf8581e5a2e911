package attribution_test

import (
	"reflect"
	"testing"

	"peerscope/internal/attribution"
	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// What the engine must never do: each is a way in which such tools are known to
// be wrong.

func TestNever01AnotherOrderAnotherAnswer(t *testing.T) {
	// Every test of this package checks the reverse order and a second telling;
	// the random worlds of the property tests check any order.
	w := randomWorld(1, 40)
	w.expect(t, edgesOf(mapOf(w.obs))...)
}

func TestNever02PrivateAddressesOfAnotherNamespace(t *testing.T) {
	var w world
	one, two := w.netns(1), w.netns(2)
	a1, b1 := w.process(11, "a1"), w.process(12, "b1")
	a2, b2 := w.process(21, "a2"), w.process(22, "b2")
	// The same loopback address and both ports in both, at the same time.
	w.connection(one, a1, one, b1, "127.0.0.1:4000 > 127.0.0.1:80")
	w.connection(two, a2, two, b2, "127.0.0.1:4000 > 127.0.0.1:80")
	// And one whose other end exists in the other namespace only.
	w.socket(one, "127.0.0.1:4001 > 127.0.0.1:81", held(a1), asClient(1, 2))
	w.socket(two, "127.0.0.1:81 > 127.0.0.1:4001", held(b2), asServer(2, 1))
	w.expect(t,
		"a1 > b1 tcp 80 | tuple 1 | syn-byte 1 | active 1 opened 1 | 10/20",
		"a2 > b2 tcp 80 | tuple 1 | syn-byte 1 | active 1 opened 1 | 10/20",
		"a1 > 127.0.0.1@1 tcp 81 | none 1 | syn-byte 1 | active 1 opened 1 | 1/2",
		"127.0.0.1@2 > b2 tcp 81 | none 1 | syn-byte 1 | active 1 opened 1 | 1/2")
}

func TestNever02PrivateAddressOwnedElsewhere(t *testing.T) {
	var w world
	one := w.netns(1, "10.0.0.1")
	w.netns(2, "10.0.0.2")
	three := w.netns(3, "10.0.0.3")
	a, c := w.process(11, "a"), w.process(31, "c")
	// A mirrored tuple in a namespace where the address does not live.
	w.socket(one, "10.0.0.1:4000 > 10.0.0.2:80", held(a), asClient(1, 2))
	w.socket(three, "10.0.0.2:80 > 10.0.0.1:4000", held(c), asServer(2, 1))
	w.expect(t,
		"a > 10.0.0.2 tcp 80 | none 1 | syn-byte 1 | active 1 opened 1 | 1/2",
		"10.0.0.1 > c tcp 80 | none 1 | syn-byte 1 | active 1 opened 1 | 1/2")
}

func TestNever03PickTheLastWriter(t *testing.T) {
	var w world
	a1, a2 := w.netns(1, "10.0.0.1"), w.netns(2, "10.0.0.2")
	b1, b2 := w.netns(3, "10.0.0.1"), w.netns(4, "10.0.0.2")
	// Two tenants with the same addresses and ports on both sides.
	w.connection(a1, w.process(11, "ca"), a2, w.process(12, "sa"), "10.0.0.1:4000 > 10.0.0.2:80")
	w.connection(b1, w.process(21, "cb"), b2, w.process(22, "sb"), "10.0.0.1:4000 > 10.0.0.2:80")
	w.expect(t,
		"ca > 10.0.0.2@1 tcp 80 | ambiguous 1 | syn-byte 1 | active 1 opened 1 | 10/20 candidates server=sa,sb",
		"cb > 10.0.0.2@3 tcp 80 | ambiguous 1 | syn-byte 1 | active 1 opened 1 | 10/20 candidates server=sa,sb",
		"10.0.0.1@2 > sa tcp 80 | ambiguous 1 | syn-byte 1 | active 1 opened 1 | 10/20 candidates client=ca,cb",
		"10.0.0.1@4 > sb tcp 80 | ambiguous 1 | syn-byte 1 | active 1 opened 1 | 10/20 candidates client=ca,cb")
}

func TestNever03TwinWhoseOtherHalfIsNotRead(t *testing.T) {
	var w world
	// Namespaces 1 and 4 are looked at, 2 and 3 are not: the only mirrored
	// tuple that can be seen is the wrong tenant's.
	a1, b2 := w.netns(1, "10.0.0.1"), w.netns(4, "10.0.0.2")
	w.tell(&flow.Namespace{ID: 2, Inode: 4026530002, Local: prefixes([]string{"10.0.0.2"})},
		&flow.Namespace{ID: 3, Inode: 4026530003, Local: prefixes([]string{"10.0.0.1"})})
	w.connection(a1, w.process(11, "ca"), b2, w.process(22, "sb"), "10.0.0.1:4000 > 10.0.0.2:80")
	w.expect(t,
		"ca > 10.0.0.2@1 tcp 80 | ambiguous 1 | syn-byte 1 | active 1 opened 1 | 10/20 candidates server=sb",
		"10.0.0.1@4 > sb tcp 80 | ambiguous 1 | syn-byte 1 | active 1 opened 1 | 10/20 candidates client=ca")
}

func TestNever04ChangeItsInputs(t *testing.T) {
	w := randomWorld(2, 20)
	clone := randomWorld(2, 20)
	mapOf(w.obs)
	if !reflect.DeepEqual(w.obs, clone.obs) {
		t.Error("the observations were changed")
	}
}

func TestNever04KeepAClosedConnectionsPidForThePort(t *testing.T) {
	var w world
	ns := w.netns(1)
	a, b, c, d := w.process(10, "a"), w.process(20, "b"), w.process(30, "c"), w.process(40, "d")
	// The same four numbers carry one connection after the other.
	const t1, t2 = "127.0.0.1:4000 > 127.0.0.1:80", "127.0.0.1:80 > 127.0.0.1:4000"
	w.socket(ns, t1, held(a), at(1*second), asClient(1, 0))
	w.socket(ns, t2, held(b), at(1*second), asServer(0, 1))
	w.socket(ns, t1, cookie(1), at(2*second), died, asClient(1, 0))
	w.socket(ns, t2, cookie(2), at(2*second), died, asServer(0, 1))
	w.socket(ns, t1, cookie(101), held(c), at(3*second), asClient(7, 0))
	w.socket(ns, t2, cookie(102), held(d), at(3*second), asServer(0, 7))
	w.expect(t,
		"a > b tcp 80 | tuple 1 | syn-byte 1 | opened 1 closed 1 | 1/0",
		"c > d tcp 80 | tuple 1 | syn-byte 1 | active 1 opened 1 | 7/0")
}

func TestNever04TakeAReusedPidForTheOldProcess(t *testing.T) {
	var w world
	ns := w.netns(1, "10.0.0.1")
	old := w.process(10, "old")
	young := flow.ProcessKey{PID: 10, Start: 999}
	w.tell(&flow.Process{Time: start + 2*second, Key: young, Name: "young"})
	w.socket(ns, "10.0.0.1:4000 > 203.0.113.9:80", held(old), asClient(1, 2))
	w.socket(ns, "10.0.0.1:4001 > 203.0.113.9:80", held(young), asClient(3, 4))
	w.expect(t,
		"old > 203.0.113.9 tcp 80 | none 1 | syn-byte 1 | active 1 opened 1 | 1/2",
		"young > 203.0.113.9 tcp 80 | none 1 | syn-byte 1 | active 1 opened 1 | 3/4")
}

func TestNever05GuessTheRoleFromPorts(t *testing.T) {
	var w world
	ns := w.netns(1, "10.0.0.1")
	a, b := w.process(10, "a"), w.process(20, "b")
	// A server on 61000, a client on 1024, and nothing else to go by.
	w.connection(ns, a, ns, b, "10.0.0.1:1024 > 10.0.0.1:61000")
	w.socket(ns, "10.0.0.1:1025 > 203.0.113.9:61000", held(a))
	w.expect(t,
		"a > b tcp 61000 | tuple 1 | syn-byte 1 | active 1 opened 1 | 10/20",
		"203.0.113.9 - a tcp 61000-1025 | none 1 | none 1 | active 1 opened 1")
}

func TestNever05ContradictionMakesNoneAndIsCounted(t *testing.T) {
	var w world
	ns := w.netns(1, "10.0.0.1")
	a := w.process(10, "a")
	w.listener(ns, "10.0.0.1:80", a)
	w.socket(ns, "10.0.0.1:80 > 203.0.113.9:4000", held(a), asClient(1, 2)) // a certain 1 against a listener
	w.expect(t, "203.0.113.9 - a tcp 4000-80 | none 1 | none 1 | active 1 opened 1 | 2/1")
	if n := mapOf(w.obs).Capture.Lost["contradiction"]; n != 1 {
		t.Errorf("%d contradictions counted, want 1", n)
	}
}

func TestNever05SynByteOfZeroFallsSilent(t *testing.T) {
	var w world
	ns := w.netns(1, "10.0.0.1")
	a, b := w.process(10, "a"), w.process(20, "b")
	w.listener(ns, "10.0.0.1:80", b)
	// A packet of the client that its own host dropped is counted twice as sent:
	// its SYN byte looks like a server's. Of the 5 it sent, 4 and the SYN were
	// acknowledged.
	w.socket(ns, "10.0.0.1:4000 > 10.0.0.1:80", held(a), asServer(5, 2))
	w.socket(ns, "10.0.0.1:80 > 10.0.0.1:4000", held(b), asServer(2, 4))
	w.expect(t, "a > b tcp 80 | tuple 1 | listener 1 | active 1 opened 1 | 4/2")
	if n := mapOf(w.obs).Capture.Lost["contradiction"]; n != 1 {
		t.Errorf("%d contradictions counted, want 1", n)
	}
}

func TestNever06MergePorts(t *testing.T) {
	var w world
	ns := w.netns(1, "10.0.0.1")
	a, b := w.process(10, "a"), w.process(20, "b")
	w.connection(ns, a, ns, b, "10.0.0.1:4000 > 10.0.0.1:80")
	w.connection(ns, a, ns, b, "10.0.0.1:4001 > 10.0.0.1:81")
	w.expect(t,
		"a > b tcp 80 | tuple 1 | syn-byte 1 | active 1 opened 1 | 10/20",
		"a > b tcp 81 | tuple 1 | syn-byte 1 | active 1 opened 1 | 10/20")
}

func TestNever07LoseWhatLivedShortOrCameLate(t *testing.T) {
	var w world
	ns := w.netns(1)
	b := w.process(20, "b")
	w.listener(ns, "127.0.0.1:80", b)
	// Two milliseconds between two looks: only the deaths are told.
	w.socket(ns, "127.0.0.1:4000 > 127.0.0.1:80", died, asClient(10, 20))
	w.socket(ns, "127.0.0.1:80 > 127.0.0.1:4000", died, asServer(20, 10))
	w.expect(t, "127.0.0.1@1 > b tcp 80 | listener 1 | syn-byte 1 | opened 1 closed 1 | 10/20")
}

func TestNever07LoseASocketUsedAgain(t *testing.T) {
	var w world
	ns := w.netns(1)
	a, b := w.process(10, "a"), w.process(20, "b")
	w.listener(ns, "127.0.0.1:80", b)
	generation := func(g uint32) opt { return func(s *flow.Socket) { s.Generation = g } }
	// One socket: a connect in vain, then one that works.
	w.socket(ns, "127.0.0.1:4000 > 127.0.0.1:79", cookie(7), held(a), state(flow.SynSent))
	w.socket(ns, "127.0.0.1:4000 > 127.0.0.1:79", cookie(7), held(a), vanished)
	w.socket(ns, "127.0.0.1:4001 > 127.0.0.1:80", cookie(7), generation(1), held(a), asClient(1, 0))
	w.socket(ns, "127.0.0.1:80 > 127.0.0.1:4001", held(b), asServer(0, 1))
	w.expect(t,
		"a > 127.0.0.1@1 tcp 79 | none 1 | handshake 1 | failed 1",
		"a > b tcp 80 | tuple 1 | syn-byte 1 | active 1 opened 1 | 1/0")
}

func TestNever08DropSilently(t *testing.T) {
	var w world
	w.netns(1)
	for i, name := range flow.LossReasonNames {
		w.tell(&flow.Loss{Reason: flow.LossReason(i), Count: uint64(i + 1)})
		m := mapOf(w.obs)
		if got := m.Capture.Lost[name]; got != uint64(i+1) {
			t.Errorf("%s: %d counted, want %d", name, got, i+1)
		}
	}
	// What comes after its window was closed is counted, and no new connection.
	e, l := engineOf(nil)
	late := &flow.Socket{Time: start, Cookie: 1, Netns: 1, Transport: flow.TCP, State: flow.Close, Final: true, Connected: true, Tuple: tuple("10.0.0.1:1 > 10.0.0.2:2")}
	e.Apply(late)
	e.Close(l.Add)
	l.Reset()
	e.Apply(late)
	e.Close(l.Add)
	if m := factsOf(e, l); m.Capture.Lost["late"] != 1 || len(m.Edges) != 0 {
		t.Errorf("late %d, edges %v; want 1 and none", m.Capture.Lost["late"], edgesOf(m))
	}
}

func TestNever09TheSidecarsHopIsAnEdgeAndNoExtraTraffic(t *testing.T) {
	var w world
	pod, up := w.netns(1, "10.0.0.1"), w.netns(2, "10.0.0.2")
	app, envoy, backend := w.process(10, "app"), w.process(20, "envoy"), w.process(30, "backend")
	w.tell(&flow.Translation{Netns: pod, Transport: flow.TCP, Original: tuple("10.0.0.1:4000 > 10.0.0.2:80"), Reply: tuple("127.0.0.1:15001 > 10.0.0.1:4000")})
	w.socket(pod, "10.0.0.1:4000 > 10.0.0.2:80", held(app), asClient(5, 6))
	w.socket(pod, "127.0.0.1:15001 > 10.0.0.1:4000", held(envoy), asServer(6, 5))
	w.connection(pod, envoy, up, backend, "10.0.0.1:5000 > 10.0.0.2:80")
	w.expect(t,
		"app > envoy tcp 15001 | nat 1 | syn-byte 1 | active 1 opened 1 | 5/6 dialed 10.0.0.2:80",
		"envoy > backend tcp 80 | tuple 1 | syn-byte 1 | active 1 opened 1 | 10/20")
}

func TestNever09AListenerThatWasNotReached(t *testing.T) {
	var w world
	client, router := w.netns(1, "10.0.0.1"), w.netns(2, "10.0.0.254")
	a, web := w.process(10, "a"), w.process(20, "web")
	// The router's own program listens on the port that it forwards elsewhere.
	// Every death is told there, so a socket that nobody reported was not there.
	w.listener(router, "0.0.0.0:80", web)
	w.socket(client, "10.0.0.1:4000 > 10.0.0.254:80", held(a), asClient(5, 6))
	w.expect(t, "a > 10.0.0.254 tcp 80 | none 1 | syn-byte 1 | active 1 opened 1 | 5/6")
}

func TestNever10LookAtProcessesOnceAnEvent(t *testing.T) {
	// The engine asks nobody: 10,000 sockets of one process are told with that
	// process named once, and none of them makes it look again.
	var w world
	ns := w.netns(1, "10.0.0.1")
	a := w.process(10, "a")
	e, l := attribution.New(attribution.Config{}), topology.NewLedger()
	for _, o := range w.obs {
		e.Apply(o)
	}
	holders := []flow.ProcessKey{a}
	s := flow.Socket{Time: start, Netns: ns, Transport: flow.TCP, State: flow.Established, Tuple: tuple("10.0.0.1:4000 > 203.0.113.9:80"), Holders: holders}
	e.Apply(&s)
	allocs := testing.AllocsPerRun(1000, func() { s.Time++; e.Apply(&s) })
	e.Close(l.Add)
	if allocs != 0 {
		t.Errorf("%v allocations for each event, want 0", allocs)
	}
}
