package export

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// what says what happened on the edge within the window.
func (t *telling) what() []string {
	c := &t.e.Connections
	var parts []string
	for _, v := range []struct {
		n    uint64
		text string
	}{{c.Active, " open at the end"}, {c.Opened, " opened"}, {c.Closed, " closed"}, {c.Failed, " failed"}, {c.Pending, " pending"}} {
		if v.n > 0 {
			parts = append(parts, countText(v.n)+v.text)
		}
	}
	text := cmp.Or(strings.Join(parts, ", "), "no connection of its own")
	if d, ok := length(&topology.Map{Window: t.x.Window}); ok && d > 0 {
		text += " in " + spanText(d)
		if rate := float64(c.Failed) / d.Seconds(); c.Failed > 1 && d >= time.Second && rate >= 0.05 {
			text += fmt.Sprintf(", %.1f failures a second", rate)
		}
	}
	out := append([]string{text}, t.errorWords()...)
	if s := t.stats(); s != "" {
		out = append(out, s)
	}
	if t.e.Dialed != nil {
		out = append(out, "the client dialed "+t.clip(t.e.Dialed, ", ")+", which is not the address of the server's socket")
	}
	if services := t.services(t.e); len(services) > 0 {
		out = append(out, "what the client dialed is the service "+t.clip(services, " or "))
	}
	return out
}

// errorWords are the errors of failed connects and what they mean.
func (t *telling) errorWords() []string {
	var out []string
	for _, name := range sortedErrors(t.e) {
		text := t.style.clean(name) + " " + t.style.glyphs().times + countText(t.e.Errors[name])
		if m := errorMeaning(name); m != "" {
			text += ": " + m
		}
		out = append(out, text)
	}
	return out
}

// errorMeaning is what an errno of connect(2) tells; "" if that is not clear.
func errorMeaning(name string) string {
	switch name {
	case "ECONNREFUSED":
		return "that address answered that nobody listens there"
	case "ETIMEDOUT":
		return "nobody answered"
	case "EHOSTUNREACH":
		return "there is no way to that host"
	case "ENETUNREACH":
		return "there is no way to that network"
	case "ECONNRESET":
		return "the other end ended it before it was complete"
	case "EADDRNOTAVAIL":
		return "no local address or port was free for it"
	case "EACCES", "EPERM":
		return "a rule of this host forbids it"
	}
	return ""
}

// stats are the figures beside bytes.
func (t *telling) stats() string {
	var parts []string
	micro := t.style.glyphs().micro
	for _, v := range []struct {
		name string
		s    *topology.Stat
	}{{"rtt", t.e.RTT}, {"connect", t.e.Connect}} {
		if v.s != nil && v.s.Count > 0 {
			text := v.name + " " + microsText(float64(v.s.Sum)/float64(v.s.Count), micro)
			if v.s.Min != v.s.Max {
				text += fmt.Sprintf(" (%s to %s)", microsText(float64(v.s.Min), micro), microsText(float64(v.s.Max), micro))
			}
			parts = append(parts, text)
		}
	}
	if there, back := directions(t.e.Retransmits); there != nil || back != nil {
		if sum := value(there) + value(back); sum > 0 {
			parts = append(parts, plural(sum, "segment")+" sent again")
		}
	}
	return strings.Join(parts, ", ")
}

func value(p *uint64) uint64 {
	if p == nil {
		return 0
	}
	return *p
}

// how is the path of an example: the sockets of both ends, and where they are.
func (t *telling) how() []string {
	a := t.x.Connection
	if a == nil {
		return nil
	}
	var out []string
	names := t.endNames()
	for i, p := range a.Ends() {
		if p == nil {
			continue
		}
		text := "the " + names[i] + "'s socket " + t.socket(p)
		if p.BeforeStart {
			text += ", there before observation began"
		}
		if p.Unaccepted {
			text += ", not accepted yet"
		}
		out = append(out, text)
	}
	if n := t.explained(); n > 1 {
		out = append(out, fmt.Sprintf("(one example of %d)", n))
	}
	return out
}

// explained is how many connections were explained.
func (t *telling) explained() int {
	n := 0
	for _, d := range t.decisions() {
		n += d.Alike
	}
	return n
}

