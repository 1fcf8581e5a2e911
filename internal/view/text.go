package view

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean makes text of unknown origin fit to be shown: what does not print, or
// acts on what stands beside it, is written as an escape that can be read.
func clean(s string) string {
	plain := true
	for i := range len(s) {
		plain = plain && s[i] >= ' ' && s[i] <= '~'
	}
	if plain {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case shows(r) && (i > 0 || !unicode.Is(unicode.M, r)):
			b.WriteString(s[i : i+size])
		case r < utf8.RuneSelf:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
		i += size
	}
	return b.String()
}

// shows: the fillers of Hangul and Braille are letters that show nothing.
func shows(r rune) bool {
	switch r {
	case '\u115f', '\u1160', '\u3164', '\uffa0', '\u2800':
		return false
	}
	return unicode.IsPrint(r)
}

// shorten takes out the middle of s, so that it is at most that many characters.
// Of a path the end says more.
func shorten(s string, most int) string {
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	before := (most - 1) / 2
	if strings.HasPrefix(s, "/") || strings.HasPrefix(s, "@/") {
		before = 0
	}
	return string(r[:before]) + "…" + string(r[len(r)-(most-1-before):])
}
