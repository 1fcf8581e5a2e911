package e2e

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"peerscope/test/e2e/script"
)

func handshakeScenarios() []Scenario {
	return []Scenario{
		{
			Name:   "syn-cookies",
			Proves: "connections that a server makes of SYN cookies alone, held and short",
			Limits: "The clients of the short ones.",
			Run:    synCookies,
		},
		{
			Name:   "fast-open",
			Proves: "TCP Fast Open: data that goes with the SYN, and data that waits because the client has no cookie yet",
			Run:    fastOpen,
		},
	}
}

func synCookies(l *Lab) {
	a, b := l.Linked("a", "b")
	b.Sysctl("net.ipv4.tcp_syncookies", "2") // always, not only when the queue is full
	client, web, brief := l.Actor(a, "client"), l.Actor(b, "web"), l.Actor(b, "brief")
	ln, quick := web.Listen(script.TCP, l.V4("0.2:8080")), brief.Listen(script.TCP, l.V4("0.2:9090"))
	brief.Must(script.Command{Op: script.Serve, Sock: quick.Sock, Request: 10, Reply: 20})
	l.Observe(a, b)
	c := l.Dial(client, ln, DialOptions{})
	c.Request(100)
	c.Reply(200)
	d := l.Dial(client, ln, DialOptions{})
	d.Request(11)
	d.Close(Server)
	l.Burst(client, quick, script.Command{Count: 10, Request: 10, Reply: 20})
	if n := b.counter("TcpExt", "SyncookiesRecv"); n != 12 {
		l.T.Fatalf("the server's kernel took %d connections from cookies, want 12", n)
	}
}

// counter reads one of the kernel's own counters of the namespace.
func (n *Netns) counter(group, name string) int {
	n.t.Helper()
	var text []byte
	err := n.enter(func() (err error) {
		text, err = os.ReadFile("/proc/thread-self/net/netstat")
		return err
	})
	if err != nil {
		n.t.Fatalf("read counters of %s: %v", n.Name, err)
	}
	value, err := parseCounter(string(text), group, name)
	if err != nil {
		n.t.Fatalf("read counters of %s: %v", n.Name, err)
	}
	return value
}

// parseCounter finds a counter in the text of /proc/net/netstat: of each group
// one line with names, then one with values.
func parseCounter(text, group, name string) (int, error) {
	var names []string
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] != group+":" {
			continue
		}
		if names == nil {
			names = f
			continue
		}
		for i := range min(len(f), len(names)) {
			if names[i] == name {
				return strconv.Atoi(f[i])
			}
		}
	}
	return 0, fmt.Errorf("no counter %s of %s", name, group)
}

func fastOpen(l *Lab) {
	a, b := l.Linked("a", "b")
	client, web := l.Actor(a, "client"), l.Actor(b, "web")
	for _, n := range []*Netns{a, b} {
		n.Sysctl("net.ipv4.tcp_fastopen", "3") // as a client and as a server
	}
	ln := web.ListenWith(script.Command{Kind: script.TCP, Addr: l.V4("0.2:8080"), FastOpen: true})
	l.Observe(a, b)
	for i, withSYN := range []bool{false, true, true} {
		c := l.Dial(client, ln, DialOptions{Early: int64(100 + i)})
		if got := c.must(Client, script.Command{Op: script.Inspect}).SynData; got != withSYN {
			l.T.Fatalf("connection %d: data went with the SYN: %v, want %v", i, got, withSYN)
		}
		c.Reply(int64(1000 + i))
		c.Request(int64(10 + i))
		if i == 2 {
			c.Close(Client)
		}
	}
}
