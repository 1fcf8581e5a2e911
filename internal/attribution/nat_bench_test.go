package attribution_test

import (
	"fmt"
	"testing"

	"peerscope/internal/attribution"
	"peerscope/internal/flow"
)

// BenchmarkTranslated decides 20,000 connections through one router, each by the
// translation of its own.
func BenchmarkTranslated(b *testing.B) {
	const connections = 20_000
	var w world
	c, r, s := w.router(1)
	for i := range connections {
		port, to := 10_000+i%50_000, 80+i/50_000
		client := fmt.Sprintf("10.1.0.2:%d > 10.9.9.9:%d", port, to)
		server := fmt.Sprintf("10.2.0.2:8080 > 10.2.0.1:%d", port)
		w.translation(r, client, server, made(second))
		w.socket(c, client, asClient(1, 2))
		w.socket(s, server, asServer(2, 1))
	}
	b.ReportAllocs()
	for b.Loop() {
		e := attribution.New(attribution.Config{Sockets: 2 * connections})
		for _, o := range w.obs {
			e.Apply(o)
		}
		joined := 0
		e.Close(func(c *attribution.Change) {
			if c.Peer == flow.PeerNAT {
				joined++
			}
		})
		if joined != connections {
			b.Fatalf("%d joined, want %d", joined, connections)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*connections), "ns/connection")
}
