package export

import (
	"slices"
	"strings"

	"peerscope/internal/screen"
)

// Style is how table and tree look.
type Style struct {
	Width int  // columns of the terminal; 0: unlimited, nothing is shortened
	Color bool // SGR sequences of the 16-colour palette
	ASCII bool // nothing but ASCII, in names too
}

// tone is what a piece of text means; colour never says anything that the text
// does not say too.
type tone uint8

const (
	plain  tone = iota
	strong      // names to look for
	muted       // frame, legend
	warn        // inferred, ambiguous, not seen
	bad         // a problem
)

// paint sets the tone of s with SGR sequences, if there is to be colour. Muted
// is faint (2) and not bright black, which some palettes set to the background.
func (s Style) paint(t tone, text string) string {
	if !s.Color || t == plain || strings.TrimSpace(text) == "" {
		return text
	}
	code := [...]string{strong: "1", muted: "2", warn: "33", bad: "31"}[t]
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// span is text of one tone.
type span struct {
	text string
	tone tone
}

// widthOf is the cells that spans take; paint adds none.
func widthOf(spans []span) int {
	n := 0
	for _, s := range spans {
		n += screen.Width(s.text)
	}
	return n
}

// glyphs are the signs that are not letters.
type glyphs struct {
	arrow, both       string // client to server; roles not known
	initiates         string // in the tree: this process called
	accepts           string // this process was called
	branch, last      string // a branch, the last one
	bar, blank        string // below a branch, below the last one
	up, down          string // client to server, and back
	cross             string // a problem
	inferred, unsure  string // before a name
	about             string // before a figure that is not exact
	times, micro, dot string
	ellipsis          string
}

// glyphs are the signs of this style. Each takes one cell, or as many as its
// letters in ASCII; none is a wide character, of which terminals do not agree how
// wide it is.
func (s Style) glyphs() glyphs {
	if s.ASCII {
		return glyphs{
			arrow: "->", both: "<->", initiates: "=>", accepts: "<=",
			branch: "|- ", last: "`- ", bar: "|  ", blank: "   ",
			up: "^", down: "v", cross: "x", inferred: "~", unsure: "?", about: "~",
			times: "x", micro: "u", dot: ",", ellipsis: "..",
		}
	}
	return glyphs{
		arrow: "→", both: "↔", initiates: "⇒", accepts: "⇐",
		branch: "├─ ", last: "└─ ", bar: "│  ", blank: "   ",
		up: "↑", down: "↓", cross: "✗", inferred: "~", unsure: "?", about: "≈",
		times: "×", micro: "µ", dot: " ·", ellipsis: "…",
	}
}

// clean is screen.Clean for this style.
func (s Style) clean(text string) string { return screen.Clean(text, s.ASCII) }

// line paints spans, cut to the style's width, without spaces at the end.
func (s Style) line(spans []span) string {
	if s.Width > 0 {
		spans = cut(spans, s.Width, s.glyphs().ellipsis)
	}
	end := len(spans)
	for end > 0 && strings.TrimRight(spans[end-1].text, " ") == "" {
		end--
	}
	var b strings.Builder
	for i, sp := range spans[:end] {
		if i == end-1 {
			sp.text = strings.TrimRight(sp.text, " ")
		}
		b.WriteString(s.paint(sp.tone, sp.text))
	}
	return b.String()
}

// cut is the part of spans that fits into a width.
func cut(spans []span, width int, ellipsis string) []span {
	for i, sp := range spans {
		w := screen.Width(sp.text)
		if w > width {
			sp.text = screen.Truncate(sp.text, width, ellipsis)
			return append(slices.Clone(spans[:i]), sp)
		}
		width -= w
	}
	return spans
}
