package view

import (
	"fmt"
	"strings"

	"peerscope/internal/topology"
)

// words joins those that are not empty by blanks.
func words(parts ...string) string {
	var known []string
	for _, p := range parts {
		if p != "" {
			known = append(known, p)
		}
	}
	return strings.Join(known, " ")
}

// call is what people call a node, and where it is.
func (s *scene) call(id string) string {
	n := s.nodes[id]
	if n == nil {
		n = s.beside[id]
	}
	switch {
	case n == nil:
		return clean(id)
	case n.Kind == KindBundle:
		return clean(n.Name)
	case isUnknown(n) && n.Attributes.PeerAddress == "":
		return "an unknown process"
	case isUnknown(n):
		return words("an unknown process at", clean(n.Name))
	}
	name := clean(n.Name)
	if n.Kind == topology.KindProcess {
		name = fmt.Sprintf("%s (pid %d)", name, n.Attributes.PID)
	}
	switch p := place(n); {
	case p == "":
		return name
	case strings.HasPrefix(p, "@"):
		return name + p
	default:
		return name + " in " + p
	}
}

// sentence says all of a line that a picture says, for those who cannot see it.
func (s *scene) sentence(l *line) string {
	first, second, roles := ends(&l.Edge)
	var b strings.Builder
	if roles {
		b.WriteString(s.call(first) + " calls " + s.call(second) + l.way())
	} else {
		b.WriteString(s.call(first) + " and " + s.call(second) + " talk" + l.way() + ", it is not known who called")
	}
	var facts []string
	facts = append(facts, l.bytesWords(roles)...)
	if l.RTT != nil && l.RTT.Count > 0 {
		facts = append(facts, "round trip "+SecondsText(timesOf(l.RTT).Mean))
	}
	if n := l.Connections.Active; n > 0 {
		facts = append(facts, plural(n, "connection open", "connections open"))
	}
	if e := encrypted(&l.Edge); e != nil && *e {
		facts = append(facts, "encrypted")
	} else if e != nil {
		facts = append(facts, "not encrypted")
	}
	if len(facts) > 0 {
		b.WriteString(": " + strings.Join(facts, ", "))
	}
	b.WriteString(". " + mood(l.health, l.reasons))
	q := quality(&l.Edge, s.nodes[first], s.nodes[second])
	switch q.weakest() {
	case Inferred:
		b.WriteString(" One end is inferred.")
	case Unknown:
		b.WriteString(" Of one end the process is not known.")
	}
	return b.String()
}

// way is by what a line goes.
func (l *line) way() string {
	switch {
	case l.bundle > 1:
		return ", " + many(l.bundle, "edge")
	case l.ServerPort != 0:
		return fmt.Sprintf(" on %s port %d", l.Transport, l.ServerPort)
	case l.Path != "":
		return " on " + clean(l.Path)
	case l.Transport != "":
		return " by " + l.Transport
	}
	return ""
}

func (l *line) bytesWords(roles bool) []string {
	there, back := "there", "back"
	if !roles {
		there, back = "from the first to the second", "from the second to the first"
	}
	to, from := l.Bytes.Directions()
	var out []string
	for _, d := range [...]struct {
		n    *uint64
		what string
	}{{to, there}, {from, back}} {
		if d.n == nil {
			continue
		}
		if rate, ok := perSecond(*d.n, l.length); ok {
			out = append(out, RateText(rate)+" "+d.what)
		} else {
			out = append(out, BytesText(float64(*d.n))+" "+d.what)
		}
	}
	return out
}

// mood says the health in words.
func mood(h Health, reasons []string) string {
	switch {
	case len(reasons) > 0:
		text := strings.Join(reasons, "; ")
		return strings.ToUpper(text[:1]) + text[1:] + "."
	case h == Idle:
		return "Idle."
	}
	return "Healthy."
}

// towards names the other end of a line, as its node sees it.
func (s *scene) towards(id string, l *line) string {
	first, second, roles := ends(&l.Edge)
	switch {
	case first == second:
		return "within itself"
	case !roles && id == first:
		return "with " + s.call(second)
	case !roles:
		return "with " + s.call(first)
	case id == first:
		return "calls " + s.call(second)
	}
	return "called by " + s.call(first)
}

// nodeSentence says all of a node that a picture says.
func (s *scene) nodeSentence(n *Node, t *around) string {
	text := s.call(n.ID)
	if n.Kind == KindProgram || n.Kind == KindContainer || n.Kind == KindPod || n.Kind == KindWorkload {
		if n.Processes > 1 {
			text += fmt.Sprintf(", %d processes", n.Processes)
		}
	}
	switch n.Role {
	case RoleExternal:
		text += ", external"
	case RoleDatastore:
		text += ", a data store as it " + n.RoleReason
	}
	var does []string
	if t != nil {
		if k := partners(t.in, n.ID); k > 0 {
			does = append(does, "is called by "+fmt.Sprint(k))
		}
		if k := partners(t.out, n.ID); k > 0 {
			does = append(does, "calls "+fmt.Sprint(k))
		}
	}
	if n.BytesPerSecond != nil {
		does = append(does, "moves "+RateText(*n.BytesPerSecond))
	}
	if len(does) > 0 {
		text += ": " + strings.Join(does, ", ")
	}
	if n.Exited {
		text += ". It has ended"
	}
	return text + ". " + mood(n.Health, n.Reasons)
}

// partners counts the others at the lines of a node.
func partners(lines []*line, id string) int {
	seen := map[string]bool{}
	for _, l := range lines {
		first, second, _ := ends(&l.Edge)
		if first == id {
			first = second
		}
		seen[first] = true
	}
	return len(seen)
}
