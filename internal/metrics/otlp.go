package metrics

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"

	"peerscope/internal/topology"
)

// OTLP sends what an Accumulator has, by the official exporters. Sums last, so
// that what a receiver missed is in what it gets next.
type OTLP struct {
	config   OTLPConfig
	from     *Accumulator
	self     func() Self
	exporter metric.Exporter
	resource *resource.Resource
	writer   *otlpWriter
	queue    chan *snapshot
	before   *OTLP         // this one goes on where it ends; nil: it is the first
	done     chan struct{} // closed when Run has ended

	last    int64     // the interval that was taken last; of the one who calls Add
	offered time.Time // of the snapshot that was offered last; of Run
	ended   *snapshot // what there was when Run ended
	count   *counts

	mu  sync.Mutex
	err error // of the last batch
}

// counts are those of an exporter and of all that it follows.
type counts struct{ sent, failed, dropped atomic.Uint64 }

// NewOTLP makes an exporter of one host's metrics; it connects when there is
// something to send. self is called when something is sent, by Run, and may be
// nil. The configuration must be valid.
func NewOTLP(ctx context.Context, c OTLPConfig, a *Accumulator, h topology.Host, self func() Self) (*OTLP, error) {
	e, err := c.exporter(ctx)
	if err != nil {
		return nil, err
	}
	version := ""
	if self != nil {
		version = self().Version
	}
	r, err := resourceOf(ctx, h, version)
	if err != nil {
		return nil, err
	}
	delta := e.Temporality(metric.InstrumentKindCounter) == metricdata.DeltaTemporality
	return &OTLP{config: c, from: a, self: self, exporter: e, resource: r, queue: make(chan *snapshot, c.Queue),
		writer: newOTLPWriter(delta, c.Names == "prometheus"), done: make(chan struct{}), count: &counts{}}, nil
}

// Follow lets o go on where before ends: what receivers have taken is not sent as
// an increase again, and the counters go on. Both export the same Accumulator. It
// is called before Run, which then waits until before.Run, which must have been
// told to end, has ended.
func (o *OTLP) Follow(before *OTLP) { o.before, o.count = before, before.count }

// inherit waits for the one before, and takes over what it knows of the receiver.
func (o *OTLP) inherit() {
	if o.before == nil {
		return
	}
	<-o.before.done
	o.offered = o.before.offered
	o.writer.inherit(o.before.writer, o.before.ended)
	o.before = nil
}

// Add takes what has been added up at the end of m, if it ends an interval. It
// is called after Accumulator.Add, by one goroutine at a time, and never waits,
// neither for the receiver nor for self: if the receiver is too slow, the oldest
// that waits is dropped and counted.
func (o *OTLP) Add(m *topology.Map) {
	_, end, err := m.Window.Bounds()
	if err != nil {
		return
	}
	interval := end.UnixMilli() / o.config.Interval.Milliseconds()
	if interval == o.last {
		return
	}
	o.last = interval
	s := o.from.snapshot(nil)
	for {
		select {
		case o.queue <- s:
			return
		default:
		}
		select {
		case <-o.queue:
			o.count.dropped.Add(1)
		default:
		}
	}
}

// Run sends until ctx ends, and then what is left, for as long as the flush may
// take.
func (o *OTLP) Run(ctx context.Context) error {
	defer close(o.done)
	sending, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	release := context.AfterFunc(ctx, func() { time.AfterFunc(o.config.FlushTimeout, stop) })
	defer release()
	o.inherit()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case s := <-o.queue:
			o.send(sending, s)
		}
	}
	for len(o.queue) > 0 && sending.Err() == nil {
		o.send(sending, <-o.queue)
	}
	o.ended = o.from.snapshot(o.self)
	if sending.Err() == nil {
		o.send(sending, o.ended)
	}
	err := o.exporter.Shutdown(sending)
	if sending.Err() != nil {
		return fmt.Errorf("otlp: the receiver did not take what was left within %v", o.config.FlushTimeout)
	}
	return err
}

// send offers a snapshot in batches, each of which the receiver takes or not. One
// that is not newer than the last has nothing that was not offered with that.
func (o *OTLP) send(ctx context.Context, s *snapshot) {
	if !s.now.After(o.offered) {
		return
	}
	o.offered = s.now
	if o.self != nil {
		s.self = o.self()
	}
	for _, b := range o.writer.batches(s) {
		err := o.exporter.Export(ctx, &metricdata.ResourceMetrics{Resource: o.resource, ScopeMetrics: b.scope()})
		if err == nil {
			o.count.sent.Add(1)
			b.taken()
		} else {
			o.count.failed.Add(1)
		}
		o.mu.Lock()
		o.err = err
		o.mu.Unlock()
		if ctx.Err() != nil {
			return
		}
	}
}

// Stats count what was done so far, also by those that o follows.
func (o *OTLP) Stats() Exported {
	return Exported{Sent: o.count.sent.Load(), Failed: o.count.failed.Load(), Dropped: o.count.dropped.Load()}
}

// Err is why the last batch was not taken; nil: it was.
func (o *OTLP) Err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}
