package e2e

import "peerscope/test/e2e/script"

func addressScenarios() []Scenario {
	return []Scenario{
		{
			Name:   "ipv6",
			Proves: "IPv6 over loopback and over a link",
			Run:    ipv6,
		},
		{
			Name:   "dual-stack",
			Proves: "an IPv4 client of a server that listens on [::]: one edge, the address written as IPv4",
			Run:    dualStack,
		},
		{
			Name:   "link-local",
			Proves: "link-local IPv6 addresses with a scope",
			Run:    linkLocal,
		},
		{
			Name:   "link-local-twins",
			Proves: "two links of one server with the same link-local addresses and ports at their other ends: only the scope differs",
			Limits: "Which of the two namespaces is at the other end of which link; both clients are named as candidates.",
			Run:    linkLocalTwins,
		},
		{
			Name:   "redirect",
			Proves: "a redirect within one namespace: the server is the process on the port behind the rule",
			Run:    redirect,
		},
		{
			Name:   "specific-listener",
			Proves: "of two listeners on one port the one on the very address gets the connections, not the one on all addresses",
			Limits: "The clients of the short ones.",
			Run:    specificListener,
		},
		{
			Name:   "bridge",
			Proves: "three namespaces on one bridge, everybody calls everybody",
			Run:    bridge,
		},
	}
}

func ipv6(l *Lab) {
	a, b := l.Linked("a", "b")
	client, web, local := l.Actor(a, "client"), l.Actor(b, "web"), l.Actor(a, "local")
	far, near := web.Listen(script.TCP, l.V6("2", 8080)), local.Listen(script.TCP, "[::1]:8080")
	l.Observe(a, b)
	c := l.Dial(client, far, DialOptions{})
	c.Request(600)
	c.Reply(700)
	d := l.Dial(client, near, DialOptions{})
	d.Request(61)
	d.Reply(71)
}

func dualStack(l *Lab) {
	a, b := l.Linked("a", "b")
	old, young, web := l.Actor(a, "old-client"), l.Actor(a, "new-client"), l.Actor(b, "web")
	ln := web.Listen(script.TCP, "[::]:8080")
	l.Observe(a, b)
	c := l.Dial(old, ln, DialOptions{To: l.V4("0.2:8080")})
	c.Request(400)
	c.Reply(500)
	d := l.Dial(young, ln, DialOptions{To: l.V6("2", 8080)})
	d.Request(600)
	d.Reply(700)
	mapped := l.Dial(young, ln, DialOptions{To: "[::ffff:" + l.V4("0.2") + "]:8080"})
	mapped.Request(20)
	// Too short for a look: the server is found through its listener all the same.
	ln.Actor.Must(script.Command{Op: script.Serve, Sock: ln.Sock, Request: 5, Reply: 6})
	l.Burst(old, ln, script.Command{Addr: l.V4("0.2:8080"), Count: 3, Request: 5, Reply: 6})
}

// bare gives a link nothing but the link-local address asked for.
func bare(n *Netns, name, addr string) {
	n.IP("link", "set", name, "addrgenmode", "none")
	n.IP("addr", "add", addr+"/64", "dev", name, "nodad")
	n.IP("link", "set", name, "up")
}

func linkLocal(l *Lab) {
	a, b := l.Netns("a"), l.Netns("b")
	a.IP("link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", b.Name)
	bare(a, "eth0", l.LinkLocal("1"))
	bare(b, "eth0", l.LinkLocal("2"))
	client, web := l.Actor(a, "client"), l.Actor(b, "web")
	ln := web.Listen(script.TCP, "["+l.LinkLocal("2%eth0")+"]:8080")
	l.Observe(a, b)
	c := l.Dial(client, ln, DialOptions{To: "[" + l.LinkLocal("2%eth0") + "]:8080"})
	c.Request(800)
	c.Reply(900)
}

func linkLocalTwins(l *Lab) {
	s := l.Netns("s")
	web := l.Actor(s, "web")
	var clients []*Actor
	ns := []*Netns{s}
	for _, i := range []string{"0", "1"} {
		n := l.Netns("c" + i)
		n.IP("link", "add", "eth0", "type", "veth", "peer", "name", "eth"+i, "netns", s.Name)
		bare(n, "eth0", l.LinkLocal("1"))
		bare(s, "eth"+i, l.LinkLocal("2"))
		clients = append(clients, l.Actor(n, "client-"+i))
		ns = append(ns, n)
	}
	ln := web.Listen(script.TCP, "[::]:8080")
	l.Observe(ns...)
	for i, client := range clients {
		c := l.Dial(client, ln, DialOptions{To: "[" + l.LinkLocal("2%eth0") + "]:8080", Bind: "[" + l.LinkLocal("1%eth0") + "]:40000"})
		c.Limits.Split = true
		c.Request(int64(81 + i))
		c.Reply(int64(91 + i))
	}
}

func redirect(l *Lab) {
	ns := l.Netns("a")
	ns.Nft(`table ip nat {
 chain out {
  type nat hook output priority -100
  policy accept
  tcp dport 80 redirect to :8080
 }
}
`)
	client, web := l.Actor(ns, "client"), l.Actor(ns, "web")
	ln := web.Listen(script.TCP, "127.0.0.1:8080")
	l.Observe(ns)
	c := l.Dial(client, ln, DialOptions{To: "127.0.0.1:80", Translated: true})
	c.Request(77)
	c.Reply(88)
}

func bridge(l *Lab) {
	var ns []*Netns
	var ports []Port
	var actors []*Actor
	var listeners []*Listener
	for _, i := range []string{"1", "2", "3"} {
		n := l.Netns("n" + i)
		ns = append(ns, n)
		ports = append(ports, Port{n, "eth0", []string{l.V4("0." + i + "/24")}})
	}
	l.Bridge("sw", ports...)
	for i, n := range ns {
		a := l.Actor(n, "peer-"+string(rune('1'+i)))
		actors = append(actors, a)
		listeners = append(listeners, a.Listen(script.TCP, "0.0.0.0:9000"))
	}
	l.Observe(ns...)
	for i, from := range actors {
		for j, to := range listeners {
			if i != j {
				c := l.Dial(from, to, DialOptions{To: l.V4("0." + string(rune('1'+j)) + ":9000")})
				c.Request(int64(100*i + j + 1))
				c.Reply(int64(10*i + j + 1))
			}
		}
	}
}

func specificListener(l *Lab) {
	ns := l.Netns("a")
	all, one, client := l.Actor(ns, "all"), l.Actor(ns, "one"), l.Actor(ns, "client")
	wide := all.ListenWith(script.Command{Kind: script.TCP, Addr: "0.0.0.0:8080", ReusePort: true})
	narrow := one.ListenWith(script.Command{Kind: script.TCP, Addr: "127.0.0.1:8080", ReusePort: true})
	wide.Many, narrow.Many = false, false
	l.Observe(ns)
	l.Dial(client, narrow, DialOptions{}).Request(10)
	l.Dial(client, wide, DialOptions{To: "127.0.0.2:8080"}).Request(20)
	for i, ln := range []*Listener{narrow, wide} {
		ln.Actor.Must(script.Command{Op: script.Serve, Sock: ln.Sock, Request: 5, Reply: 6})
		l.Burst(client, ln, script.Command{Addr: []string{"127.0.0.1:8080", "127.0.0.2:8080"}[i], Count: 3 + i, Request: 5, Reply: 6})
	}
}
