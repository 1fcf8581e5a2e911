package main

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		of   series
		want float64
	}{{series{3}, 3}, {series{9, 1, 5}, 5}, {series{4, 1, 2, 3}, 2.5}} {
		if got := c.of.median(); got != c.want {
			t.Errorf("median of %v: got %v, want %v", c.of, got, c.want)
		}
	}
	if got := (series{}).median(); !math.IsNaN(got) {
		t.Errorf("median of nothing: got %v", got)
	}
	order := series{3, 1, 2}
	if order.median(); !cmp.Equal(order, series{3, 1, 2}) {
		t.Errorf("the rounds changed their order: %v", order)
	}
}

func TestFigures(t *testing.T) {
	for v, want := range map[float64]string{0: "0.000", 0.0312: "0.031", 9.8765: "9.877", 45.678: "45.68", 512.34: "512.3", 214061.3: "214061",
		math.NaN(): "-"} {
		if got := figure(v); got != want {
			t.Errorf("%v: got %s, want %s", v, got, want)
		}
	}
}

// TestCompare: the tool makes the server a tenth slower and dearer, so one
// target is missed, and the ratio is that of the medians.
func TestCompare(t *testing.T) {
	run := func(rate float64, server time.Duration) sample {
		return sample{wrk: wrkResult{requests: 1000, rate: rate, used: time.Millisecond}, server: server}
	}
	var out bytes.Buffer
	b := &bench{settings: settings{length: time.Second}, report: newReport(&out, "netlink"), load: loads(settings{})[0]}
	b.compare(rounds{
		without: []sample{run(1000, time.Millisecond), run(1010, time.Millisecond)},
		again:   []sample{run(1000, time.Millisecond), run(990, time.Millisecond)},
		with:    []sample{run(980, 1200*time.Microsecond), run(980, 1200*time.Microsecond)},
	})
	for _, want := range []string{
		"Overhead/netlink/keepalive/cpu/without 2.000 us/req",
		"Overhead/netlink/keepalive/cpu/with 2.200 us/req",
		"Overhead/netlink/keepalive/cpu-ratio 1.100 ratio",
		"Overhead/netlink/keepalive/requests-ratio 0.980 ratio",
		"Overhead/netlink/keepalive/requests/noise-low 0.980 ratio",
	} {
		if !strings.Contains(strings.Join(b.report.kept, "\n")+"\n", want+"\n") {
			t.Errorf("no line %q among\n%s", want, strings.Join(b.report.kept, "\n"))
		}
	}
	if got := strings.Count(out.String(), "MISSED"); got != 1 || !strings.Contains(out.String(), ": met") {
		t.Errorf("%d targets are missed, want 1 of 2:\n%s", got, out.String())
	}
}
