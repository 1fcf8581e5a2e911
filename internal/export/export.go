// Package export writes a map in the formats that people and programs read:
// tree and table for people, JSON, CSV, DOT and Mermaid for programs.
//
// Every writer is pure: the same map gives the same bytes, the map is not
// changed, nothing but the writer is touched. Three promises hold for all:
//
//   - What is unknown is shown as unknown (absent, an empty cell, "-"), never 0.
//   - Names, paths and command lines come from processes that may be hostile:
//     no control, bidirectional or invisible character of theirs is written.
//   - An edge whose roles are not known is never shown as client and server.
package export

import (
	"fmt"
	"io"
	"strings"

	"peerscope/internal/topology"
)

// Formats are the names that Render knows, those for people first.
func Formats() []string {
	return []string{"tree", "table", "json", "csv", "dot", "mermaid"}
}

// Render writes m in the format of that name. The style matters to tree and
// table only.
func Render(w io.Writer, format string, m *topology.Map, style Style) error {
	switch format {
	case "tree":
		return Tree(w, m, style)
	case "table":
		return Table(w, m, style)
	case "json":
		return JSON(w, m)
	case "csv":
		return CSV(w, m)
	case "dot":
		return DOT(w, m)
	case "mermaid":
		return Mermaid(w, m)
	}
	return &UnknownFormatError{Format: format}
}

// Check reports whether Render knows the format, so that a wrong argument can
// be refused before anything is observed.
func Check(format string) error {
	for _, known := range Formats() {
		if format == known {
			return nil
		}
	}
	return &UnknownFormatError{Format: format}
}

// UnknownFormatError says that there is no format of that name.
type UnknownFormatError struct{ Format string }

func (e *UnknownFormatError) Error() string {
	known := strings.Join(Formats(), ", ")
	if n := nearest(e.Format, Formats()); n != "" {
		return fmt.Sprintf("unknown output format %q, did you mean %q? known formats: %s", e.Format, n, known)
	}
	return fmt.Sprintf("unknown output format %q, known formats: %s", e.Format, known)
}

// nearest is the word that takes the fewest edits to come from what was typed,
// the first of equals; "" if even that would replace most of it. A word that
// begins with what was typed is nearer than any edit.
func nearest(typed string, words []string) string {
	typed = strings.ToLower(strings.TrimSpace(typed))
	if typed == "" || len(typed) > 32 {
		return ""
	}
	best, at := "", len(typed)
	for _, w := range words {
		d := distance(typed, w)
		if strings.HasPrefix(w, typed) {
			d = 0
		}
		if d < at {
			best, at = w, d
		}
	}
	return best
}

// distance is how many letters are inserted, removed, replaced or exchanged
// with their neighbour to make b of a (optimal string alignment). It compares
// bytes: the words it is for are ASCII.
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

// write hands all of a finished output to w at once, so that a reader of a pipe
// never sees half a line.
func write(w io.Writer, format string, out []byte) error {
	if _, err := w.Write(out); err != nil {
		return fmt.Errorf("write %s: %w", format, err)
	}
	return nil
}
