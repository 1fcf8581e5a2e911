package view

import (
	"slices"
	"strconv"
	"time"

	"peerscope/internal/topology"
)

// edge writes a line down as it is shown.
func (s *scene) edge(l *line) Edge {
	first, second, roles := ends(&l.Edge)
	e := Edge{ID: l.ID, Transport: l.Transport, ServerPort: l.ServerPort, EndPorts: l.EndPorts, Path: clean(l.Path), Dialed: l.Dialed,
		Services: cleaned(l.Services), Active: l.Connections.Active, Connections: l.Connections, Errors: l.Errors,
		Health: l.health, Reasons: l.reasons, TLS: encrypted(&l.Edge), Quality: quality(&l.Edge, s.nodes[first], s.nodes[second]),
		Inexact: l.Inexact, Change: l.change, Changes: l.changes, RTT: timesOf(l.RTT), Connect: timesOf(l.Edge.Connect)}
	if l.bundle > 1 {
		e.Bundle, e.Dialed, e.Services = l.bundle, nil, nil
	}
	if roles {
		e.Client, e.Server = first, second
	} else {
		e.Ends = l.Ends
	}
	l.rates(&e)
	if to, back := l.Edge.Bytes.Directions(); to != nil || back != nil {
		e.Bytes = &Bytes{Tx: to, Rx: back}
	}
	for _, p := range l.Protocols {
		if p.Name != "" || p.TLS != nil {
			p.Name = clean(p.Name)
			e.Protocols = append(e.Protocols, p)
		}
	}
	e.Candidates, e.Holders = s.named(l.Candidates), s.named(l.Holders)
	e.Label = l.label()
	e.Sentence = s.sentence(l, &e.Quality)
	return e
}

// rates writes down what there is a second, in one piece of memory.
func (l *line) rates(e *Edge) {
	into := [...]struct {
		measure string
		at      **float64
	}{{topology.MeasureTx, &e.Tx}, {topology.MeasureRx, &e.Rx}, {topology.MeasureOpened, &e.Opened}, {topology.MeasureClosed, &e.Closed},
		{topology.MeasureFailed, &e.Failed}, {topology.MeasureRetransmits, &e.Retransmits}}
	values := new([len(into)]float64)
	for i, x := range into {
		if v, ok := l.Measure(x.measure, l.length); ok {
			values[i], *x.at = v, &values[i]
		}
	}
}

// volume is the bytes of both directions that are known.
func (l *line) volume() uint64 {
	to, back := l.Bytes.Directions()
	return valueOf(to) + valueOf(back)
}

// meanOf is in seconds.
func meanOf(s *topology.Stat) (float64, bool) {
	if s == nil || s.Count == 0 {
		return 0, false
	}
	return float64(s.Sum) / float64(s.Count) / 1e6, true
}

func timesOf(s *topology.Stat) *Times {
	mean, ok := meanOf(s)
	if !ok {
		return nil
	}
	t := &Times{Mean: mean, Max: float64(s.Max) / 1e6}
	if us, ok := s.Quantile(0.95); ok {
		t.P95 = new(float64(us) / 1e6)
	}
	return t
}

// label is what stands at a line: its port or path, and its protocol.
func (l *line) label() string {
	at := ""
	switch {
	case l.ServerPort != 0:
		at = strconv.Itoa(int(l.ServerPort))
	case l.Path != "":
		at = shorten(clean(l.Path), 24)
	}
	what := l.Transport
	for _, p := range l.Protocols {
		if p.Name != "" {
			what = clean(p.Name)
			break
		}
	}
	if l.bundle > 1 {
		what = many(l.bundle, "edge")
	} else if at != "" && (what == "tcp" || what == "unix") {
		what = "" // what one expects there
	}
	return words(at, what)
}

// named are the names of nodes that an end could be, or that hold its socket.
func (s *scene) named(sets map[string][]string) map[string][]string {
	if len(sets) == 0 {
		return nil
	}
	out := make(map[string][]string, len(sets))
	for end, ids := range sets {
		for _, id := range ids {
			out[end] = append(out[end], s.call(id))
		}
		slices.Sort(out[end])
		out[end] = slices.Compact(out[end])
	}
	return out
}

func cleaned(list []string) []string {
	var out []string
	for _, s := range list {
		out = append(out, clean(s))
	}
	return out
}

func perSecond(n uint64, length time.Duration) (float64, bool) {
	if length <= 0 {
		return 0, false
	}
	return float64(n) / length.Seconds(), true
}
