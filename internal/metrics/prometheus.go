package metrics

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"

	"peerscope/internal/accept"
	"peerscope/internal/topology"
)

// PrometheusConfig is how metrics are offered to a scraper.
type PrometheusConfig struct {
	// Enabled: there is a /metrics.
	Enabled bool `json:"enabled" yaml:"enabled"`
	// Buckets is how fine histograms are: "full" (22 bounds), "coarse" (8) or
	// "none" (only sum and count).
	Buckets string `json:"buckets" yaml:"buckets"`
	// Created adds a line to each counter and histogram of OpenMetrics, since
	// when it counts. Prometheus stores it as a series of its own, unless it was
	// told what it is.
	Created bool `json:"created" yaml:"created"`
}

// DefaultPrometheus is on, with histograms that are coarse.
func DefaultPrometheus() PrometheusConfig { return PrometheusConfig{Enabled: true, Buckets: "coarse"} }

// Validate says in one line what is wrong, and what would be right.
func (c PrometheusConfig) Validate() error {
	if _, ok := c.bounds(); !ok {
		return fmt.Errorf("buckets is %q: it is one of full, coarse, none", c.Buckets)
	}
	return nil
}

// bounds are the upper bounds of histograms, microseconds.
func (c PrometheusConfig) bounds() (bounds []uint64, ok bool) {
	switch c.Buckets {
	case "full":
		return topology.BucketBounds[:], true
	case "coarse":
		return []uint64{100, 500, 1_000, 5_000, 10_000, 100_000, 1_000_000, 10_000_000}, true
	case "none":
		return nil, true
	}
	return nil, false
}

// mostScrapes is how many are answered at a time.
const mostScrapes = 4

// Handler answers scrapes in the text format or in OpenMetrics, as the request
// accepts, compressed if it accepts that. self is called once a scrape and may
// be nil. The configuration must be valid.
func Handler(c PrometheusConfig, a *Accumulator, self func() Self) http.Handler {
	h := &handler{config: c, from: a, self: self, runtime: prometheus.NewRegistry(), slots: make(chan struct{}, mostScrapes)}
	h.runtime.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return h
}

type handler struct {
	config  PrometheusConfig
	from    *Accumulator
	self    func() Self
	runtime *prometheus.Registry // of this process and of Go's runtime
	slots   chan struct{}

	mu     sync.Mutex
	labels map[*identity]string // of the series of the last scrape
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	default:
		http.Error(w, fmt.Sprintf("%d scrapes are being answered already: try again", mostScrapes), http.StatusServiceUnavailable)
		return
	}
	format := negotiate(r.Header)
	w.Header().Set("Content-Type", string(format))
	w.Header().Set("Vary", "Accept, Accept-Encoding")
	out := io.Writer(w)
	if accept.Gzip(r.Header.Get("Accept-Encoding")) {
		w.Header().Set("Content-Encoding", "gzip")
		z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		defer z.Close()
		out = z
	}
	if r.Method != http.MethodHead {
		h.render(out, format)
	}
}

// negotiate chooses the format. Protobuf is not written.
func negotiate(h http.Header) expfmt.Format {
	open, err := expfmt.NewOpenMetricsFormat(expfmt.OpenMetricsVersion_1_0_0)
	if err != nil {
		open = expfmt.NewFormat(expfmt.TypeOpenMetrics)
	}
	return expfmt.NegotiateAccept(h, expfmt.NewFormat(expfmt.TypeTextPlain), open)
}

// flushAt is how much is gathered before it is written.
const flushAt = 64 << 10

// render writes all metrics. A reader that goes away is no error here: nobody
// is left to hear of it.
func (h *handler) render(out io.Writer, format expfmt.Format) {
	s := h.from.snapshot(h.self)
	labels := h.labelsOf(s)
	failed := false
	w := &textWriter{out: new(bytes.Buffer), open: format.FormatType() == expfmt.TypeOpenMetrics, created: h.config.Created,
		flush: func(b *bytes.Buffer) {
			if b.Len() >= flushAt {
				if _, err := out.Write(b.Bytes()); err != nil {
					failed = true
				}
				b.Reset()
			}
		}}
	us, _ := h.config.bounds()
	w.setBounds(us)
	for _, f := range [...]*form{&edgeForm, &pairForm} {
		for _, m := range f.metrics() {
			if failed {
				return
			}
			w.ofSeries(s, m, f, labels)
		}
	}
	w.ofValues(s.values())
	h.ofRuntime(w.out, format)
	if w.open {
		w.write("# EOF\n")
	}
	out.Write(w.out.Bytes())
}

// metrics are those of a form, in the order of their names.
func (f *form) metrics() []*Metric {
	out := []*Metric{&f.bytes, &f.active, &f.opened, &f.failed, &f.connect, &f.rtt, &f.retransmits}
	slices.SortFunc(out, func(a, b *Metric) int { return cmp.Compare(a.Prometheus, b.Prometheus) })
	return out
}

// ofSeries writes one metric of all series of a form.
func (w *textWriter) ofSeries(s *snapshot, m *Metric, f *form, labels []string) {
	begun := false
	for i := range s.series {
		v := &s.series[i]
		if v.id.form() != f {
			continue
		}
		v.points(f, m, func(p point) {
			if !begun {
				w.head(m)
				begun = true
			}
			extra := ""
			if p.label != nil {
				extra = p.label.Prometheus + `="` + p.value + `"`
				if p.label == &labelError {
					extra = p.label.Prometheus + `="` + escape.Replace(p.value) + `"`
				}
			}
			w.value(m, labels[i], extra, p.number, p.spread, v.started)
		})
	}
}

func (w *textWriter) ofValues(values []value) {
	slices.SortStableFunc(values, func(a, b value) int { return cmp.Compare(a.metric.Prometheus, b.metric.Prometheus) })
	for i, v := range values {
		if i == 0 || values[i-1].metric != v.metric {
			w.head(v.metric)
		}
		w.value(v.metric, valueText(v.metric.Labels, v.labels), "", v.number, nil, v.started)
	}
}

// ofRuntime writes what the library knows of this process.
func (h *handler) ofRuntime(out io.Writer, format expfmt.Format) {
	families, err := h.runtime.Gather()
	if err != nil {
		return // they are of no use without the rest, and the rest is not of them
	}
	enc := expfmt.NewEncoder(out, format)
	for _, f := range families {
		if err := enc.Encode(f); err != nil {
			return
		}
	}
}

// labelsOf are the written labels of a snapshot's series, those of the last
// scrape again where they are the same.
func (h *handler) labelsOf(s *snapshot) []string {
	h.mu.Lock()
	last := h.labels
	h.mu.Unlock()
	out, known := make([]string, len(s.series)), make(map[*identity]string, len(s.series))
	for i := range s.series {
		id := s.series[i].id
		text := last[id]
		if text == "" {
			text = labelText(id.labels())
		}
		out[i], known[id] = text, text
	}
	h.mu.Lock()
	h.labels = known
	h.mu.Unlock()
	return out
}
