package tui

import (
	"errors"
	"strings"

	"charm.land/bubbles/v2/key"
	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"peerscope/internal/filter"
)

// entry is a filter while it is typed. What can be read is shown at once.
type entry struct {
	input  textinput.Model
	before *filter.Expr // to go back to
	wrong  *filter.Error
	offers []string // what the word may become
	pick   int      // the offer that Tab put in last; -1: none
	begun  string   // the text that the offers complete
}

// enter opens the filter line with the filter that holds.
func (md *model) enter() {
	in := textinput.New()
	in.Prompt = ""
	in.SetVirtualCursor(false)
	in.CharLimit = 1000
	// Pasting comes from the terminal. The input's own way would run programs.
	in.KeyMap.Paste = key.NewBinding(key.WithDisabled())
	in.KeyMap.AcceptSuggestion = key.NewBinding(key.WithDisabled())
	in.KeyMap.NextSuggestion = key.NewBinding(key.WithDisabled())
	in.KeyMap.PrevSuggestion = key.NewBinding(key.WithDisabled())
	in.Focus()
	if md.filter != nil {
		in.SetValue(md.filter.String() + " ")
		in.CursorEnd()
	}
	md.entry = &entry{input: in, before: md.filter, pick: -1}
}

// typed takes a key, or pasted text, while the filter line is open.
func (md *model) typed(msg tea.Msg) tea.Cmd {
	en := md.entry
	if k, ok := msg.(tea.KeyPressMsg); ok {
		switch k.String() {
		case "esc":
			md.entry = nil
			return md.want(en.before)
		case "enter":
			if en.wrong != nil {
				return nil
			}
			md.entry = nil
			return nil
		case "tab":
			md.complete(1)
			return md.read()
		case "shift+tab":
			md.complete(-1)
			return md.read()
		}
	}
	before := en.input.Value()
	en.input, _ = en.input.Update(msg) // its commands only make cursors blink
	if en.input.Value() == before {
		return nil
	}
	en.offers, en.pick = nil, -1
	return md.read()
}

// read parses what is typed; what cannot be read leaves the rows as they are.
func (md *model) read() tea.Cmd {
	en := md.entry
	e, err := filter.Parse(en.input.Value())
	if err != nil {
		if !errors.As(err, &en.wrong) {
			en.wrong = &filter.Error{Column: 1, What: err.Error()}
		}
		return nil
	}
	en.wrong = nil
	return md.want(e)
}

// want shows the rows of another filter.
func (md *model) want(e *filter.Expr) tea.Cmd {
	if e != nil && e.Empty() {
		e = nil
	}
	if (e == nil) == (md.filter == nil) && (e == nil || e.String() == md.filter.String()) {
		return nil
	}
	md.filter = e
	return md.changed()
}

// complete puts the next offer in place of the word before the cursor. What all
// offers share is put in first.
func (md *model) complete(step int) {
	en := md.entry
	value, at := []rune(en.input.Value()), en.input.Position()
	head, rest := string(value[:at]), string(value[at:])
	if en.pick < 0 {
		from := strings.LastIndexAny(head, " (|") + 1
		en.begun = head[:from]
		en.offers = md.offers(head[from:])
		if len(en.offers) == 0 {
			return
		}
		if shared := commonPrefix(en.offers); len(shared) > len(head)-from && len(en.offers) > 1 {
			en.set(en.begun+shared, rest)
			return
		}
	}
	en.pick = (en.pick + step + len(en.offers)) % len(en.offers)
	if en.pick < 0 { // backwards from nothing
		en.pick = len(en.offers) - 1
	}
	en.set(en.begun+en.offers[en.pick], rest)
}

// set puts text into the line, with the cursor after head.
func (en *entry) set(head, rest string) {
	en.input.SetValue(head + rest)
	en.input.SetCursor(len([]rune(head)))
}

func commonPrefix(words []string) string {
	shared := words[0]
	for _, w := range words[1:] {
		for !strings.HasPrefix(w, shared) {
			shared = shared[:len(shared)-1]
		}
	}
	return strings.ToValidUTF8(shared, "")
}
