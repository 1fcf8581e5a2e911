package e2e

import (
	"fmt"
	"os"
	"strings"
)

// Netns makes a namespace of the scenario, named after its part in it.
func (l *Lab) Netns(part string) *Netns {
	l.T.Helper()
	n := newNetns(l.T, fmt.Sprintf("%s%d-%s-%s", netnsPrefix, os.Getpid(), l.Scenario.Name, part))
	l.spaces[n.Inode] = true
	return n
}

// Port is one end of a veth link: where it is, its name there and its
// addresses with their prefix lengths.
type Port struct {
	NS    *Netns
	Name  string
	Addrs []string
}

// Veth links two namespaces. Both ends are made where they belong, so that
// their names never meet those of the host.
func (l *Lab) Veth(a, b Port) {
	l.T.Helper()
	a.NS.IP("link", "add", a.Name, "type", "veth", "peer", "name", b.Name, "netns", b.NS.Name)
	a.up()
	b.up()
}

// up sets the addresses, without the second of waiting for a duplicate IPv6 one.
func (p Port) up() {
	for _, addr := range p.Addrs {
		if strings.Contains(addr, ":") {
			p.NS.IP("addr", "add", addr, "dev", p.Name, "nodad")
		} else {
			p.NS.IP("addr", "add", addr, "dev", p.Name)
		}
	}
	p.NS.IP("link", "set", p.Name, "up")
}

// Bridge makes a namespace that only switches, with the given ports of other
// namespaces plugged in.
func (l *Lab) Bridge(part string, ports ...Port) *Netns {
	l.T.Helper()
	n := l.Netns(part)
	n.IP("link", "add", "br0", "type", "bridge")
	n.IP("link", "set", "br0", "up")
	for i, p := range ports {
		name := fmt.Sprintf("p%d", i)
		l.Veth(p, Port{NS: n, Name: name})
		n.IP("link", "set", name, "master", "br0")
	}
	return n
}

// V4 is an address of the scenario's own 10.N.0.0/16, given by its last two
// parts and what follows. Scenarios run at the same time, and an address that a
// namespace of another one has too would be ambiguous, and rightly so.
func (l *Lab) V4(rest string) string { return fmt.Sprintf("10.%d.%s", l.number, rest) }

// V6 is an address and port of the scenario's own fd00:N::/64.
func (l *Lab) V6(rest string, port int) string {
	return fmt.Sprintf("[fd00:%x::%s]:%d", l.number, rest, port)
}

// LinkLocal is a link-local address that no other scenario uses.
func (l *Lab) LinkLocal(rest string) string { return fmt.Sprintf("fe80::%x:%s", l.number, rest) }

// The addresses of the routed worlds, for V4. Nobody has the virtual one.
const (
	serverAddr  = "2.2:8080"
	virtualAddr = "9.9:80"
)

// Routed is a client and a server network with a router between them:
// 10.N.1.2 -- 10.N.1.1 [router] 10.N.2.1 -- 10.N.2.2.
type Routed struct {
	Client, Router, Server *Netns
}

// Routed makes such a world with rules in the router.
func (l *Lab) Routed(rules string) Routed {
	l.T.Helper()
	return l.routedAs("", rules)
}

// routedAs is Routed, for one of several such worlds that have the same addresses.
func (l *Lab) routedAs(which, rules string) Routed {
	l.T.Helper()
	w := Routed{Client: l.Netns("c" + which), Router: l.Netns("r" + which), Server: l.Netns("s" + which)}
	l.Veth(Port{w.Client, "eth0", []string{l.V4("1.2/24")}}, Port{w.Router, "in0", []string{l.V4("1.1/24")}})
	l.Veth(Port{w.Server, "eth0", []string{l.V4("2.2/24")}}, Port{w.Router, "out0", []string{l.V4("2.1/24")}})
	w.Client.IP("route", "add", "default", "via", l.V4("1.1"))
	w.Server.IP("route", "add", "default", "via", l.V4("2.1"))
	w.Router.Sysctl("net.ipv4.ip_forward", "1")
	if rules != rulesNone {
		w.Router.Nft(strings.NewReplacer("VIRTUAL", l.V4("9.9"), "SERVER", l.V4(serverAddr)).Replace(rules))
	}
	return w
}

// Linked is two namespaces with one link: 0.1 and 0.2 of V4, 1 and 2 of V6.
func (l *Lab) Linked(a, b string) (*Netns, *Netns) {
	l.T.Helper()
	na, nb := l.Netns(a), l.Netns(b)
	end := func(n *Netns, i string) Port {
		return Port{n, "eth0", []string{l.V4("0." + i + "/24"), fmt.Sprintf("fd00:%x::%s/64", l.number, i)}}
	}
	l.Veth(end(na, "1"), end(nb, "2"))
	return na, nb
}

// The rules of the routers.
const (
	rulesNone = ""
	rulesDNAT = `table ip nat {
 chain pre {
  type nat hook prerouting priority dstnat
  policy accept
  ip daddr VIRTUAL tcp dport 80 dnat to SERVER
 }
}
`
	rulesMasquerade = `table ip nat {
 chain post {
  type nat hook postrouting priority srcnat
  policy accept
  oifname "out0" masquerade
 }
}
`
	rulesBoth = `table ip nat {
 chain pre {
  type nat hook prerouting priority dstnat
  policy accept
  ip daddr VIRTUAL tcp dport 80 dnat to SERVER
 }
 chain post {
  type nat hook postrouting priority srcnat
  policy accept
  oifname "out0" masquerade
 }
}
`
)
