package e2e

import (
	"peerscope/test/e2e/script"
)

func meshScenarios() []Scenario {
	return []Scenario{
		{
			Name:   "sidecars",
			Proves: "a proxy beside each of two apps takes what the one sends and what the other gets: three connections, app to proxy to proxy to app, and no other",
			Run:    sidecars,
		},
		{
			Name:   "envoys",
			Proves: "the same of proxies with the name of Envoy, from which nothing follows that was told otherwise",
			Run:    envoys,
		},
		{
			Name:   "sidecar-outside",
			Proves: "an app whose calls a proxy in a namespace that is not looked at takes: its peer is the address it dialled",
			Limits: "The proxy, for any source: it was not asked for.",
			Run:    sidecarOutside,
		},
		{
			Name:   "tproxy",
			Proves: "a transparent proxy on a router takes what it was not sent: its socket has the address that the client dialled, and the server is called by the proxy",
			Run:    tproxy,
		},
		{
			Name:   "port-forwarder",
			Proves: "a forwarder between a host's port and a container's, and an ordinary service that calls another one beside it",
			Run:    portForwarder,
		},
		{
			Name:   "proxy-chain",
			Proves: "two forwarders in a row",
			Run:    proxyChain,
		},
		{
			Name:   "multiplexer",
			Proves: "a proxy that answers many clients from two connections to its server: every hop is there, and nobody is called the client of the server",
			Run:    multiplexer,
		},
		{
			Name:   "socket-activation",
			Proves: "a listener that one process makes and another gets: what that one accepts is its own",
			Limits: "A connection too short for a look is put to the process that made the listener.",
			Run:    socketActivation,
		},
	}
}

// proxyMark is the mark of what a proxy sends itself.
const proxyMark = 1337

// sidecarRules send what leaves a namespace to a proxy's port for it, and what
// comes in to another, but for what the proxy itself sends. SELF is its address.
const sidecarRules = `table ip nat {
 chain out {
  type nat hook output priority -100
  policy accept
  meta mark 1337 return
  ip daddr 127.0.0.0/8 return
  meta l4proto tcp redirect to :15001
 }
 chain pre {
  type nat hook prerouting priority -100
  policy accept
  tcp dport 15006 return
  meta l4proto tcp redirect to :15006
 }
}
`

// sidecar is a proxy that takes what the apps of its namespace send and get.
type sidecar struct{ out, in *Proxy }

func (l *Lab) sidecar(ns *Netns, name string) sidecar {
	l.T.Helper()
	a := l.Actor(ns, name)
	proxy := func(addr string) *Proxy {
		return a.Forward(a.Listen(script.TCP, addr), script.Command{Via: script.ToOriginal, Mark: proxyMark})
	}
	s := sidecar{out: proxy("0.0.0.0:15001"), in: proxy("0.0.0.0:15006")}
	ns.Nft(sidecarRules)
	return s
}

func sidecars(l *Lab) {
	a, b := l.Linked("a", "b")
	app, other, web := l.Actor(a, "app"), l.Actor(a, "other"), l.Actor(b, "web")
	ln := web.Listen(script.TCP, l.V4("0.2:8080"))
	left, right := l.sidecar(a, "envoy-a"), l.sidecar(b, "envoy-b")
	before := l.DialThrough(app, ln.Addr, ln, left.out, right.in)
	l.Observe(a, b)
	before.Request(505)
	one := l.DialThrough(app, ln.Addr, ln, left.out, right.in)
	one.Request(1000)
	one.Reply(2000)
	two := l.DialThrough(app, ln.Addr, ln, left.out, right.in)
	two.Request(10)
	two.Reply(30)
	pause(hold)
	two.Close(Client)
	three := l.DialThrough(other, ln.Addr, ln, left.out, right.in)
	three.Request(700)
	three.Reply(800)
}

// envoys is sidecars with a name that is known.
func envoys(l *Lab) {
	a, b := l.Linked("a", "b")
	app, web := l.Actor(a, "app"), l.Actor(b, "web")
	ln := web.Listen(script.TCP, l.V4("0.2:8080"))
	left, right := l.sidecar(a, "envoy"), l.sidecar(b, "envoy")
	l.Observe(a, b)
	for i := range 3 {
		p := l.DialThrough(app, ln.Addr, ln, left.out, right.in)
		p.Request(int64(100 + i))
		p.Reply(int64(2000 + i))
	}
}

func sidecarOutside(l *Lab) {
	w := l.Routed(rulesNone)
	app, proxy, web := l.Actor(w.Client, "app"), l.Actor(w.Router, "envoy"), l.Actor(w.Server, "web")
	ln := web.Listen(script.TCP, l.V4(serverAddr))
	p := proxy.Forward(proxy.Listen(script.TCP, "0.0.0.0:15001"), script.Command{Via: script.ToOriginal})
	w.Router.Nft(`table ip nat {
 chain pre {
  type nat hook prerouting priority -100
  policy accept
  tcp dport 8080 redirect to :15001
 }
}
`)
	l.Observe(w.Client)
	path := l.DialThrough(app, ln.Addr, ln, p)
	path.Outside(w.Router, w.Server)
	path.Request(100)
	path.Reply(200)
}

