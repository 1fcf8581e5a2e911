package export_test

import (
	"io"
	"testing"

	"peerscope/internal/export"
)

// Each renderer with a map of 5,000 edges between 1,250 nodes.
func BenchmarkRender(b *testing.B) {
	m := random(1, 5000)
	for _, format := range export.Formats() {
		b.Run(format, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := export.Render(io.Discard, format, m, export.Style{Width: 120, Color: true}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
