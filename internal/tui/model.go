package tui

import (
	"cmp"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"peerscope/internal/filter"
	"peerscope/internal/topology"
	"peerscope/internal/view"
)

// The messages that do not come from the terminal.
type (
	mapMsg   struct{ m *topology.Map } // the next tick
	clockMsg time.Time                 // a second went by
	endMsg   struct{ why string }      // no more ticks will come
)

// pane says how much room the explanation has.
type pane uint8

const (
	closed pane = iota
	beside      // below the rows
	alone       // instead of them
)

// overlay is what lies over the rows.
type overlay uint8

const (
	noOverlay overlay = iota
	helpOverlay
	unseenOverlay
)

// model is the state of the view. It is changed by update only, and does neither
// I/O nor look at a clock.
type model struct {
	cfg           Config
	style         style
	width, height int

	memory  *memory
	session *session
	clock   time.Time // the last second
	ticked  time.Time // when the last tick came
	ended   string    // why no more ticks come; empty: they come

	now        int           // tick that is shown
	shown      *topology.Map // the map that is shown; nil: none yet
	shot       *shot         // the last look
	generation int           // of looks: the level, filter or noise changed
	looking    bool          // one is under way
	again      bool          // another one is wanted after it
	renew      bool          // the rows are to be made anew

	level     int // index of view.Levels
	noise     bool
	problems  bool
	onlyNew   bool
	addresses bool
	filter    *filter.Expr // nil: everything
	order     order
	reversed  bool
	frozen    map[string]int // the place of each row; nil: sorted anew each tick
	paused    bool

	rows   map[string]*row
	opened map[string]bool
	below  map[string][]*row // the rows of opened ones
	list   []*row            // shown, in order
	ranks  []ranked          // to sort it by
	sums   sums
	chosen string // id of a row
	at     int    // its place in the list
	top    int    // first row on the screen
	moved  bool   // somebody chose a row

	pane     pane
	scroll   int // of what lies over the rows
	overlay  overlay
	entry    *entry    // a filter is being typed; nil: none is
	web      string    // address of the web view; empty: it is not open
	webAsked bool      // it is being opened
	webSince time.Time // when it was open
	message  string
	until    time.Time // how long the message stands
	quit     bool
}

func newModel(cfg Config) *model {
	md := &model{cfg: cfg, style: style{color: cfg.Color, ascii: cfg.ASCII}, width: 80, height: 24, memory: newMemory(), session: newSession(), rows: map[string]*row{}}
	md.reset()
	return md
}

// reset shows the rows that were asked for at the start, in that order.
func (md *model) reset() {
	md.level = slices.Index(view.Levels(), cmp.Or(md.cfg.Level, view.LevelProgram))
	md.filter = nil
	if f := md.cfg.Filter; f != nil && !f.Empty() {
		md.filter = f
	}
	md.noise, md.problems, md.onlyNew, md.addresses = false, false, false, false
	md.order, md.reversed, md.frozen = 0, false, nil
	md.opened, md.below = map[string]bool{}, map[string][]*row{}
}

// update takes a message in. What is left to do comes back as a command, which
// does not touch the model.
func (md *model) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		md.width, md.height = max(msg.Width, 1), max(msg.Height, 1)
	case mapMsg:
		return md.takeMap(msg.m)
	case *shot:
		return md.takeShot(msg)
	case clockMsg:
		md.clock = time.Time(msg)
	case webMsg:
		md.takeWeb(msg)
	case endMsg:
		md.ended = msg.why
	case tea.KeyPressMsg:
		return md.key(msg)
	case tea.PasteMsg:
		if md.entry != nil {
			return md.typed(msg)
		}
	}
	return nil
}

func (md *model) takeMap(m *topology.Map) tea.Cmd {
	md.memory.take(m)
	md.session.take(m)
	md.ticked = md.clock
	if md.paused {
		return nil
	}
	md.shown, md.now = m, md.memory.tick
	return md.look()
}
