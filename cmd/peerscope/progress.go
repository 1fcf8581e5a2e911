package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// progress tells on standard error what is going on: on a terminal one line
// that is written over, elsewhere one line when observation begins.
type progress struct {
	w        io.Writer
	terminal bool
	end      time.Time
	shown    bool
}

func newProgress(w io.Writer) *progress { return &progress{w: w, terminal: isTerminal(w)} }

func isTerminal(w any) bool {
	if m, ok := w.(*messages); ok {
		return !m.quiet && isTerminal(m.to)
	}
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// found is what is observed just now.
type found struct {
	Namespaces  int
	Connections int // sockets with a peer
	Listeners   int
}

// ready is called when the first look is complete.
func (p *progress) ready(now found, o observation) {
	if o.length > 0 {
		p.end = time.Now().Add(o.length)
	}
	if p.terminal {
		p.look(now)
		return
	}
	for_ := "until interrupted"
	switch {
	case o.length == 0:
		for_ = "once"
	case o.length > 0:
		for_ = "for " + o.length.String()
	}
	fmt.Fprintf(p.w, "observing %s %s: %s with a peer, %s\n", plural(now.Namespaces, "network namespace"), for_,
		plural(now.Connections, "socket"), plural(now.Listeners, "listener"))
}

func (p *progress) look(now found) {
	if !p.terminal {
		return
	}
	p.shown = true
	left := ""
	if !p.end.IsZero() {
		left = fmt.Sprintf(" · %s left", max(time.Until(p.end), 0).Round(time.Second))
	}
	fmt.Fprintf(p.w, "\r\x1b[Kobserving %s · %s%s · Ctrl-C ends it now", plural(now.Namespaces, "namespace"), plural(now.Connections, "socket"), left)
}

// done clears the line.
func (p *progress) done() {
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.shown = false
	}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
