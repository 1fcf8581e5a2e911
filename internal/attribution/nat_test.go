package attribution_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/attribution"
	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// translation tells an entry of a namespace: what the client's socket has, and
// what the server's has.
func (w *world) translation(ns flow.NetnsID, client, server string, with ...func(*flow.Translation)) {
	o := &flow.Translation{Time: start + second, Netns: ns, Transport: flow.TCP, Original: tuple(client), Reply: tuple(server)}
	for _, f := range with {
		f(o)
	}
	w.tell(o)
}

func made(t flow.Time) func(*flow.Translation) {
	return func(o *flow.Translation) { o.Time, o.Opened = start+t, start+t }
}
func removed(t flow.Time) func(*flow.Translation) {
	return func(o *flow.Translation) { o.Time, o.Closed = start+t, start+t }
}
func wasThere(o *flow.Translation) { o.Adopted = true }
func ofUDP(o *flow.Translation)    { o.Transport = flow.UDP }
func after(t flow.Time) opt        { return func(s *flow.Socket) { s.After = start + t } }

// router is a client, a router and a server with addresses of their own:
// 10.1.0.2 -- 10.1.0.1 [router] 10.2.0.1 -- 10.2.0.2.
func (w *world) router(first flow.NetnsID) (client, router, server flow.NetnsID) {
	return w.netns(first, "10.1.0.2"), w.netns(first+1, "10.1.0.1", "10.2.0.1"), w.netns(first+2, "10.2.0.2")
}

const (
	asked    = "10.1.0.2:4000 > 10.9.9.9:80"
	answered = "10.2.0.2:8080 > 10.2.0.1:4000"
)

func TestTranslationJoinsThroughARouter(t *testing.T) {
	var w world
	c, r, s := w.router(1)
	a, b := w.process(10, "a"), w.process(20, "b")
	w.translation(r, asked, answered, made(second/2))
	w.socket(c, asked, held(a), asClient(1, 2))
	w.socket(s, answered, held(b), asServer(2, 1))
	w.expect(t, "a > b tcp 8080 | nat 1 | syn-byte 1 | active 1 opened 1 | 1/2 dialed 10.9.9.9:80")
}

func TestTranslationOfTheMillisecondOfTheConnect(t *testing.T) {
	const microsecond = second / 1e6
	var w world
	c, r, s := w.router(1)
	a, b := w.process(10, "a"), w.process(20, "b")
	w.translation(r, asked, answered, made(second+100*microsecond))
	w.socket(c, asked, held(a), opened(second), at(2*second), asClient(1, 2))
	w.socket(s, answered, held(b), opened(second+150*microsecond), at(2*second), asServer(2, 1))
	w.expect(t, "a > b tcp 8080 | nat 1 | syn-byte 1 | active 1 opened 1 | 1/2 dialed 10.9.9.9:80")
}

func TestTranslationsOfTwoRoutersInARow(t *testing.T) {
	var w world
	c, r1 := w.netns(1, "10.1.0.2"), w.netns(2, "10.1.0.1", "10.3.0.1")
	r2, s := w.netns(3, "10.3.0.2", "10.2.0.1"), w.netns(4, "10.2.0.2")
	a, b := w.process(10, "a"), w.process(20, "b")
	w.translation(r1, asked, "10.9.9.9:80 > 10.3.0.1:5000")
	w.translation(r2, "10.3.0.1:5000 > 10.9.9.9:80", "10.2.0.2:8080 > 10.2.0.1:6000")
	w.socket(c, asked, held(a), asClient(1, 2))
	w.socket(s, "10.2.0.2:8080 > 10.2.0.1:6000", held(b), asServer(2, 1))
	w.expect(t, "a > b tcp 8080 | nat 1 | syn-byte 1 | active 1 opened 1 | 1/2 dialed 10.9.9.9:80")
}

