package attribution_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"peerscope/internal/attribution"
	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// inWindows deals the observations of a world out to windows. What is known of
// the host comes first. Both ends of a connection are first told in one window,
// as sources tell them, and so are their deaths where they blur each other; what is told of them later may come in any later one.
func inWindows(w *world, r *rand.Rand, n int) [][]flow.Observation {
	out := make([][]flow.Observation, n)
	begin := len(w.obs)
	if len(w.groups) > 0 {
		begin = w.groups[0]
	}
	out[0] = append(out[0], w.obs[:begin]...)
	for i, from := range w.groups {
		to := len(w.obs)
		if i+1 < len(w.groups) {
			to = w.groups[i+1]
		}
		group := w.obs[from:to]
		first := r.IntN(n)
		if i == len(w.groups)-1 { // listeners that are told last
			first = 0
		}
		at, deaths := map[any]int{}, -1
		for _, o := range group {
			key := any(0)
			switch o := o.(type) {
			case *flow.Socket:
				key = o.Cookie
			case *flow.Handover:
				key = o.Cookie
			}
			switch before, again := at[key]; {
			case !again, together(group):
				at[key] = first
			case blurred(o) && deaths >= 0:
				at[key] = deaths
			default:
				at[key] = before + r.IntN(n-before)
			}
			if blurred(o) {
				deaths = at[key]
			}
			out[at[key]] = append(out[at[key]], o)
		}
	}
	return out
}

// together: these belong into one window. An end that lost its address before it
// was told to have died is set against another death of its window; and a
// connection that changes hands counts as opened with who has it at the end of
// the window in which it was opened.
func together(group []flow.Observation) bool {
	return slices.ContainsFunc(group, func(o flow.Observation) bool {
		s, ok := o.(*flow.Socket)
		_, moved := o.(*flow.Handover)
		return moved || ok && s.Vanished
	})
}

// blurred: a death whose counters may have the peer's FIN in them, which the other
// end's death of the same window tells.
func blurred(o flow.Observation) bool {
	s, ok := o.(*flow.Socket)
	return ok && s.Final && s.HasCounters && !s.Exact
}

// merged closes a window after each part and merges the maps.
func merged(parts [][]flow.Observation) *topology.Map {
	e, l := attribution.New(attribution.Config{}), topology.NewLedger()
	var whole *topology.Map
	for _, obs := range parts {
		for _, o := range obs {
			e.Apply(o)
		}
		e.Close(l.Add)
		m := factsOf(e, l)
		l.Reset()
		if whole == nil {
			whole = m
		} else {
			whole = topology.Merge(whole, m)
		}
	}
	return whole
}

// TestWindowsMergeToTheWhole: the maps of any number of windows, merged, are the
// map of one window over the same observations: the same edges with the same
// connections, evidence, bytes and sets.
func TestWindowsMergeToTheWhole(t *testing.T) {
	for seed := range uint64(60) {
		w := someWorld(seed, 30, false)
		want := mapOf(w.obs)
		r := rand.New(rand.NewPCG(seed, 11))
		for range 3 {
			parts := inWindows(w, r, 1+r.IntN(6))
			for i := range parts {
				for range r.IntN(5) {
					if n := len(parts[i]); n > 0 {
						parts[i] = append(parts[i], parts[i][r.IntN(n)])
					}
				}
				if i > 0 { // what comes first is what the rest is judged by
					r.Shuffle(len(parts[i]), func(a, b int) { parts[i][a], parts[i][b] = parts[i][b], parts[i][a] })
				}
			}
			got := merged(parts)
			d := cmp.Diff(edgesOf(want), edgesOf(got))
			if d == "" { // of the round trip each window takes its own samples
				d = cmp.Diff(want.Edges, got.Edges, cmpopts.IgnoreUnexported(topology.Edge{}), cmpopts.IgnoreFields(topology.Edge{}, "RTT"))
			}
			if d != "" {
				t.Fatalf("seed %d, %d windows (-whole +merged):\n%s", seed, len(parts), d)
			}
		}
	}
}

