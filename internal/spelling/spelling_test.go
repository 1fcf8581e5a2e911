package spelling

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	words := []string{"history", "listen", "window", "tick", "exporters", "OTLP"}
	for typed, want := range map[string]string{
		"histroy": "history", "History": "history", "lisen": "listen", "windows": "window", "hist": "history",
		"tikc": "tick", "otpl": "OTLP", "exporter": "exporters", "xyz": "", "": "", " ": "",
		"somethingelse": "", strings.Repeat("history", 100): "",
	} {
		if got := Nearest(typed, words); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", typed, got, want)
		}
	}
}

func FuzzNearest(f *testing.F) {
	f.Add("histroy", "history")
	f.Add("\xff\x00", "é")
	f.Fuzz(func(t *testing.T, typed, word string) {
		if got := Nearest(typed, []string{word}); got != "" && got != word {
			t.Errorf("Nearest gave %q, which is not among the words", got)
		}
	})
}
