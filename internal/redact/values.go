package redact

import "strings"

// Where the values of assignments in a text end.

// skipBlanks is the offset of the first byte from i on that is no blank of the
// same line.
func skipBlanks(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t') {
		i++
	}
	return i
}

// quotedValue is what stands between the quotes that open at i (which may be
// escaped themselves, as in JSON inside JSON), or all of the rest if they do
// not close. Text glued to the closing quote belongs to the value.
func quotedValue(s string, i int) span {
	mark := s[i : i+1]
	if s[i] == '\\' {
		mark = s[i : i+2]
	}
	from := i + len(mark)
	for to := from; to < len(s); to++ {
		switch {
		case strings.HasPrefix(s[to:], mark):
			after := to + len(mark)
			if after == len(s) || !isValueByte(s[after]) {
				return span{from, to, after}
			}
			end := endOfWord(s, after, 0)
			return span{i, end, end}
		case s[to] == '\\':
			to++
		}
	}
	return span{from, len(s), len(s)}
}

// isValueByte reports whether a byte right behind a closing quote goes on with
// the same value, as a shell reads it.
func isValueByte(c byte) bool {
	return isKeyByte(c) || c >= 0x80 || strings.IndexByte(`"'$/+!%^*#~`, c) >= 0
}

// closingBracket is the offset behind the bracket that closes the one at i, or
// len(s). Brackets inside of strings are not counted.
func closingBracket(s string, i int) int {
	depth := 0
	inString := false
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

// endOfLine is where a value ends that goes on to the end of its line or to
// the quote it stands in.
func endOfLine(s string, i int, open byte) int {
	for ; i < len(s); i++ {
		if s[i] == '\n' || s[i] == '\r' || open != 0 && s[i] == open {
			return i
		}
	}
	return len(s)
}

// endOfWord is where an unquoted value ends: at a blank, at the quote it
// stands in, and at a separator or bracket if what follows shows that it is
// one. A password may hold any of these characters.
func endOfWord(s string, i int, open byte) int {
	for ; i < len(s); i++ {
		c := s[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || open != 0 && c == open:
			return i
		case isSeparator(c):
			rest := s[i+1:]
			if rest == "" || isSeparator(rest[0]) || rest[0] == '\n' || open != 0 && rest[0] == open || startsAssignment(rest) {
				return i
			}
		case c == ')' || c == ']' || c == '}' || c == '"' || c == '\'' || c == '`':
			j := i + 1
			for j < len(s) && strings.IndexByte(")]}\"'`", s[j]) >= 0 && s[j] != open {
				j++
			}
			if j == len(s) || isSeparator(s[j]) || s[j] == '\n' || s[j] == open {
				return i
			}
			i = j - 1 // each byte is looked at once, however many stand in a row
		}
	}
	return len(s)
}

// isSeparator: what stands between the assignments of a command line, a
// connection string, a list of mount options, a query.
func isSeparator(c byte) bool { return c == ' ' || c == '\t' || c == ',' || c == ';' || c == '&' }

// startsAssignment reports whether s begins with a key and a sign of
// assignment, perhaps quoted.
func startsAssignment(s string) bool {
	s = strings.TrimLeft(s, " \t\"'")
	i := 0
	for i < len(s) && isKeyByte(s[i]) {
		i++
	}
	return i > 0 && i < len(s) && (s[i] == '=' || s[i] == ':' || s[i] == '"' || s[i] == '\'')
}