// TestAWindowHasItsOwnFacts: bounds, losses, gaps and totals are of the window in
// which they were told; who observed stays.
func TestAWindowHasItsOwnFacts(t *testing.T) {
	e := attribution.New(attribution.Config{})
	window := func(obs ...flow.Observation) attribution.Summary {
		for _, o := range obs {
			e.Apply(o)
		}
		e.Close(func(*attribution.Change) {})
		return e.Summary()
	}
	first := window(
		&flow.Host{Name: "h"}, &flow.Capture{Source: "ebpf", Rung: "1"}, &flow.Window{Start: 100},
		&flow.Loss{Reason: flow.LossLate, Count: 3}, &flow.Gap{Code: "a", Reason: "as long as it is"},
		&flow.Capture{Source: "ebpf", Rung: "1", Interval: 5, Totals: flow.Totals{Kernel: 9, Told: 9}}, &flow.Window{Start: 100, End: 200})
	if again := e.Summary(); cmp.Diff(first, again) != "" {
		t.Errorf("a second look shows something else: %+v", again)
	}
	for _, tc := range []struct {
		name string
		got  attribution.Summary
		want attribution.Summary
	}{
		{"first", first, attribution.Summary{Host: flow.Host{Name: "h"}, Window: flow.Window{Start: 100, End: 200}, Gaps: []flow.Gap{{Code: "a", Reason: "as long as it is"}},
			Capture: flow.Capture{Source: "ebpf", Rung: "1", Interval: 5, Totals: flow.Totals{Kernel: 9, Told: 9}}, Lost: lossOf(flow.LossLate, 3)}},
		{"second", window(&flow.Window{Start: 200}, &flow.Gap{Code: "a", Reason: "now"}, &flow.Loss{Reason: flow.LossRingFull, Count: 1},
			&flow.Capture{Source: "ebpf", Rung: "1", Totals: flow.Totals{Kernel: 2, Told: 1}}, &flow.Window{Start: 200, End: 300}),
			attribution.Summary{Host: flow.Host{Name: "h"}, Window: flow.Window{Start: 200, End: 300}, Gaps: []flow.Gap{{Code: "a", Reason: "now"}},
				Capture: flow.Capture{Source: "ebpf", Rung: "1", Totals: flow.Totals{Kernel: 2, Told: 1}}, Lost: lossOf(flow.LossRingFull, 1)}},
		{"after the clock was set back", window(&flow.Window{Start: 50}, &flow.Window{Start: 50, End: 60}),
			attribution.Summary{Host: flow.Host{Name: "h"}, Window: flow.Window{Start: 50, End: 60}, Capture: flow.Capture{Source: "ebpf", Rung: "1"}}},
		{"cut off", window(&flow.Window{Start: 60}, &flow.Socket{Time: 65, Cookie: 1, Netns: 1, Transport: flow.TCP, State: flow.Established}),
			attribution.Summary{Host: flow.Host{Name: "h"}, Window: flow.Window{Start: 60, End: 65}, Capture: flow.Capture{Source: "ebpf", Rung: "1"}}},
	} {
		if d := cmp.Diff(tc.want, tc.got); d != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, d)
		}
	}
}

func lossOf(r flow.LossReason, n uint64) (lost [len(flow.LossReasonNames)]uint64) {
	lost[r] = n
	return lost
}

// TestAnIdleConnectionHasNoNewRoundTrip: it is told again, and has 0 bytes.
func TestAnIdleConnectionHasNoNewRoundTrip(t *testing.T) {
	var w world
	ns := w.netns(1, "10.0.0.1")
	a, b := w.process(10, "a"), w.process(20, "b")
	tell := func(sent uint64, more ...opt) {
		with := func(end ...opt) []opt { return append(end, more...) }
		w.socket(ns, "10.0.0.1:4000 > 10.0.0.1:80", with(cookie(1), held(a), asClient(sent, 5))...)
		w.socket(ns, "10.0.0.1:80 > 10.0.0.1:4000", with(cookie(2), held(b), asServer(5, sent))...)
	}
	e, l := attribution.New(attribution.Config{}), topology.NewLedger()
	for i, tc := range []struct {
		sent, samples uint64
		with          []opt
	}{{100, 1, []opt{adopted}}, {100, 0, nil}, {101, 1, nil}, {101, 0, nil}} {
		tell(tc.sent, tc.with...)
		for _, o := range w.obs {
			e.Apply(o)
		}
		w.obs = nil
		e.Close(l.Add)
		edge := factsOf(e, l).Edges[0]
		l.Reset()
		var samples uint64
		if edge.RTT != nil {
			samples = edge.RTT.Count
		}
		if samples != tc.samples || edge.Bytes == nil || edge.Bytes.ToServer == nil {
			t.Errorf("window %d: %d samples, want %d; bytes %+v", i, samples, tc.samples, edge.Bytes)
		}
	}
}

// TestCallingEachOtherOverABoundary: two that call each other are first pending,
// each the other's client. When they meet nobody is the server, and what was
// pending leaves no trace.
func TestCallingEachOtherOverABoundary(t *testing.T) {
	var w world
	one, two := w.process(10, "one"), w.process(20, "two")
	a, b := w.netns(1, "10.0.0.1"), w.netns(2, "10.0.0.2")
	const there, back = "10.0.0.1:7001 > 10.0.0.2:7002", "10.0.0.2:7002 > 10.0.0.1:7001"
	w.socket(a, there, cookie(1), held(one), state(flow.SynSent))
	w.socket(b, back, cookie(2), held(two), state(flow.SynSent))
	cut := len(w.obs)
	w.socket(a, there, cookie(1), held(one), first(flow.Client), exactClient(10, 20))
	w.socket(b, back, cookie(2), held(two), first(flow.Client), exactClient(20, 10))
	want := edgesOf(mapOf(w.obs))
	if d := cmp.Diff(want, edgesOf(merged([][]flow.Observation{w.obs[:cut], w.obs[cut:]}))); d != "" {
		t.Errorf("(-whole +merged):\n%s", d)
	}
}
