package tui

import (
	"strings"
	"unicode/utf8"

	"peerscope/internal/screen"
)

// style is how the frame looks.
type style struct {
	color bool // SGR sequences of the 16 colours that the terminal has set
	ascii bool
}

// tone is what a piece of text means; colour never says anything that the text
// does not say too.
type tone uint8

const (
	plain  tone = iota
	strong      // what to look for
	muted       // what is over, what explains
	warn        // inferred, not seen, slow
	bad         // it fails
	fresh       // it is new
)

// The SGR parameters of each tone. Muted is faint (2) and not bright black, which
// some palettes set to the background.
var codes = [...]string{plain: "", strong: "1", muted: "2", warn: "33", bad: "31", fresh: "32"}

const reverse = "\x1b[7m" // of the chosen row
const reset = "\x1b[0m"

// glyphs are the signs that are not letters. None is a wide character, of which
// terminals do not agree how wide it is.
type glyphs struct {
	arrow, both       string // client to server; roles not known
	up, down          string // client to server, and back
	chosen, over      string // the row that keys act on; an edge that ended
	opened            string // a row whose edges are listed below it
	child             string // before such an edge
	cross, times, dot string
	inferred, unsure  string // before a name
	rule, ellipsis    string
	micro, none       string
	bars              []string // from nothing to most
}

func (s style) glyphs() glyphs {
	if s.ascii {
		return glyphs{arrow: "->", both: "<>", up: "^", down: "v", chosen: ">", over: ".", opened: "v", child: "`-",
			cross: "x", times: "x", dot: " | ", inferred: "~", unsure: "?", rule: "-", ellipsis: "..", micro: "u", none: "-",
			bars: []string{"_", ".", ":", "-", "=", "+", "*", "#"}}
	}
	return glyphs{arrow: "→", both: "↔", up: "↑", down: "↓", chosen: "▸", over: "·", opened: "▾", child: "└",
		cross: "✗", times: "×", dot: " · ", inferred: "~", unsure: "?", rule: "─", ellipsis: "…", micro: "µ", none: "-",
		bars: []string{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}}
}

// longest is how many bytes of a text are looked at: a command line may have
// millions.
const longest = 4096

// clean makes text of a process fit for the frame.
func (s style) clean(text string) string {
	if len(text) <= longest {
		return screen.Clean(text, s.ascii)
	}
	end := longest
	for end > longest-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	return screen.Clean(text[:end], s.ascii) + s.glyphs().ellipsis
}

// span is text of one tone.
type span struct {
	text string
	tone tone
}

// line is a line of the frame while it is put together. Its width counts cells.
type line struct {
	spans []span
	width int
}

func (l *line) add(t tone, text string) {
	if text != "" {
		l.spans = append(l.spans, span{text, t})
		l.width += screen.Width(text)
	}
}

// cell adds text in exactly that many cells: shortened, or filled with blanks.
func (l *line) cell(t tone, text string, width int, right bool, ellipsis string) {
	if width <= 0 {
		return
	}
	text = screen.Shorten(text, width, ellipsis)
	room := width - screen.Width(text)
	if right {
		l.blank(room)
	}
	l.add(t, text)
	if !right {
		l.blank(room)
	}
}

func (l *line) blank(n int) {
	if n > 0 {
		l.add(plain, strings.Repeat(" ", n))
	}
}

// write paints the line into b, at most width cells of it. A chosen line is
// reversed over the whole width.
func (s style) write(b *strings.Builder, l *line, width int, chosen bool) {
	left := width
	chosen = chosen && s.color
	spans := l.spans
	for !chosen && len(spans) > 0 && strings.TrimRight(spans[len(spans)-1].text, " ") == "" {
		spans = spans[:len(spans)-1] // no blanks at the end
	}
	if chosen {
		b.WriteString(reverse)
	}
	for _, sp := range spans {
		text := sp.text
		if w := screen.Width(text); w > left {
			text = screen.Truncate(text, left, s.glyphs().ellipsis)
		}
		left -= screen.Width(text)
		if code := codes[sp.tone]; s.color && code != "" && !chosen && strings.TrimSpace(text) != "" {
			b.WriteString("\x1b[" + code + "m" + text + reset)
		} else {
			b.WriteString(text)
		}
		if left <= 0 {
			break
		}
	}
	if chosen {
		b.WriteString(strings.Repeat(" ", max(left, 0)) + reset)
	}
}
