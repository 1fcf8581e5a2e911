package main

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"peerscope/internal/flow"
)

// Three hours of a very small host, and twenty minutes with a history.
func TestSoak(t *testing.T) {
	for name, o := range map[string]options{
		"hours":   {scale: 0.01, windows: 3 * windowsPerHour, metrics: true, seed: 3},
		"history": {scale: 0.01, windows: windowsPerHour / 3, history: t.TempDir() + "/history", seed: 4},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			if err := o.run(&out); err != nil {
				t.Fatalf("%v\n%s", err, out.String())
			}
			t.Log("\n" + out.String())
		})
	}
}

// What the judge does not see, nobody sees.
func TestJudgeSeesWhatIsWrong(t *testing.T) {
	for _, tc := range []struct {
		name, want string
		spoil      func(l *life)
	}{
		{"a connection more", "want", func(l *life) { l.truth.of(l.long[0]).opened++ }},
		{"a byte more", "want", func(l *life) { l.truth.of(l.long[0]).toClient++ }},
		{"a loss more", "lost", func(l *life) { l.truth.lost++ }},
		{"an edge more", "not on the map", func(l *life) {
			l.truth.of(&conn{client: l.clients[0], server: l.clients[0], transport: flow.TCP}).opened++
		}},
		{"an edge less", "not played", func(l *life) {
			for e := range l.truth.edges {
				delete(l.truth.edges, e)
				return
			}
		}},
		{"another name", "is called", func(l *life) { l.clients[0].name = "somebody" }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, err := newAgent(false, "")
			if err != nil {
				t.Fatal(err)
			}
			l := newLife(5, 0.01)
			for range 12 {
				a.play(l)
			}
			tc.spoil(l)
			if _, err := a.turn(l); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want an error with %q", err, tc.want)
			}
		})
	}
}

func TestFlatSeesGrowth(t *testing.T) {
	var even, growing []hour
	for i := range uint64(12) {
		even = append(even, hour{usage: usage{heap: 100<<20 + i%3<<20, resident: 150 << 20}})
		growing = append(growing, hour{usage: usage{heap: (100 + 5*i) << 20, resident: 150 << 20}})
	}
	if err := flat(io.Discard, even); err != nil {
		t.Errorf("even: %v", err)
	}
	if err := flat(io.Discard, growing); err == nil {
		t.Error("5 MiB an hour were not seen")
	}
}

// BenchmarkWindow is a window of 10 s on a host with 5,000 live edges and 50,000
// connections: everything is told once, decided, written down, and merged into its
// minute. What playing costs is in it, and is measured by the second.
func BenchmarkWindow(b *testing.B) {
	for _, scale := range []float64{0.1, 1} {
		b.Run(fmt.Sprintf("scale %g", scale), func(b *testing.B) {
			a, err := newAgent(false, "")
			if err != nil {
				b.Fatal(err)
			}
			l := newLife(1, scale)
			for range 3 {
				a.play(l)
			}
			b.ReportAllocs()
			for b.Loop() {
				a.play(l)
			}
		})
		b.Run(fmt.Sprintf("scale %g, playing alone", scale), func(b *testing.B) {
			l := newLife(1, scale)
			l.play(func(flow.Observation) {})
			b.ReportAllocs()
			for b.Loop() {
				l.play(func(flow.Observation) {})
			}
		})
	}
}
