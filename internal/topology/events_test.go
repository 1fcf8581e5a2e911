package topology

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func windowOf(from, to int, nodes []Node, edges ...Edge) *Map {
	stamp := func(s int) string { return fmt.Sprintf("2026-01-02T03:04:%02d.000Z", s) }
	return &Map{Schema: Schema, Window: Window{Start: stamp(from), End: stamp(to)}, Nodes: nodes, Edges: edges}
}

func TestObserver(t *testing.T) {
	nodes := []Node{{ID: "a", Kind: KindProcess, Name: "curl"}, {ID: "b", Kind: KindProcess, Name: "nginx"}}
	edge := Edge{ID: "e:1", Client: "a", Server: "b", Transport: "tcp", ServerPort: 80, Connections: Connections{Active: 1}}
	failing := edge
	failing.Connections.Failed = 2
	failing.Errors = map[string]uint64{"ECONNREFUSED": 2}
	mended := edge
	mended.Connections.Opened = 1
	begun := Edge{ID: "e:0", Client: "a", Server: "b", Transport: "tcp", ServerPort: 79, Connections: Connections{Active: 1, Opened: 1}}
	late := Edge{ID: "e:2", Client: "b", Server: "a", Transport: "tcp", ServerPort: 81}
	born := append([]Node{{ID: "c", Kind: KindProcess, Name: "cron", Attributes: Attributes{Created: "2026-01-02T03:04:32.000Z"}}}, nodes...)
	gone := append([]Node{{ID: "c", Kind: KindProcess, Name: "cron", Attributes: Attributes{Created: "2026-01-02T03:04:32.000Z", Exited: true}}}, nodes...)

	o := NewObserver(10)
	const at = int64(1767323040000) // 03:04:00
	for i, step := range []struct {
		m    *Map
		want []Event
	}{
		{windowOf(0, 10, nodes, edge, begun), []Event{{at + 10000, EventNewEdge, "e:0", "", "curl calls nginx on tcp port 79"}}},
		{windowOf(10, 20, nodes, edge, late), []Event{{at + 20000, EventNewEdge, "e:2", "", "nginx calls curl on tcp port 81"}}},
		{windowOf(20, 30, nodes, failing), []Event{{at + 30000, EventEdgeFailing, "e:1", "", "curl calls nginx on tcp port 80: connects fail with ECONNREFUSED"}}},
		{windowOf(30, 40, born, failing), []Event{{at + 32000, EventProcessStart, "", "c", "cron started"}}},
		{windowOf(40, 50, gone, mended), []Event{
			{at + 50000, EventEdgeMended, "e:1", "", "curl calls nginx on tcp port 80: connects succeed again"},
			{at + 50000, EventProcessExit, "", "c", "cron ended"}}},
		{windowOf(50, 59, gone, mended, late), nil},
	} {
		if diff := cmp.Diff(step.want, o.Observe(step.m)); diff != "" {
			t.Errorf("window %d (-want +got):\n%s", i, diff)
		}
	}
}

// TestObserverIsBounded: of more edges than it may remember, it forgets those
// that were not seen for the longest time.
func TestObserverIsBounded(t *testing.T) {
	o := NewObserver(8)
	o.Observe(windowOf(0, 1, nil))
	for i := range 50 {
		o.Observe(windowOf(i, i+1, nil, Edge{ID: "often"}, Edge{ID: fmt.Sprint("once-", i)}))
		if len(o.edges) > 8 {
			t.Fatalf("%d edges are remembered", len(o.edges))
		}
	}
	if events := o.Observe(windowOf(50, 51, nil, Edge{ID: "often"})); len(events) != 0 {
		t.Errorf("what is seen often is told as new: %v", events)
	}
}

func TestMeasure(t *testing.T) {
	n := func(v uint64) *uint64 { return &v }
	e := Edge{Bytes: &Bytes{ToServer: n(1000), ToClient: n(0)}, Connections: Connections{Active: 3, Opened: 20}, RTT: &Stat{Count: 2, Sum: 3000, Max: 2500}}
	for name, want := range map[string]float64{MeasureTx: 100, MeasureRx: 0, MeasureActive: 3, MeasureOpened: 2, MeasureClosed: 0, MeasureRTT: 0.0015, MeasureRTTMax: 0.0025} {
		if got, ok := e.Measure(name, 10e9); !ok || got != want {
			t.Errorf("%s = %v, %v, want %v", name, got, ok, want)
		}
	}
	for _, name := range []string{MeasureRetransmits, MeasureConnect, "nothing"} {
		if got, ok := e.Measure(name, 10e9); ok {
			t.Errorf("%s = %v, but nothing is known", name, got)
		}
	}
	if _, ok := e.Measure(MeasureTx, 0); ok {
		t.Error("a rate over no time")
	}
}
