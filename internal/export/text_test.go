package export

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

func TestFigures(t *testing.T) {
	tests := []struct{ got, want string }{
		{bytesText(0), "0 B"},
		{bytesText(999), "999 B"},
		{bytesText(1000), "1.0 kB"},
		{bytesText(99_949), "99.9 kB"},
		{bytesText(99_950), "100 kB"},
		{bytesText(999_499), "999 kB"},
		{bytesText(999_500), "1.0 MB"},
		{bytesText(1_234_567), "1.2 MB"},
		{bytesText(1<<64 - 1), "18.4 EB"},
		{rateText(0.2), "0 B/s"},
		{rateText(474_000), "474 kB/s"},
		{microsText(0, "µ"), "0 µs"},
		{microsText(812.4, "u"), "812 us"},
		{microsText(999.6, "µ"), "1.0 ms"},
		{microsText(187_000, "µ"), "187 ms"},
		{microsText(999_499, "µ"), "999 ms"},
		{microsText(999_500, "µ"), "1.0 s"},
		{microsText(12_300_000, "µ"), "12.3 s"},
		{countText(99_999), "99999"},
		{countText(124_000), "124k"},
		{countText(1_240_000), "1.2M"},
		{spanText(250 * time.Millisecond), "250 ms"},
		{spanText(9900 * time.Millisecond), "9.9 s"},
		{spanText(10 * time.Second), "10 s"},
		{spanText(125 * time.Second), "2 min 5 s"},
		{spanText(3 * time.Minute), "3 min"},
		{spanText(90*time.Minute + 12*time.Second), "1 h 30 min"},
		{shareText(1), "100%"},
		{shareText(0.99999), "99.9%"},
		{shareText(0.7), "70.0%"},
		{shareText(0), "0.0%"},
		{plural(1, "edge"), "1 edge"},
		{plural(2, "process"), "2 processes"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}

func TestClean(t *testing.T) {
	tests := []struct {
		in    string
		ascii bool
		want  string
	}{
		{"nginx", false, "nginx"},
		{`dev-disk\x2dby.device`, false, `dev-disk\x2dby.device`},
		{"a\x1b[31mb\a\x7f", false, `a\x1b[31mb\x07\x7f`},
		{"a\n\r\tb", false, `a\n\r\tb`},
		{"\u009b31m", false, `\u009b31m`},
		{"\xff\x80ok", false, `\xff\x80ok`},
		{"pay\u202etxt.exe", false, `pay\u202etxt.exe`},
		{"ng\u200binx", false, `ng\u200binx`},
		{"a\u3164", false, `a\u3164`},
		{"\u0301a", false, `\u0301a`},
		{"e\u0301", false, "e\u0301"},
		{"\U000e0041", false, `\U000e0041`},
		{"資料 🚀", false, "資料 🚀"},
		{"資料 🚀", true, `\u8cc7\u6599 \U0001f680`},
		{"\ufffd", false, "\ufffd"},
	}
	for _, tt := range tests {
		if got := clean(tt.in, tt.ascii); got != tt.want {
			t.Errorf("clean(%q, %v) = %q, want %q", tt.in, tt.ascii, got, tt.want)
		}
	}
}

func FuzzCleanPrints(f *testing.F) {
	for _, s := range []string{"nginx", "\x1b[2J", "\u202e", "\xc2\x9b", "資料", "e\u0301\u0301"} {
		f.Add(s, 7)
	}
	f.Fuzz(func(t *testing.T, s string, width int) {
		for _, ascii := range []bool{false, true} {
			c := clean(s, ascii)
			if i := strings.IndexFunc(c, func(r rune) bool { return !unicode.IsPrint(r) || ascii && r > '~' }); i >= 0 {
				t.Errorf("clean(%q) = %q", s, c)
			}
			if again := clean(c, ascii); again != c {
				t.Errorf("clean twice: %q, then %q", c, again)
			}
			width = max(width%300, 0)
			for _, short := range []string{shorten(c, width, "…"), truncate(c, width, "…"), label{c, "[12]", "@ns"}.fit(width, false, "…")} {
				if cells(short) > width {
					t.Errorf("%q of %q is %d cells wide, limit %d", short, c, cells(short), width)
				}
			}
		}
	})
}

func TestShorten(t *testing.T) {
	tests := []struct {
		in    string
		width int
		want  string
	}{
		{"nginx", 5, "nginx"},
		{"prometheus", 9, "prom…heus"},
		{"prometheus", 3, "p…s"},
		{"prometheus", 2, "pr"},
		{"prometheus", 0, ""},
		{"/var/run/redis/redis.sock", 12, "…/redis.sock"},
		{"/var/run/redis/redis.sock", 21, "/var/…edis/redis.sock"},
		{"@/tmp/.X11-unix/X0", 10, "@…-unix/X0"},
		{"資料收集器", 7, "資…器"},
		{"資料收集器", 10, "資料收集器"},
	}
	for _, tt := range tests {
		if got := shorten(tt.in, tt.width, "…"); got != tt.want {
			t.Errorf("shorten(%q, %d) = %q, want %q", tt.in, tt.width, got, tt.want)
		}
	}
}

func TestLabelFit(t *testing.T) {
	l := label{"redis-server", "[601]", "@4026531840"}
	tests := []struct {
		width int
		want  string
	}{
		{28, "redis-server[601]@4026531840"},
		{27, "redis…erver[601]@4026531840"},
		{20, "red…rver[601]@…31840"},
		{12, "r…er[601]@…0"},
		{10, "r…r[601]"},
		{8, "red…1840"},
	}
	for _, tt := range tests {
		got := l.fit(tt.width, false, "…")
		if cells(got) > tt.width {
			t.Errorf("fit(%d) = %q is too wide", tt.width, got)
		}
		if got != tt.want {
			t.Errorf("fit(%d) = %q, want %q", tt.width, got, tt.want)
		}
	}
}

func TestWrap(t *testing.T) {
	got := wrap([]string{"one", "two", "three", "four-is-too-long"}, " · ", 9)
	if diff := cmp.Diff([]string{"one · two", "three", "four-is-t", "oo-long"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
