package metrics

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"

	"peerscope/internal/topology"
)

// succeed lets another exporter of the same accumulator follow e, as after a
// changed configuration, while windows go on being added.
func (e *exporting) succeed(t *testing.T, c OTLPConfig, between func(next *OTLP)) *exporting {
	t.Helper()
	o, err := NewOTLP(t.Context(), c, e.a, topology.Host{Name: "web-1"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	o.Follow(e.OTLP)
	next := running(t, o, e.a)
	between(o)
	if err := e.stop(); err != nil {
		t.Error(err)
	}
	return next
}

// TestSuccessorCountsNothingTwice: the receiver has what the maps have, whatever
// the exporter before it sent, and whatever was added while one took over.
func TestSuccessorCountsNothingTwice(t *testing.T) {
	for _, before := range []string{"delta", "cumulative"} {
		t.Run(before+" then delta", func(t *testing.T) {
			r, other := newReceiver(t, "http/protobuf", nil), newReceiver(t, "http/protobuf", nil)
			c := DefaultOTLP()
			c.Endpoint, c.Temporality, c.Interval, c.Queue = r.url, before, time.Second, 100
			if before == "cumulative" {
				c.Endpoint = other.url
			}
			e, w := export(t, c), newWorld(3)
			add := func(e *exporting) {
				for range 3 {
					e.add(t, w.window())
				}
			}
			add(e)
			if before == "cumulative" { // the sums that the next one goes on from are its
				if err := e.stop(); err != nil {
					t.Fatal(err)
				}
			}
			base := e.a.snapshot(nil)
			c.Endpoint, c.Temporality = r.url, "delta"
			for range 2 {
				e = e.succeed(t, c, func(next *OTLP) { add(&exporting{OTLP: next, a: e.a}) })
				add(e)
			}
			if err := e.stop(); err != nil {
				t.Error(err)
			}
			if before == "delta" {
				wantStored(t, r, e.a)
				return
			}
			want, was := sums{}, sums{}
			for _, v := range e.a.snapshot(nil).series {
				want.ofSeries(v.id, &v.totals)
			}
			for _, v := range base.series {
				was.ofSeries(v.id, &v.totals)
			}
			var got uint64
			for key, n := range r.stored() {
				if strings.HasPrefix(key, "peerscope.edge.connections.opened") {
					got += uint64(n)
				}
			}
			if want := want["edge opened"] - was["edge opened"]; got != want || want == 0 {
				t.Errorf("after the change of temporality %d were opened, the receiver has %d", want, got)
			}
		})
	}
}

// TestSuccessorSendsWhatWasRefused: what nobody took from the one before is in
// what the next one sends, and the counters go on.
func TestSuccessorSendsWhatWasRefused(t *testing.T) {
	r := newReceiver(t, "http/protobuf", nil)
	refuse := true
	r.answer = func() (*collector.ExportMetricsServiceResponse, int) {
		if refuse {
			return nil, http.StatusBadRequest
		}
		return nil, http.StatusOK
	}
	c := DefaultOTLP()
	c.Endpoint, c.Temporality = r.url, "delta"
	e := export(t, c)
	app, db := program(1, "app", -100), program(2, "db", -100)
	e.add(t, windowOf(0, 10, []topology.Node{app, db}, calls(app, db, 5432)))
	until(t, "a batch", func() bool { return e.Stats().Failed >= 2 })
	next := e.succeed(t, c, func(next *OTLP) {
		if diff := cmp.Diff(e.Stats(), next.Stats()); diff != "" {
			t.Errorf("counters of the next one (-before +next):\n%s", diff)
		}
	})
	failed := next.Stats().Failed
	r.mu.Lock()
	refuse = false
	r.mu.Unlock()
	next.add(t, windowOf(10, 20, []topology.Node{app, db}, calls(app, db, 5432)))
	if err := next.stop(); err != nil {
		t.Error(err)
	}
	if x := next.Stats(); x.Failed != failed || failed < 2 || x.Sent == 0 {
		t.Errorf("%d had failed, now %+v", failed, x)
	}
	wantStored(t, r, e.a)
}

// running runs an exporter until it is stopped.
func running(t *testing.T, o *OTLP, a *Accumulator) *exporting {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- o.Run(ctx) }()
	stopped := false
	e := &exporting{OTLP: o, a: a, stop: func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-done
	}}
	t.Cleanup(func() { e.stop() })
	return e
}

// TestSeriesThatReturnsIsAnIncreaseOnly: one that was not seen for long goes on
// where it ended, and so do its increases.
func TestSeriesThatReturnsIsAnIncreaseOnly(t *testing.T) {
	r := newReceiver(t, "http/protobuf", nil)
	c := DefaultOTLP()
	c.Endpoint, c.Temporality, c.Queue = r.url, "delta", 100
	e := export(t, c)
	app, db := program(1, "app", -100), program(2, "db", -100)
	for _, start := range []int{0, 10, 2000, 4000, 4010} {
		var edges []topology.Edge
		if start != 2000 { // then it is hidden
			edges = append(edges, calls(app, db, 5432))
		}
		e.add(t, windowOf(start, start+10, []topology.Node{app, db}, edges...))
	}
	if err := e.stop(); err != nil {
		t.Fatal(err)
	}
	wantStored(t, r, e.a)
}
