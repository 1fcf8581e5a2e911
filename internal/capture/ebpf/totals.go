package ebpf

import (
	"peerscope/internal/capture/netns"
	"peerscope/internal/flow"
)

// totals compare what was told with what the kernel counted on its own
// (/proc/net/snmp of each namespace): connections that were tried and accepted.
// A namespace that comes or goes within the window is left out on both sides.
type totals struct {
	before, after map[flow.NetnsID]uint64
	toldIn        map[flow.NetnsID]uint64
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

func (t *totals) begin(spaces *netns.Registry) {
	t.before, t.toldIn = opens(spaces), map[flow.NetnsID]uint64{}
}

func (t *totals) end(spaces *netns.Registry) { t.after = opens(spaces) }

// told counts a connection that was opened in the window, once: at its end, or
// by the look that ends the window. Of one that found no room it is not known
// when it was opened.
func (t *totals) told(r *peerscopeTcpRecord, opened bool) {
	opened = opened || r.Flags&flagUntracked != 0
	if opened && t.toldIn != nil && (r.Flags&flagFinal != 0 || t.after != nil) {
		t.toldIn[netnsID(r.Netns, r.NetnsInode)]++
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