// Two tenants with the same addresses, the same rules and the same ports, each
// behind a router of its own: nothing tells which client is behind which.
func TestTwinRoutersAreAmbiguous(t *testing.T) {
	var w world
	var ns [2][3]flow.NetnsID
	for i := range ns {
		ns[i][0], ns[i][1], ns[i][2] = w.router(flow.NetnsID(1 + 3*i))
		w.translation(ns[i][1], asked, answered, made(second/2+flow.Time(i)))
	}
	a, b, x, y := w.process(10, "a"), w.process(20, "b"), w.process(30, "x"), w.process(40, "y")
	w.socket(ns[0][0], asked, held(a), asClient(1, 2))
	w.socket(ns[0][2], answered, held(b), asServer(2, 1))
	w.socket(ns[1][0], asked, held(x), asClient(3, 4))
	w.socket(ns[1][2], answered, held(y), asServer(4, 3))
	w.expect(t,
		"10.2.0.1@3 > b tcp 8080 | ambiguous 1 | syn-byte 1 | active 1 opened 1 | 1/2 candidates client=a,x",
		"10.2.0.1@6 > y tcp 8080 | ambiguous 1 | syn-byte 1 | active 1 opened 1 | 3/4 candidates client=a,x",
		"a > 10.9.9.9 tcp 80 | ambiguous 1 | syn-byte 1 | active 1 opened 1 | 1/2 candidates server=b,y",
		"x > 10.9.9.9 tcp 80 | ambiguous 1 | syn-byte 1 | active 1 opened 1 | 3/4 candidates server=b,y")
}

// The same with ports that differ: each translation fits one client and one
// server only.
func TestTwinRoutersWithOtherPortsAreRight(t *testing.T) {
	var w world
	names := [2][2]string{{"a", "b"}, {"x", "y"}}
	ports := [2][2]string{
		{"10.1.0.2:4000 > 10.9.9.9:80", "10.2.0.2:8080 > 10.2.0.1:4000"},
		{"10.1.0.2:4001 > 10.9.9.9:80", "10.2.0.2:8080 > 10.2.0.1:4001"}}
	for i := range names {
		c, r, s := w.router(flow.NetnsID(1 + 3*i))
		w.translation(r, ports[i][0], ports[i][1])
		w.socket(c, ports[i][0], held(w.process(int32(10+i), names[i][0])), asClient(1, 2))
		w.socket(s, ports[i][1], held(w.process(int32(20+i), names[i][1])), asServer(2, 1))
	}
	w.expect(t,
		"a > b tcp 8080 | nat 1 | syn-byte 1 | active 1 opened 1 | 1/2 dialed 10.9.9.9:80",
		"x > y tcp 8080 | nat 1 | syn-byte 1 | active 1 opened 1 | 1/2 dialed 10.9.9.9:80")
}

// A client of one tenant and the router and server of the other: the client that
// the translation is of, and the router of the one that is seen, are not looked at.
func TestCrossedTenantsBehindRouters(t *testing.T) {
	var w world
	c := w.netns(1, "10.1.0.2")
	w.tell(&flow.Namespace{Time: start, ID: 7, Inode: 4026530007, Local: prefixes([]string{"10.1.0.2"})})
	r, s := w.netns(2, "10.1.0.1", "10.2.0.1"), w.netns(3, "10.2.0.2")
	a, b := w.process(10, "a"), w.process(20, "b")
	w.translation(r, asked, answered)
	w.socket(c, asked, held(a), asClient(1, 2))
	w.socket(s, answered, held(b), asServer(2, 1))
	w.expect(t,
		"10.2.0.1 > b tcp 8080 | ambiguous 1 | syn-byte 1 | active 1 opened 1 | 1/2 candidates client=a",
		"a > 10.9.9.9 tcp 80 | ambiguous 1 | syn-byte 1 | active 1 opened 1 | 1/2 candidates server=b")
}

// What a namespace rewrites of its own does not join sockets of others.
func TestTranslationOfItsOwnStaysInItsNamespace(t *testing.T) {
	var w world
	one, two := w.netns(1, "10.0.0.1"), w.netns(2, "10.0.0.1")
	a, b := w.process(10, "a"), w.process(20, "b")
	w.translation(one, "10.0.0.1:4000 > 10.0.0.9:80", "127.0.0.1:15001 > 10.0.0.1:4000")
	w.socket(two, "10.0.0.1:4000 > 10.0.0.9:80", held(a), asClient(1, 2))
	w.socket(one, "127.0.0.1:15001 > 10.0.0.1:4000", held(b), asServer(2, 1))
	w.expect(t,
		"10.0.0.1@1 > b tcp 15001 | none 1 | syn-byte 1 | active 1 opened 1 | 1/2",
		"a > 10.0.0.9 tcp 80 | none 1 | syn-byte 1 | active 1 opened 1 | 1/2")
}

