package tui

import (
	"fmt"
	"maps"
	"slices"

	"peerscope/internal/view"
)

// help lists the keys of the rows.
func (md *model) help() []*line {
	g := md.style.glyphs()
	var lines []*line
	head := func(text string) {
		l := &line{}
		l.add(strong, " "+text)
		lines = append(lines, l)
	}
	item := func(key, text string) {
		l := &line{}
		l.blank(2)
		l.cell(strong, key, 15, false, g.ellipsis)
		l.blank(1)
		l.add(plain, text)
		lines = append(lines, l)
	}
	head("Move")
	item("j k  up down", "another row; it stays chosen wherever it goes")
	item("g G  pgup pgdn", "first, last, a page")
	item("Enter", "explain the chosen row; again: on the whole screen")
	item("Esc", "back one level; on the rows: leave the filter")
	item("space  l h", "list the map's own edges of a row, or close the list")
	head("What is shown")
	for i, level := range view.Levels() {
		text := "rows between " + levelWords()[level]
		if md.shot != nil {
			if n, ok := md.shot.graph.Levels[level]; ok {
				text += fmt.Sprintf(", of which there are %d", n)
			}
		}
		item(fmt.Sprint(i+1), text)
	}
	item("/", "filter; Tab completes, Enter keeps, Esc goes back")
	item("e", "only problems, those of the last 10 seconds too")
	item("n", "only what came in the last minute")
	item("N", "also what the rules hide as noise: "+md.hiddenWords())
	item("d", "names, or addresses where they are known")
	head("Order and time")
	item("s S", "sort by another column; the other way round")
	item("z", "freeze the order, or let it go")
	item("p", "pause, or go on")
	item("0", "all of this as at the start")
	head("Else")
	item("y", "copy the chosen row (OSC 52)")
	item("w", "open the web view of the same, and say its address")
	item("i", "what cannot be seen here, and what was lost")
	item("q", "quit, with a summary")
	head("Signs")
	item(g.arrow+" "+g.both, "calls; it is not known who called")
	item("! + "+g.over, "has a problem; is new; is not there any more")
	item(g.inferred+" "+g.unsure, "before a name: inferred; one of several")
	item(g.up+" "+g.down, "bytes a second, client to server and back")
	item("(3)", "connections of this second, none left open")
	item(g.none, "not known; never 0")
	return lines
}

// levelWords are what people call the nodes of a level.
func levelWords() map[string]string {
	return map[string]string{view.LevelProcess: "processes", view.LevelProgram: "programs", view.LevelContainer: "containers and units",
		view.LevelPod: "pods", view.LevelWorkload: "workloads", view.LevelHost: "hosts", view.LevelNamespace: "namespaces"}
}

// hiddenWords are the rules that hide something now.
func (md *model) hiddenWords() string {
	text := ""
	if md.shot != nil {
		for _, h := range md.shot.graph.Hidden {
			if text != "" {
				text += "; "
			}
			text += fmt.Sprintf("%s (%d)", h.Text, h.Edges+h.Nodes)
		}
	}
	if text == "" {
		return "nothing now"
	}
	return text
}

// unseen lists what could not be seen, why, and how to see it, and what was lost.
func (md *model) unseen() []*line {
	p := &prose{md: md}
	if md.cfg.Limited != "" {
		p.say(warn, "", md.cfg.Limited)
	}
	if md.shown == nil {
		return p.lines
	}
	c := &md.shown.Capture
	p.say(strong, "", "What cannot be seen here")
	if len(c.Degraded) == 0 {
		p.say(plain, "", "Nothing is known to be missing.")
	}
	for _, d := range c.Degraded {
		text := d.Reason + "."
		if d.Fix != "" {
			text += " " + d.Fix
		}
		p.say(plain, "", d.Code+": "+text)
	}
	p.say(strong, "", "What was lost since the start")
	lost := maps.Clone(md.session.losses)
	maps.DeleteFunc(lost, func(_ string, n uint64) bool { return n == 0 })
	if len(lost) == 0 {
		p.say(plain, "", "Nothing.")
	}
	for _, reason := range slices.Sorted(maps.Keys(lost)) {
		p.say(warn, "", fmt.Sprintf("%s %s", reason, count(lost[reason])))
	}
	if u := c.Unattributed; u.Connections > 0 {
		p.say(warn, "", fmt.Sprintf("%s without a process at either end", many(u.Connections, "connection")))
	}
	p.say(strong, "", "How it is seen")
	p.say(plain, "", fmt.Sprintf("source %s, rung %s; details: peerscope doctor", c.Source, c.Rung))
	return p.lines
}
