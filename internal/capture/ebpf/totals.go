package ebpf

import (
	"peerscope/internal/capture/netns"
	"peerscope/internal/flow"
)

// totals compare what was told with what the kernel counted on its own
// (/proc/net/snmp of each namespace): connections that were tried and accepted.
// A namespace that comes or goes within the window is left out on both sides.
//
// A connection belongs to the window in which it was opened. Between two windows
// there is a moment, while the kernel's counters are read and just after: what is
// opened in it is told with the first and may be counted by the kernel in the
// second, for which it is kept.
type totals struct {
	before, after map[flow.NetnsID]uint64
	began         uint64 // the observation, CLOCK_BOOTTIME in ns; 0: not yet
	until         uint64 // when after was read
	toldIn        map[flow.NetnsID]uint64
	ahead         map[flow.NetnsID]uint64 // told, and of the next window
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
	t.began, t.before = now, opens(spaces)
	t.toldIn, t.ahead = map[flow.NetnsID]uint64{}, map[flow.NetnsID]uint64{}
}

// end begins to close a window, next opens the one after it.
func (t *totals) end(spaces *netns.Registry, now func() uint64) {
	t.after = opens(spaces)
	t.until = now()
}

func (t *totals) next() {
	for id, after := range t.after {
		before, both := t.before[id]
		if told := t.toldIn[id]; both && after >= before && told > after-before {
			t.ahead[id] += told - (after - before)
		}
	}
	t.before, t.toldIn = t.after, t.ahead
	t.until, t.after, t.ahead = 0, nil, map[flow.NetnsID]uint64{}
}

// told counts a connection that was opened since the observation began, when it
// is told first: by a look, or when it is over and no look had met it. Of one
// that found no room it is not known when it was opened.
func (t *totals) told(r *peerscopeTcpRecord) {
	untracked := r.Flags&flagUntracked != 0 && r.Flags&flagFinal != 0
	if t.began == 0 || !untracked && (r.Opened < t.began || r.Met != 0) {
		return
	}
	into := t.toldIn
	if t.until != 0 && r.Opened >= t.until {
		into = t.ahead
	}
	into[netnsID(r.Netns, r.NetnsInode)]++
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