func TestHairpin(t *testing.T) {
	var w world
	c, r, s := w.netns(1, "10.1.0.2"), w.netns(2, "10.1.0.1"), w.netns(3, "10.1.0.3")
	a, b := w.process(10, "a"), w.process(20, "b")
	w.translation(r, "10.1.0.2:4000 > 10.1.0.1:80", "10.1.0.3:8080 > 10.1.0.1:4000")
	w.socket(c, "10.1.0.2:4000 > 10.1.0.1:80", held(a), asClient(1, 2))
	w.socket(s, "10.1.0.3:8080 > 10.1.0.1:4000", held(b), asServer(2, 1))
	w.expect(t, "a > b tcp 8080 | nat 1 | syn-byte 1 | active 1 opened 1 | 1/2 dialed 10.1.0.1:80")
}

// A masqueraded port that another client gets a moment later: the server's two
// sockets have one tuple, the clients' have two.
func TestMasqueradedPortUsedAgain(t *testing.T) {
	var w world
	one, two := w.netns(1, "10.1.0.2"), w.netns(4, "10.1.0.3")
	r, s := w.netns(2, "10.1.0.1", "10.2.0.1"), w.netns(3, "10.2.0.2")
	a, x, b, y := w.process(10, "a"), w.process(11, "x"), w.process(20, "b"), w.process(21, "y")
	server := "10.2.0.2:80 > 10.2.0.1:4000"
	w.translation(r, "10.1.0.2:4000 > 10.2.0.2:80", server, made(second))
	w.translation(r, "10.1.0.2:4000 > 10.2.0.2:80", server, removed(2*second))
	w.translation(r, "10.1.0.3:4000 > 10.2.0.2:80", server, made(3*second))
	w.socket(one, "10.1.0.2:4000 > 10.2.0.2:80", at(2*second), held(a), ended, exactClient(1, 2))
	w.socket(s, server, at(2*second), held(b), ended, exactServer(2, 1))
	w.socket(two, "10.1.0.3:4000 > 10.2.0.2:80", at(4*second), held(x), asClient(3, 4))
	w.socket(s, server, at(4*second), held(y), asServer(4, 3))
	w.expect(t,
		"a > b tcp 80 | nat 1 | syn-byte 1 | opened 1 closed 1 | 1/2",
		"x > y tcp 80 | nat 1 | syn-byte 1 | active 1 opened 1 | 3/4")
}

// A client's port that is used again and sent to another backend.
func TestClientsPortUsedAgainForAnotherBackend(t *testing.T) {
	var w world
	c, r, s := w.router(1)
	other := w.netns(4, "10.2.0.3")
	a, b, y := w.process(10, "a"), w.process(20, "b"), w.process(21, "y")
	second2 := "10.2.0.3:8080 > 10.2.0.1:4000"
	w.translation(r, asked, answered, made(second))
	w.translation(r, asked, second2, made(3*second))
	w.socket(c, asked, at(2*second), held(a), ended, exactClient(1, 2))
	w.socket(s, answered, at(2*second), held(b), ended, exactServer(2, 1))
	w.socket(c, asked, at(4*second), held(a), asClient(3, 4))
	w.socket(other, second2, at(4*second), held(y), asServer(4, 3))
	w.expect(t,
		"a > b tcp 8080 | nat 1 | syn-byte 1 | opened 1 closed 1 | 1/2 dialed 10.9.9.9:80",
		"a > y tcp 8080 | nat 1 | syn-byte 1 | active 1 opened 1 | 3/4 dialed 10.9.9.9:80")
}

// The same, where the making of one was not told: nobody is picked, unless the
// times exclude the other.
func TestPortUsedAgainWithoutTheTimes(t *testing.T) {
	var w world
	c, r, s := w.router(1)
	other := w.netns(4, "10.2.0.3")
	a, b, y := w.process(10, "a"), w.process(20, "b"), w.process(21, "y")
	second2 := "10.2.0.3:8080 > 10.2.0.1:4000"
	w.translation(r, asked, answered)
	w.translation(r, asked, second2)
	w.socket(c, asked, at(2*second), held(a), ended, exactClient(1, 2))
	w.socket(s, answered, at(2*second), held(b), ended, exactServer(2, 1))
	w.socket(c, asked, at(4*second), held(a), asClient(3, 4))
	w.socket(other, second2, at(4*second), held(y), asServer(4, 3))
	w.expect(t,
		"10.2.0.1 > b tcp 8080 | ambiguous 1 | syn-byte 1 | opened 1 closed 1 | 1/2 candidates client=a",
		"10.2.0.1 > y tcp 8080 | ambiguous 1 | syn-byte 1 | active 1 opened 1 | 3/4 candidates client=a",
		"a > 10.9.9.9 tcp 80 | ambiguous 2 | syn-byte 2 | active 1 opened 2 closed 1 | 4/6 candidates server=b,y")
}

