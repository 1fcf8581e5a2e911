package tui

import (
	"strings"

	"peerscope/internal/screen"
)

// frame is the whole screen: exactly as many lines as it is high, none wider than
// it is wide.
func (md *model) frame() string {
	var lines []*line
	switch {
	case md.overlay == helpOverlay:
		lines = md.lay(md.header(), md.window(md.help()), "Esc back  ↑↓ move  q quit")
	case md.overlay == unseenOverlay:
		lines = md.lay(md.header(), md.window(md.unseen()), "Esc back  ↑↓ move  q quit")
	case md.pane == alone && md.current() != nil:
		lines = md.lay(md.header(), md.window(md.explain(md.current())), "Esc back  ↑↓ move  y copy  w web  ? help  q quit")
	default:
		lines = md.table()
	}
	var b strings.Builder
	b.Grow(md.height * (md.width + 32))
	chosen := md.chosenLine(lines)
	for i := range md.height {
		if i > 0 {
			b.WriteByte('\n')
		}
		if i < len(lines) && lines[i] != nil {
			md.style.write(&b, lines[i], md.width, i == chosen)
		}
	}
	return b.String()
}

// lay puts the header above, the keys below, and what is between there.
func (md *model) lay(head, body []*line, keys string) []*line {
	lines := head
	room := md.height - len(head)
	foot := 0
	if room >= 4 {
		foot = 1
	}
	body = body[:min(len(body), room-foot)]
	lines = append(lines, body...)
	for len(lines) < md.height-foot {
		lines = append(lines, &line{})
	}
	if foot > 0 {
		lines = append(lines, md.footer(keys))
	}
	return lines
}

// window is the part of a long text that is scrolled to.
func (md *model) window(text []*line) []*line {
	room := max(md.height-md.headHeight()-1, 1)
	md.scroll = max(min(md.scroll, len(text)-room), 0)
	return text[md.scroll:]
}

// plan says which lines of the table there is room for.
type plan struct {
	head, limited, entry, titles, pane, foot int
	rows                                     int
}

// plan shares the height out. What can be spared goes first on a small screen:
// notes, titles, keys.
func (md *model) plan() plan {
	p := plan{head: md.headHeight(), rows: md.height}
	p.rows -= p.head
	take := func(part *int, n, leave int) {
		if n > 0 && p.rows-n >= leave {
			*part = n
			p.rows -= n
		}
	}
	if md.entry != nil {
		take(&p.entry, 1, 1)
	}
	take(&p.foot, 1, 3)
	if md.cfg.Limited != "" {
		take(&p.limited, 1, 4)
	}
	take(&p.titles, 1, 4)
	if md.pane == beside && md.current() != nil {
		// A rule and the explanation, and half of the rows at least.
		take(&p.pane, min(max(p.rows/2, 6), 16), 2)
	}
	return p
}

// rowsRoom is how many rows fit.
func (md *model) rowsRoom() int { return md.plan().rows }

// table is the screen of rows, with the explanation below them if it is open.
func (md *model) table() []*line {
	p := md.plan()
	lines := md.header()
	if p.entry > 0 {
		lines = append(lines, md.entryHint())
	}
	if p.limited > 0 {
		lines = append(lines, md.note(md.cfg.Limited))
	}
	if state := md.state(); state != nil {
		for len(lines) < md.height && len(state) > 0 {
			lines, state = append(lines, state[0]), state[1:]
		}
	} else {
		lines = append(lines, md.rowLines(p)...)
	}
	foot := md.height - p.foot - p.pane
	for len(lines) < foot {
		lines = append(lines, &line{})
	}
	lines = lines[:max(foot, 0)]
	if p.pane > 0 {
		rule := &line{}
		rule.add(muted, strings.Repeat(md.style.glyphs().rule, md.width))
		lines = append(lines, rule)
		text := md.explain(md.current())
		for i := range p.pane - 1 {
			l := &line{}
			if i < len(text) {
				l = text[i]
			}
			lines = append(lines, l)
		}
	}
	if p.foot > 0 {
		lines = append(lines, md.footer(""))
	}
	return lines
}

// rowLines are the titles and the rows that are scrolled to.
func (md *model) rowLines(p plan) []*line {
	md.reveal(p.rows)
	shown := md.list[md.top:min(md.top+p.rows, len(md.list))]
	columns := md.columns()
	var lines []*line
	if p.titles > 0 {
		lines = append(lines, md.titles(columns))
	}
	for i, r := range shown {
		lines = append(lines, md.row(r, columns, md.top+i == md.at))
	}
	return lines
}

// reveal scrolls no further than it must for the chosen row to be seen.
func (md *model) reveal(room int) {
	room = max(room, 1)
	md.top = min(md.top, md.at)
	md.top = max(md.top, md.at-room+1)
	md.top = max(min(md.top, len(md.list)-room), 0)
}

// chosenLine is the line of the frame with the chosen row; -1: it is not there.
func (md *model) chosenLine(lines []*line) int {
	if md.overlay != noOverlay || md.pane == alone && md.current() != nil || md.state() != nil || len(md.list) == 0 {
		return -1
	}
	p := md.plan()
	return p.head + p.entry + p.limited + p.titles + md.at - md.top
}

// note is a yellow line that says what is missing and how to get it. It is
// shortened at its end.
func (md *model) note(text string) *line {
	l := &line{}
	l.add(warn, " "+screen.Truncate(md.style.clean(text), max(md.width-1, 0), md.style.glyphs().ellipsis))
	return l
}
