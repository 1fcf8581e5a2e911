package ebpf

import (
	"peerscope/internal/capture/netns"
	"peerscope/internal/flow"
)

// totals compare what was told with what the kernel counted on its own
// (/proc/net/snmp of each namespace): connections that were tried and accepted.
// A namespace that comes or goes within the window is left out on both sides.
//
// A connection belongs to the window in which it was opened. What is opened
// while a window is being closed, after the kernel's counters were read, belongs
// to the next one.
type totals struct {
	before, after map[flow.NetnsID]uint64
	since, until  uint64 // when these were read, CLOCK_BOOTTIME in ns
	toldIn        map[flow.NetnsID]uint64
	ahead         map[flow.NetnsID]uint64 // of the next window
}

// opens is what the kernel counted in each namespace so far.
func opens(spaces *netns.Registry) map[flow.NetnsID]uint64 {
	out := map[flow.NetnsID]uint64{}
	for _, r := range spaces.ReadTotals() {
		if r.OK {
			out[r.ID] = r.ActiveOpens + r.PassiveOpens
		}
	}
	return out
}

func (t *totals) begin(spaces *netns.Registry, now uint64) {
	t.since, t.before = now, opens(spaces)
	t.toldIn, t.ahead = map[flow.NetnsID]uint64{}, map[flow.NetnsID]uint64{}
}

// end begins to close a window, next opens the one after it.
func (t *totals) end(spaces *netns.Registry, now uint64) { t.until, t.after = now, opens(spaces) }

func (t *totals) next() {
	t.since, t.before, t.toldIn = t.until, t.after, t.ahead
	t.until, t.after, t.ahead = 0, nil, map[flow.NetnsID]uint64{}
}

// told counts a connection that was opened in the window, once: at its end, or
// by the look that ends the window. Of one that found no room it is not known
// when it was opened.
func (t *totals) told(r *peerscopeTcpRecord) {
	if t.toldIn == nil {
		return
	}
	id := netnsID(r.Netns, r.NetnsInode)
	switch {
	case r.Flags&flagUntracked != 0 && r.Flags&flagFinal != 0:
		t.toldIn[id]++
	case r.Opened < t.since || r.Flags&flagFinal == 0 && t.until == 0:
	case t.until == 0 || r.Opened < t.until:
		t.toldIn[id]++
	case r.Flags&flagFinal != 0:
		t.ahead[id]++
	}
}

func (t *totals) sum() flow.Totals {
	var sum flow.Totals
	for id, after := range t.after {
		before, both := t.before[id]
		if !both || after < before {
			continue
		}
		sum.Kernel += after - before
		sum.Told += min(t.toldIn[id], after-before)
	}
	return sum
}
