package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"peerscope/internal/attribution"
	"peerscope/internal/export"
	"peerscope/internal/recording"
	"peerscope/internal/topology"
)

// FuzzReplay: whatever a recording claims, the engine decides, the map is
// written in every format, and nothing panics.
func FuzzReplay(f *testing.F) {
	worlds, _ := filepath.Glob("../../testdata/worlds/*.jsonl")
	for _, w := range worlds {
		b, err := os.ReadFile(w)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := recording.NewReader(bytes.NewReader(b))
		if err != nil {
			return
		}
		p := newPipelineOf(attribution.Config{Legs: true})
		for {
			o, err := r.Next()
			if err != nil {
				var cut *recording.TruncatedError
				if !errors.Is(err, io.EOF) && !errors.As(err, &cut) {
					return
				}
				break
			}
			p.take(o)
		}
		m := p.close()
		for _, level := range topology.Levels() {
			topology.Group(m, level)
		}
		for _, format := range export.Formats() {
			if err := export.Render(io.Discard, format, m, export.Style{Width: 60}); err != nil {
				t.Errorf("%s: %v", format, err)
			}
		}
		p.ledger.Reset()
		p.close() // the next window
	})
}
