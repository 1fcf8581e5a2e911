package e2e

import (
	"fmt"
	"strings"

	"peerscope/test/e2e/script"
)

func proxyProgramScenarios() []Scenario {
	return []Scenario{
		{
			Name:   "haproxy",
			Proves: "haproxy between clients and a server, passing on TCP: each client gets to the server through it",
			Needs:  []string{"haproxy"},
			Run:    haproxy,
		},
		{
			Name:   "nginx-proxy",
			Proves: "nginx before a server, whose connection it shares among the requests of one client",
			Needs:  []string{"nginx"},
			Run:    func(l *Lab) { nginxProxy(l, "client") },
		},
		{
			Name:   "nginx-shared",
			Proves: "the same with two clients: nobody is called the client of the server",
			Needs:  []string{"nginx"},
			Run:    func(l *Lab) { nginxProxy(l, "client-1", "client-2") },
		},
	}
}

const haproxyConf = `defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend in
  bind 127.0.0.1:8080
  default_backend out
backend out
  server web %s
`

func haproxy(l *Lab) {
	a, b := l.Linked("a", "b")
	clients := []*Actor{l.Actor(a, "client-1"), l.Actor(a, "client-2")}
	ln := l.Actor(b, "web").Listen(script.TCP, l.V4("0.2:80"))
	p := l.Program(a, ProgramOptions{}, "haproxy", "-db", "-f", l.write("haproxy.cfg", fmt.Sprintf(haproxyConf, ln.Addr)))
	p.Listening(8080)
	l.proxy(p.Proc, "forward")
	l.Ignore("unix", p.Proc)
	l.Observe(a, b)
	for i, client := range clients {
		for k := range 2 {
			path := l.dialProgram(client, "127.0.0.1:8080", ln, p)
			path.Request(int64(1000*(i+1) + k))
			path.Reply(int64(30_000*(i+1) + k))
		}
	}
}

// dialProgram is DialThrough by a real program that makes one connection for each
// it takes and passes on every byte.
func (l *Lab) dialProgram(client *Actor, to string, server *Listener, via *Program) *Path {
	l.T.Helper()
	sock, served := l.sock("c"), l.sock("s")
	f := client.Must(script.Command{Op: script.Connect, Sock: sock, Kind: script.TCP, Addr: to})
	got := server.Actor.Must(script.Command{Op: script.Accept, Sock: server.Sock, As: served})
	p := &Path{}
	for _, c := range []*Conn{
		{Client: client.end(hosts(f.Local)...), Server: via.as(hosts(f.Peer)...), Port: port(f.Peer), DialedPort: port(f.Peer), Listener: &Listener{Maker: via.as()}},
		{Client: via.as(hosts(got.Peer)...), Server: server.Actor.end(hosts(got.Local)...), Port: port(got.Local), DialedPort: port(got.Local), Listener: server},
	} {
		c.Transport, c.Born = "tcp", f.Began
		p.Hops = append(p.Hops, l.add(c))
	}
	p.Hops[0].sides[Client] = side{client, sock}
	p.Hops[1].sides[Server] = side{server.Actor, served}
	p.Through = l.through(p)
	return p
}

const nginxProxyConf = `daemon off;
master_process off;
pid nginx.pid;
error_log error.log;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
  upstream web { server %s; keepalive 1; }
  server {
    listen 127.0.0.1:8080;
    location / { proxy_pass http://web; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`

// nginxProxy lets each client make two connections and on each two requests, one
// after the other, which nginx answers from one connection.
func nginxProxy(l *Lab, names ...string) {
	a, b := l.Linked("a", "b")
	var clients []*Actor
	for _, name := range names {
		clients = append(clients, l.Actor(a, name))
	}
	ln := l.Actor(b, "web").Listen(script.TCP, l.V4("0.2:80"))
	conf := l.write("nginx.conf", fmt.Sprintf(nginxProxyConf, ln.Addr))
	p := l.Program(a, ProgramOptions{}, "/usr/sbin/nginx", "-p", l.dir, "-c", conf, "-e", "stderr")
	p.Listening(8080)
	l.proxy(p.Proc, "")
	l.Ignore("unix", p.Proc)
	l.Observe(a, b)
	var shared *Conn
	for _, client := range clients {
		for range 2 {
			c := l.call(client, p, "127.0.0.1:8080")
			for range 2 {
				shared = l.ask(c, shared, ln, p)
			}
			l.Through = append(l.Through, &Through{Client: c.Client, Server: shared.Server, Via: []End{shared.Client}, Port: shared.Port,
				Hops: []*Conn{c, shared}, Hidden: len(clients) > 1})
		}
	}
}

// ask is one request through nginx and its answer: 4,000 bytes there, 6,000 back.
func (l *Lab) ask(c, shared *Conn, ln *Listener, p *Program) *Conn {
	l.T.Helper()
	sent := c.must(Client, script.Command{Op: script.Send, Text: "POST / HTTP/1.1\r\nHost: lab\r\nContent-Length: 4000\r\n\r\n" + strings.Repeat("a", 4000)})
	c.count(Client, sent.Bytes)
	if shared == nil {
		sock := l.sock("s")
		got := ln.Actor.Must(script.Command{Op: script.Accept, Sock: ln.Sock, As: sock})
		shared = l.add(&Conn{Transport: "tcp", Client: p.as(hosts(got.Peer)...), Server: ln.Actor.end(hosts(got.Local)...), Port: port(got.Local),
			DialedPort: port(got.Local), Born: got.Began, Listener: ln})
		shared.sides[Server] = side{ln.Actor, sock}
	}
	shared.count(Client, readAll(shared, Server, strings.Repeat("a", 4000)))
	answer := shared.must(Server, script.Command{Op: script.Send, Text: "HTTP/1.1 200 OK\r\nContent-Length: 6000\r\n\r\n" + strings.Repeat("b", 6000)})
	shared.count(Server, answer.Bytes)
	c.count(Server, readAll(c, Client, strings.Repeat("b", 6000)))
	return shared
}

// readAll reads until a body has come, and reports how much that was.
func readAll(c *Conn, s Side, body string) int64 {
	c.lab.T.Helper()
	text := ""
	for !strings.HasSuffix(text, body) {
		got := c.must(s, script.Command{Op: script.ReadText})
		if got.End {
			c.lab.T.Fatalf("the stream ended after %q", text)
		}
		text += got.Text
	}
	return int64(len(text))
}
