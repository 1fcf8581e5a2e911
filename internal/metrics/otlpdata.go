package metrics

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"peerscope/internal/topology"
)

// perBatch is how many series go into a request. With long names they are some
// hundred kilobytes; receivers by gRPC take up to 4 MiB.
const perBatch = 200

// otlpWriter makes requests of snapshots. It is used by one goroutine.
type otlpWriter struct {
	delta      bool
	prometheus bool // attributes are called as labels
	bounds     []float64
	attributes map[*identity]*attributeSets
	// What the receiver has taken of each, for deltas.
	series map[*identity]taken
	values map[string]takenValue
}

type taken struct {
	totals totals
	until  time.Time
}

type takenValue struct {
	number float64
	until  time.Time
}

// attributeSets are those of a series, made once.
type attributeSets struct {
	base []attribute.KeyValue
	sets map[string]attribute.Set // by the value of the label beside it
}

func newOTLPWriter(delta, prometheus bool) *otlpWriter {
	w := &otlpWriter{delta: delta, prometheus: prometheus, attributes: map[*identity]*attributeSets{},
		series: map[*identity]taken{}, values: map[string]takenValue{}}
	for _, us := range topology.BucketBounds {
		w.bounds = append(w.bounds, float64(us)/1e6)
	}
	return w
}

// inherit takes over what the receiver has taken of a writer that wrote before, up
// to the snapshot that it ended with. Of a receiver of sums it is not known what it
// missed; what it was offered last counts.
func (w *otlpWriter) inherit(before *otlpWriter, ended *snapshot) {
	switch {
	case !w.delta:
	case before.delta:
		w.series, w.values = before.series, before.values
	default:
		for _, b := range w.batches(ended) {
			b.taken()
		}
	}
}

// batch is one request.
type batch struct {
	w      *otlpWriter
	at     time.Time
	views  []view
	values []value
}

// batches cuts a snapshot up. What is no longer in it is forgotten; of hidden series
// it stays known what was taken, since their sums go on.
func (w *otlpWriter) batches(s *snapshot) []batch {
	known, series := make(map[*identity]*attributeSets, len(s.series)), make(map[*identity]taken)
	for i := range s.series {
		id := s.series[i].id
		known[id] = w.attributes[id]
		if known[id] == nil {
			known[id] = &attributeSets{base: w.keyValues(id.labels()), sets: map[string]attribute.Set{}}
		}
		if t, ok := w.series[id]; ok {
			series[id] = t
		}
	}
	for _, id := range s.hidden {
		if t, ok := w.series[id]; ok {
			series[id] = t
		}
	}
	values := s.values()
	slices.SortStableFunc(values, func(a, b value) int { return cmp.Compare(a.metric.OTLP, b.metric.OTLP) })
	numbers := make(map[string]takenValue)
	for i := range values {
		if t, ok := w.values[values[i].key()]; ok {
			numbers[values[i].key()] = t
		}
	}
	w.attributes, w.series, w.values = known, series, numbers
	var out []batch
	for list := range slices.Chunk(values, 10*perBatch) {
		out = append(out, batch{w: w, at: s.now, values: list})
	}
	for views := range slices.Chunk(s.series, perBatch) {
		out = append(out, batch{w: w, at: s.now, views: views})
	}
	return out
}

// taken: the receiver has it.
func (b *batch) taken() {
	if !b.w.delta {
		return
	}
	for i := range b.views {
		b.w.series[b.views[i].id] = taken{b.views[i].totals, b.at}
	}
	for i := range b.values {
		if v := &b.values[i]; v.metric.Kind == Counter {
			b.w.values[v.key()] = takenValue{v.number, b.at}
		}
	}
}

// scope is the batch as the exporters want it.
func (b *batch) scope() []metricdata.ScopeMetrics {
	out := metricdata.ScopeMetrics{Scope: instrumentation.Scope{Name: "peerscope"}}
	for _, f := range [...]*form{&edgeForm, &pairForm} {
		for _, m := range f.metrics() {
			if data := b.ofSeries(f, m); data != nil {
				out.Metrics = append(out.Metrics, metricdata.Metrics{Name: m.OTLP, Description: m.Help, Unit: m.Unit, Data: data})
			}
		}
	}
	for i := 0; i < len(b.values); {
		m, from := b.values[i].metric, i
		for i < len(b.values) && b.values[i].metric == m {
			i++
		}
		out.Metrics = append(out.Metrics, metricdata.Metrics{Name: m.OTLP, Description: m.Help, Unit: m.Unit, Data: b.ofValues(m, b.values[from:i])})
	}
	return []metricdata.ScopeMetrics{out}
}

func (w *otlpWriter) temporality() metricdata.Temporality {
	if w.delta {
		return metricdata.DeltaTemporality
	}
	return metricdata.CumulativeTemporality
}

