package e2e

import (
	"fmt"

	"peerscope/test/e2e/script"
)

func namespaceScenarios() []Scenario {
	return []Scenario{
		{
			Name:   "netns-deleted",
			Proves: "a namespace deleted within the window: its traffic is in the map and the tool does not keep it alive",
			Run:    netnsDeleted,
		},
		{
			Name:   "brief-netns",
			Proves: "namespaces made and deleted within the window, one after the other, whose processes are gone at its end: the connection in each belongs to them",
			Limits: "The one that came and went between two looks.",
			Run:    briefNetns,
		},
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

func briefNetns(l *Lab) {
	l.ObserveHost()
	for i, keep := range []int{0, hold} {
		n := l.Netns(fmt.Sprint("n", i))
		client, web := l.Actor(n, "client"), l.Actor(n, "web")
		ln := web.Listen(script.TCP, "127.0.0.1:8080")
		c := l.Dial(client, ln, DialOptions{})
		c.Request(int64(100 + i))
		c.Reply(int64(200 + i))
		pause(keep)
		c.Close(Client)
		if keep == 0 {
			c.Limits = Limits{NoClient: true, NoServer: true, NoCounts: true}
		}
		client.Exit()
		web.Exit()
		n.Delete()
	}
}
