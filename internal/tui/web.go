package tui

import (
	"net/url"
	"strconv"
	"time"

	tea "charm.land/bubbletea/v2"

	"peerscope/internal/screen"
	"peerscope/internal/view"
)

// webMsg says where the web view is.
type webMsg struct {
	url string
	err error
}

// addressStands is how long the address of the web view stands on the screen if no
// key is pressed: it is to be copied by hand.
const addressStands = time.Minute

// openWeb asks for the web view, or says again where it is.
func (md *model) openWeb() tea.Cmd {
	switch {
	case md.cfg.Web == nil:
		md.say("there is no web view here; it is served by: peerscope serve")
	case md.web != "":
		md.sayWeb()
	case md.shown == nil:
		md.say("the web view can be opened when there are rows")
	case !md.webAsked:
		md.webAsked = true
		md.say("opening the web view ...")
		open := md.cfg.Web
		return func() tea.Msg {
			at, err := open()
			return webMsg{at, err}
		}
	}
	return nil
}

func (md *model) takeWeb(msg webMsg) {
	md.webAsked = false
	if msg.err != nil {
		md.say("the web view cannot be opened: " + msg.err.Error())
		return
	}
	md.web, md.webSince = msg.url, md.clock
	md.sayWeb()
}

// sayWeb shows the address, at which a browser shows what is shown here; on a
// narrow screen less of it, since a shortened one leads nowhere.
func (md *model) sayWeb() {
	whole := md.web + md.fragment()
	for _, text := range [...]string{"web view: " + whole, whole, "web view: " + md.web, md.web} {
		md.say(text)
		if screen.Width(text) < md.width {
			break
		}
	}
	md.until = md.clock.Add(addressStands)
}

// fragment is the state of the view in the words of the web page's address; what
// is as by default is left out.
func (md *model) fragment() string {
	q := url.Values{}
	if level := view.Levels()[md.level]; level != view.LevelProgram {
		q.Set("level", level)
	}
	if md.filter != nil {
		q.Set("filter", md.filter.String())
	}
	if md.problems {
		q.Set("problems", "1")
	}
	if md.noise {
		q.Set("noise", "1")
	}
	if r := md.current(); r != nil && r.parent == "" && md.pane > closed {
		q.Set("sel", r.ID)
	}
	// What was before the page was opened it does not have.
	if md.paused {
		if _, end, err := md.shown.Window.Bounds(); err == nil && end.After(md.webSince) {
			q.Set("at", strconv.FormatInt(end.UnixMilli(), 10))
		}
	}
	if len(q) == 0 {
		return ""
	}
	return "#" + q.Encode()
}
