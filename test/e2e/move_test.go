package e2e

import (
	"os"
	"strings"

	"peerscope/test/e2e/script"
)

func moveScenarios() []Scenario {
	return []Scenario{
		{
			Name:   "splice-sendfile",
			Proves: "bytes that no send or recv system call carries: splice, sendfile, and splice on the receiving side",
			Run:    spliceSendfile,
		},
		{
			Name:   "io-uring",
			Proves: "bytes that io_uring sends and receives",
			Run:    ioUring,
		},
		{
			Name:   "lossy",
			Proves: "bytes that were sent more than once count once",
			Run:    lossy,
		},
		{
			Name:   "mptcp",
			Proves: "Go's default listener (MPTCP) with a plain and an MPTCP client, and an MPTCP client of a plain server",
			Run:    mptcp,
		},
	}
}

func spliceSendfile(l *Lab) {
	a, b := l.Linked("a", "b")
	client, store := l.Actor(a, "client"), l.Actor(b, "store")
	ln := store.Listen(script.TCP, l.V4("0.2:8080"))
	l.Observe(a, b)
	c := l.Dial(client, ln, DialOptions{})
	c.Move(Client, 300_000, script.BySplice, "")
	c.Move(Server, 2_000_000, script.BySendFile, script.BySplice)
	d := l.Dial(client, ln, DialOptions{})
	d.Move(Client, 70_001, script.BySendFile, script.BySplice)
	d.Move(Server, 1, script.BySplice, "")
	d.Close(Client)
}

func ioUring(l *Lab) {
	// Missing before Linux 6.6, where nobody could turn it off.
	if text, err := os.ReadFile("/proc/sys/kernel/io_uring_disabled"); err == nil && strings.TrimSpace(string(text)) != "0" {
		skip(l.T, "io_uring is turned off: kernel.io_uring_disabled is %s", strings.TrimSpace(string(text)))
	}
	ns := l.Netns("a")
	client, web := l.Actor(ns, "client"), l.Actor(ns, "web")
	ln := web.Listen(script.TCP, "127.0.0.1:8080")
	l.Observe(ns)
	c := l.Dial(client, ln, DialOptions{})
	c.Move(Client, 100_001, script.ByUring, script.ByUring)
	c.Move(Server, 200_002, script.ByUring, script.ByUring)
	d := l.Dial(client, ln, DialOptions{})
	d.Move(Server, 7, script.ByUring, script.ByUring)
	d.Close(Server)
}

func mptcp(l *Lab) {
	ns := l.Netns("a")
	server, plain, multi, old := l.Actor(ns, "go-server"), l.Actor(ns, "plain-client"), l.Actor(ns, "mptcp-client"), l.Actor(ns, "plain-server")
	modern := server.ListenWith(script.Command{Op: script.GoListen, Kind: script.TCP, Addr: "127.0.0.1:8080"})
	ancient := old.Listen(script.TCP, "127.0.0.1:9090")
	l.Observe(ns)
	for _, dial := range []struct {
		client *Actor
		to     *Listener
		kind   string
		want   bool
	}{
		{plain, modern, script.TCP, false},
		{multi, modern, script.MPTCP, true},
		{multi, ancient, script.MPTCP, false},
	} {
		c := l.Dial(dial.client, dial.to, DialOptions{Kind: dial.kind})
		c.Request(1000)
		c.Reply(2000)
		for _, s := range []Side{Client, Server} {
			if got := c.do(s, script.Command{Op: script.Inspect}).Multipath; got != dial.want {
				l.T.Fatalf("%s: multipath %v, want %v", dial.client.Name, got, dial.want)
			}
		}
	}
}

func lossy(l *Lab) {
	a, b := l.Linked("a", "b")
	client, web := l.Actor(a, "client"), l.Actor(b, "web")
	ln := web.Listen(script.TCP, l.V4("0.2:8080"))
	const rules = `table ip filter {
 chain in {
  type filter hook input priority 0
  policy accept
  numgen inc mod 10 == 3 drop
 }
}
`
	l.Observe(a, b)
	c, d := l.Dial(client, ln, DialOptions{}), l.Dial(client, ln, DialOptions{})
	a.Nft(rules)
	b.Nft(rules)
	c.Move(Client, 400_000, "", "")
	d.Move(Server, 400_000, "", "")
	again := c.must(Client, script.Command{Op: script.Inspect}).Again + d.must(Server, script.Command{Op: script.Inspect}).Again
	if again == 0 {
		l.T.Fatal("nothing was sent again")
	}
	// Without the rules no lost FIN draws the end out beyond the window.
	a.Nft("flush ruleset\n")
	b.Nft("flush ruleset\n")
	d.Close(Client)
}
