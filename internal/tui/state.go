package tui

import (
	"fmt"

	"peerscope/internal/topology"
)

// state is what stands in the place of rows where there are none: what it is,
// why, and what to do next. nil: there are rows.
func (md *model) state() []*line {
	if len(md.list) > 0 {
		return nil
	}
	p := &prose{md: md}
	p.lines = append(p.lines, &line{})
	switch {
	case md.shown == nil && md.ended != "":
		p.say(warn, "", "Nothing to show: "+md.ended+".")
	case md.shown == nil, md.shot == nil:
		p.say(plain, "", "Looking at the sockets that are open ... the first rows come with the first look.")
	case md.filter != nil && md.shot.graph.Matched.Edges == 0:
		p.say(plain, "", fmt.Sprintf("0 of %s match %s.", many(uint64(md.shot.graph.Total.Edges), "edge"), md.filter))
		if md.shot.left > 0 {
			p.say(warn, "", fmt.Sprintf("Remove: [%s]", md.shot.blame))
		} else if len(md.shot.m.Edges) > 0 {
			p.say(warn, "", "No single part of it hides them all. Esc leaves the filter.")
		}
	case md.problems || md.onlyNew:
		what := "problem in the last 10 seconds"
		key := "e"
		if md.onlyNew {
			what, key = "edge came in the last minute", "n"
		}
		p.say(plain, "", fmt.Sprintf("None of %s: no %s. Press %s to see all.", many(uint64(md.shot.graph.Matched.Edges), "edge"), what, key))
	case md.hidden() > 0:
		p.say(plain, "", fmt.Sprintf("All %s are hidden by rules against noise. Press N to see them.", many(uint64(md.hidden()), "edge")))
	default:
		md.idle(p)
	}
	return p.lines
}

// idle says that nobody talks, and what could be called.
func (md *model) idle(p *prose) {
	text := "No connections now."
	listeners, port := 0, uint16(0)
	for i := range md.shown.Nodes {
		for _, l := range md.shown.Nodes[i].Attributes.Listens {
			listeners++
			if browsable(&l) && port == 0 {
				port = l.Port
			}
		}
	}
	if listeners > 0 {
		text += fmt.Sprintf(" %s idle.", plural(listeners, "listener is", "listeners are"))
	}
	p.say(plain, "", text)
	if port != 0 {
		p.say(plain, "", fmt.Sprintf("Try: curl localhost:%d", port))
	}
}

// browsable: the port is likely to speak HTTP, and localhost reaches it.
func browsable(l *topology.Listen) bool {
	switch l.Port {
	case 80, 3000, 8000, 8080, 8888:
	default:
		return false
	}
	switch l.Address {
	case "0.0.0.0", "::", "127.0.0.1", "::1":
		return l.Transport == "tcp"
	}
	return false
}

func plural(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}
