package tui

import (
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"peerscope/internal/view"
)

// key does what a key says in the view that is open.
func (md *model) key(k tea.KeyPressMsg) tea.Cmd {
	name := k.String()
	md.message = "" // it was read
	switch name {   // everywhere
	case "ctrl+c":
		return md.leave()
	case "ctrl+z":
		return tea.Suspend
	case "ctrl+l":
		return tea.ClearScreen
	}
	switch {
	case md.entry != nil:
		return md.typed(k)
	case md.overlay != noOverlay:
		return md.overlayKey(name)
	case md.pane == alone && md.scrolled(name):
		return nil
	}
	if md.move(name) {
		return nil
	}
	if cmd, done := md.show(name); done {
		return cmd
	}
	return md.act(name)
}

func (md *model) leave() tea.Cmd {
	md.quit = true
	return tea.Quit
}

// overlayKey: what lies over the rows is scrolled or closed.
func (md *model) overlayKey(name string) tea.Cmd {
	switch name {
	case "q":
		return md.leave()
	case "esc", "enter":
		md.overlay = noOverlay
	case "?", "i":
		of := helpOverlay
		if name == "i" {
			of = unseenOverlay
		}
		if md.overlay == of {
			of = noOverlay
		}
		md.overlay, md.scroll = of, 0
	default:
		md.scrolled(name)
	}
	return nil
}

// scrolled: the key moved what lies over the rows. What there is no more of to
// show is known when the frame is made, which bounds it.
func (md *model) scrolled(name string) bool {
	page := max(md.height-4, 1)
	switch name {
	case "down", "j":
		md.scroll++
	case "up", "k":
		md.scroll--
	case "pgdown", "ctrl+d", "ctrl+f":
		md.scroll += page
	case "pgup", "ctrl+u", "ctrl+b":
		md.scroll -= page
	case "home", "g":
		md.scroll = 0
	case "end", "G":
		md.scroll = 1 << 20
	default:
		return false
	}
	md.scroll = max(md.scroll, 0)
	return true
}

// move chooses another row.
func (md *model) move(name string) bool {
	page := max(md.rowsRoom()-1, 1)
	switch name {
	case "down", "j":
		md.choose(md.at + 1)
	case "up", "k":
		md.choose(md.at - 1)
	case "pgdown", "ctrl+d", "ctrl+f":
		md.choose(md.at + page)
	case "pgup", "ctrl+u", "ctrl+b":
		md.choose(md.at - page)
	case "home", "g":
		md.choose(0)
	case "end", "G":
		md.choose(len(md.list) - 1)
	default:
		return false
	}
	md.moved = true
	return true
}

// show changes which rows are shown, and how.
func (md *model) show(name string) (tea.Cmd, bool) {
	switch name {
	case "1", "2", "3", "4", "5", "6", "7":
		if level := int(name[0] - '1'); level != md.level && level < len(view.Levels()) {
			md.level = level
			md.opened = map[string]bool{}
			md.refreeze()
			return md.changed(), true
		}
	case "0":
		md.reset()
		return md.changed(), true
	case "N":
		md.noise = !md.noise
		return md.changed(), true
	case "e":
		md.problems = !md.problems
		md.arrange()
	case "n":
		md.onlyNew = !md.onlyNew
		md.arrange()
	case "d":
		md.addresses = !md.addresses
		md.arrange()
	case "s":
		md.order = (md.order + 1) % orders
		md.refreeze()
		md.below = map[string][]*row{}
		md.arrange()
	case "S":
		md.reversed = !md.reversed
		md.refreeze()
		md.below = map[string][]*row{}
		md.arrange()
	case "z":
		if md.frozen == nil {
			md.frozen = map[string]int{}
			for i, r := range md.list {
				md.frozen[r.id] = i
			}
		} else {
			md.frozen = nil
		}
		md.arrange()
	default:
		return nil, false
	}
	return nil, true
}

// refreeze lets a frozen order be made anew, once.
func (md *model) refreeze() {
	if md.frozen != nil {
		md.frozen = nil
		md.arrange()
		md.frozen = map[string]int{}
	}
}

// act does what concerns the chosen row, or everything.
func (md *model) act(name string) tea.Cmd {
	switch name {
	case "q":
		return md.leave()
	case "?":
		md.overlay, md.scroll = helpOverlay, 0
	case "i":
		md.overlay, md.scroll = unseenOverlay, 0
	case "enter":
		if md.current() != nil && md.pane < alone {
			md.pane++
			md.scroll = 0
		}
	case "esc":
		return md.back()
	case "space":
		if r := md.current(); r != nil {
			md.fold(r, !md.opened[r.id])
		}
	case "right", "l":
		if r := md.current(); r != nil {
			md.fold(r, true)
		}
	case "left", "h":
		if r := md.current(); r != nil {
			md.fold(r, false)
		}
	case "p":
		return md.pause()
	case "/":
		md.enter()
	case "y":
		if r := md.current(); r != nil {
			md.say("copied: " + md.oneLine(r))
			return tea.SetClipboard(md.oneLine(r))
		}
	case "w":
		return md.openWeb()
	}
	return nil
}

// fold opens or closes a row; of one that is listed below another, that one.
func (md *model) fold(r *row, open bool) {
	switch {
	case r.parent != "":
		if !open || md.opened[r.parent] {
			delete(md.opened, r.parent)
			md.chosen = r.parent
		}
	case !open:
		delete(md.opened, r.id)
	case len(md.children(r)) > 0:
		md.opened[r.id] = true
	}
	md.arrange()
}

// back goes back one level: from the whole screen to the pane, from the pane to
// the rows, from what a key hides to all rows, from the filter to everything.
func (md *model) back() tea.Cmd {
	switch {
	case md.pane > closed:
		md.pane--
		md.scroll = 0
	case md.problems || md.onlyNew:
		md.problems, md.onlyNew = false, false
		md.arrange()
	case md.filter != nil:
		md.say("filter left: " + md.filter.String())
		md.filter = nil
		return md.changed()
	}
	return nil
}

// pause stops the rows; ticks are remembered all the same.
func (md *model) pause() tea.Cmd {
	md.paused = !md.paused
	if md.paused || md.memory.last == nil {
		return nil
	}
	md.shown, md.now = md.memory.last, md.memory.tick
	return md.changed()
}

// say shows a message for a while.
func (md *model) say(text string) {
	const long = 6 * time.Second
	md.message, md.until = text, md.clock.Add(long)
}

// oneLine is a row in words that can be pasted: who, whom, over what, and the id
// for explain.
func (md *model) oneLine(r *row) string {
	text := r.Sentence
	if text == "" {
		text = nodeName(r.ends[0], r.ID, false) + " - " + nodeName(r.ends[1], r.ID, false)
	}
	return fmt.Sprintf("%s (%s %s, %s)", text, r.Transport, r.at(), r.ID)
}
