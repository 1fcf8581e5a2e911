package tui

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"peerscope/internal/screen"
	"peerscope/internal/topology"
	"peerscope/internal/view"
)

// part is a piece of a line; where there is not room for all, those of the
// greatest spare go first.
type part struct {
	text  string
	tone  tone
	spare int
}

// header is the line that says what is looked at and how it goes, and below it
// the filter, if there is room.
func (md *model) header() []*line {
	switch {
	case md.headHeight() == 2:
		return []*line{md.join(md.headerParts(), md.clockText()), md.filterLine()}
	case md.entry != nil:
		return []*line{md.filterLine()}
	}
	return []*line{md.join(md.headerParts(), md.clockText())}
}

// headHeight is how many lines the header has.
func (md *model) headHeight() int {
	const enough = 6
	if md.height < enough {
		return 1
	}
	return 2
}

func (md *model) headerParts() []part {
	g := md.style.glyphs()
	parts := []part{{"peerscope", strong, 0}}
	if md.shown == nil {
		return append(parts, part{"starting", plain, 1})
	}
	if name := md.shown.Host.Name; name != "" {
		parts = append(parts, part{md.style.clean(name), plain, 7})
	}
	parts = append(parts, md.liveness())
	if md.shot != nil {
		edges := many(uint64(md.shot.graph.Total.Edges), "edge")
		if n := md.sums.shown; n != md.shot.graph.Total.Edges {
			edges += fmt.Sprintf(" (%d shown)", n)
		}
		parts = append(parts, part{edges, plain, 4})
	}
	if md.sums.known {
		parts = append(parts, part{g.up + " " + amount(md.sums.tx) + "/s " + g.down + " " + amount(md.sums.rx) + "/s", plain, 5})
	}
	trouble := part{fmt.Sprintf("problems %d", md.sums.problems), plain, 2}
	if md.sums.problems > 0 {
		trouble.tone = bad
	}
	lost := part{"lost " + count(md.session.lost), plain, 8}
	if md.session.lost > 0 {
		lost.tone, lost.spare = warn, 3
	}
	parts = append(parts, trouble, lost)
	if n := len(md.shown.Capture.Degraded); n > 0 {
		parts = append(parts, part{fmt.Sprintf("unseen %d", n), warn, 6})
	}
	return parts
}

// liveness says whether what is shown is now: a view must never be stale without
// saying so.
func (md *model) liveness() part {
	at := md.shownTime()
	switch {
	case md.paused:
		return part{"paused at " + at, warn, 1}
	case md.ended != "":
		return part{md.style.clean(md.ended), warn, 1}
	case !md.ticked.IsZero() && md.clock.Sub(md.ticked) > staleAfter:
		return part{fmt.Sprintf("nothing new for %s, frozen at %s", lasting(md.clock.Sub(md.ticked)), at), bad, 1}
	}
	length := md.shown.Window.Length()
	if length <= 0 {
		return part{"live", plain, 1}
	}
	return part{"live " + lasting(max(length, time.Second)), plain, 1}
}

// staleAfter is when a view that gets no ticks says so.
const staleAfter = 4 * time.Second

// shownTime is the end of what is shown, as a time of day.
func (md *model) shownTime() string {
	_, end, err := md.shown.Window.Bounds()
	if err != nil {
		return "an unknown time"
	}
	return end.In(md.zone()).Format(time.TimeOnly)
}

func (md *model) zone() *time.Location {
	if md.cfg.Zone != nil {
		return md.cfg.Zone
	}
	return time.UTC
}

func (md *model) clockText() string {
	if md.shown == nil {
		return ""
	}
	if _, end, err := md.shown.Window.Bounds(); err == nil && !md.paused {
		return end.In(md.zone()).Format(time.TimeOnly)
	}
	return ""
}

