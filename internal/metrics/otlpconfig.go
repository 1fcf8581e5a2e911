package metrics

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	"google.golang.org/grpc/credentials"

	"peerscope/internal/topology"
)

// OTLPConfig is where metrics are sent. What is empty is taken from the
// variables that OpenTelemetry has for it (OTEL_EXPORTER_OTLP_ENDPOINT and so
// on), and where these are not set it is as OpenTelemetry says.
type OTLPConfig struct {
	Enabled bool `json:"enabled" yaml:"enabled"`
	// Protocol is "http/protobuf" or "grpc".
	Protocol string `json:"protocol" yaml:"protocol"`
	// Endpoint is the receiver's URL, without /v1/metrics. http:// is without TLS.
	Endpoint    string            `json:"endpoint" yaml:"endpoint"`
	Headers     map[string]string `json:"headers" yaml:"headers"`
	Compression string            `json:"compression" yaml:"compression"` // "gzip" or "none"
	Timeout     time.Duration     `json:"timeout" yaml:"timeout"`         // of one request
	CAFile      string            `json:"ca_file" yaml:"ca_file"`         // who signs the receiver's certificate
	CertFile    string            `json:"cert_file" yaml:"cert_file"`     // this client's
	KeyFile     string            `json:"key_file" yaml:"key_file"`
	// Temporality is "cumulative" or "delta".
	Temporality string `json:"temporality" yaml:"temporality"`
	// Names is "otel", or "prometheus" for the attributes to be called as the
	// labels of a scrape, so that a store for PromQL has the same labels.
	Names string `json:"names" yaml:"names"`
	// Interval is how often all series are sent.
	Interval time.Duration `json:"interval" yaml:"interval"`
	// Queue is how many of these wait for a receiver that is slow.
	Queue int `json:"queue" yaml:"queue"`
	// RetryFor is how long one request is tried again.
	RetryFor time.Duration `json:"retry_for" yaml:"retry_for"`
	// FlushTimeout is how long stopping may wait for the receiver.
	FlushTimeout time.Duration `json:"flush_timeout" yaml:"flush_timeout"`
}

// DefaultOTLP is off, and sends every 10 s when it is on.
func DefaultOTLP() OTLPConfig {
	return OTLPConfig{Names: "otel", Interval: 10 * time.Second, Queue: 6, RetryFor: 30 * time.Second, FlushTimeout: 5 * time.Second}
}

// Validate says in one line what is wrong, and what would be right.
func (c OTLPConfig) Validate() error {
	one := func(name, value string, of ...string) error {
		for _, v := range of {
			if value == v {
				return nil
			}
		}
		return fmt.Errorf("%s is %q: it is one of %s", name, value, strings.Join(of[:len(of)-1], ", "))
	}
	return cmp.Or(
		one("protocol", c.Protocol, "http/protobuf", "grpc", ""),
		one("compression", c.Compression, "gzip", "none", ""),
		one("temporality", c.Temporality, "cumulative", "delta", ""),
		one("names", c.Names, "otel", "prometheus", ""),
		c.checkEndpoint(),
		c.checkNumbers())
}

func (c OTLPConfig) checkEndpoint() error {
	if c.Endpoint != "" {
		u, err := url.Parse(c.Endpoint)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return fmt.Errorf("endpoint is %q: give it as http://HOST:PORT or https://HOST:PORT", c.Endpoint)
		}
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		return errors.New("cert_file and key_file belong together: give both or neither")
	}
	return nil
}

func (c OTLPConfig) checkNumbers() error {
	switch {
	case c.Interval < time.Second:
		return fmt.Errorf("interval is %v: give a time from 1s", c.Interval)
	case c.Queue < 1 || c.Queue > 1000:
		return fmt.Errorf("queue is %d: give a number from 1 to 1000", c.Queue)
	case c.Timeout < 0, c.RetryFor < 0, c.FlushTimeout < 0:
		return errors.New("timeout, retry_for and flush_timeout are times that are not below 0")
	}
	return nil
}

