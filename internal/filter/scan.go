package filter

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// value takes one value, of which nothing but its form is known yet.
func (p *parser) value(pattern bool) (value, error) {
	start := p.at
	v := value{form: literal}
	switch {
	case p.at < len(p.in) && p.in[p.at] == '"':
		s, err := p.quoted()
		if err != nil {
			return v, err
		}
		v.text = s
	case p.regexEnd() > 0:
		end := p.regexEnd()
		v.form, v.text = regex, p.in[p.at+1:end]
		p.at = end + 1
	case pattern:
		v.text = p.pattern()
	default:
		for !p.endsAt(p.at) && p.in[p.at] != ',' && p.in[p.at] != '"' {
			p.at++
		}
		if v.text = p.in[start:p.at]; strings.Contains(v.text, "*") {
			v.form = glob
		}
	}
	if pattern {
		v.form = regex
	}
	if v.form == regex {
		v.text = plainSource(v.text)
		re, err := regexp.Compile(v.text)
		if err != nil {
			return v, p.fail(start, "bad regular expression: "+strings.TrimPrefix(err.Error(), "error parsing regexp: "), "")
		}
		v.re = re
	}
	v.fold = strings.ToLower(v.text)
	return v, nil
}

// pattern takes a regular expression as it stands after ~: up to a blank, or a
// parenthesis that nothing in it opened.
func (p *parser) pattern() string {
	start, depth := p.at, 0
	for p.at < len(p.in) {
		r, size := utf8.DecodeRuneInString(p.in[p.at:])
		switch {
		case unicode.IsSpace(r), r == ')' && depth == 0:
			return p.in[start:p.at]
		case r == '\\' && p.at+1 < len(p.in):
			_, next := utf8.DecodeRuneInString(p.in[p.at+1:])
			size += next
		case r == '(':
			depth++
		case r == ')':
			depth--
		}
		p.at += size
	}
	return p.in[start:]
}

// quoted takes "text", in which \" is a quote, \\ a backslash and \/ a slash;
// before anything else a backslash is itself.
func (p *parser) quoted() (string, error) {
	var b strings.Builder
	for i := p.at + 1; i < len(p.in); i++ {
		switch c := p.in[i]; {
		case c == '"':
			p.at = i + 1
			return b.String(), nil
		case c == '\\' && i+1 < len(p.in) && strings.IndexByte(`"\/`, p.in[i+1]) >= 0:
			i++
			b.WriteByte(p.in[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", p.fail(p.at, "a quote is not closed", `add a "`)
}

// regexEnd is the offset of the slash that ends a regular expression which
// begins here, 0 if what begins here is none, as in path:/run/x.sock. The slash
// is one after which the value ends, with no blank before it: a blank or a slash
// of the expression itself has a backslash before it.
func (p *parser) regexEnd() int {
	if p.at >= len(p.in) || p.in[p.at] != '/' {
		return 0
	}
	for i := p.at + 1; i < len(p.in); {
		r, size := utf8.DecodeRuneInString(p.in[i:])
		switch {
		case unicode.IsSpace(r):
			return 0
		case r == '\\' && i+1 < len(p.in):
			_, next := utf8.DecodeRuneInString(p.in[i+1:])
			size += next
		case r == '/' && (p.endsAt(i+1) || p.in[i+1] == ','):
			return i
		}
		i += size
	}
	return 0
}

// plainSource leaves out the backslashes that only the filter needs.
func plainSource(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i+1:])
		if r != '/' && !unicode.IsSpace(r) {
			b.WriteByte('\\')
		}
		b.WriteString(s[i+1 : i+1+size])
		i += 1 + size
	}
	return b.String()
}
