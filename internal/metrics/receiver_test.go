package metrics

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	pb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

// receiver takes OTLP by HTTP or gRPC, as the official definitions have it.
type receiver struct {
	collector.UnimplementedMetricsServiceServer
	url string

	mu       sync.Mutex
	requests []*collector.ExportMetricsServiceRequest
	headers  http.Header // of the last request
	largest  int         // bytes
	answer   func() (*collector.ExportMetricsServiceResponse, int)
	hang     chan struct{} // requests wait until it is closed; nil: they do not
}

func (r *receiver) take(req *collector.ExportMetricsServiceRequest, h http.Header, size int) (*collector.ExportMetricsServiceResponse, int) {
	if r.hang != nil {
		<-r.hang
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.answer != nil {
		if a, code := r.answer(); code != http.StatusOK {
			return a, code
		}
	}
	r.requests, r.headers, r.largest = append(r.requests, req), h, max(r.largest, size)
	return &collector.ExportMetricsServiceResponse{}, http.StatusOK
}

// Export implements the gRPC service.
func (r *receiver) Export(ctx context.Context, req *collector.ExportMetricsServiceRequest) (*collector.ExportMetricsServiceResponse, error) {
	h := http.Header{}
	md, _ := metadata.FromIncomingContext(ctx)
	for k, v := range md {
		h[http.CanonicalHeaderKey(k)] = v
	}
	a, code := r.take(req, h, proto.Size(req))
	if code != http.StatusOK {
		return nil, fmt.Errorf("status %d", code)
	}
	return a, nil
}

// ServeHTTP takes OTLP by HTTP.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.URL.Path != "/base/v1/metrics" || req.Header.Get("Content-Type") != "application/x-protobuf" {
		http.Error(w, "not here", http.StatusNotFound)
		return
	}
	body := io.Reader(req.Body)
	if req.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = z
	}
	var m collector.ExportMetricsServiceRequest
	b, err := io.ReadAll(body)
	if err == nil {
		err = proto.Unmarshal(b, &m)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	a, code := r.take(&m, req.Header, len(b))
	out, _ := proto.Marshal(a)
	w.Header().Set("Content-Type", "application/x-protobuf")
	w.WriteHeader(code)
	w.Write(out)
}

// newReceiver listens on loopback. config is nil: without TLS.
func newReceiver(t *testing.T, protocol string, config *tls.Config) *receiver {
	t.Helper()
	r := &receiver{}
	if protocol == "grpc" {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		var o []grpc.ServerOption
		r.url = "http://" + l.Addr().String()
		if config != nil {
			o, r.url = append(o, grpc.Creds(credentials.NewTLS(config))), "https://"+l.Addr().String()
		}
		s := grpc.NewServer(o...)
		collector.RegisterMetricsServiceServer(s, r)
		go s.Serve(l)
		t.Cleanup(s.Stop)
		return r
	}
	s := httptest.NewUnstartedServer(r)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of clients that do not trust it
	if config != nil {
		s.TLS = config
		s.StartTLS()
	} else {
		s.Start()
	}
	r.url = s.URL + "/base"
	t.Cleanup(s.Close)
	return r
}

// stored is what a store would have after all requests: the last value of
// cumulative points, the sum of deltas. Histograms have their count and sum.
func (r *receiver) stored() map[string]float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[string]float64{}
	put := func(name string, attributes []*common.KeyValue, n float64, t pb.AggregationTemporality) {
		key := name
		for _, a := range attributes {
			switch a.Key {
			case "direction", "error.type", "client.peerscope.program", "server.peerscope.program", "client_program", "server_program", "reason":
				key += " " + a.Value.GetStringValue()
			}
		}
		if t == pb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA {
			out[key] += n
		} else {
			out[key] = n
		}
	}
	for _, m := range r.metrics() {
		switch d := m.Data.(type) {
		case *pb.Metric_Sum:
			for _, p := range d.Sum.DataPoints {
				put(m.Name, p.Attributes, float64(p.GetAsInt())+p.GetAsDouble(), d.Sum.AggregationTemporality)
			}
		case *pb.Metric_Gauge:
			for _, p := range d.Gauge.DataPoints {
				put(m.Name, p.Attributes, float64(p.GetAsInt())+p.GetAsDouble(), 0)
			}
		case *pb.Metric_Histogram:
			for _, p := range d.Histogram.DataPoints {
				put(m.Name+".count", p.Attributes, float64(p.Count), d.Histogram.AggregationTemporality)
				put(m.Name+".sum", p.Attributes, p.GetSum(), d.Histogram.AggregationTemporality)
			}
		}
	}
	return out
}

// metrics are those of all requests, in their order.
func (r *receiver) metrics() []*pb.Metric {
	var out []*pb.Metric
	for _, q := range r.requests {
		for _, rm := range q.ResourceMetrics {
			for _, sm := range rm.ScopeMetrics {
				out = append(out, sm.Metrics...)
			}
		}
	}
	return out
}
