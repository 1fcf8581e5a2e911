package export

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"peerscope/internal/flow"
	"peerscope/internal/screen"
	"peerscope/internal/topology"
)

// labelWidth is the column in which the words of a section begin.
const labelWidth = 13

// Explain writes explanations for people: who, what, how, since when, on what
// evidence, what was rejected and what cannot be known. rest are edges of m that
// get one line each.
func Explain(w io.Writer, m *topology.Map, full []*topology.Explanation, rest []*topology.Edge, style Style) error {
	n := newNames(m, style)
	var out strings.Builder
	for i, x := range full {
		if i > 0 {
			out.WriteString("\n")
		}
		t := n.telling(x)
		for _, line := range t.lines() {
			out.WriteString(line + "\n")
		}
	}
	if len(rest) > 0 {
		fmt.Fprintf(&out, "\n%s more:\n", plural(uint64(len(rest)), "edge"))
		for _, e := range rest {
			for _, line := range n.paragraph(n.brief(e), "  ", plain) {
				out.WriteString(line + "\n")
			}
		}
	}
	return write(w, "explanation", []byte(out.String()))
}

// ExplainJSON writes explanations one object after the other, each of the schema
// it names.
func ExplainJSON(w io.Writer, m *topology.Map, full []*topology.Explanation) error {
	n := newNames(m, Style{})
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	for _, x := range full {
		c := *x
		c.Unknown = n.telling(x).unknown()
		if c.Unknown == nil {
			c.Unknown = []string{}
		}
		if err := enc.Encode(&c); err != nil {
			return fmt.Errorf("encode the explanation as json: %w", err)
		}
	}
	return write(w, "json", escapeJSON(buf.Bytes()))
}

// Worst sorts edges as people should hear of them: problems first, then bytes.
func Worst(edges []*topology.Edge) { slices.SortFunc(edges, byTrouble) }

// telling puts one explanation into words.
type telling struct {
	*names
	x     *topology.Explanation
	e     *topology.Edge
	roles bool
	ids   [2]string // of the ends
	where bool      // namespaces are named, since there are several
}

// telling knows the names of all nodes that the steps of x name.
func (n *names) telling(x *topology.Explanation) *telling {
	for i := range x.Named {
		if d := &x.Named[i]; n.nodes[d.ID] == nil {
			n.nodes[d.ID] = d
		}
	}
	t := &telling{names: n, x: x, e: &x.Edge}
	t.ids[0], t.ids[1], t.roles = ends(t.e)
	spaces := map[uint64]bool{}
	for _, d := range n.nodes {
		if d.Attributes.NetnsInode != 0 {
			spaces[d.Attributes.NetnsInode] = true
		}
	}
	t.where = len(spaces) > 1
	return t
}

// lines are the whole explanation, a summary and then its sections.
func (t *telling) lines() []string {
	headline := strong
	if trouble(t.e) > 0 {
		headline = bad
	}
	lines := t.paragraph(t.summary(), "", headline)
	section := func(label string, texts []string, tone tone) {
		mark := "  " + label + strings.Repeat(" ", labelWidth-2-len(label))
		for _, text := range texts {
			lines = append(lines, t.paragraph(text, mark, tone)...)
			mark = strings.Repeat(" ", labelWidth)
		}
	}
	section("What", t.what(), plain)
	section("Over time", t.overTime(), plain)
	section("Before", t.before(), plain)
	section("Happened", t.happened(), plain)
	section("How", t.how(), plain)
	section("Since", t.since(), plain)
	section("Other end", t.otherEnd(), plain)
	section("Evidence", t.evidence(), plain)
	section("Rejected", t.rejected(), muted)
	section("Not known", t.unknown(), warn)
	section("Edge", []string{t.e.ID}, muted)
	return lines
}

// decisions are all that the edge's connections stand on, the first ones first.
func (t *telling) decisions() []topology.Decision {
	if t.x.Connection == nil {
		return nil
	}
	return append([]topology.Decision{t.x.Decision}, t.x.Others...)
}

// endNames are what the two ends are called in steps.
func (t *telling) endNames() [2]string {
	if t.roles {
		return [2]string{"client", "server"}
	}
	return [2]string{"first", "second"}
}

