package main

import (
	"cmp"
	"context"
	"os"
	"time"

	"peerscope/internal/config"
	"peerscope/internal/identity"
	"peerscope/internal/metrics"
	"peerscope/internal/topology"
)

// push is an OTLP exporter at work.
type push struct {
	*metrics.OTLP
	cancel context.CancelFunc
	done   chan struct{}
}

// newPush makes the exporter of a configuration; nil if it has none.
func (a *agent) newPush(l *config.Loaded) (*push, error) {
	o := l.Exporters.OTLP
	endpoint := cmp.Or(o.Endpoint, os.Getenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"), os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT"))
	if !o.Enabled && endpoint == "" {
		return nil, nil
	}
	c := metrics.DefaultOTLP()
	c.Enabled, c.Protocol, c.Endpoint, c.Headers, c.Compression = true, o.Protocol, o.Endpoint, o.Headers, o.Compression
	c.Timeout, c.Interval, c.RetryFor = time.Duration(o.Timeout), time.Duration(o.Interval), time.Duration(o.RetryFor)
	c.CAFile, c.CertFile, c.KeyFile, c.Temporality, c.Names = o.CAFile, o.CertFile, o.KeyFile, o.Temporality, o.Names
	c.FlushTimeout = stopTime
	if err := c.Validate(); err != nil {
		return nil, usage(err)
	}
	h := identity.ReadHost()
	exporter, err := metrics.NewOTLP(context.Background(), c, a.series, topology.Host{Name: h.Name, ID: h.ID, BootID: h.BootID, Kernel: h.Kernel}, a.metricsOfSelf)
	if err != nil {
		return nil, err
	}
	return &push{OTLP: exporter, done: make(chan struct{})}, nil
}

func (p *push) start(ctx context.Context) {
	ctx, p.cancel = context.WithCancel(ctx)
	go func() {
		defer close(p.done)
		_ = p.Run(ctx) // what failed is counted, and said in the status
	}()
}

// stop waits for what is left to be sent, for no longer than stopTime.
func (p *push) stop() {
	p.cancel()
	<-p.done
}

func seriesConfig(s config.Series) metrics.SeriesConfig {
	return metrics.SeriesConfig{MaxEdges: s.MaxEdges, MinAge: time.Duration(s.MinAge), MaxExternalNames: s.MaxExternal, Expire: time.Duration(s.Expire),
		PID: s.PID, Addresses: s.Addresses, Paths: s.Paths, ServiceGraph: s.ServiceGraph}
}

func prometheusConfig(p config.Prometheus) metrics.PrometheusConfig {
	return metrics.PrometheusConfig{Enabled: p.Enabled, Buckets: p.Buckets, Created: p.Created}
}
