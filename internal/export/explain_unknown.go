package export

import (
	"fmt"
	"slices"

	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// unknown says in sentences what cannot be known of an edge, and why, each from
// a fact that is there or missing.
func (t *telling) unknown() []string {
	var out []string
	say := func(format string, args ...any) {
		if text := fmt.Sprintf(format, args...); !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	for i, id := range t.ids {
		t.unknownEnd(i, id, say)
	}
	for _, end := range []string{"client", "server", "first", "second"} {
		if ids := t.e.Candidates[end]; len(ids) > 1 {
			say("which of these the %s is: %s", end, t.list(ids, " or "))
		}
		if ids := t.e.Holders[end]; len(ids) > 0 {
			say("which of the processes that hold the %s's socket uses it", end)
		}
	}
	if !t.roles {
		say("who called: nothing that was seen tells")
	}
	if n := failedWithout(t.e); n > 0 {
		say("in which error %s ended%s", plural(n, "connect"), t.bySource("which does not tell it"))
	}
	if there, back := directions(t.e.Bytes); t.e.Connections.Active+t.e.Connections.Closed > 0 && (there == nil || back == nil) {
		say("how many bytes went%s", t.bySource("which does not count them here"))
	}
	for _, f := range t.e.Inexact {
		if what := inexactWords(f); what != "" {
			say("exactly how many bytes went %s", what)
		}
	}
	switch b := t.x.Began; {
	case b == nil || b.BeforeStart == 0:
	case t.explained() == 1:
		say("when it began: it was there before observation")
	default:
		say("when %d of the connections began: there before observation", b.BeforeStart)
	}
	t.unknownOfPast(say)
	if t.x.Connection == nil && t.x.Past == nil && seen(&t.e.Connections) == 0 {
		say("which connection it was: what is counted here was carried by sockets that were handed on to another process")
	}
	return out
}

// inexactWords puts the name of a figure into words.
func inexactWords(field string) string {
	switch field {
	case "bytes.to_server":
		return "to the server"
	case "bytes.to_client":
		return "to the client"
	case "bytes.first_to_second":
		return "from the first to the second"
	case "bytes.second_to_first":
		return "from the second to the first"
	}
	return ""
}

// bySource names the source that a lack is due to.
func (t *telling) bySource(why string) string {
	if t.x.Source == "" {
		return ""
	}
	return ": the source is " + t.style.clean(t.x.Source) + ", " + why
}

// failedWithout counts the failed connects whose error is not known.
func failedWithout(e *topology.Edge) uint64 {
	n := e.Connections.Failed
	for _, k := range e.Errors {
		n -= min(k, n)
	}
	return n
}

// unknownEnd says what cannot be known of who is at one end.
func (t *telling) unknownEnd(i int, id string, say func(string, ...any)) {
	end := t.endNames()[i]
	d := t.nodes[id]
	isAddr := d == nil || isAddress(d)
	for _, dec := range t.decisions() {
		p := dec.Connection.Ends()[i]
		if len(t.e.Candidates[end]) > 0 {
			continue
		}
		inferred := step(&dec, end, flow.PeerListener.String())
		switch {
		case isAddr && p == nil && d != nil && !d.Attributes.AddressLocal && d.Attributes.PeerAddress != "":
			say("which process is at %s: that address is outside of what is observed", t.label(id))
		case isAddr && p == nil && dec.Connection.State == "failed":
			// Nobody was reached, so there is nobody to be known.
		case isAddr && p == nil:
			say("which process is the %s: its socket was not seen", end)
		case isAddr:
			say("which process held the %s's socket: none was seen to%s", end, t.lookedUp())
		case inferred != nil && p != nil && len(p.Holders) == 0 && !p.Unaccepted && p.Inode == 0:
			say("which process took it: nobody was seen to hold the %s's socket, and any process that shares the listener of %s may have", end, t.label(id))
		case p == nil && dec.Connection.Peer == flow.PeerListener.String() && dec.Connection.State == "open" && t.e.Transport == flow.TCP.String():
			say("whether %s holds the other end: its socket was not seen, only its listener", t.label(id))
		}
	}
}

// lookedUp says how the source learns of holders, where that is why it missed one.
func (t *telling) lookedUp() string {
	if t.x.Source == "netlink" {
		return " (netlink tells no process of a socket that is over)"
	}
	return ""
}
