package filter

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"peerscope/internal/spelling"
)

// maxLength and maxDepth bound what an expression may cost, whoever wrote it.
const (
	maxLength = 16 << 10 // bytes
	maxDepth  = 100      // of parentheses
)

// parser reads
//
//	or   = and { ("or" | "|") and }
//	and  = not { ["and"] not }
//	not  = [ "!" | "-" | "not" ] prim
//	prim = "(" or ")" | term
//	term = [end ":"] key op value | [end ":"] key ":" value | [end ":"] word
type parser struct {
	in    string
	at    int // offset of what comes next
	depth int
}

// Parse reads an expression; the empty one matches everything. An error is an
// *Error.
func Parse(s string) (*Expr, error) {
	p := &parser{in: s}
	if len(s) > maxLength {
		return nil, p.fail(0, fmt.Sprintf("an expression of %d bytes", len(s)), fmt.Sprintf("at most %d are read", maxLength))
	}
	if p.space(); p.at == len(s) {
		return &Expr{op: opAnd}, nil
	}
	e, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.at < len(s) { // only a parenthesis stops before the end
		return nil, p.fail(p.at, `unexpected ")"`, "nothing was opened that it could close")
	}
	return e, nil
}

func (p *parser) space() {
	for p.at < len(p.in) {
		r, size := utf8.DecodeRuneInString(p.in[p.at:])
		if !unicode.IsSpace(r) {
			return
		}
		p.at += size
	}
}

// keyword takes a word of the grammar, in any case.
func (p *parser) keyword(w string) bool {
	if len(p.in)-p.at < len(w) || !strings.EqualFold(p.in[p.at:p.at+len(w)], w) || !p.endsAt(p.at+len(w)) {
		return false
	}
	p.at += len(w)
	p.space()
	return true
}

// endsAt: no word goes on at that offset.
func (p *parser) endsAt(i int) bool {
	if i >= len(p.in) || strings.IndexByte("()|", p.in[i]) >= 0 {
		return true
	}
	r, _ := utf8.DecodeRuneInString(p.in[i:])
	return unicode.IsSpace(r)
}

func (p *parser) or() (*Expr, error) {
	var kids []*Expr
	for {
		k, err := p.and()
		if err != nil {
			return nil, err
		}
		kids = append(kids, k)
		if p.at < len(p.in) && p.in[p.at] == '|' {
			p.at++
			p.space()
		} else if !p.keyword("or") {
			return join(opOr, kids), nil
		}
	}
}

func (p *parser) and() (*Expr, error) {
	var kids []*Expr
	for {
		k, err := p.not()
		if err != nil {
			return nil, err
		}
		kids = append(kids, k)
		if p.keyword("and") {
			continue
		}
		if p.at == len(p.in) || p.in[p.at] == ')' || p.in[p.at] == '|' {
			return join(opAnd, kids), nil
		}
		if start := p.at; p.keyword("or") {
			p.at = start
			return join(opAnd, kids), nil
		}
	}
}

func (p *parser) not() (*Expr, error) {
	negated := true
	if p.at < len(p.in) && (p.in[p.at] == '!' || p.in[p.at] == '-') {
		p.at++
		p.space()
	} else {
		negated = p.keyword("not")
	}
	e, err := p.prim()
	if err != nil || !negated {
		return e, err
	}
	return &Expr{op: opNot, kids: []*Expr{e}}, nil
}

func (p *parser) prim() (*Expr, error) {
	start := p.at
	if p.at < len(p.in) && p.in[p.at] == '(' {
		if p.depth++; p.depth > maxDepth {
			return nil, p.fail(start, "too many parentheses", fmt.Sprintf("at most %d within each other", maxDepth))
		}
		p.at++
		p.space()
		e, err := p.or()
		if err != nil {
			return nil, err
		}
		if p.at == len(p.in) {
			return nil, p.fail(start, `"(" is not closed`, `add a ")"`)
		}
		p.at++ // the parenthesis: nothing else stops or
		p.depth--
		p.space()
		return e, nil
	}
	for _, w := range []string{"or", "and", "not"} {
		if p.keyword(w) {
			p.at = start
			return nil, p.fail(start, fmt.Sprintf("%q where a term should be", w), "a name like this is written in quotes")
		}
	}
	t, err := p.term()
	if err != nil {
		return nil, err
	}
	if !p.endsAt(p.at) {
		return nil, p.fail(p.at, fmt.Sprintf("unexpected %q", p.rest()), "leave a blank between terms, or put the whole value in quotes")
	}
	p.space()
	return &Expr{op: opTerm, term: t}, nil
}

