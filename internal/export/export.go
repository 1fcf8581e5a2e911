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
	"slices"
	"strings"

	"peerscope/internal/spelling"
	"peerscope/internal/topology"
)

// Formats are the names that Render knows, those for people first.
func Formats() []string {
	return []string{"tree", "table", "json", "csv", "dot", "mermaid", "svg"}
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
	case "svg":
		return SVG(w, m)
	}
	return &UnknownFormatError{Format: format, Known: Formats()}
}

// Check reports whether Render knows the format, or it is one of others that are
// written elsewhere, so that a wrong argument can be refused before anything is
// observed.
func Check(format string, others ...string) error {
	known := append(Formats(), others...)
	if slices.Contains(known, format) {
		return nil
	}
	return &UnknownFormatError{Format: format, Known: known}
}

// UnknownFormatError says that there is no format of that name.
type UnknownFormatError struct {
	Format string
	Known  []string
}

func (e *UnknownFormatError) Error() string {
	known := strings.Join(e.Known, ", ")
	if n := spelling.Nearest(e.Format, e.Known); n != "" {
		return fmt.Sprintf("unknown output format %q, did you mean %q? known formats: %s", e.Format, n, known)
	}
	return fmt.Sprintf("unknown output format %q, known formats: %s", e.Format, known)
}

// write hands all of a finished output to w at once, so that a reader of a pipe
// never sees half a line.
func write(w io.Writer, format string, out []byte) error {
	if _, err := w.Write(out); err != nil {
		return fmt.Errorf("write %s: %w", format, err)
	}
	return nil
}
