package ebpf

import (
	"errors"
	"fmt"
)

// Finding is one thing that this source needs, tried on this host.
type Finding struct {
	Name   string
	OK     bool
	Detail string
	Fix    string
}

// Rungs say what each one rests on, best first.
var rungs = map[string]string{
	rungTracepoints: "every socket's open, use and end are told, messages are counted where they pass",
	rungFunctions:   "every socket's open, use and end are told, messages are counted by the exits of functions",
	rungAddresses:   "every socket's open, use and end are told, messages are counted by the exits of functions, sockets are known by their addresses",
	rungTCP:         "TCP connections are told, UDP and unix traffic is not counted",
}

// Examine loads the programs and lets them go again.
func Examine() []Finding {
	p, err := load(settings{maxTracked: 1})
	if err != nil {
		var m *Missing
		if errors.As(err, &m) {
			return []Finding{{Name: "eBPF", Detail: m.Reason, Fix: m.Fix}}
		}
		return []Finding{{Name: "eBPF", Detail: err.Error()}}
	}
	defer p.close()
	out := []Finding{{Name: "eBPF", OK: true, Detail: fmt.Sprintf("rung %s: %s", p.rung, rungs[p.rung])}}
	for _, g := range p.gaps {
		out = append(out, Finding{Name: "eBPF: " + g.Code, Detail: g.Reason, Fix: g.Fix})
	}
	return out
}