// ofSeries is one metric of the batch's series of a form; nil: none has it.
func (b *batch) ofSeries(f *form, m *Metric) metricdata.Aggregation {
	var numbers []metricdata.DataPoint[int64]
	var spreads []metricdata.HistogramDataPoint[float64]
	for i := range b.views {
		v := &b.views[i]
		if v.id.form() != f {
			continue
		}
		now, start := v, time.UnixMilli(v.started)
		if before, ok := b.w.series[v.id]; ok && b.w.delta {
			less := view{v.id, v.started, v.totals.minus(&before.totals)}
			now, start = &less, before.until
		}
		now.points(f, m, func(p point) {
			if b.w.delta && m.Kind != Gauge && p.number == 0 && (p.spread == nil || p.spread.count == 0) {
				return
			}
			set := b.w.attributes[v.id].with(b.w, p)
			if p.spread != nil {
				spreads = append(spreads, b.w.histogram(p.spread, set, start, b.at))
				return
			}
			numbers = append(numbers, metricdata.DataPoint[int64]{Attributes: set, StartTime: start, Time: b.at, Value: int64(p.number)})
		})
	}
	switch {
	case len(spreads) > 0:
		return metricdata.Histogram[float64]{DataPoints: spreads, Temporality: b.w.temporality()}
	case len(numbers) == 0:
		return nil
	case m.Kind == Gauge:
		return metricdata.Gauge[int64]{DataPoints: numbers}
	}
	return metricdata.Sum[int64]{DataPoints: numbers, Temporality: b.w.temporality(), IsMonotonic: true}
}

func (w *otlpWriter) histogram(s *spread, set attribute.Set, start, at time.Time) metricdata.HistogramDataPoint[float64] {
	counts := make([]uint64, len(s.buckets))
	copy(counts, s.buckets[:])
	return metricdata.HistogramDataPoint[float64]{Attributes: set, StartTime: start, Time: at, Count: s.count, Sum: float64(s.sum) / 1e6,
		Bounds: w.bounds, BucketCounts: counts}
}

func (b *batch) ofValues(m *Metric, values []value) metricdata.Aggregation {
	var numbers []metricdata.DataPoint[float64]
	for i := range values {
		v := &values[i]
		number, start := v.number, time.UnixMilli(v.started)
		if before, ok := b.w.values[v.key()]; ok && b.w.delta && m.Kind == Counter {
			start = before.until
			if number -= before.number; number < 0 {
				number, start = v.number, time.UnixMilli(v.started) // it began anew
			}
		}
		var list []labelValue
		for i, text := range v.labels {
			if text != "" {
				list = append(list, labelValue{m.Labels[i].Prometheus, m.Labels[i].OTLP, text})
			}
		}
		numbers = append(numbers, metricdata.DataPoint[float64]{Attributes: attribute.NewSet(b.w.keyValues(list)...), StartTime: start, Time: b.at, Value: number})
	}
	if m.Kind == Gauge {
		return metricdata.Gauge[float64]{DataPoints: numbers}
	}
	return metricdata.Sum[float64]{DataPoints: numbers, Temporality: b.w.temporality(), IsMonotonic: true}
}

// with are the attributes of a point.
func (a *attributeSets) with(w *otlpWriter, p point) attribute.Set {
	set, ok := a.sets[p.value]
	if !ok {
		list := a.base
		if p.label != nil {
			list = append(list[:len(list):len(list)], w.keyValues([]labelValue{{p.label.Prometheus, p.label.OTLP, p.value}})...)
		}
		set = attribute.NewSet(append([]attribute.KeyValue(nil), list...)...)
		a.sets[p.value] = set
	}
	return set
}

// keyValues are attributes with the types that the conventions give them.
func (w *otlpWriter) keyValues(list []labelValue) []attribute.KeyValue {
	out := make([]attribute.KeyValue, 0, len(list))
	for _, l := range list {
		if w.prometheus {
			out = append(out, attribute.String(l.prometheus, l.value))
			continue
		}
		number, err := strconv.ParseInt(l.value, 10, 64)
		switch {
		case err == nil && (l.prometheus == labelPort.Prometheus || l.otlp == "client."+labelPID.OTLP || l.otlp == "server."+labelPID.OTLP ||
			l.otlp == "first."+labelPID.OTLP || l.otlp == "second."+labelPID.OTLP):
			out = append(out, attribute.Int64(l.otlp, number))
		case l.prometheus == labelTLS.Prometheus:
			out = append(out, attribute.Bool(l.otlp, l.value == "true"))
		default:
			out = append(out, attribute.String(l.otlp, l.value))
		}
	}
	return out
}

// minus is what was added since; active stays what it is.
func (t *totals) minus(before *totals) totals {
	out := *t
	for i := range out.bytes {
		out.bytes[i].n -= before.bytes[i].n
		out.retransmits[i].n -= before.retransmits[i].n
	}
	out.opened -= before.opened
	out.closed -= before.closed
	out.failed -= before.failed
	out.errors = nil
	for _, e := range t.errors {
		for _, b := range before.errors {
			if b.name == e.name {
				e.n -= b.n
			}
		}
		out.errors = append(out.errors, e)
	}
	out.rtt.minus(&before.rtt)
	out.connect.minus(&before.connect)
	return out
}

func (p *spread) minus(before *spread) {
	p.count -= before.count
	p.sum -= before.sum
	for i := range p.buckets {
		p.buckets[i] -= before.buckets[i]
	}
}
