package ebpf

import (
	"net"
	"os"
	"testing"
	"time"

	"peerscope/internal/attribution"
	"peerscope/internal/capture/capturetest"
	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// TestEndsThatFoundNoRoom: connections that were told as open, and whose ends find
// no room in the ring, are closed soon after it all the same, and those that are
// open stay so, also where no file of a process leads to them.
func TestEndsThatFoundNoRoom(t *testing.T) {
	const ends, stay = 200, 5
	ns := capturetest.NewNamespace(t)
	small := func(c *Config) { c.RingBytes = os.Getpagesize() }
	windows := inWindowsWith(t, ns, 700*time.Millisecond, small, func(next func()) {
		l := capturetest.Listen(t, ns, "127.0.0.1:7001")
		var open [ends + stay][2]net.Conn
		for i := range open {
			open[i][0], open[i][1] = capturetest.Connect(t, ns, l)
		}
		waiting := capturetest.Listen(t, ns, "127.0.0.1:7002")
		for range 20 { // more than are met at their listener
			var c net.Conn
			capturetest.In(t, ns, func() (err error) {
				c, err = net.Dial("tcp", waiting.Addr().String())
				return err
			})
			defer c.Close()
		}
		next()
		next()
		for _, c := range open[:ends] {
			closeBoth(c[0], c[1])
		}
		for range 5 {
			next()
		}
		for _, c := range open[ends:] {
			defer closeBoth(c[0], c[1])
		}
	})
	e := attribution.New(attribution.Config{})
	ledger := topology.NewLedger()
	losses, closed, opened, active, again := uint64(0), uint64(0), uint64(0), uint64(0), uint64(0)
	for i, w := range windows {
		losses += lost(w.told, flow.LossRingFull)
		for _, o := range w.told {
			e.Apply(o)
		}
		e.Close(ledger.Add)
		m := ledger.Map(e, topology.Facts{})
		active = 0
		for _, edge := range m.Edges {
			closed += edge.Connections.Closed
			opened += edge.Connections.Opened
			active += edge.Connections.Active
			if i > 2 {
				again += edge.Connections.Opened
			}
		}
		if i == len(windows)-2 && active != stay+20 {
			t.Errorf("%d are open before the last window, want %d", active, stay+20)
		}
		ledger.Reset()
	}
	if losses == 0 {
		t.Fatal("nothing was lost")
	}
	if opened != ends+stay+20 || again != 0 || closed < ends {
		t.Errorf("%d opened (%d of them after the loss) and %d closed; want %d and %d", opened, again, closed, ends+stay+20, ends)
	}
}
