package e2e

import (
	"fmt"

	"peerscope/test/e2e/script"
)

func udpScenarios() []Scenario {
	return []Scenario{
		{
			Name:   "udp-connected",
			Proves: "a connected UDP client of a bound server: the two processes, the port, who called",
			Limits: "Datagrams and their bytes are not counted; the process of an endpoint that comes and goes between two looks is not named.",
			Run:    udpConnected,
		},
		{
			Name:   "udp-unconnected",
			Proves: "two UDP sockets that name their peer in every call: nothing is invented",
			Limits: "Everything: the kernel keeps no trace of who such a socket talks to.",
			Run:    udpUnconnected,
		},
		{
			Name:   "udp-both-connected",
			Proves: "two UDP sockets connected to each other, in two namespaces",
			Limits: "Who called whom: both ends look the same.",
			Run:    udpBothConnected,
		},
		{
			Name:   "udp-specific",
			Proves: "of two UDP servers on one port the one on the very address gets the datagrams",
			Limits: "Datagrams and their bytes are not counted.",
			Run:    udpSpecific,
		},
		{
			Name:   "udp-open-server",
			Proves: "a server on 0.0.0.0 and clients none of which connects: a flow for each pair of endpoints, also where one client's socket talks to two servers, a client closes, or one server's socket takes IPv4 and IPv6",
			Limits: "Everything, as for udp-unconnected.",
			Run:    udpOpenServer,
		},
		{
			Name:   "udp-sink",
			Proves: "a server that never asks who sent a datagram, and clients that never hear of it: each flow has both its processes and every byte",
			Limits: "Everything, as for udp-unconnected.",
			Run:    udpSink,
		},
		{
			Name:   "udp-unasked",
			Proves: "clients that never ask who answers, by IPv4, IPv6 and IPv4 on an IPv6 socket, with two servers each: both ends count what came from whom",
			Limits: "Everything, as for udp-unconnected.",
			Run:    udpUnasked,
		},
		{
			Name:   "udp-brief",
			Proves: "50 UDP clients' sockets that connect, ask, are answered and close within a millisecond",
			Limits: "The client's process; datagrams and their bytes are not counted.",
			Run:    udpBrief,
		},
		{
			Name:   "udp-forked",
			Proves: "a UDP socket that a parent and its child use: the flow belongs to the one that used it last, and what each moved to the one that moved it",
			Limits: "Everything, as for udp-unconnected.",
			Run:    udpForked,
		},
		{
			Name:   "udp-answered-group",
			Proves: "a datagram to a multicast group that a hearer answers: the answer makes the hearer the asker's server, and what it heard is the group's alone",
			Limits: "Everything, as for udp-unconnected.",
			Run:    udpAnsweredGroup,
		},
		{
			Name:   "udp-group",
			Proves: "datagrams to a multicast group: the group's address is the server, and no receiver is named",
			Limits: "Datagrams and their bytes are not counted.",
			Run:    udpGroup,
		},
	}
}

func udpConnected(l *Lab) {
	a, b := l.Linked("a", "b")
	client, dns, near := l.Actor(a, "client"), l.Actor(b, "dns"), l.Actor(b, "near")
	ln := dns.Listen(script.UDP, l.V4("0.2:53"))
	sock, other := l.sock("c"), l.sock("c")
	l.Observe(a, b)
	client.Must(script.Command{Op: script.Connect, Sock: sock, Kind: script.UDP, Addr: ln.Addr})
	c := l.datagrams(script.UDP, side{client, sock}, side{dns, ln.Sock}, ln)
	c.query(script.UDP, 40, 400)
	// Another client on the server's own host, by its other address.
	near.Must(script.Command{Op: script.Connect, Sock: other, Kind: script.UDP, Addr: ln.Addr})
	d := l.datagrams(script.UDP, side{near, other}, side{dns, ln.Sock}, ln)
	d.query(script.UDP, 41, 0)
}

func udpUnconnected(l *Lab) {
	ns := l.Netns("a")
	client, dns := l.Actor(ns, "client"), l.Actor(ns, "dns")
	ln, from := dns.Listen(script.UDP, "127.0.0.1:53"), client.Listen(script.UDP, "127.0.0.1:5300")
	l.Observe(ns)
	c := l.loose(side{client, from.Sock}, ln, ln.Addr)
	c.ask(30, 0)
}

