package server

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// parseMoment reads now, an offset from now (-1h), Unix milliseconds, or RFC 3339.
func parseMoment(s string, now time.Time) (time.Time, error) {
	wrong := func() (time.Time, error) {
		return time.Time{}, fmt.Errorf("%.40q: it is a time: now, -1h, 2026-01-02T03:04:05Z, or Unix milliseconds", s)
	}
	if s == "now" {
		return now, nil
	}
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		d, err := parseLength(rest)
		if err != nil || !strings.ContainsAny(rest, "smhdw") {
			return wrong()
		}
		return now.Add(-d), nil
	}
	if ms, err := strconv.ParseInt(s, 10, 64); err == nil {
		const least, most = 946684800000, 32503680000000 // the years 2000 and 3000
		if ms < least || ms > most {
			return time.Time{}, fmt.Errorf("%.40s: it is Unix milliseconds, as %d", s, now.UnixMilli())
		}
		return time.UnixMilli(ms).UTC(), nil
	}
	// A + that was not encoded comes as a blank.
	t, err := time.Parse(time.RFC3339Nano, strings.ReplaceAll(s, " ", "+"))
	if err != nil || t.Year() < 2000 || t.Year() >= 3000 {
		return wrong()
	}
	return t.UTC(), nil
}

// parseLength reads seconds (60, 0.5) or numbers with units (1h30m, 2d, 500ms).
func parseLength(s string) (time.Duration, error) {
	wrong := fmt.Errorf("%.40q: it is a duration, as 60 (seconds), 90s, 5m, 1h30m or 2d", s)
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		return lengthOf(n, time.Second, wrong)
	}
	var sum time.Duration
	for rest := s; rest != ""; {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789."))
		n, err := strconv.ParseFloat(rest[:digits], 64)
		if err != nil {
			return 0, wrong
		}
		rest = rest[digits:]
		unit, letters := unitOf(rest)
		if letters == 0 {
			return 0, wrong
		}
		rest = rest[letters:]
		d, err := lengthOf(n, unit, wrong)
		if err != nil || sum > math.MaxInt64-d {
			return 0, wrong
		}
		sum += d
	}
	if s == "" {
		return 0, wrong
	}
	return sum, nil
}

func unitOf(s string) (unit time.Duration, letters int) {
	for _, u := range [...]struct {
		word string
		unit time.Duration
	}{{"ms", time.Millisecond}, {"s", time.Second}, {"m", time.Minute}, {"h", time.Hour}, {"d", 24 * time.Hour}, {"w", 7 * 24 * time.Hour}} {
		if strings.HasPrefix(s, u.word) {
			return u.unit, len(u.word)
		}
	}
	return 0, 0
}

func lengthOf(n float64, unit time.Duration, wrong error) (time.Duration, error) {
	d := n * float64(unit)
	if !(d >= 0 && d < math.MaxInt64/2) { // not a number, too
		return 0, wrong
	}
	return time.Duration(d), nil
}

// timeRange reads two times joined by "..", or one, of which it is the window
// that ends there.
func timeRange(s string, window time.Duration, now time.Time) (from, to time.Time, err error) {
	a, b, two := strings.Cut(s, "..")
	if !two {
		to, err = parseMoment(a, now)
		return to.Add(-window), to, err
	}
	if b == "" {
		b = "now"
	}
	if from, err = parseMoment(a, now); err != nil {
		return from, to, err
	}
	if to, err = parseMoment(b, now); err != nil {
		return from, to, err
	}
	if !from.Before(to) {
		return from, to, errors.New("the range ends before it begins")
	}
	return from, to, nil
}
