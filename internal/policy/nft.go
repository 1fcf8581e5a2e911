package policy

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"peerscope/internal/topology"
)

// service is what packets of one rule go to.
type service struct {
	transport string
	port      uint16
	group     string // cgroup of the server's unit, empty: any
}

// callers are what was seen to call a service.
type callers struct {
	servers   []string
	addresses []netip.Addr
	local     []*topology.Node // processes of the same network namespace
}

// site is a network namespace, which has rules of its own.
type site struct {
	inode    uint64
	name     string
	services map[service]*callers
	notes    []string // what is no rule, and why
}

// nft writes a table for each network namespace. Incoming packets that nobody was
// seen to send are dropped; of what goes out only calls within the namespace are
// held against the units that were seen to make them.
func (s *scene) nft() []byte {
	sites := map[uint64]*site{}
	elsewhere := 0
	for i := range s.m.Edges {
		e := &s.m.Edges[i]
		first, second := s.ends(e)
		if e.Transport == "unix" {
			continue // no packets
		}
		at := second
		switch {
		case second.Kind != topology.KindAddress:
		case second.Attributes.AddressLocal || len(e.Ends) == 2 && first.Kind != topology.KindAddress:
			at = cmp.Or(inside(second), inside(first), second)
		default:
			elsewhere++
			continue
		}
		p := sites[at.Attributes.NetnsInode]
		if p == nil {
			p = &site{inode: at.Attributes.NetnsInode, name: at.Attributes.NetnsName, services: map[service]*callers{}}
			sites[p.inode] = p
		}
		p.add(s, e)
	}
	var b strings.Builder
	b.WriteString("#!/usr/sbin/nft -f\n" + s.head(
		"Incoming packets of anything else are dropped: read this before you load it.",
		"A cgroup is found by nft when it loads the rules. Load them again when a unit was started again."))
	if elsewhere > 0 {
		comment(&b, "", "Nothing comes in by "+edges(elsewhere)+" whose server is elsewhere.")
	}
	if len(sites) > 1 {
		comment(&b, "", fmt.Sprintf("The rules are of %d network namespaces: load each table in its own, and nowhere else.", len(sites)))
	}
	for _, inode := range slices.Sorted(maps.Keys(sites)) {
		sites[inode].write(&b, len(sites) > 1)
	}
	return []byte(b.String())
}

// inside is a node whose network namespace is known, else nil.
func inside(n *topology.Node) *topology.Node {
	if n.Attributes.NetnsInode == 0 {
		return nil
	}
	return n
}

// add sorts one edge into the rules or the notes.
func (p *site) add(s *scene, e *topology.Edge) {
	client, server := s.ends(e)
	why := doubt(e)
	switch {
	case why != "":
	case server.Kind == topology.KindAddress:
		why = "the server's process is not known"
	case e.ServerPort == 0:
		why = "its port is not known"
	case client.Kind == topology.KindAddress && !addressOf(client).IsValid():
		why = "the client's address is not known"
	case client.Kind != topology.KindAddress && client.Attributes.NetnsInode == 0:
		why = "the network namespace of the client is not known"
	case client.Kind != topology.KindAddress && client.Attributes.NetnsInode != server.Attributes.NetnsInode:
		why = "the client is a process of another network namespace, whose address is not in the map"
	}
	if why != "" {
		p.notes = append(p.notes, s.sentence(e)+": "+why)
		return
	}
	k := service{e.Transport, e.ServerPort, unitGroup(server)}
	c := p.services[k]
	if c == nil {
		c = &callers{}
		p.services[k] = c
	}
	c.servers = append(c.servers, name(server))
	if a := addressOf(client); a.IsValid() {
		c.addresses = append(c.addresses, a)
	} else {
		c.local = append(c.local, client)
	}
}

// unitGroup is the cgroup of a node's unit; empty if it is not known, or has a
// character that a string of nft cannot have.
func unitGroup(n *topology.Node) string {
	a := &n.Attributes
	if a.Unit == "" {
		return ""
	}
	parts := strings.Split(strings.Trim(a.Cgroup, "/"), "/")
	i := slices.Index(parts, a.Unit)
	group := strings.Join(parts[:i+1], "/")
	if i < 0 || strings.ContainsAny(group, "\"\n*") || printable(group) != group {
		return ""
	}
	return group
}

