package export

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"peerscope/internal/topology"
)

// listed is how many nodes or addresses a note names before it counts the rest.
const listed = 3

// problem says what is wrong with an edge: "14 failed: ECONNREFUSED", "2 pending".
func (n *names) problem(e *topology.Edge) string {
	var parts []string
	if f := e.Connections.Failed; f > 0 {
		text := countText(f) + " failed"
		if errs := n.errors(e); errs != "" {
			text += ": " + errs
		}
		parts = append(parts, text)
	}
	if p := e.Connections.Pending; p > 0 {
		parts = append(parts, countText(p)+" pending")
	}
	return strings.Join(parts, "; ")
}

// errors are the errors of failed connects, the most frequent first; the count
// of a single one that explains all is not repeated.
func (n *names) errors(e *topology.Edge) string {
	words := sortedErrors(e)
	if len(words) == 1 && e.Errors[words[0]] == e.Connections.Failed {
		return n.style.clean(words[0])
	}
	for i, w := range words {
		words[i] = n.style.clean(w) + " " + countText(e.Errors[w])
	}
	return strings.Join(words, ", ")
}

// sortedErrors are the names of an edge's errors, the most frequent first.
func sortedErrors(e *topology.Edge) []string {
	return slices.SortedFunc(maps.Keys(e.Errors), func(a, b string) int {
		return cmp.Or(cmp.Compare(e.Errors[b], e.Errors[a]), cmp.Compare(a, b))
	})
}

// remarks are what else must be known to read an edge rightly, what makes its
// names doubtful first: candidates that fit, other processes with the same
// socket, the address that was asked for where a translation led elsewhere.
func (n *names) remarks(e *topology.Edge) []string {
	var parts []string
	for _, end := range slices.Sorted(maps.Keys(e.Candidates)) {
		if ids := e.Candidates[end]; len(ids) > 0 {
			parts = append(parts, "ambiguous: "+n.list(ids, " or "))
		}
	}
	if len(parts) == 0 && e.Evidence.Peer["ambiguous"] > 0 {
		parts = append(parts, "ambiguous")
	}
	if _, _, roles := ends(e); !roles {
		parts = append(parts, "role unknown")
	}
	for _, end := range slices.Sorted(maps.Keys(e.Holders)) {
		if ids := e.Holders[end]; len(ids) > 0 {
			parts = append(parts, "also held by "+n.list(ids, ", "))
		}
	}
	if services := n.services(e); len(services) > 0 {
		parts = append(parts, "service "+n.clip(services, ", "))
	}
	if len(e.Dialed) > 0 {
		parts = append(parts, "dialed "+n.clip(e.Dialed, ", "))
	}
	if there, back := directions(e.Retransmits); there != nil || back != nil {
		sum := uint64(0)
		for _, r := range []*uint64{there, back} {
			if r != nil {
				sum += *r
			}
		}
		if sum > 0 {
			parts = append(parts, countText(sum)+" retransmitted")
		}
	}
	return parts
}

// services are those that clients called, but for what the server's own name
// says already.
func (n *names) services(e *topology.Edge) []string {
	server := n.nodes[e.Server]
	return slices.DeleteFunc(slices.Clone(e.Services), func(s string) bool { return server != nil && server.Name == s })
}

// list names nodes, as many as a note has room for.
func (n *names) list(ids []string, between string) string {
	labels := make([]string, len(ids))
	for i, id := range ids {
		labels[i] = n.label(id).String()
	}
	return n.clip(labels, between)
}

// clip joins the first few and counts the rest; a rest of one is named, as its
// name is hardly longer than its count.
func (n *names) clip(words []string, between string) string {
	rest := ""
	if len(words) > listed+1 {
		rest = fmt.Sprintf("%s%d more", between, len(words)-listed)
		words = words[:listed]
	}
	cleaned := make([]string, len(words))
	for i, w := range words {
		cleaned[i] = n.style.clean(w)
	}
	return strings.Join(cleaned, between) + rest
}

// traffic are the cells of figures of an edge: bytes from client to server and
// back, connections, and the average of the smoothed round-trip times.
type traffic struct{ up, down, conns, rtt string }

// traffic writes an edge's figures; a figure that the map calls inexact has a
// sign before it. Connections are those open at the end of the window, or in
// parentheses those it saw when none is left.
func (n *names) traffic(e *topology.Edge) traffic {
	there, back := directions(e.Bytes)
	about := func(figure string, fields ...string) string {
		for _, f := range fields {
			if figure != none && slices.Contains(e.Inexact, f) {
				return n.style.glyphs().about + figure
			}
		}
		return figure
	}
	size := func(b *uint64) string {
		if b == nil {
			return none
		}
		return bytesText(*b)
	}
	t := traffic{
		up:   about(size(there), "bytes.to_server", "bytes.first_to_second"),
		down: about(size(back), "bytes.to_client", "bytes.second_to_first"),
		rtt:  none,
	}
	c := &e.Connections
	switch past := max(c.Opened, c.Closed); {
	case c.Active > 0:
		t.conns = about(countText(c.Active), "connections.active")
	case past > 0:
		t.conns = "(" + about(countText(past), "connections.opened", "connections.closed") + ")"
	default:
		t.conns = "0"
	}
	if r := e.RTT; r != nil && r.Count > 0 {
		t.rtt = about(microsText(float64(r.Sum)/float64(r.Count), n.style.glyphs().micro), "rtt_us")
	}
	return t
}
