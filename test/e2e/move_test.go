package e2e

import "peerscope/test/e2e/script"

func moveScenarios() []Scenario {
	return []Scenario{
		{
			Name:   "splice-sendfile",
			Proves: "bytes that no send or recv system call carries: splice, sendfile, and splice on the receiving side",
			Run:    spliceSendfile,
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
		{
			Name:   "netns-deleted",
			Proves: "a namespace deleted within the window: its traffic is in the map and the tool does not keep it alive",
			Run:    netnsDeleted,
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

func netnsDeleted(l *Lab) {
	a, b := l.Linked("a", "b")
	client, web, stays := l.Actor(a, "client"), l.Actor(b, "web"), l.Actor(a, "stays")
	ln, local := web.Listen(script.TCP, l.V4("0.2:8080")), stays.Listen(script.TCP, "127.0.0.1:8080")
	l.Observe(a, b)
	c := l.Dial(client, ln, DialOptions{})
	c.Request(123)
	c.Reply(456)
	pause(hold)
	c.Close(Client)
	web.Exit()
	b.Delete()
	// A namespace that really is gone takes its end of the link with it, and so
	// the other end.
	gone := false
	for range 100 {
		if gone = !a.hasLink("eth0"); gone {
			break
		}
		pause(50)
	}
	if !gone {
		l.T.Errorf("the deleted namespace still lives after 5 s: somebody holds it")
	}
	d := l.Dial(client, local, DialOptions{})
	d.Request(7)
	d.Reply(8)
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
