package export

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"peerscope/internal/flow"
	"peerscope/internal/screen"
	"peerscope/internal/topology"
)

// What stands around the edges in table and tree: where and how long was
// observed, what the signs mean, what could not be seen and what was lost.

// host is what the machine is called.
func (n *names) host(m *topology.Map) string {
	return cmp.Or(n.style.clean(m.Host.Name), n.style.clean(m.Host.ID), "this host")
}

// length is how long was observed. ok is false if the window does not say.
func length(m *topology.Map) (d time.Duration, ok bool) {
	start, err := time.Parse(time.RFC3339Nano, m.Window.Start)
	if err != nil {
		return 0, false
	}
	end, err := time.Parse(time.RFC3339Nano, m.Window.End)
	if err != nil || end.Before(start) {
		return 0, false
	}
	return end.Sub(start), true
}

// facts are the parts of the line that says how the map was taken: how long, how
// much of it has a process, how much of the kernel's own count, by what means.
func (n *names) facts(m *topology.Map) []string {
	var facts []string
	switch d, ok := length(m); {
	case ok && d > 0:
		facts = append(facts, "observed "+spanText(d))
	case ok:
		facts = append(facts, "open at this moment")
	}
	facts = append(facts, plural(uint64(len(m.Edges)), "edge"))
	if share, ok := attributed(m); ok {
		facts = append(facts, shareText(share)+" attributed")
	}
	if c := m.Capture.Completeness; c != nil {
		facts = append(facts, shareText(*c)+" of the kernel's total")
	}
	if m.Capture.Source != "" {
		source := n.style.clean(m.Capture.Source)
		if m.Capture.Rung != "" {
			source += " rung " + n.style.clean(m.Capture.Rung)
		}
		if ms := m.Capture.IntervalMS; ms > 0 {
			source += " every " + microsText(float64(ms)*1000, n.style.glyphs().micro)
		}
		facts = append(facts, source)
	}
	return facts
}

// attributed is the share of connections and attempts of which at least one end
// has a process. ok is false if there were none. What has none may or may not
// be among the edges; the capture's own count is the least there was.
func attributed(m *topology.Map) (share float64, ok bool) {
	holder := make(map[string]bool, len(m.Nodes))
	for i := range m.Nodes {
		holder[m.Nodes[i].ID] = isProcess(&m.Nodes[i])
	}
	var with, without uint64
	for i := range m.Edges {
		e := &m.Edges[i]
		if a, b, _ := ends(e); holder[a] || holder[b] {
			with += seen(&e.Connections)
		} else {
			without += seen(&e.Connections)
		}
	}
	all := with + max(without, m.Capture.Unattributed.Connections)
	if all == 0 {
		return 0, false
	}
	return float64(with) / float64(all), true
}

// isProcess reports whether a node is a process or several.
func isProcess(d *topology.Node) bool {
	return d.Kind == topology.KindProcess || d.Kind == topology.KindGroup && d.Attributes.Processes > 0
}

// plural counts things: "1 edge", "3 edges", "2 processes".
func plural(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if strings.HasSuffix(noun, "s") {
		noun += "e"
	}
	return countText(n) + " " + noun + "s"
}

// listener is a listening socket, however many processes hold it.
type listener struct {
	netns           uint64
	transport, path string
	port            uint16
	address         string
}

// idleListeners are those that nobody called within the window, sorted by port.
// Workers that share a listener make one of it. An edge does not tell to which
// address a server was called, so a call to a port makes its listeners on all
// addresses of the namespace busy.
func idleListeners(m *topology.Map) []listener {
	busy := map[listener]bool{} // without the address: an edge does not tell it
	space := make(map[string]uint64, len(m.Nodes))
	for i := range m.Nodes {
		space[m.Nodes[i].ID] = m.Nodes[i].Attributes.NetnsInode
	}
	for i := range m.Edges {
		e := &m.Edges[i]
		if e.Server != "" {
			busy[listener{netns: space[e.Server], transport: e.Transport, path: e.Path, port: e.ServerPort}] = true
		}
	}
	idle := map[listener]bool{}
	for i := range m.Nodes {
		a := &m.Nodes[i].Attributes
		for _, l := range a.Listens {
			k := listener{netns: a.NetnsInode, transport: l.Transport, path: l.Path, port: l.Port}
			if !busy[k] {
				k.address = l.Address
				idle[k] = true
			}
		}
	}
	return slices.SortedFunc(maps.Keys(idle), func(a, b listener) int {
		return cmp.Or(cmp.Compare(a.port, b.port), cmp.Compare(a.path, b.path), cmp.Compare(a.netns, b.netns),
			cmp.Compare(a.transport, b.transport), cmp.Compare(a.address, b.address))
	})
}

