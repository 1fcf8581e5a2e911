package identity

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A process chooses its name, arguments and file names freely, so they may
// hold sequences that steer a terminal, or that make a line read backwards.

// printable writes what is not printable as a Go escape (\n, \x1b, \u202e) and
// each byte that is no UTF-8 as \xNN. A backslash stays as it is, so applying
// it twice changes nothing more.
func printable(s string) string {
	i := firstUnprintable(s)
	if i == len(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	for i < len(s) {
		b.WriteString(s[:i])
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case r < utf8.RuneSelf:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		s = s[i+size:]
		i = firstUnprintable(s)
	}
	b.WriteString(s)
	return b.String()
}

// firstUnprintable is the offset of the first byte to be escaped, or len(s).
func firstUnprintable(s string) int {
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if c < ' ' || c == 0x7f {
				return i
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		// IsPrint refuses format characters too (bidirectional overrides, zero
		// width), but not a replacement character that is really in the text.
		if r == utf8.RuneError && size == 1 || !unicode.IsPrint(r) {
			return i
		}
		i += size
	}
	return len(s)
}

// cut shortens s to at most limit bytes without breaking a character.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
