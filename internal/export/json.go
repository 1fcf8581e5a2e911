package export

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"peerscope/internal/screen"
	"peerscope/internal/topology"
)

// JSON writes m as one object of the schema it names, indented by two spaces,
// with a newline at its end. The order of nodes and edges is the map's own, the
// keys of objects are sorted. Lists that are always there are [] when empty.
func JSON(w io.Writer, m *topology.Map) error {
	c := *m // the lists below are replaced in the copy only
	if c.Nodes == nil {
		c.Nodes = []topology.Node{}
	}
	if c.Edges == nil {
		c.Edges = []topology.Edge{}
	}
	if c.Capture.Degraded == nil {
		c.Capture.Degraded = []topology.Degraded{}
	}
	if c.Capture.Lost == nil {
		c.Capture.Lost = map[string]uint64{}
	}
	return encode(w, &c)
}

// encode writes any of the documents of this program.
func encode(w io.Writer, v any) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encode as json: %w", err)
	}
	return write(w, "json", escapeJSON(buf.Bytes()))
}

// escapeJSON writes as \uXXXX what encoding/json leaves as it is but a terminal
// must not get: DEL, the C1 controls (U+009B begins a sequence like ESC [),
// bidirectional and invisible characters. They occur inside strings only, so
// the value stays the same.
func escapeJSON(b []byte) []byte {
	plain := true
	for _, c := range b {
		if c >= 0x7f {
			plain = false
			break
		}
	}
	if plain {
		return b
	}
	out := make([]byte, 0, len(b)+64)
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		switch {
		case r == '\n' || screen.Printable(r):
			out = append(out, b[i:i+size]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		i += size
	}
	return out
}
