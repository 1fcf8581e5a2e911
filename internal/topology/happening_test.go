package topology_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// watched plays windows and writes down what happens in each.
type watched struct {
	l *topology.Ledger
	w *topology.Watcher
	n flow.Time
}

func newWatched(edges int) *watched {
	return &watched{l: topology.NewLedger(), w: topology.NewWatcher(world(), edges)}
}

// window closes one that is a second long with these changes; only says which
// edges are wanted, nil all.
func (x *watched) window(only func(*topology.Edge) bool, lost uint64, changes ...*flow.Change) []string {
	start := x.n * 1e9
	x.n++
	for i, c := range changes {
		x.l.Add(c)
		x.w.Note(c, func() flow.Connection {
			return flow.Connection{A: netip.MustParseAddrPort("10.0.0.1:40"), B: netip.MustParseAddrPort("10.0.0.2:80"),
				Opened: start + flow.Time(len(changes)-i)*1e6, Latest: start + 500e6, Bytes: flow.Traffic{ToB: known(7)}}
		})
	}
	facts := topology.Facts{Host: flow.Host{Name: "h"}, Window: flow.Window{Start: start, End: start + 1e9}}
	facts.Lost[flow.LossLate] = lost
	m := x.l.Map(world(), facts)
	wanted := m
	if only != nil {
		wanted = topology.SelectEdges(m, only)
	}
	var out []string
	for _, h := range x.w.Happenings(m, wanted) {
		text := fmt.Sprintf("%d %s", (h.Time-start)/1e6, h.Kind)
		if h.Edge != nil {
			text += fmt.Sprintf(" %s %s %d", h.First.Name, h.Second.Name, h.Edge.ServerPort)
			if h.Connection.A.IsValid() {
				text += fmt.Sprintf(" %d>%d to second %d", h.Connection.A.Port(), h.Connection.B.Port(), h.Connection.Bytes.ToB.Value)
			}
		} else {
			text += fmt.Sprintf(" %s %d", h.Reason, h.Count)
		}
		out = append(out, text)
	}
	x.l.Reset()
	return out
}

func TestWatcherTellsEachThingOnce(t *testing.T) {
	x := newWatched(100)
	before := &flow.Change{Edge: 1, Active: 1} // there when observation began
	opened := func(e flow.EdgeRef) *flow.Change { return &flow.Change{Edge: e, Active: 1, Opened: true} }
	closed := &flow.Change{Edge: 1, Closed: true, Ended: true}
	short := &flow.Change{Edge: 2, Opened: true, Closed: true, Ended: true}
	failed := &flow.Change{Edge: 1, Failed: true, Ended: true, Errno: "ECONNREFUSED"}
	for i, tc := range []struct {
		got, want []string
	}{
		{x.window(nil, 0, before), nil},
		{x.window(nil, 0, opened(1), opened(2)), []string{"1 edge.new curl web 80", "1 connection.opened curl web 80 40>80 to second 7", "2 connection.opened curl web 80 40>80 to second 7"}},
		{x.window(nil, 2, short, closed, failed), []string{"3 connection.opened curl web 80 40>80 to second 7", "500 connection.failed curl web 80 40>80 to second 7",
			"500 connection.closed curl web 80 40>80 to second 7", "500 connection.closed curl web 80 40>80 to second 7", "1000 lost late 2", "1000 edge.failing curl web 80"}},
		{x.window(nil, 0), nil},
		{x.window(nil, 0, opened(1)), []string{"1 connection.opened curl web 80 40>80 to second 7", "1000 edge.mended curl web 80"}},
		// An edge without roles, whose ends stand the other way round on the map.
		{x.window(nil, 0, opened(3)), []string{"1 edge.new web curl 0", "1 connection.opened web curl 0 80>40 to second 0"}},
	} {
		if d := cmp.Diff(tc.want, tc.got); d != "" {
			t.Errorf("window %d (-want +got):\n%s", i, d)
		}
	}
}

func TestWatcherTellsWhatIsWanted(t *testing.T) {
	x := newWatched(100)
	none := func(*topology.Edge) bool { return false }
	opened := &flow.Change{Edge: 1, Active: 1, Opened: true}
	if got := x.window(none, 1, opened); len(got) != 1 {
		t.Errorf("%v, want the loss only", got)
	}
	if got := x.window(nil, 0, opened); len(got) != 1 {
		t.Errorf("%v: an edge that was not wanted is known all the same", got)
	}
}

func TestWatcherForgets(t *testing.T) {
	x := newWatched(1)
	opened := func(e flow.EdgeRef) *flow.Change {
		return &flow.Change{Edge: e, Opened: true, Closed: true, Ended: true}
	}
	for i, want := range []int{3, 3, 3, 3} {
		if got := x.window(nil, 0, opened(flow.EdgeRef(1+i%2))); len(got) != want {
			t.Errorf("window %d: %v, want %d with room for one edge", i, got, want)
		}
	}
}