// socket writes a socket down: addresses, or inode and path, and its namespace.
func (t *telling) socket(p *flow.Endpoint) string {
	text := cmp.Or(p.Local, "(address not told)") + " > " + cmp.Or(p.Peer, "(address not told)")
	if p.Inode != 0 {
		text = fmt.Sprintf("inode %d", p.Inode)
		if p.Path != "" {
			text += " " + t.style.clean(p.Path)
		}
	}
	return text + t.in(p.Netns)
}

// since says when connections and processes began.
func (t *telling) since() []string {
	var out []string
	if b := t.x.Began; b != nil {
		var parts []string
		began := "first seen "
		if exactly(t.x.Connection) {
			began = "began "
		}
		if b.Earliest != "" {
			parts = append(parts, began+t.moment(b.Earliest))
			if b.Latest != b.Earliest {
				parts = append(parts, "the latest "+t.moment(b.Latest))
			}
		}
		switch {
		case b.BeforeStart > 0 && t.explained() == 1:
			parts = append(parts, "it was there before observation began")
		case b.BeforeStart > 0:
			parts = append(parts, fmt.Sprintf("%d were there before observation began", b.BeforeStart))
		}
		out = append(out, strings.Join(parts, ", "))
	}
	out = append(out, t.sinceOfPast()...)
	for _, id := range slices.Compact(slices.Clone(t.ids[:])) {
		if d := t.nodes[id]; d != nil && d.Attributes.Created != "" {
			out = append(out, t.label(id).String()+" runs since "+t.moment(d.Attributes.Created))
		}
	}
	return out
}

// exactly: when the connection began is known.
func exactly(a *flow.Account) bool {
	for _, p := range a.Ends() {
		if p != nil && p.Exact {
			return true
		}
	}
	return false
}

// moment is a time, absolute and before the end of the window.
func (t *telling) moment(stamp string) string {
	when, err := time.Parse(time.RFC3339Nano, stamp)
	end, err2 := time.Parse(time.RFC3339Nano, t.x.Window.End)
	if err != nil || err2 != nil {
		return t.style.clean(stamp)
	}
	text := when.UTC().Format("2006-01-02 15:04:05.000") + " UTC"
	if end.After(when) {
		text += " (" + spanText(end.Sub(when)) + " before the end)"
	}
	return text
}

// ended is how and when a process ended.
func (t *telling) ended(a *topology.Attributes) string {
	text := "ended"
	if how := a.Ending(); how != "" {
		text += " " + how
	}
	if a.ExitTime == "" {
		return text + " since"
	}
	return text + " at " + t.moment(a.ExitTime)
}

// end is that of the process with that id, if it is among those that are named.
func (t *telling) end(id string) string {
	for _, n := range append([]*topology.Node{t.x.Client, t.x.Server}, t.x.Ends...) {
		if n != nil && n.ID == id {
			return t.ended(&n.Attributes)
		}
	}
	for i := range t.x.Named {
		if n := &t.x.Named[i]; n.ID == id {
			return t.ended(&n.Attributes)
		}
	}
	return "has ended"
}

// otherEnd says, of connects that failed or are pending, who listens there or did.
func (t *telling) otherEnd() []string {
	if trouble(t.e) == 0 {
		return nil
	}
	var out []string
	for _, d := range t.decisions() {
		if s := d.Connection.State; s != "failed" && s != "pending" {
			continue
		}
		s := step(&d, flow.AboutPeer, flow.PeerListener.String())
		if s == nil || s.Result == flow.NotApplicable || s.Result == flow.NotAsked {
			continue
		}
		if len(s.Facts.Listeners) == 0 {
			out = append(out, s.Facts.LookedFor+": "+s.Facts.Why)
		}
		for _, l := range s.Facts.Listeners {
			out = append(out, t.listens(l))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// listens is a listener in words.
func (t *telling) listens(l flow.Listens) string {
	who := "somebody who was not seen"
	if l.Made != "" {
		who = t.label(l.Made).String()
	}
	text := who + " listens on " + l.Address + t.in(l.Netns)
	if l.Until != "" {
		text = who + " listened on " + l.Address + t.in(l.Netns) + " until " + t.moment(l.Until)
	}
	if l.Exited {
		text += "; that process " + t.end(l.Made)
	}
	if l.Verdict != "fits" {
		text += ": " + l.Verdict
	}
	return text
}