// who describes an end: "nginx (pid 302, nginx: worker process, user www-data)".
func (t *telling) who(id string) string {
	d := t.nodes[id]
	switch {
	case d == nil || d.Kind == topology.KindAddress && d.Attributes.PeerAddress == "":
		return "a process that is not known"
	case d.Kind == topology.KindAddress && (d.Attributes.AddressLocal || d.Attributes.NetnsInode != 0):
		return t.label(id).String() + " (process not known)"
	case d.Kind != topology.KindProcess:
		return t.label(id).String()
	}
	a := &d.Attributes
	parts := []string{fmt.Sprintf("pid %d", a.PID)}
	if a.CommandLine != "" && a.CommandLine != d.Name {
		parts = append(parts, screen.Shorten(t.style.clean(a.CommandLine), 48, t.style.glyphs().ellipsis))
	}
	if a.Owner != "" {
		parts = append(parts, "user "+t.style.clean(a.Owner))
	}
	if o, ok := t.owner(d); ok {
		parts = append(parts, o.String())
	}
	if a.NetnsName != "" {
		parts = append(parts, "namespace "+t.style.clean(a.NetnsName))
	}
	if a.Exited {
		parts = append(parts, t.ended(a))
	}
	name := t.name(d)
	if nameless(d) {
		return name + " (" + strings.Join(parts[1:], ", ") + ")"
	}
	return name + " (" + strings.Join(parts, ", ") + ")"
}

// reached is where the server is: address and port, or path.
func (t *telling) reached() string {
	if t.e.Path != "" {
		return t.style.clean(t.e.Path)
	}
	if a := t.x.Connection; a != nil {
		if s := a.Server; s != nil && s.Local != "" {
			return s.Local
		}
		if c := a.Client; c != nil && c.Peer != "" {
			return c.Peer
		}
	}
	if t.e.ServerPort != 0 {
		return "port " + t.port(t.e)
	}
	return ""
}

// summary is the one sentence that says it all.
func (t *telling) summary() string {
	first, second := t.who(t.ids[0]), t.who(t.ids[1])
	c := &t.e.Connections
	over := " over " + t.protocol(t.e)
	at := func(word string) string {
		switch r, server := t.reached(), t.label(t.ids[1]).text; {
		case r == "" || r == server:
			return ""
		case strings.HasPrefix(r, server+":"):
			return " " + word + " port " + t.port(t.e)
		default:
			return " " + word + " " + r
		}
	}
	if d := t.nodes[t.ids[1]]; c.Active+c.Closed == 0 && d != nil && isAddress(d) {
		second = t.label(t.ids[1]).String() // whether there is a process is what is not known
	}
	switch ok := c.Active + c.Closed; {
	case !t.roles:
		return first + " and " + second + " talk" + over + "; who called is not known: " + t.amounts() + "."
	case ok == 0 && c.Failed > 0:
		return first + " cannot reach " + second + at("at") + over + ": " + t.amounts() + "."
	case ok == 0 && c.Pending > 0:
		return first + " waits for an answer of " + second + at("at") + over + ": " + t.amounts() + "."
	default:
		return first + " calls " + second + at("on") + over + ": " + t.amounts() + "."
	}
}

// amounts are connections, bytes and round-trip time in a few words.
func (t *telling) amounts() string {
	c := &t.e.Connections
	var parts []string
	switch {
	case c.Active > 0:
		parts = append(parts, plural(c.Active, "connection")+" open")
	case max(c.Opened, c.Closed) > 0:
		parts = append(parts, plural(max(c.Opened, c.Closed), "connection")+", none left open")
	}
	if p := t.problem(t.e); p != "" {
		parts = append(parts, p)
	}
	f := t.traffic(t.e)
	if sum, _ := volume(t.e); sum == 0 && c.Active+c.Closed == 0 {
		f = traffic{none, none, none, none}
	}
	sent, back := " sent", " back"
	if !t.roles {
		sent, back = " from the first to the second", " the other way"
	}
	if f.up != none {
		parts = append(parts, f.up+sent)
	}
	if f.down != none {
		parts = append(parts, f.down+back)
	}
	if f.rtt != none {
		parts = append(parts, "rtt "+f.rtt)
	}
	if parts == nil {
		return "nothing was counted"
	}
	return strings.Join(parts, ", ")
}

// brief is an edge in one line.
func (n *names) brief(e *topology.Edge) string {
	t := n.telling(&topology.Explanation{Edge: *e})
	arrow := n.style.glyphs().arrow
	if !t.roles {
		arrow = n.style.glyphs().both
	}
	return fmt.Sprintf("%s %s %s %s %s: %s  %s", n.label(t.ids[0]), arrow, n.label(t.ids[1]), n.port(e), n.protocol(e), t.amounts(), e.ID)
}

// step finds what a rung of a decision said; nil if it was not walked.
func step(d *topology.Decision, about, rule string) *flow.Step {
	for i := range d.Steps {
		if s := &d.Steps[i]; s.About == about && s.Rule == rule {
			return s
		}
	}
	return nil
}

// placeName is a namespace in words: its name, else its inode.
func (t *telling) placeName(p flow.Place) string {
	return cmp.Or(t.style.clean(p.Name), fmt.Sprint(p.Inode))
}

// in says in which namespace something is; "" where there is but one.
func (t *telling) in(p flow.Place) string {
	if !t.where || p == (flow.Place{}) {
		return ""
	}
	return " in " + t.placeName(p)
}
