package metrics

import (
	"strconv"
	"strings"
)

// labelValue is one label of a series under both names.
type labelValue struct{ prometheus, otlp, value string }

// labels are those of a series, without the empty ones: what is not known is
// absent.
func (i *identity) labels() []labelValue {
	f := i.form()
	out := make([]labelValue, 0, 20)
	put := func(l Label, value string) {
		if value != "" {
			out = append(out, labelValue{l.Prometheus, l.OTLP, value})
		}
	}
	for _, side := range [...]struct {
		name string
		e    *end
	}{{f.first, &i.a}, {f.second, &i.b}} {
		for _, l := range [...]struct {
			label Label
			value string
		}{{labelHost, side.e.host}, {labelNamespace, side.e.namespace}, {labelWorkload, side.e.workload}, {labelContainer, side.e.container},
			{labelProgram, side.e.program}, {labelPID, side.e.pid}, {labelAddress, side.e.address}} {
			put(l.label.of(side.name), l.value)
		}
	}
	if i.port != 0 {
		put(labelPort, strconv.Itoa(int(i.port)))
	}
	put(labelPath, i.path)
	put(labelTransport, i.transport)
	put(labelProtocol, i.protocol)
	put(labelTLS, i.tls)
	put(labelObserved, i.observed)
	return out
}

// point is one value of a metric, with the label beside those of its series.
type point struct {
	label  *Label // nil: none
	value  string // of the label
	number float64
	spread *spread // of a histogram
}

// points are what a series has to say of one metric of its form. What is not
// known is left out; what was counted is there, also if it is 0.
func (v *view) points(f *form, m *Metric, put func(point)) {
	t := &v.totals
	both := func(counts *[2]count) {
		for i, c := range counts {
			if c.known {
				put(point{&labelDirection, f.directions[i], float64(c.n), nil})
			}
		}
	}
	samples := func(s *spread) {
		if s.count > 0 {
			put(point{nil, "", 0, s})
		}
	}
	switch m {
	case &f.bytes:
		both(&t.bytes)
	case &f.retransmits:
		both(&t.retransmits)
	case &f.active:
		put(point{nil, "", float64(t.active), nil})
	case &f.opened:
		put(point{nil, "", float64(t.opened), nil})
	case &f.failed:
		put(point{nil, "", float64(t.unnamed()), nil})
		for _, e := range t.errors {
			put(point{&labelError, e.name, float64(e.n), nil})
		}
	case &f.connect:
		samples(&t.connect)
	case &f.rtt:
		samples(&t.rtt)
	}
}

// value is one value of a metric that is not of a series.
type value struct {
	metric  *Metric
	labels  []string // in the order of Metric.Labels
	number  float64
	started int64 // Unix milliseconds, of a counter
}

// key tells values of one snapshot apart.
func (v *value) key() string {
	return v.metric.OTLP + "\x00" + strings.Join(v.labels, "\x00")
}

// values are what the host and the program say of themselves, and the service
// graph where it is wanted.
func (s *snapshot) values() []value {
	var out []value
	h, self := &s.host, &s.self
	put := func(m *Metric, n float64, labels ...string) {
		out = append(out, value{m, labels, n, h.began.UnixMilli()})
	}
	put(&selfBuild, 1, self.Version, self.Revision, s.goVersion)
	put(&selfWindows, float64(h.windows))
	if h.windows > 0 {
		put(&selfWindowEnd, seconds(h.end.UnixMilli()))
		put(&selfEdges, float64(h.edges))
		put(&selfNodes, float64(h.nodes))
		put(&selfUnattributed, float64(h.unattributedBytes))
	}
	put(&selfSeries, float64(len(s.series)))
	for _, name := range droppedNames {
		put(&selfSeriesDropped, float64(s.dropped[name]), name)
	}
	for _, reason := range sortedKeys(h.lost) {
		put(&selfLost, float64(h.lost[reason]), reason)
	}
	for _, code := range h.degraded {
		put(&selfDegraded, 1, code)
	}
	if h.completeness != nil {
		put(&selfCompleteness, *h.completeness)
	}
	for _, name := range qualityNames {
		if share, ok := h.quality[name]; ok {
			put(&selfAttribution, share, name)
		}
	}
	return append(append(out, self.values(h.began.UnixMilli())...), s.graphValues()...)
}

func (x *Self) values(began int64) []value {
	var out []value
	put := func(m *Metric, n float64, labels ...string) { out = append(out, value{m, labels, n, began}) }
	for _, name := range sortedKeys(x.Exports) {
		e := x.Exports[name]
		put(&selfExportSent, float64(e.Sent), name)
		put(&selfExportFailed, float64(e.Failed), name)
		put(&selfExportDropped, float64(e.Dropped), name)
	}
	if h := x.History; h != nil {
		put(&selfHistorySize, float64(h.Bytes))
		if !h.Oldest.IsZero() {
			put(&selfHistoryOldest, seconds(h.Oldest.UnixMilli()))
		}
		put(&selfHistoryDropped, float64(h.Dropped))
	}
	for _, name := range sortedKeys(x.BPF) {
		put(&selfBPFRun, x.BPF[name].Seconds(), name)
	}
	return out
}

// graphValues are the service graph, if it is wanted.
func (s *snapshot) graphValues() []value {
	if !s.graph {
		return nil
	}
	var out []value
	counts := s.serviceGraph()
	for _, e := range sortedGraph(counts) {
		c := counts[e]
		out = append(out, value{&graphRequests, e.values(), float64(c.tried), c.started},
			value{&graphRequestsFailed, e.values(), float64(c.failed), c.started})
	}
	return out
}

// seconds are of a moment in Unix milliseconds, to the millisecond.
func seconds(ms int64) float64 { return float64(ms) / 1000 }
