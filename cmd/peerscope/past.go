package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"peerscope/internal/history"
	"peerscope/internal/topology"
)

// past is what serve remembers.
type past struct {
	dir    string // empty: where the configuration says, else where it is where nobody does
	config string // the configuration that says so; empty: those that serve reads
	window time.Duration
}

// lookWindow is how long a time is that was given as a point.
const lookWindow = time.Minute

func (p *past) flags(c *cobra.Command) {
	c.Flags().StringVar(&p.dir, "history", "", "the folder `DIR` of the history that serve writes (default: where serve does)")
	_ = c.MarkFlagDirname("history")
	c.Flags().StringVar(&p.config, "config", "", "the configuration `FILE` of serve that says where (default "+systemConfig+", then the user's)")
	_ = c.MarkFlagFilename("config")
}

// atFlag asks for a time of the past instead of now.
func atFlag(c *cobra.Command, into *string) {
	c.Flags().StringVar(into, "at", "", "what serve remembers of a `TIME`: -1h, 12:01, 2026-01-31T12:01:05Z, -2h..-1h")
}

// checkAt reads the time of --at. The past is not observed.
func (p *past) checkAt(c *cobra.Command, at string) (t span, err error) {
	for _, name := range []string{"for", "from", "source", "netns", "entities", "kubeconfig", "original-dst"} {
		if c.Flags().Changed(name) {
			return t, usage(fmt.Errorf("--%s says what to observe, and --at asks what was observed; give one of them", name))
		}
	}
	if p.window < 0 {
		return t, usage(fmt.Errorf("--window %v: the time cannot be negative", p.window))
	}
	if t, err = when("--at", at); err != nil {
		return t, err
	}
	if !t.point && p.window > 0 {
		return t, usage(fmt.Errorf("--at %s has a beginning and an end; --window is for one time", at))
	}
	return t.window(cmp.Or(p.window, lookWindow)), nil
}

// historyOfRoot is where the history is that root's serve writes.
const historyOfRoot = "/var/lib/peerscope/history"

// places are the folders in which a history may be, the likeliest first, and what
// there is to know where none is there: what names the folder, or variables that
// set nothing; empty: nothing.
func (p *past) places() (dirs []string, hint string, err error) {
	if p.dir != "" {
		return []string{p.dir}, "", nil
	}
	l, err := loadConfig(p.config, nil)
	if err != nil {
		return nil, "", &exitError{exitUsage, fmt.Errorf("the configuration that says where the history is: %w; to say it here: --history DIR", err)}
	}
	if l.History.Dir != "" {
		return []string{l.History.Dir}, "this one is named by " + l.Origins["history.dir"], nil
	}
	if len(l.Unknown) > 0 {
		hint = "a variable that sets nothing: " + strings.Join(l.Unknown, ", ")
	}
	dirs = []string{historyDir()}
	if dirs[0] != historyOfRoot && os.Getenv("STATE_DIRECTORY") == "" {
		dirs = append(dirs, historyOfRoot)
	}
	return dirs, hint, nil
}

// open opens the first history that there is.
func (p *past) open() (*history.Store, error) {
	dirs, hint, err := p.places()
	if err != nil {
		return nil, err
	}
	var missing *history.NoStoreError
	var first error
	for _, dir := range dirs {
		s, err := history.OpenReadOnly(dir)
		switch {
		case err == nil:
			return s, nil
		case errors.Is(err, fs.ErrPermission):
			return nil, &exitError{exitPrivilege, fmt.Errorf("%w: the history is of another user; run it as that one or as root", err)}
		case !errors.As(err, &missing):
			return nil, err
		}
		if first == nil {
			first = err
		}
	}
	if hint != "" {
		return nil, fmt.Errorf("%w; %s", first, hint)
	}
	return nil, first
}

// when reads the time of a flag or argument.
func when(name, text string) (span, error) {
	s, err := parseSpan(text, time.Now())
	if err != nil {
		return s, usage(fmt.Errorf("%s: %w", name, err))
	}
	return s, nil
}

// times are those of two arguments, nil of one that is a file. A point is as long
// as the other time.
func (p *past) times(args ...string) ([]*span, error) {
	out := make([]*span, len(args))
	length, now := p.window, time.Now()
	for i, text := range args {
		if _, err := os.Stat(text); err == nil {
			continue
		}
		t, err := parseSpan(text, now)
		if err != nil {
			return nil, fmt.Errorf("%s: there is no such file, and it is no time either: %w", text, err)
		}
		out[i] = &t
		if length == 0 && !t.point {
			length = t.to.Sub(t.from)
		}
	}
	for _, t := range out {
		if t != nil {
			*t = t.window(cmp.Or(length, lookWindow))
		}
	}
	return out, nil
}

// at is the map of a time.
func (p *past) at(ctx context.Context, s span, stderr io.Writer) (*topology.Map, error) {
	store, err := p.open()
	if err != nil {
		return nil, err
	}
	defer store.Close()
	return mapAt(ctx, store, s, stderr)
}

// mapAt is the map of a time, and says what of it nobody observed.
func mapAt(ctx context.Context, store *history.Store, s span, stderr io.Writer) (*topology.Map, error) {
	m, gaps, err := store.Range(ctx, s.from, s.to)
	if err != nil {
		return nil, emptyInWords(err)
	}
	tellGaps(gaps, stderr)
	if start, end, err := m.Window.Bounds(); err == nil && (s.from.Sub(start) > time.Second || end.Sub(s.to) > time.Second) {
		fmt.Fprintf(stderr, "peerscope: the map is of %s to %s: what is kept of that time is not divided further\n", clockTime(start), clockTime(end))
	}
	return m, nil
}

// emptyInWords says what there is, where there is nothing at the time asked for.
func emptyInWords(err error) error {
	var empty *history.EmptyError
	if !errors.As(err, &empty) || empty.Newest.IsZero() {
		return err
	}
	return fmt.Errorf("nobody observed between %s and %s: the history has %s to %s", clockTime(empty.From), clockTime(empty.To), clockTime(empty.Oldest), clockTime(empty.Newest))
}

// mostGaps are told one by one.
const mostGaps = 3

// tellGaps says when nobody observed. What is newer than the newest window was
// just not written yet, if it is short.
func tellGaps(gaps []topology.Span, stderr io.Writer) {
	told, more := 0, time.Duration(0)
	for _, g := range gaps {
		from, to := time.UnixMilli(g.From), time.UnixMilli(g.To)
		if g.Reason == history.WhyNotYet && to.Sub(from) < time.Minute {
			continue
		}
		if told++; told > mostGaps {
			more += to.Sub(from)
			continue
		}
		reason := ""
		if g.Reason != "" {
			reason = ": " + g.Reason
		}
		fmt.Fprintf(stderr, "peerscope: nobody observed from %s to %s%s\n", clockTime(from), clockTime(to), reason)
	}
	if told > mostGaps {
		fmt.Fprintf(stderr, "peerscope: nor at %d other times, %v together\n", told-mostGaps, more.Round(time.Second))
	}
}

// clockTime is a time as people read it, in their zone.
func clockTime(t time.Time) string { return t.Local().Format(time.DateTime) }
