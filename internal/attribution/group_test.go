package attribution_test

import (
	"net/netip"
	"testing"

	"peerscope/internal/flow"
)

// Datagrams to a group, and what those do who hear them.

func TestDatagramsToAGroup(t *testing.T) {
	var w world
	ns := w.netns(1, "10.0.0.1")
	a, b := w.process(10, "a"), w.process(20, "b")
	w.bound(ns, "0.0.0.0:5353", a, b)
	w.socket(ns, "0.0.0.0:5353 > 224.0.0.251:5353", held(a), unconnected, first(flow.Client), datagrams(40, 0))
	w.socket(ns, "0.0.0.0:5353 > 10.0.0.1:5353", held(b), unconnected, first(flow.Server), datagrams(0, 40))
	w.expect(t,
		"a > 224.0.0.251 udp 5353 | none 1 | kernel 1 | active 1 opened 1 | 40/0")
}

func TestGroupIsHeardInAnotherNamespace(t *testing.T) {
	var w world
	one, two := w.netns(1, "10.0.0.1"), w.netns(2, "10.0.0.2")
	a, b := w.process(10, "a"), w.process(20, "b")
	w.bound(two, "0.0.0.0:5000", b)
	w.socket(one, "10.0.0.1:4000 > 239.1.1.1:5000", held(a), first(flow.Client), datagrams(40, 0))
	w.socket(two, "0.0.0.0:5000 > 10.0.0.1:4000", held(b), unconnected, first(flow.Server), datagrams(0, 40))
	// What another port of that address sent was for b alone, and so was what b
	// answered.
	w.socket(one, "10.0.0.1:4001 > 239.1.1.1:5000", held(a), unconnected, first(flow.Client), datagrams(1, 0))
	w.socket(one, "10.0.0.1:4001 > 10.0.0.2:5000", held(a), unconnected, first(flow.Server), datagrams(0, 7))
	w.socket(two, "0.0.0.0:5000 > 10.0.0.1:4001", held(b), unconnected, first(flow.Server), datagrams(7, 1))
	w.socket(two, "0.0.0.0:5000 > 10.0.0.1:4002", held(b), unconnected, first(flow.Server), datagrams(0, 9))
	// One that was there before the observation answers a broadcast.
	w.tell(&flow.Namespace{Time: start, ID: one, Broadcast: []netip.Prefix{netip.MustParsePrefix("10.0.0.255/32")}})
	w.socket(one, "0.0.0.0:4003 > 10.0.0.255:5001", held(a), unconnected, first(flow.Client), datagrams(30, 0))
	w.socket(one, "0.0.0.0:4003 > 10.0.0.2:5001", held(a), unconnected, first(flow.Server), datagrams(0, 3))
	w.socket(two, "0.0.0.0:5001 > 10.0.0.1:4003", held(b), unconnected, older, first(flow.Server), datagrams(3, 30))
	w.expectShuffled(t,
		"a > 10.0.0.255 udp 5001 | none 1 | kernel 1 | active 1 opened 1 | 30/0",
		"a > b udp 5001 | tuple 1 | first-datagram 1 | active 1 opened 1 | 0/3",
		"10.0.0.1 > b udp 5000 | none 1 | listener 1 | active 1 opened 1 | 9/0",
		"a > b udp 5000 | tuple 1 | first-datagram 1 | active 1 opened 1 | 0/7",
		"a > 239.1.1.1 udp 5000 | none 2 | kernel 2 | active 2 opened 2 | 41/0")
}