// join puts parts on a line, with text at its right end where there is room.
func (md *model) join(parts []part, right string) *line {
	dot := md.style.glyphs().dot
	width := func() int {
		n := 1
		for i, p := range parts {
			if i > 0 {
				n += screen.Width(dot)
			}
			n += screen.Width(p.text)
		}
		return n
	}
	for width() > md.width && len(parts) > 1 {
		worst := 0
		for i := range parts {
			if parts[i].spare > parts[worst].spare {
				worst = i
			}
		}
		parts = append(parts[:worst:worst], parts[worst+1:]...)
	}
	l := &line{}
	l.add(plain, " ")
	for i, p := range parts {
		if i > 0 {
			l.add(muted, dot)
		}
		l.add(p.tone, p.text)
	}
	if room := md.width - l.width - screen.Width(right) - 1; right != "" && room > 1 {
		l.blank(room)
		l.add(plain, right)
	}
	return l
}

// filterLine has the filter, or how to begin, and how rows are chosen and sorted.
func (md *model) filterLine() *line {
	g := md.style.glyphs()
	right := md.choices()
	l := &line{}
	room := md.width - screen.Width(right) - 2
	switch {
	case md.entry != nil:
		l.add(strong, " / ")
		l.add(plain, md.entryText(md.width-4))
		return l
	case md.filter != nil:
		l.add(strong, " / ")
		l.add(plain, screen.Shorten(md.style.clean(md.filter.String()), max(room-3, min(md.width-4, 16)), g.ellipsis))
	default:
		l.add(muted, " / "+screen.Truncate(md.hint(), max(room-3, 0), g.ellipsis))
	}
	if blank := md.width - l.width - screen.Width(right) - 1; blank > 0 {
		l.blank(blank)
		l.add(plain, right)
	}
	return l
}

// choices say how rows are chosen and sorted.
func (md *model) choices() string {
	g := md.style.glyphs()
	var parts []string
	if md.problems {
		parts = append(parts, "[only problems]")
	}
	if md.onlyNew {
		parts = append(parts, "[only new]")
	}
	if md.addresses {
		parts = append(parts, "[addresses]")
	}
	if md.noise {
		parts = append(parts, "[noise shown]")
	} else if n := md.hidden(); n > 0 {
		parts = append(parts, fmt.Sprintf("[%d hidden]", n))
	}
	direction := g.down
	if md.reversed != (md.order == byClient || md.order == byServer) {
		direction = g.up
	}
	sort := "sort: " + direction + " " + md.order.String()
	if md.frozen != nil {
		sort += " (frozen)"
	}
	return strings.Join(append(parts, "group: "+view.Levels()[md.level], sort), "  ")
}

// seenBy says by what the host is seen, and what there is.
func (md *model) seenBy() string {
	by := map[string]string{"ebpf": "eBPF ok", "netlink": "without eBPF (i says why)"}[md.shown.Capture.Source]
	processes, listeners := 0, 0
	for i := range md.shown.Nodes {
		n := &md.shown.Nodes[i]
		if n.Kind == topology.KindProcess {
			processes++
		}
		listeners += len(n.Attributes.Listens)
	}
	parts := []string{cmp.Or(by, md.shown.Capture.Source)}
	if k := md.shown.Host.Kernel; k != "" {
		parts = append(parts, "kernel "+md.style.clean(k))
	}
	parts = append(parts, plural(processes, "process", "processes"), plural(listeners, "listener", "listeners"))
	return strings.Join(parts, md.style.glyphs().dot)
}

// hidden is how many edges the noise rules leave out.
func (md *model) hidden() int {
	n := 0
	if md.shot != nil {
		for _, h := range md.shot.graph.Hidden {
			n += h.Edges
		}
	}
	return n
}

// hint is by what the host is seen, and then what to try, another one every few
// seconds.
func (md *model) hint() string {
	const greeting = 4 // seconds
	switch {
	case md.shown == nil:
		return ""
	case md.now <= greeting:
		return md.seenBy()
	}
	hints := [...]string{
		"press Enter to explain the chosen edge", "press / to filter: nginx to:port:5432 rtt>10ms", "press e for problems only",
		"press space to see the processes of a row", "press 1 to 7 for another level", "press i for what cannot be seen here",
	}
	const long = 8 // seconds
	return hints[(md.now/long)%len(hints)]
}
