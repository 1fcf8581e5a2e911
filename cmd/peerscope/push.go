package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"reflect"
	"time"

	"peerscope/internal/config"
	"peerscope/internal/identity"
	"peerscope/internal/metrics"
	"peerscope/internal/topology"
)

// push is an OTLP exporter at work.
type push struct {
	*metrics.OTLP
	config metrics.OTLPConfig
	cancel context.CancelFunc
	done   chan struct{}
}

// otlpConfig is what an exporter is made of; off, if there is to be none.
func otlpConfig(l *config.Loaded) (metrics.OTLPConfig, error) {
	o := l.Exporters.OTLP
	c := metrics.DefaultOTLP()
	endpoint := cmp.Or(o.Endpoint, os.Getenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"), os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT"))
	if !o.Enabled && endpoint == "" {
		return c, nil
	}
	c.Enabled, c.Protocol, c.Endpoint, c.Headers, c.Compression = true, o.Protocol, o.Endpoint, o.Headers, o.Compression
	c.Timeout, c.Interval, c.RetryFor = time.Duration(o.Timeout), time.Duration(o.Interval), time.Duration(o.RetryFor)
	c.CAFile, c.CertFile, c.KeyFile, c.Temporality, c.Names = o.CAFile, o.CertFile, o.KeyFile, o.Temporality, o.Names
	c.FlushTimeout = stopTime
	if err := c.Validate(); err != nil {
		return c, fmt.Errorf("exporters.otlp: %w", err)
	}
	return c, nil
}

// newPush makes the exporter of a configuration; nil if it has none.
func (a *agent) newPush(l *config.Loaded) (*push, error) {
	c, err := otlpConfig(l)
	if err != nil || !c.Enabled {
		return nil, err
	}
	h := identity.ReadHost()
	exporter, err := metrics.NewOTLP(context.Background(), c, a.series, topology.Host{Name: h.Name, ID: h.ID, BootID: h.BootID, Kernel: h.Kernel}, a.metricsOfSelf)
	if err != nil {
		return nil, err
	}
	return &push{OTLP: exporter, config: c, done: make(chan struct{})}, nil
}

// changePush makes the exporter that of a configuration. One that stays as it is
// goes on; else the next one goes on where the last one ends, also if there was
// none in between: what a receiver has taken is not told as an increase again.
func (a *agent) changePush(l *config.Loaded) error {
	a.handing.Lock()
	defer a.handing.Unlock()
	if a.sinks.Err() != nil {
		return nil // it ends
	}
	before := a.push.Load()
	if c, err := otlpConfig(l); err == nil && before != nil && before.as(&c) {
		return nil
	}
	next, err := a.newPush(l)
	if err != nil {
		return err
	}
	if next != nil {
		if a.told != nil {
			next.Follow(a.told.OTLP)
		}
		next.start(a.sinks)
		a.told = next
	}
	if a.push.Store(next); before != nil {
		before.cancel()
	}
	return nil
}

// stopPush waits for what is left to be sent, for no longer than stopTime, and lets
// none begin any more. One that is at work waits for those it follows.
func (a *agent) stopPush() {
	a.handing.Lock()
	defer a.handing.Unlock()
	if a.told != nil {
		a.told.cancel()
		<-a.told.done
	}
	a.cut()
}

// as: a new exporter would be the same. What is in files may have changed.
func (p *push) as(c *metrics.OTLPConfig) bool {
	return c.CAFile == "" && c.CertFile == "" && reflect.DeepEqual(&p.config, c)
}

func (p *push) start(ctx context.Context) {
	ctx, p.cancel = context.WithCancel(ctx)
	go func() {
		defer close(p.done)
		_ = p.Run(ctx) // what failed is counted, and said in the status
	}()
}

func seriesConfig(s config.Series) metrics.SeriesConfig {
	return metrics.SeriesConfig{MaxEdges: s.MaxEdges, MinAge: time.Duration(s.MinAge), MaxExternalNames: s.MaxExternal, Expire: time.Duration(s.Expire),
		PID: s.PID, Addresses: s.Addresses, Paths: s.Paths, ServiceGraph: s.ServiceGraph}
}

func prometheusConfig(p config.Prometheus) metrics.PrometheusConfig {
	return metrics.PrometheusConfig{Enabled: p.Enabled, Buckets: p.Buckets, Created: p.Created}
}
