package screen_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/screen"
)

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
		if got := screen.Clean(tt.in, tt.ascii); got != tt.want {
			t.Errorf("Clean(%q, %v) = %q, want %q", tt.in, tt.ascii, got, tt.want)
		}
	}
}

func FuzzCleanPrints(f *testing.F) {
	for _, s := range []string{"nginx", "\x1b[2J", "\u202e", "\xc2\x9b", "資料", "e\u0301\u0301"} {
		f.Add(s, 7)
	}
	f.Fuzz(func(t *testing.T, s string, width int) {
		for _, ascii := range []bool{false, true} {
			c := screen.Clean(s, ascii)
			if i := strings.IndexFunc(c, func(r rune) bool { return !unicode.IsPrint(r) || ascii && r > '~' }); i >= 0 {
				t.Errorf("Clean(%q) = %q", s, c)
			}
			if again := screen.Clean(c, ascii); again != c {
				t.Errorf("clean twice: %q, then %q", c, again)
			}
			width = max(width%300, 0)
			for _, short := range []string{screen.Shorten(c, width, "…"), screen.Truncate(c, width, "…")} {
				if screen.Width(short) > width {
					t.Errorf("%q of %q is %d cells wide, limit %d", short, c, screen.Width(short), width)
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
		if got := screen.Shorten(tt.in, tt.width, "…"); got != tt.want {
			t.Errorf("Shorten(%q, %d) = %q, want %q", tt.in, tt.width, got, tt.want)
		}
	}
}

func TestWrap(t *testing.T) {
	got := screen.Wrap([]string{"one", "two", "three", "four-is-too-long"}, " · ", 9)
	if diff := cmp.Diff([]string{"one · two", "three", "four-is-t", "oo-long"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
