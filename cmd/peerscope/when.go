package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// span is a time that somebody asked for. A point is a time without a length.
type span struct {
	from, to time.Time
	point    bool
	now      bool // the end is now
}

// window gives a point a length: it begins there, or ends there if that is now.
func (s span) window(length time.Duration) span {
	if !s.point {
		return s
	}
	if s.now {
		s.from = s.to.Add(-length)
	} else {
		s.to = s.from.Add(length)
	}
	return s
}

// whenForms is what is understood, for those whose words were not.
const whenForms = "it is like now, -1h, -2d, 12:01, 2026-01-31, 2026-01-31T12:01:05Z, or two of them, as -2h..-1h"

// parseSpan reads a time, or two as A..B. Without the second it lasts until now.
func parseSpan(text string, now time.Time) (span, error) {
	first, second, two := strings.Cut(text, "..")
	from, err := parseWhen(first, now)
	if err != nil {
		return span{}, err
	}
	if !two {
		if from.After(now) {
			return span{}, fmt.Errorf("time %q: it has not come yet", text)
		}
		return span{from: from, to: from, point: true, now: from.Equal(now)}, nil
	}
	to := now
	if strings.TrimSpace(second) != "" {
		if to, err = parseWhen(second, now); err != nil {
			return span{}, err
		}
	}
	if !from.Before(to) {
		return span{}, fmt.Errorf("time %q: it ends at %s, not after it begins at %s", text, to.Format(time.DateTime), from.Format(time.DateTime))
	}
	return span{from: from, to: to, now: to.Equal(now)}, nil
}

// parseWhen reads one time. A time of day is the latest one that is over, in the
// zone that now is in.
func parseWhen(text string, now time.Time) (time.Time, error) {
	text = strings.TrimSpace(text)
	relative, fromNow := strings.CutPrefix(text, "now")
	switch {
	case text == "":
		return time.Time{}, fmt.Errorf("there is no time; %s", whenForms)
	case fromNow && relative == "":
		return now, nil
	case strings.HasPrefix(relative, "-"):
		ago, err := parseAgo(relative[1:])
		if err != nil {
			return time.Time{}, fmt.Errorf("time %.60q: %w; %s", text, err, whenForms)
		}
		return now.Add(-ago), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return within(t, text)
	}
	local := strings.Replace(text, " ", "T", 1)
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, local, now.Location()); err == nil {
			return within(t, text)
		}
	}
	for _, layout := range []string{"15:04:05", "15:04"} {
		if t, err := time.Parse(layout, text); err == nil {
			y, m, d := now.Date()
			at := time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), 0, now.Location())
			if at.After(now) {
				at = time.Date(y, m, d-1, t.Hour(), t.Minute(), t.Second(), 0, now.Location())
			}
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("time %.60q: %s", text, whenForms)
}

// within refuses years that no history has and no number of nanoseconds holds.
func within(t time.Time, text string) (time.Time, error) {
	if y := t.Year(); y < 1970 || y > 2200 {
		return t, fmt.Errorf("time %.60q: the year is not one of a history", text)
	}
	return t, nil
}

// parseAgo reads a duration as Go writes it, and also days and weeks: 2d, 1w3d,
// 1d12h.
func parseAgo(text string) (time.Duration, error) {
	var total time.Duration
	rest := text
	for _, unit := range []struct {
		letter string
		length time.Duration
	}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}} {
		number, after, found := strings.Cut(rest, unit.letter)
		if !found {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil {
			return 0, errors.New("that is no length of time")
		}
		total += time.Duration(n) * unit.length
		rest = after
	}
	if rest != "" {
		d, err := time.ParseDuration(rest)
		if err != nil || d < 0 {
			return 0, errors.New("that is no length of time")
		}
		total += d
	} else if rest == text {
		return 0, errors.New("a length of time is missing")
	}
	if total < 0 || total > 100*365*24*time.Hour {
		return 0, errors.New("that is too long ago")
	}
	return total, nil
}

// ago is how an argument begins that is a time and looks like a flag.
var ago = regexp.MustCompile(`^-\d+(\.\d+)?(ms|[smhdw])`)

// timesAsArguments lets the times of diff be written as -1h, where flags are
// expected too.
func timesAsArguments(args []string) []string {
	if len(args) == 0 || args[0] != "diff" {
		return args
	}
	out := slices.Clone(args)
	for i, a := range args {
		if ago.MatchString(a) && args[i-1] != "--window" {
			out[i] = "now" + a
		}
	}
	return out
}