// An entry of before that nobody uses any more does not lead a younger
// connection of that port anywhere.
func TestOldEntryOfAPortIsNotTheYoungConnections(t *testing.T) {
	f := func(name string, with ...func(*flow.Translation)) {
		t.Run(name, func(t *testing.T) {
			var w world
			c, r, s := w.router(1)
			a, b := w.process(10, "a"), w.process(20, "b")
			w.translation(r, asked, answered, with...)
			if name == "removed" {
				w.translation(r, asked, answered, wasThere)
			}
			w.socket(c, asked, at(5*second), after(4*second), held(a), asClient(1, 2))
			w.socket(s, answered, at(2*second), held(b), asServer(2, 1))
			w.expect(t,
				"10.2.0.1 > b tcp 8080 | none 1 | syn-byte 1 | active 1 opened 1 | 1/2",
				"a > 10.9.9.9 tcp 80 | none 1 | syn-byte 1 | active 1 opened 1 | 1/2")
		})
	}
	f("made before", made(second))
	f("there before", wasThere)
	f("removed", removed(3*second))
}

func TestSequenceDecidesBeforeTranslation(t *testing.T) {
	f := func(name string, toOther bool, contradictions uint64) {
		t.Run(name, func(t *testing.T) {
			var w world
			c, r, s := w.router(1)
			other := w.netns(4, "10.2.0.3")
			a, b := w.process(10, "a"), w.process(20, "b")
			x, y := w.process(11, "x"), w.process(21, "y")
			w.socket(c, asked, held(a), sequence(99, 500), exactClient(1, 2))
			w.socket(s, answered, held(b), sequence(500, 100), exactServer(2, 1))
			w.socket(c, "10.1.0.2:4001 > 10.9.9.9:80", held(x), sequence(199, 700), exactClient(1, 2))
			w.socket(other, "10.2.0.3:8080 > 10.2.0.1:4001", held(y), sequence(700, 200), exactServer(2, 1))
			if toOther {
				w.translation(r, asked, "10.2.0.3:8080 > 10.2.0.1:4001")
			} else {
				w.translation(r, asked, answered)
				w.translation(r, "10.1.0.2:4001 > 10.9.9.9:80", "10.2.0.3:8080 > 10.2.0.1:4001")
			}
			w.expect(t,
				"a > b tcp 8080 | sequence 1 | sequence 1 | active 1 opened 1 | 1/2 dialed 10.9.9.9:80",
				"x > y tcp 8080 | sequence 1 | sequence 1 | active 1 opened 1 | 1/2 dialed 10.9.9.9:80")
			if got := mapOf(w.obs).Capture.Lost["contradiction"]; got != contradictions {
				t.Errorf("%d contradictions, want %d", got, contradictions)
			}
		})
	}
	f("agrees", false, 0)
	f("disagrees", true, 2) // of the client, and of the server that the entry leads to
}

// A socket that the sequence identity gave to another is no candidate.
func TestTranslationDoesNotTakeWhatSequenceJoined(t *testing.T) {
	var w world
	c, r, s := w.router(1)
	a, b, x := w.process(10, "a"), w.process(20, "b"), w.process(11, "x")
	w.translation(r, asked, answered)
	w.socket(c, asked, held(a), asClient(1, 2))
	w.socket(c, "10.1.0.2:4001 > 10.9.9.9:80", held(x), sequence(99, 500), exactClient(1, 2))
	w.socket(s, answered, held(b), sequence(500, 100), exactServer(2, 1))
	w.expect(t,
		"a > 10.9.9.9 tcp 80 | none 1 | syn-byte 1 | active 1 opened 1 | 1/2",
		"x > b tcp 8080 | sequence 1 | sequence 1 | active 1 opened 1 | 1/2 dialed 10.9.9.9:80")
}

