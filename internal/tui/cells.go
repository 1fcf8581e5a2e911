package tui

import (
	"fmt"
	"strings"

	"peerscope/internal/screen"
	"peerscope/internal/view"
)

// titles are those of the columns that are shown.
func (md *model) titles(c columns) *line {
	g := md.style.glyphs()
	l := &line{}
	put := func(text string, width int, right bool) {
		if width > 0 {
			l.cell(muted, text, width, right, g.ellipsis)
			l.blank(1)
		}
	}
	l.blank(markWidth)
	l.cell(muted, "CLIENT", c.client, false, g.ellipsis)
	l.cell(muted, " "+g.arrow, arrowWidth, false, g.ellipsis)
	put("SERVER", c.server, false)
	put("PORT", c.at, false)
	put("PROTO", c.protocol, false)
	put(g.up+"/s", c.tx, true)
	put(g.down+"/s", c.rx, true)
	put(md.rttTitle(), c.rtt, true)
	put("CONN", c.conns, true)
	if c.failure > crossWidth {
		put("ERR", c.failure, false)
	} else {
		put("ERR", c.failure, true)
	}
	put("60s", c.minute, false)
	return l
}

// rttTitle: a 95th percentile is only there where the times were counted in
// buckets.
func (md *model) rttTitle() string {
	if md.sums.p95 {
		return "RTTp95"
	}
	return "RTT"
}

// row writes one edge.
func (md *model) row(r *row, c columns, chosen bool) *line {
	g := md.style.glyphs()
	l := &line{}
	usual := plain
	gone := r.gone(md.now)
	if gone > 0 {
		usual = muted
	}
	put := func(t tone, text string, width int, right bool) {
		if width > 0 {
			if gone > 0 {
				t = muted
			}
			l.cell(t, text, width, right, g.ellipsis)
			l.blank(1)
		}
	}
	md.mark(l, r, chosen)
	md.end(l, r, 0, c.client, c.places[0], usual)
	arrow := g.arrow
	if !r.roles() {
		arrow = g.both
	}
	l.cell(usual, " "+arrow, arrowWidth, false, g.ellipsis)
	md.end(l, r, 1, c.server, c.places[1], usual)
	l.blank(1)
	put(usual, md.style.clean(r.at()), c.at, false)
	put(usual, md.style.clean(r.protocol()), c.protocol, false)
	put(usual, known(r.Tx, amount, g.none), c.tx, true)
	put(usual, known(r.Rx, amount, g.none), c.rx, true)
	put(usual, md.rttText(r), c.rtt, true)
	put(usual, connections(r), c.conns, true)
	md.failureCell(r, c, put)
	if c.minute > 0 {
		md.minute(l, r, c.minute, gone > 0)
	}
	return l
}

func known(v *float64, text func(float64) string, none string) string {
	if v == nil {
		return none
	}
	return text(*v)
}

func connections(r *row) string {
	if r.Active == 0 && r.Connections.Opened+r.Connections.Closed > 0 {
		return "(" + count(r.Connections.Closed) + ")" // none left open
	}
	return count(r.Active)
}

func (md *model) rttText(r *row) string {
	s, ok := r.rtt()
	if !ok {
		return md.style.glyphs().none
	}
	return seconds(s, md.style.glyphs().micro)
}

// mark says which row is chosen, and what is with it.
func (md *model) mark(l *line, r *row, chosen bool) {
	g := md.style.glyphs()
	switch {
	case chosen:
		l.add(strong, g.chosen)
	case md.opened[r.id]:
		l.add(muted, g.opened)
	default:
		l.blank(1)
	}
	switch {
	case r.gone(md.now) > 0:
		l.add(muted, g.over)
	case r.troubled(md.now) && r.health == view.Warn:
		l.add(warn, "!")
	case r.troubled(md.now):
		l.add(bad, "!")
	case r.isNew(md.now):
		l.add(fresh, "+")
	default:
		l.blank(1)
	}
	l.blank(1)
}