func tproxy(l *Lab) {
	w := l.Routed(rulesNone)
	app, proxy, web := l.Actor(w.Client, "app"), l.Actor(w.Router, "transparent"), l.Actor(w.Server, "web")
	ln := web.Listen(script.TCP, l.V4(serverAddr))
	p := proxy.Forward(proxy.ListenWith(script.Command{Kind: script.TCP, Addr: "0.0.0.0:15001", Transparent: true}), script.Command{Via: script.ToLocal})
	w.Router.IP("rule", "add", "fwmark", "1", "lookup", "100")
	w.Router.IP("route", "add", "local", "0.0.0.0/0", "dev", "lo", "table", "100")
	w.Router.Nft(`table ip mangle {
 chain pre {
  type filter hook prerouting priority -150
  policy accept
  iifname "in0" tcp dport 8080 tproxy to :15001 meta mark set 1 accept
 }
}
`)
	l.Observe(w.Client, w.Router, w.Server)
	one := l.DialThrough(app, ln.Addr, ln, p)
	one.Request(100)
	one.Reply(200)
	two := l.DialThrough(app, ln.Addr, ln, p)
	two.Request(11)
	two.Reply(12)
	pause(hold)
	two.Close(Server)
}

func portForwarder(l *Lab) {
	a, b := l.Linked("a", "b")
	client, forwarder, web := l.Actor(a, "client"), l.Actor(a, "forwarder"), l.Actor(b, "web")
	service := l.Actor(a, "service")
	ln := web.Listen(script.TCP, l.V4("0.2:80"))
	p := forwarder.Forward(forwarder.Listen(script.TCP, "127.0.0.1:8080"), script.Command{Addr: ln.Addr})
	front := service.Listen(script.TCP, "127.0.0.1:9090")
	l.Observe(a, b)
	path := l.DialThrough(client, "127.0.0.1:8080", ln, p)
	path.Request(1000)
	path.Reply(20_000)
	ended := l.DialThrough(client, "127.0.0.1:8080", ln, p)
	ended.Request(301)
	ended.Reply(402)
	pause(hold)
	ended.Close(Client)
	// A service that calls another one to answer is no proxy.
	asked := l.Dial(client, front, DialOptions{})
	asked.Request(700)
	asks := l.Dial(service, ln, DialOptions{})
	asks.Request(80)
	asks.Reply(5000)
	asked.Reply(900)
}

func proxyChain(l *Lab) {
	a, b := l.Linked("a", "b")
	client, near, far, web := l.Actor(a, "client"), l.Actor(a, "near-proxy"), l.Actor(b, "far-proxy"), l.Actor(b, "web")
	ln := web.Listen(script.TCP, "127.0.0.1:80")
	last := far.Forward(far.Listen(script.TCP, l.V4("0.2:8080")), script.Command{Addr: ln.Addr})
	first := near.Forward(near.Listen(script.TCP, "127.0.0.1:8080"), script.Command{Addr: last.Addr})
	l.Observe(a, b)
	one := l.DialThrough(client, "127.0.0.1:8080", ln, first, last)
	one.Request(1234)
	one.Reply(56_789)
	two := l.DialThrough(client, "127.0.0.1:8080", ln, first, last)
	two.Request(77)
	two.Reply(99)
}

func multiplexer(l *Lab) {
	a, b := l.Linked("a", "b")
	clients := []*Actor{l.Actor(a, "client-1"), l.Actor(a, "client-2"), l.Actor(a, "client-3")}
	proxy, web := l.Actor(a, "proxy"), l.Actor(b, "web")
	ln := web.Listen(script.TCP, l.V4("0.2:80"))
	l.Observe(a, b)
	const request, reply, extra = 200, 5000, 40
	web.Must(script.Command{Op: script.Serve, Sock: ln.Sock, Request: request + extra, Reply: reply, Keep: true})
	front := proxy.Listen(script.TCP, "127.0.0.1:8080")
	p := proxy.Forward(front, script.Command{Addr: ln.Addr, Pool: 2, Request: request, Reply: reply, Extra: extra})
	for _, client := range clients {
		c := l.DialOnly(client, front, DialOptions{})
		for range 4 {
			c.must(Client, script.Command{Op: script.Send, Bytes: request})
			if got := c.must(Client, script.Command{Op: script.Receive, Bytes: reply}); got.Bytes != reply {
				l.T.Fatalf("the proxy answered %d bytes, want %d", got.Bytes, reply)
			}
			c.count(Client, request)
			c.count(Server, reply)
		}
	}
	l.shared(p, ln)
}

// shared records the connections that a proxy shares among its clients.
func (l *Lab) shared(p *Proxy, to *Listener) {
	l.T.Helper()
	for _, r := range p.relays(0) {
		if out := r.Out; out.Began != 0 {
			l.add(&Conn{Transport: "tcp", Client: p.Actor.end(hosts(out.Local)...), Server: to.Actor.end(hosts(out.Peer)...), Port: port(out.Peer),
				DialedPort: port(out.Peer), Born: out.Began, Listener: to, ToServer: out.Sent, ToClient: out.Received})
		}
	}
}

func socketActivation(l *Lab) {
	ns := l.Netns("a")
	manager, client := l.Actor(ns, "manager"), l.Actor(ns, "client")
	tcp := manager.Listen(script.TCP, "127.0.0.1:8000")
	path := manager.Listen(script.UnixStream, l.dir+"/service.sock")
	name := manager.Listen(script.UnixStream, "@"+ns.Name+"/service")
	service := manager.Spawn("service", 0, tcp.Sock, path.Sock, name.Sock)
	l.Observe(ns)
	for i, ln := range []*Listener{tcp, path, name} {
		c := l.Dial(client, ln.In(service), DialOptions{})
		c.Request(int64(100 + i))
		c.Reply(int64(200 + i))
	}
	// Nobody has accepted this one: it is the listener's.
	l.DialOnly(client, tcp, DialOptions{}).Unread(Client, 10)
}