// nothing says that there are no edges, what waits for some, and what to try: a
// longer look, or a call to something that listens here.
func (n *names) nothing(m *topology.Map) []string {
	when := ""
	switch d, ok := length(m); {
	case ok && d > 0:
		when = " in " + spanText(d)
	case ok:
		when = " open at this moment"
	}
	idle := idleListeners(m)
	text := "No connections" + when + "."
	switch len(idle) {
	case 0: // says nothing: a capture may not name listeners that nobody called
	case 1:
		text += " 1 listener is idle."
	default:
		text += " " + countText(uint64(len(idle))) + " listeners are idle."
	}
	try := "Try: peerscope map --for 60s"
	if p := browsable(idle); p != 0 {
		try += fmt.Sprintf("%s curl localhost:%d", n.style.glyphs().dot, p)
	}
	return append(n.paragraph(text, "", plain), n.paragraph(try, "", plain)...)
}

// browsable is a TCP port that is likely to speak HTTP and that localhost
// reaches, 0 if there is none.
func browsable(idle []listener) uint16 {
	for _, port := range []uint16{80, 8080, 8000, 3000, 8888} {
		for _, l := range idle {
			a, err := netip.ParseAddr(l.address)
			if err == nil && l.port == port && l.transport == flow.TCP.String() && (a.IsUnspecified() || a.IsLoopback()) {
				return port
			}
		}
	}
	return 0
}

// legend explains the signs, those that are rare only where the map has them.
func (n *names) legend(m *topology.Map, tree bool) []string {
	g := n.style.glyphs()
	var parts []string
	if tree {
		parts = append(parts, g.initiates+" initiates", g.accepts+" accepts")
	}
	parts = append(parts, g.up+" client to server", g.down+" back")
	var roleless, guess, unsure, about, past, trbl bool
	for i := range m.Edges {
		e := &m.Edges[i]
		_, _, roles := ends(e)
		a, b := doubts(e)
		c := &e.Connections
		roleless = roleless || !roles
		guess = guess || a == guessed || b == guessed
		unsure = unsure || a == open || b == open
		about = about || len(e.Inexact) > 0
		past = past || c.Active == 0 && c.Opened+c.Closed > 0
		trbl = trbl || trouble(e) > 0
	}
	for _, sign := range []struct {
		used bool
		text string
	}{
		{roleless, g.both + " role unknown"}, {guess, g.inferred + " inferred"}, {unsure, g.unsure + " ambiguous"},
		{about, g.about + " inexact"}, {past, "(n) none left open"}, {trbl, g.cross + " problem"},
	} {
		if sign.used {
			parts = append(parts, sign.text)
		}
	}
	lines := screen.Wrap(parts, "  ", n.style.Width)
	for i, l := range lines {
		lines[i] = n.style.line([]span{{l, muted}})
	}
	return lines
}

// unseen are the lines of everything that is missing from the map: what could
// not be seen and how to see it, what was lost, what has no process.
func (n *names) unseen(m *topology.Map) []string {
	var lines []string
	for _, d := range m.Capture.Degraded {
		text := n.style.clean(d.Code)
		if d.Reason != "" {
			text += ": " + strings.TrimRight(n.style.clean(d.Reason), ". ") + "."
		}
		if d.Fix != "" {
			text += " " + n.style.clean(d.Fix)
		}
		lines = append(lines, n.paragraph(text, "! ", warn)...)
	}
	if c := m.Capture.Completeness; c != nil && *c < 1 {
		text := fmt.Sprintf("incomplete: the kernel counted more TCP connections than were seen; %s of them are in the map", shareText(*c))
		lines = append(lines, n.paragraph(text, "! ", warn)...)
	}
	if lost := n.lost(m.Capture.Lost); lost != "" {
		lines = append(lines, n.paragraph("lost: "+lost, "! ", warn)...)
	}
	if u := m.Capture.Unattributed; u.Connections > 0 || u.Bytes > 0 {
		text := fmt.Sprintf("unattributed: %s, %s, no end of which has a process",
			plural(u.Connections, "connection"), bytesText(u.Bytes))
		lines = append(lines, n.paragraph(text, "! ", warn)...)
	}
	return lines
}

// lost names the reasons that have a count, in the order of flow, then others; ""
// if nothing was lost.
func (n *names) lost(counts map[string]uint64) string {
	rank := func(reason string) int {
		if i := slices.Index(flow.LossReasonNames[:], reason); i >= 0 {
			return i
		}
		return len(flow.LossReasonNames)
	}
	var parts []string
	for _, reason := range slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
	}) {
		if counts[reason] > 0 {
			parts = append(parts, n.style.clean(reason)+" "+countText(counts[reason]))
		}
	}
	return strings.Join(parts, ", ")
}

// paragraph wraps text to the width, with a mark before the first line and the
// others in line with it.
func (n *names) paragraph(text, mark string, t tone) []string {
	width := 0
	if n.style.Width > 0 {
		width = max(n.style.Width-screen.Width(mark), 1)
	}
	lines := screen.Wrap(strings.Fields(text), " ", width)
	for i, l := range lines {
		lines[i] = n.style.line([]span{{mark, t}, {l, t}})
		mark = strings.Repeat(" ", screen.Width(mark))
	}
	return lines
}
