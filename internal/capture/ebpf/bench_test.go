package ebpf

import (
	"testing"
	"time"

	"peerscope/internal/capture/capturetest"
	"peerscope/internal/flow"
)

// BenchmarkPass is what the end of a window costs with 50,000 connections of 50
// processes, 100,000 sockets, of which nothing is new: processor time of both
// kernel and program, and what is told.
func BenchmarkPass(b *testing.B) {
	capturetest.RequireRoot(b)
	ns := capturetest.NewNamespace(b)
	capturetest.Population(b, ns, 50, 1000)
	told := 0
	cfg := DefaultConfig()
	cfg.Namespaces, cfg.Processes = []string{ns.Path()}, nobody{}
	cfg.Boundary = func(start, _ time.Time) time.Time { return start.Add(time.Hour) }
	cfg.Emit = func(flow.Observation) { told++ }
	s, err := New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if err := s.begin(); err != nil {
		b.Fatal(err)
	}
	for _, pass := range []struct {
		name string
		run  func() error
	}{{"look", s.takeLook}, {"collect", s.collect}, {"totals", func() error { opens(s.spaces); return nil }}} {
		b.Run(pass.name, func(b *testing.B) {
			told = 0
			cpu := threadTime()
			for b.Loop() {
				if err := pass.run(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64((threadTime()-cpu).Microseconds())/1000/float64(b.N), "cpu-ms/op")
			b.ReportMetric(float64(told)/float64(b.N), "told/op")
		})
	}
}
