package e2e

import "peerscope/test/e2e/script"

func handScenarios() []Scenario {
	return []Scenario{
		{
			Name:   "handover",
			Proves: "a connection accepted by one process and passed to another over a unix socket belongs to the one that has it now; what the first one read stays with it",
			Limits: "When exactly it changed hands: what was moved around then may be put to either.",
			Moves:  true,
			Run:    handover,
		},
		{
			Name:   "shared-socket",
			Proves: "connections held by parent and child: each belongs to the one that used it last, and what each moved to the one that moved it",
			Limits: "Which of the holders does the talking: the one that holds it longest stands for both and names the other as a holder.",
			Moves:  true,
			Run:    sharedSocket,
		},
		{
			Name:   "forked-client",
			Proves: "a client that forks after connect: what it moved itself is its own, the connection and what follows its child's",
			Limits: "Which of the holders does the talking, as above.",
			Moves:  true,
			Run:    forkedClient,
		},
	}
}

func handover(l *Lab) {
	ns := l.Netns("a")
	front, worker, client := l.Actor(ns, "front"), l.Actor(ns, "worker"), l.Actor(ns, "client")
	ln := front.Listen(script.TCP, "127.0.0.1:8000")
	inner := front.Listen(script.UnixStream, l.dir+"/front.sock")
	channel := l.Dial(worker, inner, DialOptions{})
	l.Observe(ns)
	at := l.Dial(client, ln, DialOptions{})
	at.HandTo(channel, Client)
	at.Request(111)
	at.Reply(2222)
	// One asks, the other answers.
	asked := l.Dial(client, ln, DialOptions{})
	asked.Request(55)
	asked.HandTo(channel, Client)
	asked.Reply(6666)
	// This one is passed on only after a look has met it with its first holder.
	late := l.Dial(client, ln, DialOptions{})
	pause(hold)
	late.HandTo(channel, Client)
	late.Request(33)
	late.Reply(444)
	pause(hold)
}

func sharedSocket(l *Lab) {
	ns := l.Netns("a")
	parent, client := l.Actor(ns, "parent"), l.Actor(ns, "client")
	ln := parent.Listen(script.TCP, "127.0.0.1:8000")
	l.Observe(ns)
	c := l.Dial(client, ln, DialOptions{})
	c.Request(12)
	c.Fork(Server, "child")
	c.Reply(34)
	c.Request(56)
	back := l.Dial(client, ln, DialOptions{})
	back.Request(100)
	back.Fork(Server, "visitor")
	back.Reply(200)
	back.UsedBy(Server, parent)
	back.Request(300)
}

func forkedClient(l *Lab) {
	a, b := l.Linked("a", "b")
	parent, web := l.Actor(a, "parent"), l.Actor(b, "web")
	ln := web.Listen(script.TCP, l.V4("0.2:8080"))
	l.Observe(a, b)
	c := l.Dial(parent, ln, DialOptions{})
	c.Request(1000)
	c.Reply(2000)
	c.Fork(Client, "child")
	c.Request(30)
	c.Reply(40)
	// Here the parent only connects.
	d := l.Dial(parent, ln, DialOptions{})
	d.Fork(Client, "other-child")
	d.Request(5)
	d.Reply(6)
}
