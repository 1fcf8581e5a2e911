package topology_test

import (
	"encoding/json"
	"testing"

	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

func counted(kernel, told uint64) *topology.Map {
	return topology.NewLedger().Map(world(), topology.Facts{Capture: flow.Capture{Totals: flow.Totals{Kernel: kernel, Told: told}}})
}

func TestCompletenessIsOneOnlyIfNothingIsMissing(t *testing.T) {
	for _, tt := range []struct {
		kernel, told uint64
		want         float64
	}{
		{10, 10, 1}, {10, 11, 1}, {10, 0, 0}, {3, 2, 0.6666}, {1_000_000, 999_999, 0.9999}, {7, 7, 1},
		{10_000, 7_000, 0.7}, {1 << 40, 1<<40 - 1, 0.9999}, {100_000, 1, 0},
	} {
		if c := counted(tt.kernel, tt.told).Capture.Completeness; c == nil || *c != tt.want {
			t.Errorf("%d of %d: %v, want %v", tt.told, tt.kernel, c, tt.want)
		}
	}
	if c := counted(0, 5).Capture.Completeness; c != nil {
		t.Errorf("without a total of the kernel: %v, want none", *c)
	}
}

func TestCompletenessOfWindowsThatAreMerged(t *testing.T) {
	a, b, c, none := counted(100, 50), counted(900, 900), counted(10, 20), counted(0, 0)
	left, right := topology.Merge(topology.Merge(a, b), c), topology.Merge(a, topology.Merge(b, c))
	for _, m := range []*topology.Map{left, right} {
		if got := m.Capture.Completeness; got == nil || *got != 0.9603 { // 970 of 1010
			t.Errorf("%v, want 0.9603", got)
		}
	}
	if got := topology.Merge(topology.Merge(none, a), none).Capture.Completeness; got == nil || *got != 0.5 {
		t.Errorf("beside windows that have no total: %v, want 0.5", got)
	}
	if got := topology.Merge(none, none).Capture.Completeness; got != nil {
		t.Errorf("no window has a total: %v", *got)
	}
	// A file keeps the share only.
	read := func(m *topology.Map) *topology.Map {
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var out topology.Map
		if err := json.Unmarshal(text, &out); err != nil {
			t.Fatal(err)
		}
		return &out
	}
	if got := topology.Merge(read(b), read(a)).Capture.Completeness; got == nil || *got != 0.5 {
		t.Errorf("read from files: %v, want the smaller 0.5", got)
	}
}
