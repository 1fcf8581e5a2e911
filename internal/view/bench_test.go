package view_test

import (
	"fmt"
	"testing"

	"peerscope/internal/view"
)

func BenchmarkMake(b *testing.B) {
	for _, edges := range []int{1000, 5000} {
		m := random(1, edges/4, edges)
		for _, o := range []view.Options{{Level: view.LevelProcess}, {}, {Limit: view.DefaultLimit}} {
			b.Run(fmt.Sprintf("edges=%d/level=%s/limit=%d", edges, o.Level, o.Limit), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					view.Make(m, o)
				}
			})
		}
	}
}