// protocol is as configured, else as the variables say.
func (c OTLPConfig) protocol() (string, error) {
	p := cmp.Or(c.Protocol, os.Getenv("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"), os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL"), "http/protobuf")
	if p != "http/protobuf" && p != "grpc" {
		return "", fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL is %q: it is one of http/protobuf, grpc", p)
	}
	return p, nil
}

// CheckFiles fails on files and variables of which no exporter could be made.
func (c OTLPConfig) CheckFiles() error {
	_, err := c.protocol()
	if err == nil {
		_, err = c.tls()
	}
	return err
}

// exporter makes the official exporter. Nothing is connected yet.
func (c OTLPConfig) exporter(ctx context.Context) (metric.Exporter, error) {
	protocol, err := c.protocol()
	if err != nil {
		return nil, err
	}
	tlsConfig, err := c.tls()
	if err != nil {
		return nil, err
	}
	if protocol == "grpc" {
		return otlpmetricgrpc.New(ctx, c.grpcOptions(tlsConfig)...)
	}
	return otlpmetrichttp.New(ctx, c.httpOptions(tlsConfig)...)
}

// The first wait and the longest between two tries of a request.
const (
	retryFirst   = time.Second
	retryLongest = 10 * time.Second
)

func (c OTLPConfig) httpOptions(t *tls.Config) []otlpmetrichttp.Option {
	o := []otlpmetrichttp.Option{otlpmetrichttp.WithRetry(otlpmetrichttp.RetryConfig{Enabled: c.RetryFor > 0,
		InitialInterval: retryFirst, MaxInterval: retryLongest, MaxElapsedTime: c.RetryFor})}
	if c.Endpoint != "" {
		o = append(o, otlpmetrichttp.WithEndpointURL(strings.TrimSuffix(strings.TrimSuffix(c.Endpoint, "/"), "/v1/metrics")+"/v1/metrics"))
	}
	if c.Headers != nil {
		o = append(o, otlpmetrichttp.WithHeaders(c.Headers))
	}
	switch c.Compression {
	case "gzip":
		o = append(o, otlpmetrichttp.WithCompression(otlpmetrichttp.GzipCompression))
	case "none":
		o = append(o, otlpmetrichttp.WithCompression(otlpmetrichttp.NoCompression))
	}
	if c.Timeout > 0 {
		o = append(o, otlpmetrichttp.WithTimeout(c.Timeout))
	}
	if t != nil {
		o = append(o, otlpmetrichttp.WithTLSClientConfig(t))
	}
	if s := c.selector(); s != nil {
		o = append(o, otlpmetrichttp.WithTemporalitySelector(s))
	}
	return o
}

func (c OTLPConfig) grpcOptions(t *tls.Config) []otlpmetricgrpc.Option {
	o := []otlpmetricgrpc.Option{otlpmetricgrpc.WithRetry(otlpmetricgrpc.RetryConfig{Enabled: c.RetryFor > 0,
		InitialInterval: retryFirst, MaxInterval: retryLongest, MaxElapsedTime: c.RetryFor})}
	if c.Endpoint != "" {
		o = append(o, otlpmetricgrpc.WithEndpointURL(c.Endpoint))
	}
	if c.Headers != nil {
		o = append(o, otlpmetricgrpc.WithHeaders(c.Headers))
	}
	if c.Compression == "gzip" {
		o = append(o, otlpmetricgrpc.WithCompressor("gzip"))
	}
	if c.Timeout > 0 {
		o = append(o, otlpmetricgrpc.WithTimeout(c.Timeout))
	}
	if t != nil {
		o = append(o, otlpmetricgrpc.WithTLSCredentials(credentials.NewTLS(t)))
	}
	if s := c.selector(); s != nil {
		o = append(o, otlpmetricgrpc.WithTemporalitySelector(s))
	}
	return o
}

// selector is nil where the variable OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE decides.
func (c OTLPConfig) selector() metric.TemporalitySelector {
	switch c.Temporality {
	case "cumulative":
		return metric.CumulativeTemporalitySelector
	case "delta":
		return metric.DeltaTemporalitySelector
	}
	return nil
}

// tls is nil where nothing is configured.
func (c OTLPConfig) tls() (*tls.Config, error) {
	if c.CAFile == "" && c.CertFile == "" {
		return nil, nil
	}
	out := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read ca_file: %w", err)
		}
		out.RootCAs = x509.NewCertPool()
		if !out.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca_file %s has no certificate in PEM format", c.CAFile)
		}
	}
	if c.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("read cert_file and key_file: %w", err)
		}
		out.Certificates = []tls.Certificate{pair}
	}
	return out, nil
}

// resourceOf says whose metrics these are. OTEL_RESOURCE_ATTRIBUTES and
// OTEL_SERVICE_NAME have the last word.
func resourceOf(ctx context.Context, h topology.Host, version string) (*resource.Resource, error) {
	attributes := []attribute.KeyValue{attribute.String("service.name", "peerscope")}
	for _, a := range [...][2]string{{"service.version", version}, {"service.instance.id", h.Name}, {"host.name", h.Name}, {"host.id", h.ID}, {"os.version", h.Kernel}} {
		if a[1] != "" {
			attributes = append(attributes, attribute.String(a[0], a[1]))
		}
	}
	r, err := resource.New(ctx, resource.WithAttributes(attributes...), resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil && !errors.Is(err, resource.ErrPartialResource) && !errors.Is(err, resource.ErrSchemaURLConflict) {
		return nil, fmt.Errorf("read OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	return r, nil
}
