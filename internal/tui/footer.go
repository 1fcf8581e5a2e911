package tui

import (
	"strings"

	"peerscope/internal/screen"
)

// footer has a message while there is one, else the keys.
func (md *model) footer(keys string) *line {
	l := &line{}
	g := md.style.glyphs()
	if md.message != "" && !md.clock.After(md.until) {
		l.add(strong, " "+screen.Shorten(md.style.clean(md.message), max(md.width-1, 0), g.ellipsis))
		return l
	}
	if keys != "" {
		if md.style.ascii {
			keys = strings.ReplaceAll(keys, "↑↓", "jk")
		}
		l.add(muted, " "+keys)
		return l
	}
	words := md.keyWords()
	for i, w := range words {
		rest := 0
		if i < len(words)-1 {
			rest = len("  ? help")
		}
		if l.width+2+screen.Width(w[0])+1+screen.Width(w[1])+rest > md.width && i < len(words)-1 {
			continue
		}
		l.add(plain, " ")
		l.add(strong, w[0])
		l.add(muted, " "+w[1]+" ")
	}
	return l
}

// keyWords are the keys of the rows, and what they do, the last one being the one
// that finds the others.
func (md *model) keyWords() [][2]string {
	move, enter := "↑↓", "⏎"
	if md.style.ascii {
		move, enter = "jk", "Enter"
	}
	if md.entry != nil {
		return [][2]string{{"Enter", "keep"}, {"Tab", "complete"}, {"Esc", "back"}}
	}
	pause := "pause"
	if md.paused {
		pause = "go on"
	}
	return [][2]string{{move, "move"}, {enter, "explain"}, {"/", "filter"}, {"e", "problems"}, {"p", pause}, {"1-7", "level"}, {"s", "sort"},
		{"q", "quit"}, {"n", "new"}, {"w", "web"}, {"z", "freeze"}, {"space", "expand"}, {"y", "copy"}, {"?", "help"}}
}

// entryText is what is typed, scrolled so that the cursor is seen.
func (md *model) entryText(width int) string {
	text, _ := md.entryView(width)
	return text
}

// entryView is the part of what is typed that fits, and the cell of the cursor in
// it. A character that fills several cells is never cut.
func (md *model) entryView(width int) (text string, cursor int) {
	value, at := []rune(md.entry.input.Value()), md.entry.input.Position()
	before, after := md.style.clean(string(value[:at])), md.style.clean(string(value[at:]))
	before = screen.Tail(before, max(width-1, 0))
	cursor = screen.Width(before)
	return before + screen.Head(after, max(width-cursor, 0)), cursor
}

// entryHint is the line below the filter while it is typed: what is wrong and
// where, what Tab offers, or how much matches.
func (md *model) entryHint() *line {
	g := md.style.glyphs()
	l := &line{}
	en := md.entry
	switch {
	case len(en.offers) > 0:
		l.add(plain, "   ")
		from := max(en.pick, 0)
		for i := from; i < len(en.offers) && l.width < md.width; i++ {
			t := muted
			if i == en.pick {
				t = strong
			}
			l.add(t, md.style.clean(en.offers[i])+"  ")
		}
	case en.wrong != nil:
		text := en.wrong.What
		if en.wrong.Hint != "" {
			text += " (" + en.wrong.Hint + ")"
		}
		text = "column " + count(uint64(en.wrong.Column)) + ": " + text
		l.add(bad, "   "+screen.Truncate(g.cross+" "+md.style.clean(text), max(md.width-4, 0), g.ellipsis))
	default:
		matched := "Tab completes keys and values; docs/FILTER.md has the language"
		if absent := absentKeys(md); absent != "" {
			matched = "this version does not know the values of " + absent
		} else if md.shot != nil && md.filter != nil {
			matched = many(uint64(md.shot.graph.Matched.Edges), "edge") + " of " + count(uint64(md.shot.graph.Total.Edges)) + " match"
		}
		l.add(muted, "   "+screen.Truncate(matched, max(md.width-4, 0), g.ellipsis))
	}
	return l
}

func absentKeys(md *model) string {
	if md.filter == nil {
		return ""
	}
	return strings.Join(md.filter.Absent(), ", ")
}