func udpBothConnected(l *Lab) {
	a, b := l.Linked("a", "b")
	one, two := l.Actor(a, "one"), l.Actor(b, "two")
	ends := [2]side{{one, l.sock("c")}, {two, l.sock("c")}}
	addrs := [2]string{l.V4("0.1:7000"), l.V4("0.2:7000")}
	l.Observe(a, b)
	for i, s := range ends {
		s.actor.Must(script.Command{Op: script.Connect, Sock: s.sock, Kind: script.UDP, Bind: addrs[i], Addr: addrs[1-i]})
	}
	c := l.datagrams(script.UDP, ends[0], ends[1], nil)
	c.Limits.NoRole = true
	c.Move(Client, 25, "", "")
	c.Move(Server, 26, "", "")
}

func udpSpecific(l *Lab) {
	ns := l.Netns("a")
	all, one, client := l.Actor(ns, "all"), l.Actor(ns, "one"), l.Actor(ns, "client")
	all.Listen(script.UDP, "0.0.0.0:53")
	ln := one.Listen(script.UDP, "127.0.0.1:53")
	sock := l.sock("c")
	l.Observe(ns)
	client.Must(script.Command{Op: script.Connect, Sock: sock, Kind: script.UDP, Addr: ln.Addr})
	c := l.datagrams(script.UDP, side{client, sock}, side{one, ln.Sock}, ln)
	c.query(script.UDP, 40, 50)
}

func udpOpenServer(l *Lab) {
	a, b := l.Linked("a", "b")
	dns, other := l.Actor(b, "dns"), l.Actor(b, "other")
	near, first, second := l.Actor(b, "near"), l.Actor(a, "first"), l.Actor(a, "second")
	ln, also := dns.Listen(script.UDP, "0.0.0.0:53"), other.Listen(script.UDP, "0.0.0.0:54")
	both := other.Listen(script.UDP, "[::]:55")
	l.Observe(a, b)
	shared := l.sock("c")
	var flows []*Conn
	for i, f := range []struct {
		client *Actor
		sock   string
		to     *Listener
		addr   string
	}{
		{first, l.sock("c"), ln, l.V4("0.2:53")},
		{first, l.sock("c"), ln, l.V4("0.2:53")},
		{second, shared, ln, l.V4("0.2:53")},
		{second, shared, also, l.V4("0.2:54")},
		{near, l.sock("c"), ln, "127.0.0.1:53"},
		{first, l.sock("c"), both, l.V6("2", 55)},
		{second, l.sock("c"), both, l.V4("0.2:55")},
	} {
		c := l.loose(side{f.client, f.sock}, f.to, f.addr)
		c.ask(int64(40+i), int64(400+i))
		flows = append(flows, c)
	}
	flows[2].ask(1, 0)
	flows[0].ended(flows[0].must(Client, script.Command{Op: script.Close}))
}

func udpSink(l *Lab) {
	a, b := l.Linked("a", "b")
	sink := l.Actor(b, "sink")
	ln := sink.Listen(script.UDP, "0.0.0.0:514")
	clients := []*Actor{l.Actor(a, "far"), l.Actor(b, "near")}
	l.Observe(a, b)
	for i, client := range clients {
		c := l.loose(side{client, l.sock("c")}, ln, l.V4("0.2:514"))
		c.via = script.ByRead
		c.ask(int64(90+i), 0)
		c.ask(int64(900+i), 0)
	}
}

func udpUnasked(l *Lab) {
	a, b := l.Linked("a", "b")
	client, one, other := l.Actor(a, "client"), l.Actor(b, "one"), l.Actor(b, "other")
	v4, v6, both := l.sock("c"), l.sock("c"), l.sock("c")
	first, second, any6 := one.Listen(script.UDP, "0.0.0.0:53"), other.Listen(script.UDP, "0.0.0.0:54"), other.Listen(script.UDP, "[::]:55")
	l.Observe(a, b)
	for i, f := range []struct {
		sock string
		to   *Listener
		addr string
	}{
		{v4, first, l.V4("0.2:53")},
		{v4, second, l.V4("0.2:54")},
		{v6, any6, l.V6("2", 55)},
		{both, first, "[::ffff:" + host(l.V4("0.2:53")) + "]:53"},
	} {
		c := l.loose(side{client, f.sock}, f.to, f.addr)
		c.backVia = script.ByRead
		c.ask(int64(40+i), int64(400+i))
		c.ask(int64(50+i), 0)
		c.ask(int64(60+i), int64(600+i))
	}
}

