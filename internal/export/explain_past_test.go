package export_test

import (
	"bytes"
	"strings"
	"testing"

	"peerscope/internal/export"
	"peerscope/internal/topology"
)

// TestExplainPastInWords: what a history tells, what it does not have, and what it
// cannot tell.
func TestExplainPastInWords(t *testing.T) {
	m := rich()
	e := &m.Edges[0]
	v := func(x float64) *float64 { return &x }
	series := func(times []int64, step int64, columns map[string][]*float64) *topology.Series {
		for _, measure := range topology.Measures() {
			if columns[measure] == nil {
				columns[measure] = make([]*float64, len(times))
			}
		}
		return &topology.Series{StepMS: step, Times: times, Columns: columns}
	}
	const at = 1_767_323_040_000 // 03:04:00
	past := func(change func(*topology.Past)) string {
		p := &topology.Past{Since: "2026-01-02T03:00:00.000Z", Searched: "2026-01-01T00:00:00.000Z"}
		change(p)
		var out bytes.Buffer
		if err := export.Explain(&out, m, []*topology.Explanation{topology.ExplainPast(m, e, p)}, nil, export.Style{}); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	f := func(change func(*topology.Past), wants ...string) {
		t.Helper()
		got := past(change)
		for _, want := range append(wants, "a history keeps edges, not connections") {
			if !strings.Contains(got, want) {
				t.Errorf("no %q in\n%s", want, got)
			}
		}
	}
	f(func(p *topology.Past) {}, "the history has it since 2026-01-02 03:00:00.000 UTC (")
	f(func(p *topology.Past) { p.Older = true }, "since its beginning, 2026-01-02 03:00:00.000 UTC", "it may be older", "when it began: the history goes back to 2026-01-02T03:00:00.000Z")
	f(func(p *topology.Past) { p.Since = "" }, "the history does not have it yet; it was looked through from 2026-01-01 00:00:00.000 UTC")
	f(func(p *topology.Past) {
		p.Events, p.Earlier = []topology.Event{{Time: at, Text: "a\x1b[31m ended"}}, 1
	}, "1 event before these", `2026-01-02 03:04:00 UTC a\x1b[31m ended`)
	f(func(p *topology.Past) {
		p.Series = series([]int64{at, at + 60_000, at + 120_000, at + 180_000, at + 240_000}, 60_000, map[string][]*float64{
			topology.MeasureActive: {v(2), v(0), nil, v(0), v(1)}, topology.MeasureTx: {v(1500), v(0), nil, nil, v(0)},
			topology.MeasureOpened: {v(1500), v(0), nil, v(0.05), v(0.001)}, topology.MeasureFailed: {v(2.5), v(0), nil, v(0), v(0)},
			topology.MeasureRTT: {v(0.0012), nil, nil, nil, nil}})
		p.Before = series([]int64{at - 300_000}, 300_000, map[string][]*float64{topology.MeasureActive: {nil}})
	}, "03:04:00 2 open, ↑ 1.5 kB/s, 1500 opened a second, 2.5 failed a second, rtt 1.2 ms\n",
		"03:05:00 nothing of it was seen\n", "03:06:00 nobody observed\n", "03:07:00 0 open, 3 opened a minute\n",
		"03:08:00 1 open, ↑ 0 B/s, 3.6 opened an hour\n", "(each from that time, UTC, for 1 min)", "in the 5 min before: nobody observed")
}
