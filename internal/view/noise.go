package view

import (
	"net/netip"
	"slices"
	"strings"

	"peerscope/internal/topology"
)

// rule hides what every host has and nobody asks for. A rule looks at one edge
// and its two ends only, so that nothing comes and goes with what others do. No
// rule hides an edge of which connects failed: that is never noise.
type rule struct {
	id, text string
	hides    func(*pair) bool
}

// pair is an edge of the map with its two ends; a is the client where roles are
// known.
type pair struct {
	edge  *topology.Edge
	a, b  *topology.Node
	roles bool
}

// RuleIdle names what is hidden as it waits for peers and nobody calls it.
const RuleIdle = "idle"

func rules() []rule {
	return []rule{
		{"own", "Peerscope's own traffic", ownTraffic},
		{"probes", "probes of the kubelet", isProbe},
		{"dns", "name lookups on port 53", isLookup},
		{"log", "messages to journald and syslog", isLog},
		{"bus", "D-Bus, and what asks systemd for names and state", isBus},
		{"pairs", "nameless socket pairs within one program", isPair},
	}
}

// noise is the index of the first rule that hides an edge; -1: none does.
func noise(rules []rule, p *pair) int {
	if p.edge.Connections.Failed > 0 || p.a == nil || p.b == nil {
		return -1
	}
	return slices.IndexFunc(rules, func(r rule) bool { return r.hides(p) })
}

func ownTraffic(p *pair) bool {
	return program(p.a) == "peerscope" || program(p.b) == "peerscope"
}

// isProbe: a kubelet calls the API server too, but nothing in a pod for any
// other reason.
func isProbe(p *pair) bool {
	b := &p.b.Attributes
	return p.roles && program(p.a) == "kubelet" && (b.PodUID != "" || b.PodName != "")
}

// isLookup: a process of this host asks a resolver. What others ask of a name
// server on this host is its work, and not noise.
func isLookup(p *pair) bool {
	if p.roles && p.edge.Transport == "unix" {
		return strings.HasPrefix(p.edge.Path, "/run/systemd/resolve/") || p.edge.Path == "/run/nscd/socket" || p.edge.Path == "/var/run/nscd/socket"
	}
	if !p.roles || p.edge.ServerPort != 53 && !dialed53(p.edge.Dialed) || p.a.Kind != topology.KindProcess {
		return false
	}
	return p.b.Kind == topology.KindAddress || isResolver(p.b)
}

func dialed53(dialed []string) bool {
	return slices.ContainsFunc(dialed, func(d string) bool {
		at, err := netip.ParseAddrPort(d)
		return err == nil && at.Port() == 53
	})
}

func isResolver(n *topology.Node) bool {
	switch program(n) {
	case "systemd-resolved", "dnsmasq", "nscd", "coredns", "kube-dns", "node-cache", "pdns_recursor", "unbound":
		return true
	}
	return false
}

func isLog(p *pair) bool {
	return p.edge.Transport == "unix" && (strings.HasPrefix(p.edge.Path, "/run/systemd/journal/") || p.edge.Path == "/dev/log")
}

func isBus(p *pair) bool {
	if p.edge.Transport != "unix" {
		return false
	}
	switch s := p.edge.Path; {
	case strings.HasSuffix(s, "/dbus/system_bus_socket"), strings.HasPrefix(s, "/run/user/") && strings.HasSuffix(s, "/bus"):
		return true
	case s == "/run/systemd/notify", s == "/run/systemd/private", strings.HasPrefix(s, "/run/systemd/userdb/"), strings.HasPrefix(s, "/run/systemd/io."):
		return true
	}
	return false
}

// isPair: nobody called, and no other program is there.
func isPair(p *pair) bool {
	return !p.roles && p.edge.Transport == "unix" && p.edge.Path == "" && (p.a == p.b || p.a.Program() == p.b.Program())
}