func udpBrief(l *Lab) {
	a, b := l.Linked("a", "b")
	dns, client := l.Actor(b, "dns"), l.Actor(a, "client")
	ln := dns.Listen(script.UDP, l.V4("0.2:53"))
	dns.Must(script.Command{Op: script.Serve, Sock: ln.Sock, Request: 30, Reply: 90})
	l.Observe(a, b)
	l.Burst(client, ln, script.Command{Bind: l.V4("0.1:20000"), Count: 50, Request: 30, Reply: 90})
}

func udpForked(l *Lab) {
	a, b := l.Linked("a", "b")
	parent, dns := l.Actor(a, "parent"), l.Actor(b, "dns")
	ln := dns.Listen(script.UDP, l.V4("0.2:53"))
	l.Observe(a, b)
	c := l.loose(side{parent, l.sock("c")}, ln, ln.Addr)
	c.ask(40, 400)
	child := c.Fork(Client, "child")
	c.ask(4, 3)
	c.UsedBy(Client, parent)
	c.ask(50, 60)
	c.UsedBy(Client, child)
	c.ask(7, 0)
}

func udpAnsweredGroup(l *Lab) {
	a, b := l.Linked("a", "b")
	asker, hearer := l.Actor(a, "asker"), l.Actor(b, "hearer")
	group := fmt.Sprintf("239.1.2.%d", l.number)
	for _, n := range []*Netns{a, b} {
		n.IP("route", "add", group, "dev", "eth0")
	}
	ln := hearer.ListenWith(script.Command{Kind: script.UDP, Addr: "0.0.0.0:5000", Join: group})
	sock := l.sock("c")
	l.Observe(a, b)
	f := asker.Must(script.Command{Op: script.SendTo, Sock: sock, Kind: script.UDP, Addr: group + ":5000", Bytes: 70})
	unseen := Limits{NoClient: true, NoServer: true, NoCounts: true}
	asked := l.add(&Conn{Transport: "udp", Client: asker.end(l.V4("0.1")), Server: End{Addrs: []string{group}}, Port: 5000, DialedPort: 5000, Born: f.Began, Limits: unseen})
	asked.count(Client, 70)
	got := hearer.Must(script.Command{Op: script.ReceiveFrom, Sock: ln.Sock})
	c := l.loose(side{asker, sock}, ln, l.V4("0.2:5000"))
	c.Born = f.Began
	hearer.Must(script.Command{Op: script.SendTo, Sock: ln.Sock, Kind: script.UDP, Addr: got.Peer, Bytes: 90})
	asker.Must(script.Command{Op: script.ReceiveFrom, Sock: sock})
	c.count(Server, 90)
}

func udpGroup(l *Lab) {
	a, b := l.Linked("a", "b")
	speaker, hearer := l.Actor(a, "speaker"), l.Actor(b, "hearer")
	group := fmt.Sprintf("239.1.1.%d", l.number)
	for _, n := range []*Netns{a, b} {
		n.IP("route", "add", group, "dev", "eth0")
	}
	ln := hearer.ListenWith(script.Command{Kind: script.UDP, Addr: "0.0.0.0:5000", Join: group})
	sock := l.sock("c")
	l.Observe(a, b)
	f := speaker.Must(script.Command{Op: script.Connect, Sock: sock, Kind: script.UDP, Addr: group + ":5000"})
	c := l.add(&Conn{Transport: "udp", Client: speaker.end(hosts(f.Local)...), Server: End{Addrs: []string{group}}, Port: 5000, DialedPort: 5000,
		Born: f.Began})
	c.sides = [2]side{{speaker, sock}, {hearer, ln.Sock}}
	for _, n := range []int64{70, 80} {
		c.query(script.UDP, n, 0)
	}
}
