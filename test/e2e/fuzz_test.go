package e2e

import (
	"bytes"
	"testing"
	"time"

	"peerscope/internal/topology"
)

// A map is bytes from outside: whatever they are, reading and judging end.
func FuzzParseMap(f *testing.F) {
	f.Add([]byte(`{"schema":"peerscope.map/v1","nodes":[{"id":"address:10.0.0.1"},{"id":"process:20@200"}],` +
		`"edges":[{"id":"e:1","client":"address:10.0.0.1","server":"process:20@200","transport":"tcp","server_port":80,` +
		`"connections":{"opened":1,"active":1},"bytes":{"to_server":1},"candidates":{"client":["process:1@2"]}}]}`))
	f.Add([]byte(`{"schema":"peerscope.map/v1","nodes":[{"id":"process:20@200"}],"edges":[{"id":"e:1","ends":["process:20@200","process:20@200"]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := parseMap(bytes.NewReader(text))
		if err != nil {
			return
		}
		judge(&Lab{Truth: []*Conn{open()}}, m, sees{source: SourceNetlink, interval: time.Second})
	})
}

func FuzzParseStartTime(f *testing.F) {
	f.Add("1 (init) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 8 9")
	f.Add(")")
	f.Fuzz(func(t *testing.T, line string) {
		_, _ = parseStartTime(line)
		readEnd(topology.Node{ID: line})
	})
}
