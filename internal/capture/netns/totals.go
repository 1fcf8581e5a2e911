package netns

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"peerscope/internal/flow"
)

// Totals are what the kernel itself counted of TCP in one namespace since it was
// made: the Tcp lines of /proc/net/snmp. Both ends of a connection count where
// both are in the namespace, and so does each subflow of MPTCP.
type Totals struct {
	ActiveOpens  uint64 // connects, whatever came of them
	PassiveOpens uint64 // handshakes completed with a listener, accepted or not
	AttemptFails uint64 // connects and half-open connections that came to nothing
	EstabResets  uint64 // from ESTABLISHED or CLOSE_WAIT straight to CLOSE
	CurrEstab    uint64 // in ESTABLISHED or CLOSE_WAIT now: a level, and no count
}

// Reading is what was read of one namespace.
type Reading struct {
	ID    flow.NetnsID
	Inode uint64
	Totals
	// OK: read now. Else the namespace has ended or could not be read, and Totals
	// are what was read last, zero if nothing was: what it counted since is not
	// known.
	OK bool
}

// errReplaced is an inode that leads to another namespace than it did.
var errReplaced = errors.New("another network namespace has its inode now")

// ReadTotals reads the totals of every observed namespace that Refresh found,
// by rising ID. One that has ended since the last call is told a last time, not
// OK.
func (r *Registry) ReadTotals() []Reading {
	out := r.gone
	r.gone = nil
	for inode, e := range r.known {
		t, err := r.readTotals(inode, e.told.ID)
		if err == nil {
			e.totals = t
		}
		out = append(out, Reading{ID: e.told.ID, Inode: inode, Totals: e.totals, OK: err == nil})
	}
	slices.SortFunc(out, func(a, b Reading) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// readTotals enters the namespace: there is one way for those with and without
// a process, and only inside it can be told that it is still the same.
func (r *Registry) readTotals(inode uint64, id flow.NetnsID) (t Totals, err error) {
	err = r.Do(inode, func() error {
		now, err := idHere(inode)
		if err != nil {
			return err
		}
		if now != id {
			return errReplaced
		}
		f, err := os.Open("/proc/thread-self/net/snmp")
		if err != nil {
			return err
		}
		defer f.Close()
		t, err = parseSNMP(f)
		return err
	})
	return t, err
}

// parseSNMP reads the format of /proc/net/snmp: for each protocol a line of
// names and a line of values in the same order. A counter that is not there is
// an error. Values are as the kernel keeps them, 64 bits on 64-bit machines.
func parseSNMP(in io.Reader) (Totals, error) {
	var names []string
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || fields[0] != "Tcp:" {
			continue
		}
		if names == nil {
			names = fields
			continue
		}
		return totalsOf(names, fields)
	}
	if err := lines.Err(); err != nil {
		return Totals{}, fmt.Errorf("read TCP counters: %w", err)
	}
	return Totals{}, errors.New("read TCP counters: no Tcp lines")
}

func totalsOf(names, values []string) (Totals, error) {
	var t Totals
	if len(names) != len(values) {
		return t, fmt.Errorf("read TCP counters: %d names and %d values", len(names), len(values))
	}
	for _, want := range []struct {
		name string
		to   *uint64
	}{
		{"ActiveOpens", &t.ActiveOpens},
		{"PassiveOpens", &t.PassiveOpens},
		{"AttemptFails", &t.AttemptFails},
		{"EstabResets", &t.EstabResets},
		{"CurrEstab", &t.CurrEstab},
	} {
		i := slices.Index(names, want.name)
		if i < 0 {
			return Totals{}, fmt.Errorf("read TCP counters: no %s", want.name)
		}
		n, err := strconv.ParseUint(values[i], 10, 64)
		if err != nil {
			return Totals{}, fmt.Errorf("read TCP counters: %s: %w", want.name, err)
		}
		*want.to = n
	}
	return t, nil
}
