package main

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// tcpCounters are the kernel's own totals of a namespace: the truth that the
// map is held against.
type tcpCounters struct {
	active  uint64 // connects
	passive uint64 // connections that reached a listener and were established
}

func (c tcpCounters) since(before tcpCounters) tcpCounters {
	return tcpCounters{c.active - before.active, c.passive - before.passive}
}

// parseSNMP reads /proc/net/snmp: for each protocol a line of names and a line
// of values.
func parseSNMP(r io.Reader) (tcpCounters, error) {
	var names []string
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		rest, ok := strings.CutPrefix(lines.Text(), "Tcp: ")
		if !ok {
			continue
		}
		if names == nil {
			names = strings.Fields(rest)
			continue
		}
		values := strings.Fields(rest)
		if len(values) != len(names) {
			return tcpCounters{}, fmt.Errorf("%d names and %d values of TCP", len(names), len(values))
		}
		var c tcpCounters
		found := 0
		for i, name := range names {
			to := map[string]*uint64{"ActiveOpens": &c.active, "PassiveOpens": &c.passive}[name]
			if to == nil {
				continue
			}
			n, err := strconv.ParseUint(values[i], 10, 64)
			if err != nil {
				return c, fmt.Errorf("%s: %w", name, err)
			}
			*to = n
			found++
		}
		if found != 2 {
			return c, fmt.Errorf("no ActiveOpens and PassiveOpens among %q", names)
		}
		return c, nil
	}
	if err := lines.Err(); err != nil {
		return tcpCounters{}, err
	}
	return tcpCounters{}, fmt.Errorf("no counters of TCP")
}