func TestDatagramsThroughATranslation(t *testing.T) {
	f := func(name, client, server string, with ...opt) {
		t.Run(name, func(t *testing.T) {
			var w world
			c, r, s := w.router(1)
			a, b := w.process(10, "a"), w.process(20, "b")
			w.translation(r, "10.1.0.2:4000 > 10.9.9.9:53", "10.2.0.2:5353 > 10.2.0.1:4000", ofUDP)
			w.socket(c, client, append(with, udp, held(a), datagrams(1, 2), first(flow.Client))...)
			w.socket(s, server, udp, unconnected, held(b), datagrams(2, 1), first(flow.Server))
			w.expect(t, "a > b udp 5353 | nat 1 | first-datagram 1 | active 1 opened 1 | 1/2 dialed 10.9.9.9:53")
		})
	}
	f("connected client", "10.1.0.2:4000 > 10.9.9.9:53", "10.2.0.2:5353 > 10.2.0.1:4000")
	f("server on any address", "10.1.0.2:4000 > 10.9.9.9:53", "0.0.0.0:5353 > 10.2.0.1:4000")
	f("both on any address", "0.0.0.0:4000 > 10.9.9.9:53", "0.0.0.0:5353 > 10.2.0.1:4000", unconnected)
}

// A source that only looks sees the server's socket wait, and no flow of it.
func TestDatagramsThroughATranslationReachAListener(t *testing.T) {
	var w world
	c, r, s := w.router(1)
	a, b := w.process(10, "a"), w.process(20, "b")
	w.translation(r, "10.1.0.2:4000 > 10.9.9.9:53", "10.2.0.2:5353 > 10.2.0.1:4000", ofUDP)
	w.socket(c, "10.1.0.2:4000 > 10.9.9.9:53", udp, held(a))
	w.socket(s, "0.0.0.0:5353", udp, state(flow.Close), held(b))
	w.expect(t, "a > b udp 5353 | listener 1 | bound 1 | active 1 opened 1 dialed 10.9.9.9:53")
}

// One server's socket, and a client's port that two sockets used in turn.
func TestDatagramsOfAClientsPortUsedAgain(t *testing.T) {
	var w world
	c, r, s := w.router(1)
	a, x, b := w.process(10, "a"), w.process(11, "x"), w.process(20, "b")
	client, server := "10.1.0.2:4000 > 10.9.9.9:53", "10.2.0.2:5353 > 10.2.0.1:4000"
	w.translation(r, client, server, ofUDP)
	w.socket(c, client, udp, held(a), datagrams(1, 2), first(flow.Client), at(second), func(o *flow.Socket) { o.Final = true })
	w.socket(c, client, udp, held(x), datagrams(3, 4), first(flow.Client), at(3*second))
	w.socket(s, server, udp, unconnected, held(b), datagrams(6, 4), first(flow.Server))
	w.expect(t,
		"a > b udp 5353 | nat 1 | first-datagram 1 | opened 1 closed 1 | 1/2 dialed 10.9.9.9:53",
		"x > b udp 5353 | nat 1 | first-datagram 1 | active 1 opened 1 | 3/4 dialed 10.9.9.9:53")
}

// The listener behind a translation did not answer a connect that is pending.
func TestPendingConnectThroughATranslation(t *testing.T) {
	var w world
	c, r, s := w.router(1)
	a, b := w.process(10, "a"), w.process(20, "b")
	w.translation(r, asked, answered)
	w.listener(s, "10.2.0.2:8080", b)
	w.socket(c, asked, held(a), state(flow.SynSent))
	w.expect(t, "a > b tcp 8080 | listener 1 | handshake 1 | pending 1 dialed 10.9.9.9:80")
}

// What is over for a window is forgotten, what lives is not.
func TestOldTranslationsAreForgotten(t *testing.T) {
	var w world
	c, r, s := w.router(1)
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
	w.translation(r, asked, answered, made(second))
	w.translation(r, "10.1.0.2:4001 > 10.9.9.9:80", "10.2.0.2:8080 > 10.2.0.1:4001", made(second))
	w.translation(r, "10.1.0.2:4001 > 10.9.9.9:80", "10.2.0.2:8080 > 10.2.0.1:4001", removed(2*second))
	for range 3 {
		window()
	}
	for i, p := range []string{"4000", "4001"} {
		w.socket(c, "10.1.0.2:"+p+" > 10.9.9.9:80", held(a), asClient(1, 2))
		w.socket(s, "10.2.0.2:8080 > 10.2.0.1:"+p, held(b), asServer(2, 1))
		if got, want := len(window()), []int{1, 3}[i]; got != want {
			t.Errorf("port %s: %d edges, want %d", p, got, want)
		}
	}
}

