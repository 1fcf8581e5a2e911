package export

import (
	"testing"
	"time"

	"peerscope/internal/screen"
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
		if screen.Width(got) > tt.width {
			t.Errorf("fit(%d) = %q is too wide", tt.width, got)
		}
		if got != tt.want {
			t.Errorf("fit(%d) = %q, want %q", tt.width, got, tt.want)
		}
	}
}

func FuzzLabelFits(f *testing.F) {
	for _, s := range []string{"nginx", "\u202e", "資料", "e\u0301\u0301"} {
		f.Add(s, 7)
	}
	f.Fuzz(func(t *testing.T, s string, width int) {
		width = max(width%300, 0)
		c := screen.Clean(s, false)
		if short := (label{c, "[12]", "@ns"}).fit(width, false, "…"); screen.Width(short) > width {
			t.Errorf("%q of %q is %d cells wide, limit %d", short, c, screen.Width(short), width)
		}
	})
}
