package server

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// FuzzRequest asks for hostile things: whatever comes, the answer is one of the
// contract and nothing panics.
func FuzzRequest(f *testing.F) {
	s := tester(f, func(c *Config) { c.History = remembering(noon.Add(-2*time.Minute), noon.Add(-20*time.Second)) })
	ticking(f, s, 30)
	handler := s.guard(s.mux())
	for _, target := range []string{"/api/v1/graph?level=pod&filter=nginx%20rtt%3E10ms&window=1h30m&at=-5m&limit=3", "/api/v1/edges?cursor=eyJmIjoxfQ&sort=-rtt", "/api/v1/edges/e%3A1/series?m=tx,rx&step=1ms&from=-1m",
		"/api/v1/nodes/program%3A%2Fusr%2Fbin%2Fnginx?level=program", "/api/v1/path?from=nginx&to=%FF&hops=10", "/api/v1/diff?a=-1m..now&b=2026-01-02T12:00:00%2B01:00", "/api/v1/timeline?from=1767355200000&to=now",
		"/api/v1/suggest?q=from:proc:%22a%20b&position=3", "/api/v1/export/graphml?filter=!(%22", "/?token=x", "/%2e%2e/%00", "/api/graph/data?window=9999999d", "*"} {
		f.Add(target, "")
	}
	f.Add("/api/v1/graph", "W/\"x\", *")
	f.Fuzz(func(t *testing.T, target, header string) {
		if strings.HasPrefix(target, "/api/v1/graph/stream") || strings.HasPrefix(target, "/debug") {
			return // they take as long as one likes
		}
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		r := &http.Request{Method: http.MethodGet, URL: u, RequestURI: target, Host: "localhost", Header: http.Header{}, Proto: "HTTP/1.1"}
		for _, name := range []string{"If-None-Match", "Accept-Encoding", "Authorization", "Cookie"} {
			r.Header.Set(name, header)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		switch {
		case s.counters.panics.Load() > 0 || w.Code == http.StatusInternalServerError:
			t.Fatalf("%q: %d: %s", target, w.Code, w.Body)
		case w.Code >= 400:
			var p problem
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Detail == "" || p.Status != w.Code || strings.Contains(p.Detail, "\n") {
				t.Fatalf("%q: %d: %s", target, w.Code, w.Body)
			}
		case w.Code == 200 && w.Header().Get("Content-Type") == "application/json" && w.Header().Get("Content-Encoding") == "" && !json.Valid(w.Body.Bytes()):
			t.Fatalf("%q: no JSON: %.200s", target, w.Body)
		}
	})
}

// FuzzMoment reads times and durations: what is read is in its bounds.
func FuzzMoment(f *testing.F) {
	for _, s := range []string{"now", "-1h", "-1h30m", "-0.5d", "1767355200000", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05+02:00", "2026-01-02T03:04:05 02:00", "-1e300d", "9223372036854775807", "-", "..", "1w2d3h4m5s6ms", "NaN", "inf", "-1h..now", "-1h.."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if at, err := parseMoment(s, noon); err == nil && (at.Year() < 1700 || at.Year() >= 3000 || at.After(noon) && strings.HasPrefix(s, "-")) {
			t.Errorf("%q is %s", s, at)
		}
		if d, err := parseLength(s); err == nil && d < 0 {
			t.Errorf("%q is %s", s, d)
		}
		if from, to, err := timeRange(s, time.Minute, noon); err == nil && !from.Before(to) {
			t.Errorf("%q is [%s, %s)", s, from, to)
		}
	})
}

func TestMoments(t *testing.T) {
	for s, want := range map[string]string{"now": "2026-01-02T12:00:00Z", "-1h": "2026-01-02T11:00:00Z", "-1h30m": "2026-01-02T10:30:00Z", "-2d": "2025-12-31T12:00:00Z", "-500ms": "2026-01-02T11:59:59.5Z",
		"1767355200000": "2026-01-02T12:00:00Z", "2026-01-02T13:00:00+01:00": "2026-01-02T12:00:00Z", "2026-01-02T13:00:00 01:00": "2026-01-02T12:00:00Z",
		"": "", "1h": "", "-60": "", "-x": "", "--1h": "", "+1h": "", "1767355200": "", "99999999999999": "", "2026-01-02": "", "tomorrow": "", "1970-01-01T00:00:00Z": ""} {
		at, err := parseMoment(s, noon)
		if got := at.Format(time.RFC3339Nano); err == nil && got != want || err != nil && want != "" {
			t.Errorf("%q is %s, %v; want %s", s, got, err, want)
		}
	}
	for s, want := range map[string]time.Duration{"60": time.Minute, "0.5": 500 * time.Millisecond, "90s": 90 * time.Second, "1h30m": 90 * time.Minute, "1.5d": 36 * time.Hour, "2w": 14 * 24 * time.Hour, "1ms": time.Millisecond,
		"": -1, "s": -1, "1x": -1, "1h-1m": -1, "-1": -1, "NaN": -1, "Inf": -1, "1e30": -1, "1e9d": -1, "1 h": -1} {
		if got, err := parseLength(s); err == nil && got != want || err != nil && want >= 0 {
			t.Errorf("%q is %s, %v; want %s", s, got, err, want)
		}
	}
}
