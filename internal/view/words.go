package view

import (
	"fmt"
	"strconv"
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
	name, ok := s.calls[id]
	if !ok {
		name = s.callOf(id)
		s.calls[id] = name
	}
	return name
}

func (s *scene) callOf(id string) string {
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
func (s *scene) sentence(l *line, q *Quality) string {
	first, second, roles := ends(&l.Edge)
	b := append(s.buffer[:0], s.call(first)...)
	if roles {
		b = append(append(b, " calls "...), s.call(second)...)
		b = l.appendWay(b)
	} else {
		b = append(append(append(b, " and "...), s.call(second)...), " talk"...)
		b = append(l.appendWay(b), ", it is not known who called"...)
	}
	before := len(b)
	b = l.appendBytes(b, roles)
	if mean, ok := meanOf(l.RTT); ok {
		b = appendSeconds(append(b, ", round trip "...), mean)
	}
	if n := l.Connections.Active; n > 0 {
		b = appendPlural(append(b, ", "...), n, "connection open", "connections open")
	}
	switch e := encrypted(&l.Edge); {
	case e != nil && *e:
		b = append(b, ", encrypted"...)
	case e != nil:
		b = append(b, ", not encrypted"...)
	}
	if len(b) > before {
		b[before] = ':' // where the first comma is
	}
	b = appendMood(append(b, ". "...), l.health, l.reasons)
	switch q.weakest() {
	case Inferred:
		b = append(b, " One end is inferred."...)
	case Unknown:
		b = append(b, " Of one end the process is not known."...)
	}
	s.buffer = b
	return string(b)
}

// appendWay says by what a line goes.
func (l *line) appendWay(b []byte) []byte {
	switch {
	case l.bundle > 1:
		return append(append(b, ", "...), many(l.bundle, "edge")...)
	case l.ServerPort != 0:
		b = append(append(append(b, " on "...), l.Transport...), " port "...)
		return strconv.AppendUint(b, uint64(l.ServerPort), 10)
	case l.Path != "":
		return append(append(b, " on "...), clean(l.Path)...)
	case l.Transport != "":
		return append(append(b, " by "...), l.Transport...)
	}
	return b
}

// appendBytes says what went each way, as far as it is known.
func (l *line) appendBytes(b []byte, roles bool) []byte {
	there, back := " there", " back"
	if !roles {
		there, back = " from the first to the second", " from the second to the first"
	}
	to, from := l.Bytes.Directions()
	for i, n := range [...]*uint64{to, from} {
		if n == nil {
			continue
		}
		b = append(b, ", "...)
		if rate, ok := perSecond(*n, l.length); ok {
			b = appendRate(b, rate)
		} else {
			b = appendBytes(b, float64(*n))
		}
		b = append(b, [...]string{there, back}[i]...)
	}
	return b
}

// appendMood says the health in words.
func appendMood(b []byte, h Health, reasons []string) []byte {
	switch {
	case len(reasons) > 0:
		at := len(b)
		for i, r := range reasons {
			if i > 0 {
				b = append(b, "; "...)
			}
			b = append(b, r...)
		}
		if 'a' <= b[at] && b[at] <= 'z' {
			b[at] -= 'a' - 'A'
		}
		return append(b, '.')
	case h == Idle:
		return append(b, "Idle."...)
	}
	return append(b, "Healthy."...)
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
	b := append(s.buffer[:0], s.call(n.ID)...)
	if n.Processes > 1 && n.Kind != KindBundle && n.Kind != KindHost && n.Kind != KindNamespace {
		b = append(strconv.AppendInt(append(b, ", "...), int64(n.Processes), 10), " processes"...)
	}
	switch n.Role {
	case RoleExternal:
		b = append(b, ", external"...)
	case RoleDatastore:
		b = append(append(b, ", a data store as it "...), n.RoleReason...)
	}
	before := len(b)
	if t != nil {
		if k := partners(t.in, n.ID); k > 0 {
			b = strconv.AppendInt(append(b, ", is called by "...), int64(k), 10)
		}
		if k := partners(t.out, n.ID); k > 0 {
			b = strconv.AppendInt(append(b, ", calls "...), int64(k), 10)
		}
	}
	if n.BytesPerSecond != nil {
		b = appendRate(append(b, ", moves "...), *n.BytesPerSecond)
	}
	if len(b) > before {
		b[before] = ':' // where the first comma is
	}
	if n.Exited {
		b = append(b, ". It has ended"...)
	}
	b = appendMood(append(b, ". "...), n.Health, n.Reasons)
	s.buffer = b
	return string(b)
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
