package metrics

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"peerscope/internal/topology"
)

// textWriter writes metrics in Prometheus's text format, or in OpenMetrics. It
// does what the encoder of Prometheus's library does for the few forms of
// metrics there are here, at a tenth of the cost: the labels of a series are
// written once and not for each of its lines.
type textWriter struct {
	out     *bytes.Buffer
	flush   func(*bytes.Buffer) // called after each series; takes what it likes
	open    bool                // OpenMetrics
	created bool                // say since when counters count
	bounds  []bound             // of histograms
	of      []int               // for each of topology's buckets, the index into bounds; len(bounds) is +Inf
}

// bound is an upper bound of a histogram, ready to be written.
type bound struct{ label string }

func (w *textWriter) setBounds(us []uint64) {
	for _, u := range us {
		text := strconv.FormatFloat(float64(u)/1e6, 'g', -1, 64)
		if w.open && !strings.ContainsAny(text, ".e") {
			text += ".0" // OpenMetrics wants floating point here
		}
		w.bounds = append(w.bounds, bound{`le="` + text + `"`})
	}
	for i := range len(topology.BucketBounds) + 1 {
		up := uint64(topology.Unbounded)
		if i < len(topology.BucketBounds) {
			up = topology.BucketBounds[i]
		}
		at, _ := slices.BinarySearch(us, up)
		w.of = append(w.of, at)
	}
}

// head begins a metric.
func (w *textWriter) head(m *Metric) {
	name := m.Prometheus
	if w.open && m.Kind == Counter {
		name = strings.TrimSuffix(name, "_total")
	}
	kind := [...]string{Counter: "counter", Gauge: "gauge", Histogram: "histogram"}[m.Kind]
	w.write("# HELP ", name, " ", m.Help, "\n# TYPE ", name, " ", kind, "\n")
}

func (w *textWriter) write(parts ...string) {
	for _, p := range parts {
		w.out.WriteString(p)
	}
}

// line writes one value. labels and extra are written already, without braces.
func (w *textWriter) line(name, suffix, labels, extra string, number float64) {
	b := w.out.AvailableBuffer()
	b = append(append(b, name...), suffix...)
	if labels != "" || extra != "" {
		b = append(append(b, '{'), labels...)
		if labels != "" && extra != "" {
			b = append(b, ',')
		}
		b = append(append(b, extra...), '}')
	}
	b = append(appendNumber(append(b, ' '), number), '\n')
	w.out.Write(b)
}

// appendNumber writes counts as they are: the shortest form of a large one would
// have an exponent, which is longer and slower.
func appendNumber(b []byte, n float64) []byte {
	if n == math.Trunc(n) && math.Abs(n) < 1<<53 {
		return strconv.AppendInt(b, int64(n), 10)
	}
	return strconv.AppendFloat(b, n, 'g', -1, 64)
}

// value writes a number with what belongs to it. started is in Unix
// milliseconds.
func (w *textWriter) value(m *Metric, labels, extra string, number float64, s *spread, started int64) {
	name := m.Prometheus
	switch m.Kind {
	case Histogram:
		w.histogram(name, labels, s)
	default:
		w.line(name, "", labels, extra, number)
	}
	if w.open && w.created && m.Kind != Gauge {
		w.line(strings.TrimSuffix(name, "_total"), "_created", labels, extra, seconds(started))
	}
	w.flush(w.out)
}

func (w *textWriter) histogram(name, labels string, s *spread) {
	var below uint64
	next := 0
	for at := range w.bounds {
		for next < len(s.buckets) && w.of[next] <= at {
			below += s.buckets[next]
			next++
		}
		w.line(name, "_bucket", labels, w.bounds[at].label, float64(below))
	}
	w.line(name, "_bucket", labels, `le="+Inf"`, float64(s.count))
	w.line(name, "_sum", labels, "", float64(s.sum)/1e6)
	w.line(name, "_count", labels, "", float64(s.count))
}

// labelText writes labels in the order of their names, without braces.
func labelText(list []labelValue) string {
	slices.SortFunc(list, func(a, b labelValue) int { return cmp.Compare(a.prometheus, b.prometheus) })
	var b strings.Builder
	for i, l := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(l.prometheus + `="`)
		escape.WriteString(&b, l.value)
		b.WriteByte('"')
	}
	return b.String()
}

// valueText writes the labels of a value that is not of a series; what is empty
// is left out.
func valueText(labels []Label, values []string) string {
	var list []labelValue
	for i, v := range values {
		if v != "" {
			list = append(list, labelValue{labels[i].Prometheus, labels[i].OTLP, v})
		}
	}
	return labelText(list)
}

var escape = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