// natWorld is twin routers with clients on both sides, whose few ports are used
// again and again, for connections that are told alive or when they are over.
func natWorld(seed uint64) *world {
	w := &world{}
	r := rand.New(rand.NewPCG(seed, 11))
	type tenant struct{ clients, servers [2]flow.NetnsID }
	var tenants [2]tenant
	var routers [2]flow.NetnsID
	for i := range tenants {
		first := flow.NetnsID(1 + 5*i)
		routers[i] = w.netns(first, "10.1.0.1", "10.2.0.1")
		for j := range 2 {
			tenants[i].clients[j] = w.netns(first+1+flow.NetnsID(j), fmt.Sprintf("10.1.0.%d", 2+j))
			tenants[i].servers[j] = w.netns(first+3+flow.NetnsID(j), fmt.Sprintf("10.2.0.%d", 2+j))
		}
	}
	last := map[string]flow.Time{} // when a tuple was last in use
	for i := range 12 {
		n, c, s := r.IntN(2), r.IntN(2), r.IntN(2)
		port := 4000 + r.IntN(3) + n*3*r.IntN(2) // some ports are used by both tenants
		client := fmt.Sprintf("10.1.0.%d:%d > 10.9.9.9:80", 2+c, port)
		server := fmt.Sprintf("10.2.0.%d:8080 > 10.2.0.1:%d", 2+s, port)
		t := flow.Time(i)*second + second
		one, two := fmt.Sprint(n, client), fmt.Sprint(n, server)
		if last[one] < 0 || last[two] < 0 {
			continue // still in use
		}
		ck, sk := w.process(int32(100+i), fmt.Sprint("c", i)), w.process(int32(200+i), fmt.Sprint("s", i))
		w.translation(routers[n], client, server, made(t))
		end := both(ended, at(t+second/2))
		last[one] = t
		if r.IntN(3) == 0 {
			end = at(t + second/2)
			last[one], last[two] = -1, -1
		}
		ago := opt(func(*flow.Socket) {})
		if r.IntN(2) == 0 {
			ago = after(t - second/4)
		}
		w.socket(tenants[n].clients[c], client, held(ck), end, ago, exactClient(uint64(i), 2))
		w.socket(tenants[n].servers[s], server, held(sk), end, ago, exactServer(2, uint64(i)))
	}
	return w
}

func TestTranslationsAreNeverWrongInAnyOrder(t *testing.T) {
	joined := uint64(0)
	for seed := range uint64(300) {
		w := natWorld(seed)
		m := mapOf(w.obs)
		want := edgesOf(m)
		joined += rightPairs(t, seed, m)
		r := rand.New(rand.NewPCG(seed, 12))
		obs := append(slices.Clone(w.obs), w.obs[r.IntN(len(w.obs)):]...)
		r.Shuffle(len(obs), func(i, j int) { obs[i], obs[j] = obs[j], obs[i] })
		if d := cmp.Diff(want, edgesOf(mapOf(obs))); d != "" {
			t.Fatalf("seed %d (-in order +shuffled):\n%s", seed, d)
		}
		// What is missing makes nothing wrong.
		some := slices.DeleteFunc(slices.Clone(w.obs), func(o flow.Observation) bool {
			_, isSocket := o.(*flow.Socket)
			return isSocket && r.IntN(8) == 0
		})
		rightPairs(t, seed, mapOf(some))
	}
	if joined < 1000 {
		t.Errorf("%d connections joined: the world is too hard to prove anything", joined)
	}
}

// rightPairs wants every edge between two processes to be of one connection, and
// counts them.
func rightPairs(t *testing.T, seed uint64, m *topology.Map) (joined uint64) {
	t.Helper()
	for _, e := range edgesOf(m) {
		pair, _, _ := strings.Cut(e, " tcp")
		var c, s int
		if n, _ := fmt.Sscanf(pair, "c%d > s%d", &c, &s); n == 2 {
			if c != s {
				t.Fatalf("seed %d: wrong edge %s", seed, e)
			}
			joined++
		}
	}
	return joined
}