// inGroup is the match of a socket's cgroup: in the input chain the receiver's,
// in the output chain the sender's. Level counts the parts of the path.
func inGroup(group string) string {
	if group == "" {
		return ""
	}
	return fmt.Sprintf(` socket cgroupv2 level %d "%s"`, strings.Count(group, "/")+1, group)
}

func (p *site) title(several bool) (table, where string) {
	where = cmp.Or(p.name, fmt.Sprint(p.inode))
	if !several {
		return "peerscope", where
	}
	return fmt.Sprintf("peerscope_%d", p.inode), where
}

func (p *site) write(b *strings.Builder, several bool) {
	table, where := p.title(several)
	b.WriteString("\n")
	if several || p.name != "" {
		comment(b, "", "Network namespace "+where)
	}
	// Made and deleted, so that the table can be loaded over an earlier one.
	fmt.Fprintf(b, "table inet %s\ndelete table inet %s\n\ntable inet %s {\n", table, table, table)
	b.WriteString("\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n" +
		"\t\tct state established,related accept\n\t\tmeta l4proto { icmp, ipv6-icmp } accept\n")
	order := slices.SortedFunc(maps.Keys(p.services), func(x, y service) int {
		return cmp.Or(cmp.Compare(x.port, y.port), cmp.Compare(x.transport, y.transport), cmp.Compare(x.group, y.group))
	})
	for _, k := range order {
		p.services[k].writeInput(b, k)
	}
	b.WriteString("\t}\n")
	p.writeOutput(b, order)
	b.WriteString("}\n")
	if len(p.notes) > 0 {
		comment(b, "", "Seen, and no rule:")
		for _, n := range byText(p.notes) {
			comment(b, "", "  "+n)
		}
	}
}

func (c *callers) writeInput(b *strings.Builder, k service) {
	comment(b, "\t\t", strings.Join(byText(c.servers), ", "))
	match := fmt.Sprintf("%s dport %d%s", k.transport, k.port, inGroup(k.group))
	if len(c.local) > 0 {
		fmt.Fprintf(b, "\t\tiifname \"lo\" %s accept\n", match)
	}
	sorted := slices.SortedFunc(slices.Values(c.addresses), netip.Addr.Compare)
	var v4, v6 []string
	for _, a := range slices.Compact(sorted) {
		if a.Is4() {
			v4 = append(v4, a.String())
		} else {
			v6 = append(v6, a.String())
		}
	}
	if len(v4) > 0 {
		fmt.Fprintf(b, "\t\tip saddr { %s } %s accept\n", strings.Join(v4, ", "), match)
	}
	if len(v6) > 0 {
		fmt.Fprintf(b, "\t\tip6 saddr { %s } %s accept\n", strings.Join(v6, ", "), match)
	}
}

// writeOutput holds calls within the namespace against the units that were seen
// to make them. A port that a caller without a known unit used stays open to all
// of the namespace.
func (p *site) writeOutput(b *strings.Builder, order []service) {
	type door struct {
		transport string
		port      uint16
	}
	groups := map[door][]string{}
	open := map[door]bool{}
	var doors []door
	for _, k := range order {
		d, c := door{k.transport, k.port}, p.services[k]
		if !slices.Contains(doors, d) {
			doors = append(doors, d)
		}
		open[d] = open[d] || slices.ContainsFunc(c.addresses, netip.Addr.IsLoopback)
		for _, n := range c.local {
			group := unitGroup(n)
			groups[d] = append(groups[d], group)
			open[d] = open[d] || group == ""
		}
	}
	doors = slices.DeleteFunc(doors, func(d door) bool { return open[d] || len(groups[d]) == 0 })
	if len(doors) == 0 {
		return
	}
	b.WriteString("\tchain output {\n\t\ttype filter hook output priority filter; policy accept;\n\t\tct state established,related accept\n")
	for _, d := range doors {
		for _, g := range byText(groups[d]) {
			fmt.Fprintf(b, "\t\toifname \"lo\" %s dport %d%s accept\n", d.transport, d.port, inGroup(g))
		}
		fmt.Fprintf(b, "\t\toifname \"lo\" %s dport %d counter drop\n", d.transport, d.port)
	}
	b.WriteString("\t}\n")
}
