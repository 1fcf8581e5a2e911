package attribution_test

import (
	"testing"

	"peerscope/internal/attribution"
	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// The rules by which Apache SkyWalking Rover's network analyzer combines a
// host's connections, which this engine re-creates. Each must hold here.

func TestOriginalRule01MirroredAddressNamesPeerAndRole(t *testing.T) {
	var w world
	ns := w.netns(1, "10.0.0.1")
	a, b := w.process(10, "a"), w.process(20, "b")
	w.listener(ns, "10.0.0.1:80", b)
	// Our own end says nothing of its role; the other's port is listened on.
	w.socket(ns, "10.0.0.1:4000 > 10.0.0.1:80", held(a))
	w.socket(ns, "10.0.0.1:80 > 10.0.0.1:4000", held(b))
	w.expect(t, "a > b tcp 80 | tuple 1 | listener 1 | active 1 opened 1")
}

func TestOriginalRule02OnlyRemoteAddressKnown(t *testing.T) {
	var w world
	ns := w.netns(1, "10.0.0.1")
	w.tell(&flow.Loss{Reason: flow.LossNetlinkOverrun, Count: 1, Netns: ns}) // the other end may have been missed
	a, b := w.process(10, "a"), w.process(20, "b")
	w.listener(ns, "10.0.0.1:80", b)
	w.socket(ns, "10.0.0.1:4000 > 10.0.0.1:80", held(a), asClient(1, 2))
	w.expect(t, "a > b tcp 80 | listener 1 | syn-byte 1 | active 1 opened 1 | 1/2")
}

func TestOriginalRule02SeveralAreAmbiguous(t *testing.T) {
	var w world
	ns := w.netns(1, "10.0.0.1")
	w.tell(&flow.Loss{Reason: flow.LossNetlinkOverrun, Count: 1, Netns: ns})
	a, b, c := w.process(10, "a"), w.process(20, "b"), w.process(30, "c")
	w.listener(ns, "10.0.0.1:80", b) // SO_REUSEPORT: two sockets, two programs
	w.listener(ns, "10.0.0.1:80", c)
	w.socket(ns, "10.0.0.1:4000 > 10.0.0.1:80", held(a), asClient(1, 2))
	w.expect(t, "a > 10.0.0.1 tcp 80 | ambiguous 1 | syn-byte 1 | active 1 opened 1 | 1/2 candidates server=b,c")
}

func TestOriginalRule03RedirectedConnectionGoesToEnvoy(t *testing.T) {
	for _, how := range []string{"nat", "sequence"} {
		t.Run(how, func(t *testing.T) {
			var w world
			ns := w.netns(1, "10.0.0.1")
			app, envoy := w.process(10, "app"), w.process(20, "envoy")
			var c, s []opt
			if how == "sequence" {
				c, s = append(c, sequence(99, 500)), append(s, sequence(500, 100))
			} else {
				w.tell(&flow.Translation{Netns: ns, Transport: flow.TCP, Original: tuple("10.0.0.1:4000 > 10.96.0.7:80"), Reply: tuple("127.0.0.1:15001 > 10.0.0.1:4000")})
			}
			w.socket(ns, "10.0.0.1:4000 > 10.96.0.7:80", append(c, held(app), asClient(5, 6))...)
			w.socket(ns, "127.0.0.1:15001 > 10.0.0.1:4000", append(s, held(envoy), asServer(6, 5))...)
			role := "syn-byte"
			if how == "sequence" {
				role = "sequence"
			}
			w.expect(t, "app > envoy tcp 15001 | "+how+" 1 | "+role+" 1 | active 1 opened 1 | 5/6 dialed 10.96.0.7:80")
		})
	}
}

func mesh(id string, proxy bool, addrs ...string) func(*flow.Process) {
	return func(p *flow.Process) {
		p.InstanceID, p.ServiceProxy, p.MeshMember, p.InstanceAddrs = id, proxy, !proxy, addrs
	}
}

func TestOriginalRule04ProxyWithoutMatchReachesTheAppThatOwnsTheAddress(t *testing.T) {
	var w world
	ns := w.netns(1, "10.0.0.1")
	envoy := w.process(20, "envoy", mesh("pod-1", true))
	w.process(10, "app", mesh("pod-2", false, "10.0.0.9"))
	w.socket(ns, "10.0.0.1:4000 > 10.0.0.9:8080", held(envoy), asClient(5, 6))
	w.expect(t, "envoy > app tcp 8080 | sidecar 1 | syn-byte 1 | active 1 opened 1 | 5/6")
}

func TestOriginalRule05AppWithoutMatchReachesItsOwnProxy(t *testing.T) {
	var w world
	ns := w.netns(1, "10.0.0.1")
	app := w.process(10, "app", mesh("pod-1", false))
	w.process(20, "envoy", mesh("pod-1", true))
	w.process(21, "other", mesh("pod-2", true))
	w.socket(ns, "10.0.0.1:4000 > 203.0.113.9:443", held(app), asClient(5, 6))
	w.expect(t, "app > envoy tcp 443 | sidecar 1 | syn-byte 1 | active 1 opened 1 | 5/6")
}

func TestOriginalRule06RoleByExposedPortElseNone(t *testing.T) {
	var w world
	ns := w.netns(1, "10.0.0.1")
	a := w.process(10, "a", func(p *flow.Process) { p.ExposedPorts = []uint16{8080} })
	w.socket(ns, "10.0.0.1:8080 > 203.0.113.9:5000", held(a))
	w.socket(ns, "10.0.0.1:9090 > 203.0.113.9:5001", held(a))
	w.expect(t,
		"203.0.113.9 > a tcp 8080 | none 1 | exposed-port 1 | active 1 opened 1",
		"203.0.113.9 - a tcp 5001-9090 | none 1 | none 1 | active 1 opened 1")
}

func TestOriginalRule07ServerRoleExposesThePort(t *testing.T) {
	var w world
	ns := w.netns(1, "10.0.0.1")
	a, b := w.process(10, "a"), w.process(20, "b")
	w.connection(ns, b, ns, a, "10.0.0.1:4000 > 10.0.0.1:8080") // a serves 8080
	w.socket(ns, "10.0.0.1:8080 > 203.0.113.9:5000", held(a))   // nothing tells this one
	w.expect(t,
		"b > a tcp 8080 | tuple 1 | syn-byte 1 | active 1 opened 1 | 10/20",
		"203.0.113.9 > a tcp 8080 | none 1 | exposed-port 1 | active 1 opened 1")
}

func TestOriginalRule08KnownPeersMergeUnknownOnesFoldByAddress(t *testing.T) {
	var w world
	ns := w.netns(1, "10.0.0.1")
	a, b := w.process(10, "a"), w.process(20, "b")
	w.listener(ns, "10.0.0.1:80", b)
	w.connection(ns, a, ns, b, "10.0.0.1:4000 > 10.0.0.1:80")
	w.connection(ns, a, ns, b, "10.0.0.1:4001 > 10.0.0.1:80")
	w.socket(ns, "10.0.0.1:80 > 203.0.113.9:5000", held(b), asServer(2, 1))
	w.socket(ns, "10.0.0.1:80 > 203.0.113.9:5001", held(b), asServer(2, 1))
	w.socket(ns, "10.0.0.1:4002 > 203.0.113.9:443", held(a), asClient(1, 2))
	w.socket(ns, "10.0.0.1:4003 > 203.0.113.9:444", held(a), asClient(1, 2))
	w.expect(t,
		"a > b tcp 80 | tuple 2 | syn-byte 2 | active 2 opened 2 | 20/40",
		"203.0.113.9 > b tcp 80 | none 2 | syn-byte 2 | active 2 opened 2 | 2/4",
		"a > 203.0.113.9 tcp 443 | none 1 | syn-byte 1 | active 1 opened 1 | 1/2",
		"a > 203.0.113.9 tcp 444 | none 1 | syn-byte 1 | active 1 opened 1 | 1/2")
}

func TestOriginalRule09WhatOneConnectionKnowsOthersDoNotForget(t *testing.T) {
	var w world
	ns := w.netns(1, "10.0.0.1")
	a, b := w.process(10, "a"), w.process(20, "b")
	w.listener(ns, "10.0.0.1:80", b)
	w.connection(ns, a, ns, b, "10.0.0.1:4000 > 10.0.0.1:80")
	// The second has no counters, so its role rests on the listener alone; both
	// are rows of one edge, and neither hides the other's evidence.
	w.socket(ns, "10.0.0.1:4001 > 10.0.0.1:80", held(a))
	w.socket(ns, "10.0.0.1:80 > 10.0.0.1:4001", held(b))
	w.expect(t, "a > b tcp 80 | tuple 2 | listener 1 syn-byte 1 | active 2 opened 2 | 10/20 inexact bytes.to_client,bytes.to_server")
}

func TestOriginalRule10CountersAreIncrementsAndConnectionsCountOnce(t *testing.T) {
	var w world
	ns := w.netns(1, "10.0.0.1")
	a, b := w.process(10, "a"), w.process(20, "b")
	e, l := attribution.New(attribution.Config{}), topology.NewLedger()
	window := func(f func()) []string {
		w.obs = nil
		f()
		for _, o := range w.obs {
			e.Apply(o)
		}
		e.Close(l.Add)
		got := edgesOf(factsOf(e, l))
		l.Reset()
		return got
	}
	const t1, t2 = "10.0.0.1:4000 > 10.0.0.1:80", "10.0.0.1:80 > 10.0.0.1:4000"
	steps := []struct {
		tell func()
		want string
	}{
		{func() {
			w.process(10, "a")
			w.process(20, "b")
			w.socket(ns, t1, cookie(1), held(a), asClient(100, 1000))
			w.socket(ns, t2, cookie(2), held(b), asServer(1000, 100))
		}, "a > b tcp 80 | tuple 1 | syn-byte 1 | active 1 opened 1 | 100/1000"},
		{func() {
			w.socket(ns, t1, cookie(1), at(2*second), asClient(150, 1000))
			w.socket(ns, t2, cookie(2), at(2*second), asServer(1000, 150))
		}, "a > b tcp 80 | tuple 1 | syn-byte 1 | active 1 | 50/0"},
		{func() {}, "a > b tcp 80 | tuple 1 | syn-byte 1 | active 1 | 0/0"},
		{func() {
			w.socket(ns, t1, cookie(1), at(3*second), died, asClient(150, 1007))
			w.socket(ns, t2, cookie(2), at(3*second), died, asServer(1007, 150))
		}, "a > b tcp 80 | tuple 1 | syn-byte 1 | closed 1 | 0/7"},
	}
	for i, s := range steps {
		if got := window(s.tell); len(got) != 1 || got[0] != s.want {
			t.Errorf("window %d:\n got %q\nwant %q", i, got, s.want)
		}
	}
	if got := window(func() {}); len(got) != 0 {
		t.Errorf("after the end: %q", got)
	}
}

func TestOriginalRule11TrafficCanPrintItself(t *testing.T) {
	var w world
	ns := w.netns(1, "10.0.0.1")
	a := w.process(10, "a", func(p *flow.Process) {
		p.Entities = []flow.Entity{{Layer: "OS_LINUX", Service: "shop", Instance: "web-1", Process: "a"}}
	})
	b := w.process(20, "b")
	w.connection(ns, a, ns, b, "10.0.0.1:4000 > 10.0.0.1:80")
	e, _ := engineOf(w.obs)
	got := ""
	for _, accounts := range accountsOf(e) {
		got = accounts[0].Line
	}
	want := "(OS_LINUX)shop:web-1:a(10.0.0.1:4000)(pid 10) -> b(10.0.0.1:80)(pid 20): client, peer by tuple, role by syn-byte"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestOriginalRule12LocalAddressIsToldFromRemote(t *testing.T) {
	var w world
	ns := w.netns(1, "10.0.0.1")
	a := w.process(10, "a")
	w.socket(ns, "10.0.0.1:4000 > 10.0.0.1:80", held(a), asClient(1, 2)) // nobody is there
	w.socket(ns, "10.0.0.1:4001 > 203.0.113.9:80", held(a), asClient(1, 2))
	local := map[string]bool{}
	for _, n := range mapOf(w.obs).Nodes {
		if n.Kind == topology.KindAddress {
			local[n.Name] = n.Attributes.AddressLocal
		}
	}
	if !local["10.0.0.1"] || local["203.0.113.9"] || len(local) != 2 {
		t.Errorf("local addresses: %v, want 10.0.0.1 only", local)
	}
}

func TestOriginalRule13ProcessCarriesSeveralEntities(t *testing.T) {
	var w world
	ns := w.netns(1, "10.0.0.1")
	entities := []flow.Entity{{Layer: "MESH", Service: "shop"}, {Layer: "K8S_SERVICE", Service: "shop.default"}}
	a := w.process(10, "a", func(p *flow.Process) { p.Entities = entities })
	w.socket(ns, "10.0.0.1:4000 > 203.0.113.9:80", held(a), asClient(1, 2))
	e, _ := engineOf(w.obs)
	for ref := flow.NodeRef(1); ref < 4; ref++ {
		if n := e.Node(ref); n.Kind == flow.NodeProcess {
			if len(n.Process.Entities) != 2 || n.Process.Entities[1].Service != "shop.default" {
				t.Errorf("entities %v, want %v", n.Process.Entities, entities)
			}
			return
		}
	}
	t.Error("no process node")
}
