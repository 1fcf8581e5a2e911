package metrics

import (
	"sync"

	"peerscope/internal/topology"
)

// Accumulator adds up the windows of one host. It is safe for concurrent use.
// The end of the last window is its clock.
type Accumulator struct {
	config SeriesConfig

	mu     sync.Mutex
	series map[identity]*series
	order  []*series   // those that are not hidden, by identity; nil: to be made
	asleep []*identity // of the hidden ones, made with order
	shown  int         // of these that are not hidden, and not for what has none
	guard  guard
	host   hostTotals
	now    int64 // end of the last window, Unix milliseconds
	keep   int   // hidden series
}

// series is one edge between programs. One that is hidden was not seen for
// long; it is kept while there is room, so that it goes on where it ended if it
// is seen again.
type series struct {
	id            *identity
	started, last int64 // start of the first, end of the last window it was in
	hidden        bool
	totals        totals
}

// NewAccumulator returns an empty one. The configuration must be valid.
func NewAccumulator(c SeriesConfig) *Accumulator {
	return &Accumulator{config: c, series: map[identity]*series{}, guard: newGuard(), host: newHostTotals(), keep: max(c.MaxEdges, 1000)}
}

// Add counts a window, once. Windows of any length may follow each other. It
// keeps nothing of m, and takes some microseconds an edge.
func (a *Accumulator) Add(m *topology.Map) error {
	start, end, err := m.Window.Bounds()
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.now = max(a.now, end.UnixMilli())
	a.host.add(m, start, end)
	a.expire()
	for _, s := range a.series {
		s.totals.active = 0
	}
	ends := a.endsOf(m)
	a.guard.see(a, m, ends)
	for i := range m.Edges {
		a.edge(m, &m.Edges[i], ends, start.UnixMilli())
	}
	return nil
}

// nodeEnds is the end that a node belongs to, as a client and as a server.
type nodeEnds struct {
	client, server end
	age            *age // of a program
	young          bool
}

func (a *Accumulator) endsOf(m *topology.Map) map[string]*nodeEnds {
	all := make([]nodeEnds, len(m.Nodes))
	ends := make(map[string]*nodeEnds, len(m.Nodes))
	for i := range m.Nodes {
		n := &m.Nodes[i]
		e := a.config.endOf(n, m.Host.Name)
		all[i] = nodeEnds{client: e, server: e}
		if e.external && a.config.Addresses == AddressesServers {
			all[i].server.address = n.Attributes.PeerAddress
		}
		ends[n.ID] = &all[i]
	}
	return ends
}

// edge adds one edge to its series.
func (a *Accumulator) edge(m *topology.Map, e *topology.Edge, ends map[string]*nodeEnds, start int64) {
	id, ok := a.identify(e, ends)
	if !ok {
		return // of a map that Read would have refused
	}
	id = a.guard.fold(id, m.Host.Name, a.config.MaxExternalNames)
	reversed := false
	if id.pair && id.a.compare(&id.b) > 0 {
		id.a, id.b, reversed = id.b, id.a, true
		switch id.observed {
		case pairForm.first:
			id.observed = pairForm.second
		case pairForm.second:
			id.observed = pairForm.first
		}
	}
	s := a.series[id]
	if (s == nil || s.hidden) && a.shown >= a.config.MaxEdges && !id.other() {
		a.guard.dropped[droppedMaxEdges]++
		id = id.asOther(m.Host.Name)
		s = a.series[id]
	}
	if s == nil {
		s = &series{id: &id, started: start, hidden: true}
		a.series[id] = s
	}
	if s.hidden {
		a.hide(s, false)
	}
	s.last = a.now
	if !s.totals.add(e, reversed) {
		a.guard.dropped[droppedNoBuckets]++
	}
}

// identify makes the series that an edge would be in if there were room for all.
func (a *Accumulator) identify(e *topology.Edge, ends map[string]*nodeEnds) (identity, bool) {
	first, second := e.Client, e.Server
	id := identity{transport: e.Transport, port: e.ServerPort}
	if len(e.Ends) == 2 {
		id.pair, first, second = true, e.Ends[0], e.Ends[1]
	}
	f, s := ends[first], ends[second]
	if f == nil || s == nil {
		return id, false
	}
	id.a, id.b = f.client, s.server
	if id.pair {
		id.b = s.client
	}
	if f.young || s.young {
		a.guard.dropped[droppedMinAge]++
		f.shorten(&id.a)
		s.shorten(&id.b)
	}
	if a.config.Paths {
		id.path = clip(e.Path)
	}
	id.protocol, id.tls = protocolOf(e)
	id.observed = observedBy(e, &id)
	return id, true
}

// shorten leaves nothing of a young program but its host.
func (n *nodeEnds) shorten(e *end) {
	if n.young {
		*e = end{host: e.host, program: WordShortLived}
	}
}

// protocolOf is what all connections of an edge have in common.
func protocolOf(e *topology.Edge) (name, tls string) {
	for i, p := range e.Protocols {
		t := ""
		if p.TLS != nil && *p.TLS {
			t = "true"
		} else if p.TLS != nil {
			t = "false"
		}
		if i == 0 {
			name, tls = clip(p.Name), t
			continue
		}
		if name != p.Name {
			name = WordMixed
		}
		if tls != t {
			tls = ""
		}
	}
	return name, tls
}

// observedBy says whose sockets counted; where none did, which ends have a
// process.
func observedBy(e *topology.Edge, id *identity) string {
	first, second := !id.a.external, !id.b.external
	if s := e.Sides; s != nil {
		first, second = s.Client != nil || s.First != nil, s.Server != nil || s.Second != nil
	}
	f := id.form()
	switch {
	case first && second:
		return "both"
	case first:
		return f.first
	case second:
		return f.second
	}
	return ""
}

// expire hides what was not seen for long, and lets go of what is hidden where
// that is too many.
func (a *Accumulator) expire() {
	oldest := a.now - a.config.Expire.Milliseconds()
	hidden := 0
	for _, s := range a.series {
		if !s.hidden && s.last < oldest {
			a.hide(s, true)
		}
		if s.hidden {
			hidden++
		}
	}
	if hidden > a.keep {
		a.forget(hidden - a.keep*3/4)
	}
}

// hide takes a series out of what is shown, or puts it back.
func (a *Accumulator) hide(s *series, hidden bool) {
	d := 1
	if hidden {
		d = -1
	}
	s.hidden, a.order = hidden, nil
	a.guard.names.add(s.id, d)
	if !s.id.other() {
		a.shown += d
	}
}
