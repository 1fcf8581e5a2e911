package flow

import (
	"strconv"
	"unicode"
	"unicode/utf8"
)

// UnixName writes a unix socket's address (sun_path, without the family) as
// text. An abstract name (first byte 0) begins
// with @; a file's name that begins with @ is written ./@ so that the two stay
// apart. Bytes that are not printable text are written \x00 or \u202e, so that a
// name can play no tricks on a terminal. A backslash stays as it is: systemd's
// names are full of them.
func UnixName(raw []byte) string {
	var out []byte
	switch {
	case len(raw) == 0:
		return ""
	case raw[0] == 0:
		out, raw = append(out, '@'), raw[1:]
	case raw[0] == '@':
		out = append(out, "./"...)
		fallthrough
	default:
		if raw[len(raw)-1] == 0 { // a file's name is terminated, an abstract one is not
			raw = raw[:len(raw)-1]
		}
	}
	for len(raw) > 0 {
		r, size := utf8.DecodeRune(raw)
		switch {
		case r == utf8.RuneError && size == 1, r < 0x20, r == 0x7f:
			out = append(out, `\x`...)
			out = append(out, hexDigits[raw[0]>>4], hexDigits[raw[0]&15])
		case !unicode.IsPrint(r):
			quoted := strconv.QuoteRuneToASCII(r) // '\u202e'
			out = append(out, quoted[1:len(quoted)-1]...)
		default:
			out = append(out, raw[:size]...)
		}
		raw = raw[size:]
	}
	return string(out)
}

const hexDigits = "0123456789abcdef"
