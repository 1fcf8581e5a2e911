package filter

import (
	"net/netip"
	"strings"

	"peerscope/internal/topology"
)

// Match tells whether an edge of the scene's map is one that the expression
// wants. What is not known satisfies no comparison, != included; only a
// negation holds of it.
func (e *Expr) Match(s *Scene, edge *topology.Edge) bool {
	x := s.subject(edge)
	return e.match(&x)
}

func (e *Expr) match(x *subject) bool {
	switch e.op {
	case opAnd:
		for _, k := range e.kids {
			if !k.match(x) {
				return false
			}
		}
		return true
	case opOr:
		for _, k := range e.kids {
			if k.match(x) {
				return true
			}
		}
		return false
	case opNot:
		return !e.kids[0].match(x)
	}
	return e.term.match(x)
}

// match: a term without from and to holds if it holds of one of the two ends.
// Of an edge without roles nobody knows which end is which.
func (t *term) match(x *subject) bool {
	if t.key != nil && (!t.key.ended || t.key.id == ofPort) {
		return t.ofEdge(x)
	}
	if t.key != nil && t.key.id == ofIs && t.isEdge(x) {
		return true
	}
	if t.end != either && !x.roles {
		return false
	}
	return t.end != to && t.ofEnd(x, 0) || t.end != from && t.ofEnd(x, 1)
}

// verdict gathers what the facts of one thing say to a term.
type verdict struct{ known, hit bool }

// of is the answer: to != it is yes if something is known and nothing is equal.
func (v verdict) of(t *term) bool {
	if t.cmp == "!=" {
		return v.known && !v.hit
	}
	return v.hit
}

func (t *term) ofEnd(x *subject, i int) bool {
	var v verdict
	var buffer [20]string
	for j := 0; j <= len(x.also[i]) && !v.hit; j++ {
		n := x.node(i, j)
		switch {
		case n == nil:
		case t.key == nil:
			for _, s := range x.names(buffer[:0], n, t.paths) {
				t.text(&v, s)
			}
			if t.addresses {
				t.ip(&v, x, i, n)
			}
		case t.key.id == ofNothing:
		case t.key.kind == text:
			for _, s := range x.texts(buffer[:0], t.key.id, n, t.paths) {
				t.text(&v, s)
			}
		case t.key.kind == address:
			t.ip(&v, x, i, n)
		case t.key.id == ofPid:
			if p := n.Attributes.PID; p != 0 {
				t.number(&v, float64(p), plain, false)
			}
		case t.key.id == ofIs:
			t.isEnd(&v, x, i, n)
		}
	}
	if t.key == nil && !v.hit && i == 1 {
		t.text(&v, x.edge.Path)
		for _, d := range x.edge.Dialed {
			t.text(&v, d)
		}
	}
	return v.of(t)
}

// text holds a name against the values.
func (t *term) text(v *verdict, s string) {
	if s == "" || s == "." { // the base name of nothing is a dot
		return
	}
	v.known = true
	exact := t.cmp != ":"
	for i := range t.values {
		w := &t.values[i]
		switch {
		case w.form == regex:
			v.hit = v.hit || w.re.MatchString(s)
		case w.form == glob && exact:
			v.hit = v.hit || matchGlob(w.text, s)
		case w.form == glob:
			v.hit = v.hit || matchGlob(w.fold, strings.ToLower(s))
		case exact:
			v.hit = v.hit || w.text == s
		default:
			v.hit = v.hit || containsFold(s, w.fold)
		}
	}
}

// ip holds the addresses of a node against the values.
func (t *term) ip(v *verdict, x *subject, i int, n *topology.Node) {
	x.addresses(i, n, func(a netip.Addr) bool {
		v.known = true
		for j := range t.values {
			w := &t.values[j]
			switch {
			case w.form == glob && t.key != nil:
				v.hit = v.hit || matchGlob(w.fold, a.String())
			case w.form == literal && w.prefix.IsValid():
				v.hit = v.hit || w.prefix.Contains(a)
			}
		}
		return v.hit
	})
}

// number holds a number against the values.
func (t *term) number(v *verdict, n float64, of measure, least bool) {
	v.known = v.known || !least
	for i := range t.values {
		v.hit = v.hit || t.values[i].holds(t.cmp, n, of, least)
	}
}

// word holds a word against the values.
func (t *term) word(v *verdict, w string) {
	v.known = true
	for i := range t.values {
		v.hit = v.hit || t.values[i].text == w
	}
}

// matchGlob: * is any number of any characters.
func matchGlob(pattern, s string) bool {
	first, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == s
	}
	if !strings.HasPrefix(s, first) {
		return false
	}
	s = s[len(first):]
	for {
		var part string
		if part, rest, star = strings.Cut(rest, "*"); !star {
			return strings.HasSuffix(s, part)
		}
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
}

// containsFold is strings.Contains of s in lower case; fold is in lower case
// already. It makes no copy of what is ASCII.
func containsFold(s, fold string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return strings.Contains(strings.ToLower(s), fold)
		}
	}
	for i := 0; i+len(fold) <= len(s); i++ {
		j := 0
		for j < len(fold) {
			c := s[i+j]
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			if c != fold[j] {
				break
			}
			j++
		}
		if j == len(fold) {
			return true
		}
	}
	return false
}