// endText is what an end is called, with ~ where that is inferred, ? where several
// fit, and how many processes it stands for.
func (md *model) endText(r *row, i int) string {
	g := md.style.glyphs()
	n := r.ends[i]
	id := r.ID
	text := md.style.clean(nodeName(n, id, md.addresses))
	switch sign := r.doubt(i); sign {
	case view.Inferred:
		text = g.inferred + text
	case "several":
		text = g.unsure + text
	}
	if n != nil && n.Processes > 1 && !(md.addresses && n.Attributes.PeerAddress != "") {
		text += fmt.Sprintf(" %s%d", g.times, n.Processes)
	} else if n != nil && n.Kind == "process" && len(n.PIDs) == 1 && (r.parent != "" || md.level == 0) {
		text += fmt.Sprintf("[%d]", n.PIDs[0])
	}
	if r.parent != "" && i == 0 {
		text = g.child + text
	}
	return text
}

// doubt is how well an end is known where that is not exactly: inferred, or
// several, of which none is picked.
func (r *row) doubt(i int) string {
	names := [2]string{"client", "server"}
	words := [2]string{r.Quality.Client, r.Quality.Server}
	if !r.roles() {
		names, words = [2]string{"first", "second"}, [2]string{r.Quality.First, r.Quality.Second}
	}
	if len(r.Candidates[names[i]]) > 0 {
		return "several"
	}
	if words[i] == view.Inferred {
		return view.Inferred
	}
	return ""
}

func (md *model) doubtTone(r *row, i int, otherwise tone) tone {
	if r.doubt(i) != "" && otherwise == plain {
		return warn
	}
	return otherwise
}

// end writes an end of a row: its name, whole if there is room, and behind it, in
// line with those of other rows if it can be, where that is.
func (md *model) end(l *line, r *row, i, width int, placed bool, usual tone) {
	g := md.style.glyphs()
	name, place := md.endText(r, i), ""
	if n := r.ends[i]; placed && n != nil {
		place = md.style.clean(strings.TrimSuffix(n.Place, ".service"))
	}
	if strings.EqualFold(place, nodeName(r.ends[i], r.ID, false)) {
		place = "" // it would say nothing
	}
	inLine := min(10, width) // cells of a name before places that stand in line
	if gone := r.gone(md.now); gone > 0 && i == 0 {
		// It ended, or it is there and does not match the filter any more.
		place, inLine = fmt.Sprintf("gone %ds", gone), 0
	}
	room := width - max(screen.Width(name), inLine) - 1
	if inLine == 0 {
		room = max(room, min(screen.Width(place), width/2))
	}
	if place == "" || room < leastPlace {
		l.cell(md.doubtTone(r, i, usual), name, width, false, g.ellipsis)
		return
	}
	l.cell(md.doubtTone(r, i, usual), name, width-room-1, false, g.ellipsis)
	l.blank(1)
	l.cell(muted, shortPlace(place, room, g.ellipsis), room, false, g.ellipsis)
}

// shortPlace shortens a place: of a namespace the end tells it from its like, of
// a unit or a pod the beginning.
func shortPlace(place string, width int, ellipsis string) string {
	if screen.Width(place) <= width || !strings.HasPrefix(place, "@") {
		return screen.Truncate(place, width, ellipsis)
	}
	keep := max(width-screen.Width(ellipsis), 0)
	return screen.Head(ellipsis, width) + screen.Tail(place, keep)
}

// failureCell says how the row fails, in words or by a sign.
func (md *model) failureCell(r *row, c columns, put func(tone, string, int, bool)) {
	g := md.style.glyphs()
	text, t := "", plain
	if r.troubled(md.now) {
		if t = bad; r.health == view.Warn {
			t = warn
		}
		text = r.failure
		if ago := md.now - r.ailing; ago > 0 {
			text = fmt.Sprintf("%ds ago", ago)
		}
	}
	if c.failure <= crossWidth {
		if text != "" && r.failing {
			text = g.cross
		} else {
			text = "" // the mark before the row says it
		}
	}
	put(t, screen.Truncate(md.style.clean(text), c.failure, g.ellipsis), c.failure, c.failure <= crossWidth)
}
