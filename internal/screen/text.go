// Package screen makes text fit the lines of a terminal: what came from a process
// may be hostile and of any width.
package screen

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// Clean makes text of unknown origin fit for one line of a terminal or a file
// for people: what does not print is written as an escape that can be read
// (\n, \x1b, \u202e), and so is everything but ASCII if ascii is set. A
// backslash stays as it is: systemd escapes unit names with it.
func Clean(s string, ascii bool) string {
	if plainASCII(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		// A combining mark at the start would join the character before it,
		// which is ours.
		lone := i == 0 && unicode.Is(unicode.M, r)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case Printable(r) && !lone && (!ascii || r < utf8.RuneSelf):
			b.WriteString(s[i : i+size])
		default:
			b.WriteString(escaped(r))
		}
		i += size
	}
	return b.String()
}

// Printable reports whether r shows as something and acts on nothing else.
// unicode.IsPrint leaves out controls, formats (bidirectional ones, zero-width
// joiners, tags), separators and private use; the fillers are letters that
// show nothing.
func Printable(r rune) bool {
	switch r {
	case '\u115f', '\u1160', '\u3164', '\uffa0', '\u2800':
		return false
	}
	return unicode.IsPrint(r)
}

// escaped writes a character as Go does in a quoted string.
func escaped(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case r < utf8.RuneSelf:
		return fmt.Sprintf(`\x%02x`, r)
	case r <= 0xffff:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}

// plainASCII reports whether there is nothing to clean, as in nearly all names.
func plainASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// Width is how many columns of a terminal the text takes: East Asian wide
// characters and emoji take two, combining marks none. The text is clean: it has
// no escape sequences, whose width would depend on the terminal.
func Width(s string) int {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return ansi.StringWidth(s)
		}
	}
	return len(s)
}

// Shorten takes out the middle of s, so that it is at most width cells wide:
// the beginning says what it is, the end tells it from its like. Of a path the
// end matters more, and where there is little room it is all that is left.
func Shorten(s string, width int, ellipsis string) string {
	if Width(s) <= width {
		return s
	}
	keep := width - Width(ellipsis)
	if keep < 2 {
		return Head(s, width)
	}
	before := keep / 2
	switch path := strings.HasPrefix(s, "/"); {
	case path && keep < 16:
		before = 0
	case path:
		before = keep / 4
	case strings.HasPrefix(s, "@/"): // abstract
		before = max(1, keep/4-2)
	}
	return Head(s, before) + ellipsis + Tail(s, keep-before)
}

// Truncate takes off the end of s, so that it is at most width cells wide.
func Truncate(s string, width int, ellipsis string) string {
	if Width(s) <= width {
		return s
	}
	keep := width - Width(ellipsis)
	if keep < 1 {
		return Head(s, width)
	}
	return strings.TrimRight(Head(s, keep), " ") + ellipsis
}

// Head is the longest beginning of s that is at most width cells wide.
func Head(s string, width int) string {
	end := 0
	for end < len(s) {
		cluster, w := ansi.FirstGraphemeCluster(s[end:], ansi.GraphemeWidth)
		if w > width {
			break
		}
		width -= w
		end += len(cluster)
	}
	return s[:end]
}

// Tail is the longest end of s that is at most width cells wide and begins with
// a whole character.
func Tail(s string, width int) string {
	for have := Width(s); have > width && s != ""; {
		cluster, w := ansi.FirstGraphemeCluster(s, ansi.GraphemeWidth)
		have -= w
		s = s[len(cluster):]
	}
	return s
}

// Wrap puts words with a separator between them into lines of at most width
// cells; a word that is wider is broken where it must. Width 0 is no limit.
func Wrap(words []string, between string, width int) []string {
	if width <= 0 {
		return []string{strings.Join(words, between)}
	}
	var lines []string
	line := ""
	for i, word := range words {
		switch {
		case i == 0:
			line = word
		case Width(line)+Width(between)+Width(word) <= width:
			line += between + word
		default:
			lines = append(lines, line)
			line = word
		}
		// A line may be one word of any length: no step looks at all of it.
		for part := Head(line, width); part != line; part = Head(line, width) {
			if part == "" { // not even one character fits
				return append(lines, "")
			}
			lines = append(lines, part)
			line = line[len(part):]
		}
	}
	return append(lines, line)
}
