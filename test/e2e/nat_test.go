package e2e

import (
	"strings"

	"peerscope/test/e2e/script"
)

func natScenarios() []Scenario {
	return []Scenario{
		{
			Name:   "routed",
			Proves: "a router between client and server that translates nothing",
			Run:    func(l *Lab) { routed(l, rulesNone, serverAddr, false) },
		},
		{
			Name:   "dnat",
			Proves: "a virtual address: the server is the process that answers, not the address dialled",
			Run:    func(l *Lab) { routed(l, rulesDNAT, virtualAddr, true) },
		},
		{
			Name:   "masquerade",
			Proves: "the server sees the router's address instead of the client's",
			Run:    func(l *Lab) { routed(l, rulesMasquerade, serverAddr, true) },
		},
		{
			Name:   "dnat-masquerade",
			Proves: "neither end sees any address of the other",
			Run:    func(l *Lab) { routed(l, rulesBoth, virtualAddr, true) },
		},
		{
			Name:   "short-nat",
			Proves: "connections too short for a look, through DNAT and masquerade: both ends are joined, the server is named",
			Limits: "The client's process.",
			Run:    shortNAT,
		},
		{
			Name:   "hairpin",
			Proves: "client and server behind one router, and the client dials the router's address: the server is the process that answers",
			Run:    hairpin,
		},
		{
			Name:   "udp-dnat",
			Proves: "datagrams through DNAT and masquerade, of clients that connect and of such that do not: the server is the process that answers",
			Limits: "Datagrams and their bytes are not counted; a client that does not connect is not seen.",
			Run:    datagramsBehindNAT,
		},
		{
			Name:   "virtual-address",
			Proves: "a virtual address over two backends in turn: each connection belongs to the backend that got it",
			Limits: "The clients of the short ones.",
			Run:    virtualAddress,
		},
		{
			Name:   "tproxy-virtual",
			Proves: "a transparent proxy in the router takes what was sent to an address that nobody has: the client's connection is the proxy's, the proxy's own is another",
			Run:    transparentProxy,
		},
		{
			Name:   "masquerade-reuse",
			Proves: "two clients that a router gives the same port, one after the other: neither gets the other's connection",
			Run:    masqueradedPortAgain,
		},
		{
			Name:   "twin-nat",
			Proves: "two tenants with the same addresses and ports behind two routers with the same rules: nobody is given the other's peer",
			Limits: "Two sockets fit each end equally well. Nobody is picked; both are named as candidates.",
			Run:    twinNAT,
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
	c.Dialed = l.V4(virtualAddr)
	// What the server sees of its clients, and its own address.
	c.Client.Addrs = append(c.Client.Addrs, l.V4("2.1"))
	c.Server.Addrs = append(c.Server.Addrs, l.V4("2.2"))
}

func datagramsBehindNAT(l *Lab) {
	w := l.Routed(strings.ReplaceAll(rulesBoth, "tcp dport 80", "udp dport 80"))
	one, two, loose := l.Actor(w.Client, "one"), l.Actor(w.Client, "two"), l.Actor(w.Client, "loose")
	dns := l.Actor(w.Server, "dns")
	ln := dns.Listen(script.UDP, "0.0.0.0:8080")
	l.Observe(w.Client, w.Router, w.Server)
	known := func(c *Conn) {
		c.Dialed, c.DialedPort = l.V4(virtualAddr), 80
		c.Server.Addrs = append(c.Server.Addrs, l.V4("2.2"))
		c.Client.Addrs = append(c.Client.Addrs, l.V4("2.1"), l.V4("1.2"))
	}
	for i, client := range []*Actor{one, two} {
		sock := l.sock("c")
		client.Must(script.Command{Op: script.Connect, Sock: sock, Kind: script.UDP, Addr: l.V4(virtualAddr)})
		c := l.datagrams(script.UDP, side{client, sock}, side{dns, ln.Sock}, ln)
		c.query(script.UDP, int64(40+i), int64(400+i))
		known(c)
	}
	c := l.loose(side{loose, l.sock("c")}, ln, l.V4(virtualAddr))
	c.ask(30, 300)
	known(c)
}

func virtualAddress(l *Lab) {
	w := l.Routed(rulesNone)
	other := l.Netns("t")
	l.Veth(Port{other, "eth0", []string{l.V4("3.2/24")}}, Port{w.Router, "out1", []string{l.V4("3.1/24")}})
	other.IP("route", "add", "default", "via", l.V4("3.1"))
	w.Router.Nft(strings.NewReplacer("VIRTUAL", l.V4("9.9"), "ONE", l.V4("2.2"), "TWO", l.V4("3.2")).Replace(`table ip nat {
 chain pre {
  type nat hook prerouting priority dstnat
  policy accept
  ip daddr VIRTUAL tcp dport 80 dnat to numgen inc mod 2 map { 0 : ONE, 1 : TWO } : 8080
 }
}
`))
	client := l.Actor(w.Client, "client")
	listeners := []*Listener{
		l.Actor(w.Server, "web-1").Listen(script.TCP, l.V4("2.2:8080")),
		l.Actor(other, "web-2").Listen(script.TCP, l.V4("3.2:8080")),
	}
	l.Observe(w.Client, w.Router, w.Server, other)
	for i := range 4 {
		c := l.DialAny(client, listeners, DialOptions{To: l.V4(virtualAddr), Translated: true})
		c.Request(int64(100 + i))
		c.Reply(int64(10 + i))
		if i == 2 {
			c.Close(Client)
		}
	}
}

func transparentProxy(l *Lab) {
	w := l.Routed(rulesNone)
	w.Router.IP("rule", "add", "fwmark", "1", "lookup", "100")
	w.Router.IP("route", "add", "local", "default", "dev", "lo", "table", "100")
	w.Router.Nft(`table ip proxy {
 chain pre {
  type filter hook prerouting priority mangle
  policy accept
  iifname "in0" tcp dport 80 tproxy to 127.0.0.1:15001 meta mark set 1 accept
 }
}
`)
	client, proxy, web := l.Actor(w.Client, "client"), l.Actor(w.Router, "proxy"), l.Actor(w.Server, "web")
	front := proxy.ListenWith(script.Command{Kind: script.TCP, Addr: "127.0.0.1:15001", Transparent: true})
	ln := web.Listen(script.TCP, l.V4(serverAddr))
	l.Observe(w.Client, w.Router, w.Server)
	for i := range 2 {
		in := l.Dial(client, front, DialOptions{To: l.V4(virtualAddr)})
		in.Request(int64(50 + i))
		out := l.Dial(proxy, ln, DialOptions{})
		out.Request(int64(60 + i))
		out.Reply(int64(70 + i))
		in.Reply(int64(80 + i))
		if i == 0 {
			pause(900) // a look meets it: a death does not tell that the socket is transparent
			in.Close(Client)
		}
	}
}

func masqueradedPortAgain(l *Lab) {
	w := l.Routed(rulesNone)
	other := l.Netns("d")
	l.Veth(Port{other, "eth0", []string{l.V4("3.2/24")}}, Port{w.Router, "in1", []string{l.V4("3.1/24")}})
	other.IP("route", "add", "default", "via", l.V4("3.1"))
	w.Router.Nft(`table ip nat {
 chain post {
  type nat hook postrouting priority srcnat
  policy accept
  oifname "out0" tcp dport 8080 masquerade to :40000
 }
}
`)
	// The router forgets a connection a second after its end, so that its port is free.
	for _, state := range []string{"time_wait", "close", "last_ack", "fin_wait", "close_wait"} {
		w.Router.Sysctl("net.netfilter.nf_conntrack_tcp_timeout_"+state, "1")
	}
	one, two, web := l.Actor(w.Client, "one"), l.Actor(other, "two"), l.Actor(w.Server, "web")
	ln := web.Listen(script.TCP, l.V4(serverAddr))
	l.Observe(w.Client, other, w.Router, w.Server)
	for i, client := range []*Actor{one, two, one, two} {
		c := l.Dial(client, ln, DialOptions{Translated: true})
		c.Request(int64(100 + i))
		c.Reply(int64(10 + i))
		if i < 3 {
			pause(900) // a look meets it
			c.Close(Client)
			pause(1300)
		}
	}
}

func twinNAT(l *Lab) {
	var ns []*Netns
	var clients []*Actor
	var listeners []*Listener
	for _, tenant := range []string{"1", "2"} {
		w := l.routedAs(tenant, rulesBoth)
		ns = append(ns, w.Client, w.Router, w.Server)
		clients = append(clients, l.Actor(w.Client, "client-"+tenant))
		listeners = append(listeners, l.Actor(w.Server, "web-"+tenant).Listen(script.TCP, l.V4(serverAddr)))
	}
	l.Observe(ns...)
	for i, client := range clients {
		c := l.Dial(client, listeners[i], DialOptions{To: l.V4(virtualAddr), Bind: l.V4("1.2:40000"), Translated: true})
		c.Limits.Split = true
		c.Request(int64(100 * (i + 1)))
		c.Reply(int64(1000 * (i + 1)))
	}
}
