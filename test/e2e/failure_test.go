package e2e

import (
	"strings"
	"time"

	"peerscope/test/e2e/script"
)

func failureScenarios() []Scenario {
	return []Scenario{
		{
			Name:   "refused",
			Proves: "refused connects are failures and no connections",
			Limits: "Who tried: the socket never was in a table that a look reads. A blocking connect even forgets the port.",
			Run:    refused,
		},
		{
			Name:   "blackhole",
			Proves: "connects into a dropped port: pending while nobody answers, failed when the kernel or the client gives up, an ordinary connection when an answer comes late",
			Run:    blackhole,
		},
		{
			Name:   "rejected",
			Proves: "a firewall that answers with a reset, to a connect and in the middle of a connection: payload that was never acknowledged is not counted",
			Limits: "Who tried the connect that was refused.",
			Run:    rejected,
		},
		{
			Name:   "unreachable",
			Proves: "connects that an ICMP error ends, host or network unreachable, with that error; one whose client gave up after such an error",
			Limits: "Who tried, where the connect was over before a look, and with what error.",
			Run:    unreachable,
		},
	}
}

func refused(l *Lab) {
	a, b := l.Linked("a", "b")
	client := l.Actor(a, "client")
	l.Observe(a, b)
	for range 3 {
		l.Fail(client, l.V4("0.2:81"), "ECONNREFUSED", FailOptions{})
	}
	l.Fail(client, l.V4("0.2:82"), "ECONNREFUSED", FailOptions{Blocking: true})
	l.Fail(client, "127.0.0.1:83", "ECONNREFUSED", FailOptions{})
}

func blackhole(l *Lab) {
	a, b := l.Linked("a", "b")
	const rules = `table ip filter {
 chain in {
  type filter hook input priority 0
  policy accept
  tcp dport 81-89 drop
 }
}
`
	b.Nft(rules)
	client := l.Actor(a, "client")
	l.Observe(a, b)
	moment := 50 * time.Millisecond
	// One SYN and one more: the kernel gives up after about three seconds.
	late := l.Fail(client, l.V4("0.2:89"), "EINPROGRESS", FailOptions{Wait: moment})
	dead := l.Fail(client, l.V4("0.2:81"), "EINPROGRESS", FailOptions{Wait: moment, SynRetries: 1})
	left := l.Fail(client, l.V4("0.2:82"), "EINPROGRESS", FailOptions{Wait: moment})
	l.Fail(client, l.V4("0.2:83"), "EINPROGRESS", FailOptions{Wait: moment})
	pause(hold)
	left.GiveUp()
	dead.Decide("ETIMEDOUT")
	dead.do(Client, script.Command{Op: script.Close})
	// What is let through in the end is an ordinary connection: the next SYN of
	// the client, after a second or a few, makes it.
	ln := l.Actor(b, "web").Listen(script.TCP, l.V4("0.2:89"))
	// In one step, since the other connects must not be answered in between.
	b.Nft("flush ruleset\n" + strings.Replace(rules, "81-89", "81-88", 1))
	late.Comes(ln)
}

func rejected(l *Lab) {
	a, b := l.Linked("a", "b")
	client, web := l.Actor(a, "client"), l.Actor(b, "web")
	ln := web.Listen(script.TCP, l.V4("0.2:8080"))
	l.Observe(a, b)
	c := l.Dial(client, ln, DialOptions{})
	c.Request(100)
	c.Reply(200)
	pause(hold)
	b.Nft(`table ip filter {
 chain in {
  type filter hook input priority 0
  policy accept
  tcp dport 8080 reject with tcp reset
 }
}
`)
	l.Fail(client, l.V4("0.2:8080"), "ECONNREFUSED", FailOptions{}).atListener(ln)
	f := c.must(Client, script.Command{Op: script.Send, Bytes: 50})
	c.WasCut(Client)
	// The server has not heard of it. What it sends now is answered by a reset
	// of the client's kernel, which the rule has to let through.
	b.Nft("flush ruleset\n")
	c.must(Server, script.Command{Op: script.Send, Bytes: 5})
	c.WasCut(Server)
	c.ended(f)
}

func unreachable(l *Lab) {
	a, b := l.Linked("a", "b")
	const rules = `table ip filter {
 chain in {
  type filter hook input priority 0
  policy accept
  tcp dport 81 VERDICT1
  tcp dport 82 VERDICT2
 }
}
`
	b.Nft(strings.NewReplacer("VERDICT1", "drop", "VERDICT2", "drop").Replace(rules))
	client := l.Actor(a, "client")
	l.Observe(a, b)
	moment := FailOptions{Wait: 50 * time.Millisecond}
	first, second := l.Fail(client, l.V4("0.2:81"), "EINPROGRESS", moment), l.Fail(client, l.V4("0.2:81"), "EINPROGRESS", moment)
	third := l.Fail(client, l.V4("0.2:82"), "EINPROGRESS", moment)
	b.Nft("flush ruleset\n")
	b.Nft(strings.NewReplacer("VERDICT1", "reject with icmp type host-unreachable", "VERDICT2", "reject with icmp type net-unreachable").Replace(rules))
	// The answer to the first SYN, which comes while the client has the socket in
	// its hands, is a soft error: the client is told, its kernel goes on trying.
	soft := l.Fail(client, l.V4("0.2:82"), "ENETUNREACH", FailOptions{})
	soft.Errno, soft.Soft = "", soft.Errno
	// The answer to a SYN that is sent again after a second is the end of it.
	first.Decide("EHOSTUNREACH")
	second.Decide("EHOSTUNREACH")
	third.Decide("ENETUNREACH")
	l.Fail(client, l.V4("0.2:82"), "ENETUNREACH", FailOptions{Blocking: true})
}

// atListener says that a process listens where a connect failed.
func (c *Conn) atListener(ln *Listener) {
	addrs := c.Server.Addrs
	c.Server = ln.Maker
	c.Server.Addrs = addrs
	c.Limits.NoServer = true
}