// rest is what an error quotes: up to the next blank, and not much of it.
func (p *parser) rest() string {
	end := p.at
	for n := 0; end < len(p.in) && n < 20; n++ {
		r, size := utf8.DecodeRuneInString(p.in[end:])
		if unicode.IsSpace(r) && n > 0 {
			break
		}
		end += size
	}
	return p.in[p.at:end]
}

func (p *parser) term() (*term, error) {
	t := &term{cmp: ":"}
	for _, e := range [...]struct {
		word string
		end  end
	}{{"from:", from}, {"to:", to}} {
		if len(p.in)-p.at >= len(e.word) && strings.EqualFold(p.in[p.at:p.at+len(e.word)], e.word) {
			t.end = e.end
			p.at += len(e.word)
			break
		}
	}
	start := p.at
	name := p.name()
	cmp := ""
	if name != "" && !p.isAddress(start) {
		cmp = p.comparison()
	}
	if cmp == "" {
		p.at = start
		return t, p.values(t, false)
	}
	if t.key = keyOf(name); t.key == nil {
		hint := "a name with a " + cmp + " in it is written in quotes"
		if end := strings.ToLower(name); end == "from" || end == "to" {
			hint = "write " + end + ":nginx or " + end + ":port:80"
		} else if near := spelling.Nearest(name, keyNames()); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		return nil, p.fail(start, fmt.Sprintf("unknown key %q", name), hint)
	}
	if t.end != either && !t.key.ended {
		return nil, p.fail(start, fmt.Sprintf("%q is of an edge and not of one of its ends", t.key.name), "leave out from: and to:")
	}
	t.cmp = cmp
	if err := p.checkComparison(t, start); err != nil {
		return nil, err
	}
	return t, p.values(t, cmp == "~")
}

// name takes what may be a key: a letter, then letters and digits.
func (p *parser) name() string {
	start := p.at
	for p.at < len(p.in) {
		c := p.in[p.at] | 0x20
		if (c < 'a' || c > 'z') && (p.at == start || p.in[p.at] < '0' || p.in[p.at] > '9') {
			break
		}
		p.at++
	}
	return p.in[start:p.at]
}

// isAddress: fe80::1 is a word, not a key with a value.
func (p *parser) isAddress(start int) bool {
	end := start
	for !p.endsAt(end) {
		end++
	}
	_, err := parsePrefix(p.in[start:end])
	return err == nil
}

// comparison takes an operator, also after blanks, unless it is a colon.
func (p *parser) comparison() string {
	start := p.at
	if strings.HasPrefix(p.in[p.at:], ":") {
		p.at++
		return ":"
	}
	p.space()
	for _, c := range []string{"!=", ">=", "<=", "=", ">", "<", "~"} {
		if strings.HasPrefix(p.in[p.at:], c) {
			p.at += len(c)
			p.space()
			return c
		}
	}
	p.at = start
	return ""
}

func (p *parser) checkComparison(t *term, at int) error {
	switch t.key.kind {
	case text, address, word:
		if strings.ContainsAny(t.cmp, "<>") {
			return p.fail(at, fmt.Sprintf("%q cannot be compared by %s", t.key.name, t.cmp), "it takes : = and !=")
		}
	}
	if t.cmp == "!=" && (t.key.id == ofIs || t.key.id == ofHas) {
		return p.fail(at, fmt.Sprintf("%s!= is not written", t.key.name), "write not "+t.key.name+":")
	}
	if t.cmp == "~" && t.key.kind != text {
		return p.fail(at, fmt.Sprintf("%q takes no regular expression", t.key.name), "only names do")
	}
	return nil
}

// parsePrefix reads an address or a CIDR. An address of IPv6 that stands for one
// of IPv4 is that one, as in the map.
func parsePrefix(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		a = a.Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	pre, err := netip.ParsePrefix(s)
	return pre.Masked(), err
}
