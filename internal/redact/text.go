package redact

import "strings"

// redactText redacts inside one argument, which may be a whole script, a
// header, a JSON document or the title a program gave itself. script: a blank
// ends an unquoted value.
//
// Private keys come first, since their base64 holds signs of assignment, and
// tokens by their look last, when what had a name is gone.
func redactText(s string, script bool) string {
	if len(s) < 4 {
		return s
	}
	s = redactPrivateKeys(s)
	if strings.ContainsAny(s, "=: \t\n") {
		s = redactAssignments(s, script)
		if script || strings.ContainsAny(s, " \t\n") {
			s = redactProgramWords(s)
		}
	}
	if strings.Contains(s, "@") {
		s = redactUserInfo(s)
	}
	return redactShapes(s)
}

// assignment is a place in a text where a key may be given a value.
type assignment struct {
	text       string
	start, end int  // of the key, dashes included
	open       byte // the quote that the key stands in, or 0
	script     bool
}

// span is the value that an assignment gives: text[from:to], empty if there is
// none. The search goes on at resume.
type span struct{ from, to, resume int }

// redactAssignments replaces the values of secret keys: key=value, key: value,
// "key": "value", --key value, KEY 'value'.
func redactAssignments(s string, script bool) string {
	var b strings.Builder
	done := 0      // how far s is in b
	var quote byte // that is open at i
	for i := 0; i < len(s); {
		if c := s[i]; !isKeyByte(c) {
			// An apostrophe inside of a word and an escaped quote open nothing.
			switch {
			case c != '"' && c != '\'' || i > 0 && s[i-1] == '\\':
			case quote == c:
				quote = 0
			case quote == 0 && (i == 0 || !isAlphanumeric(s[i-1])):
				quote = c
			}
			i++
			continue
		}
		a := assignment{text: s, start: i, open: quote, script: script}
		for i < len(s) && isKeyByte(s[i]) {
			i++
		}
		a.end = i
		if i == len(s) || !mayAssign(s[i]) {
			continue
		}
		v := a.value()
		if v.from == v.to || isConstant(s[v.from:v.to]) {
			continue
		}
		b.WriteString(s[done:v.from])
		b.WriteString(redacted)
		done, i = v.to, v.resume
		quote = a.open
	}
	if done == 0 {
		return s
	}
	b.WriteString(s[done:])
	return b.String()
}

// mayAssign reports whether the byte behind a word can lead to a value.
func mayAssign(c byte) bool {
	switch c {
	case '=', ':', ' ', '\t', '"', '\'', '\\', ']':
		return true
	}
	return false
}

// value finds the secret that the key is given.
func (a *assignment) value() span {
	s := a.text
	class := classify(s[a.start:a.end])
	if class == notSecret && !a.isIdentifiedBy() {
		return span{}
	}
	p := a.end
	for p < len(s) && (s[p] == '\\' || s[p] == ']') {
		p++
	}
	quoted := p < len(s) && (s[p] == '"' || s[p] == '\'')
	if quoted { // the end of the key's own quotes
		a.open = 0
		p++
	}
	sign := skipBlanks(s, p)
	if sign == len(s) {
		return span{}
	}
	switch c := s[sign]; {
	case c == ':' && !quoted && a.isHost(sign):
		return span{}
	case c == '=' || c == ':':
		return a.assigned(sign, quoted)
	case sign == p || quoted:
		return span{}
	case (c == '"' || c == '\'') && c != a.open: // SQL: PASSWORD 'x'
		return quotedValue(s, sign)
	case s[a.start] == '-' || strings.EqualFold(s[a.start:a.end], "bearer"):
		if end := endOfWord(s, sign, a.open); isValueOf(class, s[sign:end]) {
			return span{sign, end, end}
		}
	}
	return span{}
}

// isHost reports whether what looks like a key is the host or the user of a
// URL: http://token-service:8080/. User information has a rule of its own.
func (a *assignment) isHost(sign int) bool {
	before := a.text[:a.start]
	return sign == a.end && (strings.HasSuffix(before, "://") || strings.HasSuffix(before, "@"))
}

// isIdentifiedBy recognises the BY of SQL's IDENTIFIED BY 'x'.
func (a *assignment) isIdentifiedBy() bool {
	const before = "identified "
	return strings.EqualFold(a.text[a.start:a.end], "by") && a.start >= len(before) &&
		strings.EqualFold(a.text[a.start-len(before):a.start], before)
}

// assigned finds the value behind the = or : at sign.
func (a *assignment) assigned(sign int, quoted bool) span {
	s := a.text
	p := sign + 1
	for p < len(s) && (s[p] == '=' || s[p] == '>') && p <= sign+2 { // == := =>
		p++
	}
	v := skipBlanks(s, p)
	if v == len(s) {
		return span{}
	}
	spaced := v > p
	end := endOfWord(s, v, a.open)
	if s[sign] == '=' && spaced && sign == a.end {
		// "password= sslmode=off" gives none.
		if word := s[v:end]; word != "" && (word[0] == '-' || strings.Contains(word, "=")) {
			return span{}
		}
	}
	// The order matters: quotes say best where a value ends, a key in quotes
	// means JSON, and only then the signs around a bare value are asked.
	switch c := s[v]; {
	case c == '\\' && v+1 < len(s) && (s[v+1] == '"' || s[v+1] == '\''), (c == '"' || c == '\'') && c != a.open:
		return quotedValue(s, v)
	case (c == '{' || c == '[') && quoted:
		end = closingBracket(s, v)
	case quoted: // a number
	case spaced && (s[sign] == ':' || sign != a.end): // a header, YAML, an INI file
		end = endOfLine(s, v, a.open)
	case s[sign] == '=' && a.start == 0 && !a.script && !spaced:
		end = a.endOfArgument(v)
	}
	return span{v, end, end}
}

// endOfArgument ends the value of an argument that begins with an assignment.
// That of a flag or an environment variable (--password=x, PGPASSWORD=x) is all
// of the rest; other keys may be the first of a list (password=x sslmode=off).
func (a *assignment) endOfArgument(v int) int {
	s := a.text
	key := s[a.start:a.end]
	if key[0] == '-' || key == strings.ToUpper(key) {
		return len(s)
	}
	for i := v; i < len(s); i++ {
		if !isSeparator(s[i]) {
			continue
		}
		if startsAssignment(s[i+1:]) {
			return i
		}
		i = skipBlanks(s, i+1) - 1
	}
	return len(s)
}
