package filter

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// form is how a value was written.
type form uint8

const (
	literal form = iota
	glob
	regex
	number // one, or a range of them
)

// value is one of the values of a term.
type value struct {
	form form
	text string // without quotes; of a regular expression its source
	fold string // text in lower case

	re     *regexp.Regexp
	prefix netip.Prefix // of literals that are an address or a CIDR
	low    quantity     // of numbers; of a single one high is the same
	high   quantity
}

// values takes a,b,c. With pattern each of them is a regular expression.
func (p *parser) values(t *term, pattern bool) error {
	for {
		start := p.at
		v, err := p.value(pattern)
		if err != nil {
			return err
		}
		if v.text == "" {
			what := "a value is missing"
			if t.key != nil {
				what += " after " + t.key.name + t.cmp
			}
			return p.fail(start, what, "")
		}
		if err := p.understand(t, &v, start); err != nil {
			return err
		}
		t.values = append(t.values, v)
		t.paths = t.paths || strings.Contains(v.text, "/")
		t.addresses = t.addresses || v.prefix.IsValid()
		if p.at == len(p.in) || p.in[p.at] != ',' {
			break
		}
		p.at++
	}
	if pattern {
		t.cmp = ":" // a regular expression says by itself that it is one
	}
	if len(t.values) > 1 && strings.ContainsAny(t.cmp, "<>") {
		return p.fail(p.at, fmt.Sprintf("%s%s with several values", t.key.name, t.cmp), "give one")
	}
	return nil
}

// understand reads a value as what its key wants.
func (p *parser) understand(t *term, v *value, at int) error {
	if t.key == nil || t.key.kind == text {
		if v.form == literal {
			v.prefix, _ = parsePrefix(v.text)
		}
		return nil
	}
	if v.form == regex {
		return p.fail(at, fmt.Sprintf("%q takes no regular expression", t.key.name), "only names do")
	}
	switch t.key.kind {
	case address:
		var err error
		if v.form == literal {
			v.prefix, err = parsePrefix(v.text)
		}
		if err != nil {
			return p.fail(at, fmt.Sprintf("%q is not an address", v.text), "write 10.0.0.7, 10.0.0.0/8 or 10.0.*")
		}
	case word:
		return p.understandWord(t, v, at)
	default:
		if v.form == glob {
			return p.fail(at, fmt.Sprintf("%q takes numbers, not %q", t.key.name, v.text), "a range is written 10..20")
		}
		var err error
		if v.low, v.high, err = parseRange(v.text, t.key); err != nil {
			return p.fail(at, err.Error(), hintFor(t.key))
		}
		if v.form, v.fold = number, ""; v.low != v.high && t.cmp != ":" && t.cmp != "=" && t.cmp != "!=" {
			return p.fail(at, fmt.Sprintf("%s%s with a range", t.key.name, t.cmp), "a range is written "+t.key.name+":"+v.text)
		}
	}
	return nil
}

// synonyms are other ways to say a word.
func synonyms(k id, s string) string {
	switch {
	case k == ofTls && (s == "true" || s == "1"):
		return "yes"
	case k == ofTls && (s == "false" || s == "0"):
		return "no"
	case k == ofState && s == "active":
		return "open"
	}
	return s
}

func (p *parser) understandWord(t *term, v *value, at int) error {
	if v.form == glob {
		return p.fail(at, fmt.Sprintf("%q takes words, not %q", t.key.name, v.text), "it is one of "+strings.Join(t.key.words, ", "))
	}
	v.text = synonyms(t.key.id, v.fold)
	v.fold = v.text
	if !slices.Contains(t.key.words, v.text) {
		return p.fail(at, fmt.Sprintf("unknown word %q of %q", v.text, t.key.name), didYouMean(v.text, t.key.words))
	}
	if t.end != either && t.key.id == ofIs && ofEdge(v.text) {
		return p.fail(at, fmt.Sprintf("is:%s is said of an edge and not of one of its ends", v.text), "leave out from: and to:")
	}
	return nil
}

// print writes a value so that it is read again as the same. With slash a slash
// may not stand bare.
func (v *value) print(k *key, slash bool) string {
	switch v.form {
	case regex:
		return "/" + slashed(v.text) + "/"
	case glob, number:
		return v.text
	}
	bare := strings.IndexFunc(v.text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._:@%+-/=", r) || slash && r == '/'
	}) < 0 && utf8.ValidString(v.text) && v.text[0] != '/'
	if k == nil && bare {
		r, _ := utf8.DecodeRuneInString(v.text)
		bare = !strings.ContainsAny(v.text, ":=") && (unicode.IsLetter(r) || unicode.IsDigit(r)) &&
			!slices.Contains([]string{"or", "and", "not"}, v.fold)
	}
	if k != nil && bare && strings.HasPrefix(v.text, "=") {
		bare = false // after > it would be another operator
	}
	if bare {
		return v.text
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `/`, `\/`).Replace(v.text) + `"`
}

// slashed is a regular expression with the backslashes that the filter needs.
func slashed(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '\\' && i+1 < len(s):
			_, next := utf8.DecodeRuneInString(s[i+1:])
			size += next
		case r == '/' || unicode.IsSpace(r):
			b.WriteByte('\\')
		}
		b.WriteString(s[i : i+size])
		i += size
	}
	return b.String()
}
