package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// The places of the system, each a network namespace on one bridge. The address
// of a virtual server leads to the web server by a rule where users are.
const (
	prefix  = "psdemo-"
	bridge  = prefix + "net"
	webAddr = "10.77.0.10"
	virtual = "10.77.0.100"
)

var places = []struct{ name, addr string }{
	{"users", "10.77.0.40"}, {"web", webAddr}, {"shop", "10.77.0.20"}, {"data", "10.77.0.30"},
}

// network is what was made of it so far.
type network struct{ made []string }

func buildNetwork(ctx context.Context) (*network, error) {
	n := &network{}
	for _, name := range append([]string{bridge}, placeNames()...) {
		if err := ip(ctx, "netns", "add", name); err != nil {
			return n, fmt.Errorf("%w (does another demo run? it left: ip netns list)", err)
		}
		n.made = append(n.made, name)
		if err := ip(ctx, "-n", name, "link", "set", "lo", "up"); err != nil {
			return n, err
		}
	}
	steps := [][]string{
		{"-n", bridge, "link", "add", "br0", "type", "bridge"},
		{"-n", bridge, "link", "set", "br0", "up"},
	}
	for _, p := range places {
		ns := prefix + p.name
		steps = append(steps,
			[]string{"-n", ns, "link", "add", "eth0", "type", "veth", "peer", "name", p.name, "netns", bridge},
			[]string{"-n", bridge, "link", "set", p.name, "master", "br0", "up"},
			[]string{"-n", ns, "addr", "add", p.addr + "/24", "dev", "eth0"},
			[]string{"-n", ns, "link", "set", "eth0", "up"},
			[]string{"-n", ns, "route", "add", "default", "dev", "eth0"})
	}
	for _, s := range steps {
		if err := ip(ctx, s...); err != nil {
			return n, err
		}
	}
	rule := "add table ip demo; add chain ip demo out { type nat hook output priority -100; }; " +
		"add rule ip demo out ip daddr " + virtual + " tcp dport 80 dnat to " + webAddr + ":8080"
	return n, command(ctx, "ip", "netns", "exec", prefix+"users", "nft", rule)
}

func placeNames() []string {
	var out []string
	for _, p := range places {
		out = append(out, prefix+p.name)
	}
	return out
}

// names are the namespaces that processes live in.
func (n *network) names() []string { return placeNames() }

func (n *network) remove() {
	for _, name := range n.made {
		_ = ip(context.Background(), "netns", "del", name)
	}
}

func ip(ctx context.Context, args ...string) error { return command(ctx, "ip", args...) }

func command(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
