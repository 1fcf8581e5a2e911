package e2e

import (
	"strings"

	"peerscope/test/e2e/script"
)

func natScenarios() []Scenario {
	behindNAT := "Neither end sees the other's address, so without the sequence identity or conntrack the two ends are not joined: the client is shown with the address it dialled, the server with the router's."
	return []Scenario{
		{
			Name:   "routed",
			Proves: "a router between client and server that translates nothing",
			Run:    func(l *Lab) { routed(l, rulesNone, serverAddr, false) },
		},
		{
			Name:   "dnat",
			Proves: "a virtual address: the server is the process that answers, not the address dialled",
			Limits: behindNAT,
			Run:    func(l *Lab) { routed(l, rulesDNAT, virtualAddr, true) },
		},
		{
			Name:   "masquerade",
			Proves: "the server sees the router's address instead of the client's",
			Limits: behindNAT,
			Run:    func(l *Lab) { routed(l, rulesMasquerade, serverAddr, true) },
		},
		{
			Name:   "dnat-masquerade",
			Proves: "neither end sees any address of the other",
			Limits: behindNAT,
			Run:    func(l *Lab) { routed(l, rulesBoth, virtualAddr, true) },
		},
		{
			Name:   "short-nat",
			Proves: "connections too short for a look, through DNAT and masquerade: each end counts them once, the server is named",
			Limits: behindNAT,
			Run:    shortNAT,
		},
		{
			Name:   "hairpin",
			Proves: "client and server behind one router, and the client dials the router's address: the server is the process that answers",
			Limits: behindNAT,
			Run:    hairpin,
		},
		{
			Name:   "tenants",
			Proves: "two tenants with the same addresses and ports, down to the clients' ports: nobody is given the other's peer",
			Limits: "Two sockets fit each end equally well. Nobody is picked; both are named as candidates.",
			Run:    tenants,
		},
		{
			Name:   "crossed-tenants",
			Proves: "a client of one tenant and a server of the other, whose true peers are in namespaces that are not looked at: their mirrored addresses do not make them a connection",
			Limits: "The processes at the other ends, for any source: they were not asked for.",
			Run:    crossedTenants,
		},
	}
}

func routed(l *Lab, rules, to string, translated bool) {
	w := l.Routed(rules)
	client, web := l.Actor(w.Client, "client"), l.Actor(w.Server, "web")
	ln := web.Listen(script.TCP, l.V4(serverAddr))
	l.Observe(w.Client, w.Router, w.Server)
	c := l.Dial(client, ln, DialOptions{To: l.V4(to), Translated: translated})
	c.Request(1000)
	c.Reply(2000)
	second := l.Dial(client, ln, DialOptions{To: l.V4(to), Translated: translated})
	second.Reply(30)
}

func hairpin(l *Lab) {
	c, s := l.Netns("c"), l.Netns("s")
	r := l.Bridge("r", Port{c, "eth0", []string{l.V4("1.2/24")}}, Port{s, "eth0", []string{l.V4("1.3/24")}})
	r.IP("addr", "add", l.V4("1.1/24"), "dev", "br0")
	r.Sysctl("net.ipv4.ip_forward", "1")
	r.Nft(strings.NewReplacer("ROUTER", l.V4("1.1"), "SERVER", l.V4("1.3:8080")).Replace(`table ip nat {
 chain pre {
  type nat hook prerouting priority dstnat
  policy accept
  ip daddr ROUTER tcp dport 80 dnat to SERVER
 }
 chain post {
  type nat hook postrouting priority srcnat
  policy accept
  ct status dnat masquerade
 }
}
`))
	client, web := l.Actor(c, "client"), l.Actor(s, "web")
	ln := web.Listen(script.TCP, l.V4("1.3:8080"))
	l.Observe(c, r, s)
	one := l.Dial(client, ln, DialOptions{To: l.V4("1.1:80"), Translated: true})
	one.Request(300)
	one.Reply(400)
	two := l.Dial(client, ln, DialOptions{To: l.V4("1.1:80"), Translated: true})
	two.Request(1)
	two.Close(Client)
}

func tenants(l *Lab) {
	var ns []*Netns
	var clients []*Actor
	var listeners []*Listener
	for _, tenant := range []string{"1", "2"} {
		a, b := l.Linked("a"+tenant, "b"+tenant)
		ns = append(ns, a, b)
		clients = append(clients, l.Actor(a, "client-"+tenant))
		listeners = append(listeners, l.Actor(b, "web-"+tenant).Listen(script.TCP, l.V4("0.2:80")))
	}
	l.Observe(ns...)
	for i, client := range clients {
		c := l.Dial(client, listeners[i], DialOptions{Bind: l.V4("0.1:40000")})
		c.Limits.Split = true
		c.Request(int64(100 * (i + 1)))
		c.Reply(int64(1000 * (i + 1)))
	}
}

func crossedTenants(l *Lab) {
	a1, b1 := l.Linked("a1", "b1")
	a2, b2 := l.Linked("a2", "b2")
	callers := []*Actor{l.Actor(a1, "client-1"), l.Actor(a2, "client-2")}
	listeners := []*Listener{
		l.Actor(b1, "web-1").Listen(script.TCP, l.V4("0.2:80")),
		l.Actor(b2, "web-2").Listen(script.TCP, l.V4("0.2:80")),
	}
	l.Observe(a1, b2)
	for i, client := range callers {
		c := l.Dial(client, listeners[i], DialOptions{Bind: l.V4("0.1:40000")})
		c.Request(int64(5 + i))
		c.Reply(int64(7 + i))
		c.Server.Outside, c.Client.Outside = i == 0, i == 1
	}
}

func shortNAT(l *Lab) {
	w := l.Routed(rulesBoth)
	client, web := l.Actor(w.Client, "client"), l.Actor(w.Server, "web")
	ln := web.Listen(script.TCP, l.V4(serverAddr))
	web.Must(script.Command{Op: script.Serve, Sock: ln.Sock, Request: 10, Reply: 20})
	l.Observe(w.Client, w.Router, w.Server)
	c := l.Burst(client, ln, script.Command{Addr: l.V4(virtualAddr), Count: 20, Request: 10, Reply: 20})
	c.Limits.Split, c.Dialed = true, l.V4(virtualAddr)
	// What the server sees of its clients, and its own address.
	c.Client.Addrs = append(c.Client.Addrs, l.V4("2.1"))
	c.Server.Addrs = append(c.Server.Addrs, l.V4("2.2"))
}
