package tui

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"peerscope/internal/filter"
	"peerscope/internal/topology"
)

// Config is what Run shows, and how.
type Config struct {
	// Maps are the ticks, each the whole map of its second; the first one is of the
	// sockets that are open already. Closed: no more will come.
	Maps    <-chan *topology.Map
	Ended   string       // what to say when they are; empty: that they ended
	Filter  *filter.Expr // nil: everything
	Level   string       // one of view.Levels; empty: program
	Limited string       // what cannot be seen for want of rights, and the fix; empty: nothing
	// Web opens the web view of the same maps and says where it is. It is called
	// when it is asked for, beside the model, and not again once it gave an address.
	// nil: there is none.
	Web   func() (string, error)
	Color bool
	ASCII bool
	Zone  *time.Location // of the times that are shown; nil: UTC
	In    io.Reader      // nil: standard input
	Out   io.Writer      // nil: standard output
}

// Run shows the maps until the user quits or ctx ends, and says what was seen.
func Run(ctx context.Context, cfg Config) (Summary, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	md := newModel(cfg)
	md.clock = time.Now()
	options := []tea.ProgramOption{tea.WithoutSignalHandler()}
	if cfg.In != nil {
		options = append(options, tea.WithInput(cfg.In))
	}
	if cfg.Out != nil {
		options = append(options, tea.WithOutput(cfg.Out))
	}
	profile := colorprofile.ANSI // the 16 colours that the terminal has set
	if !cfg.Color {
		profile = colorprofile.ASCII
	}
	p := tea.NewProgram(&program{md}, append(options, tea.WithColorProfile(profile))...)
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		feed(ctx, cfg, p)
	}()
	_, err := p.Run()
	stop()
	<-fed
	if err != nil && !errors.Is(err, tea.ErrProgramKilled) && !errors.Is(err, tea.ErrInterrupted) {
		return Summary{}, fmt.Errorf("show the terminal view: %w", err)
	}
	return md.session.summary(md.style, md.width), nil
}

// feed passes ticks and seconds on until ctx ends, which ends the program.
func feed(ctx context.Context, cfg Config, p *tea.Program) {
	seconds := time.NewTicker(time.Second)
	defer seconds.Stop()
	maps := cfg.Maps
	for {
		select {
		case <-ctx.Done():
			p.Quit()
			return
		case now := <-seconds.C:
			p.Send(clockMsg(now))
		case m, ok := <-maps:
			if ok {
				p.Send(mapMsg{m})
				continue
			}
			maps = nil
			p.Send(endMsg{cmp.Or(cfg.Ended, "ended")})
		}
	}
}

// program lets Bubble Tea drive a model.
type program struct{ *model }

func (p *program) Init() tea.Cmd { return nil }

func (p *program) Update(msg tea.Msg) (tea.Model, tea.Cmd) { return p, p.update(msg) }

func (p *program) View() tea.View {
	v := tea.NewView(p.frame())
	v.AltScreen = true
	v.WindowTitle = "peerscope"
	if p.entry != nil {
		_, x := p.entryView(p.width - 4)
		y := len(p.header()) - 1
		v.Cursor = tea.NewCursor(min(3+x, p.width-1), y)
	}
	return v
}
