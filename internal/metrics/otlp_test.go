package metrics

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	collector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	pb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"peerscope/internal/topology"
)

// exporting is an exporter in a test, and the accumulator that it sends.
type exporting struct {
	*OTLP
	a    *Accumulator
	stop func() error // ends it and waits
}

func export(t *testing.T, c OTLPConfig) *exporting {
	t.Helper()
	if c.FlushTimeout == DefaultOTLP().FlushTimeout {
		c.FlushTimeout = time.Minute // a machine may be busy
	}
	s := DefaultSeries()
	s.MinAge, s.ServiceGraph = 0, true
	a := NewAccumulator(s)
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	o, err := NewOTLP(t.Context(), c, a, topology.Host{Name: "web-1", ID: "0123"}, func() Self { return Self{Version: "1.0"} })
	if err != nil {
		t.Fatal(err)
	}
	return running(t, o, a)
}

func (e *exporting) add(t *testing.T, m *topology.Map) {
	t.Helper()
	add(t, e.a, m)
	e.Add(m)
}

// until waits for something that happens soon.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("not within a minute: %s", what)
}

// wantStored compares a store with the sums of an accumulator.
func wantStored(t *testing.T, r *receiver, a *Accumulator) {
	t.Helper()
	want, got := sums{}, map[string]uint64{}
	for _, v := range a.snapshot(nil).series {
		want.ofSeries(v.id, &v.totals)
	}
	for key, n := range r.stored() {
		name, rest, _ := strings.Cut(key, " ")
		form, name, _ := strings.Cut(strings.TrimPrefix(name, "peerscope."), ".")
		if form != "edge" && form != "pair" {
			continue
		}
		switch direction := map[bool]string{true: "either"}[form == "pair"]; name {
		case "bytes", "tcp.retransmits":
			if form == "edge" {
				direction = rest[strings.Index(rest, "to_"):][:6]
			}
			got[form+" "+strings.TrimPrefix(name, "tcp.")+" "+direction] += uint64(n)
		case "connections.opened", "connections.failed":
			got[form+strings.Replace(name, "connections.", " ", 1)] += uint64(n)
		case "tcp.rtt.count", "connect.duration.count":
			got[form+" "+map[byte]string{'t': "rtt", 'c': "connect"}[name[0]]+" count"] += uint64(n)
		case "tcp.rtt.sum", "connect.duration.sum":
			got[form+" "+map[byte]string{'t': "rtt", 'c': "connect"}[name[0]]+" sum"] += uint64(math.Round(n * 1e6))
		}
	}
	for key, n := range want {
		if strings.Contains(key, "closed") || strings.Contains(key, "failed E") || strings.ContainsAny(key, "0123456789") {
			continue // not sent, or not kept by the store of this test
		}
		if got[key] != n {
			t.Errorf("%s: the receiver has %d, the maps have %d", key, got[key], n)
		}
	}
}

// TestReceiverHasWhatMapsSay, by each protocol and temporality, without loss
// over many windows in which processes come and go.
func TestReceiverHasWhatMapsSay(t *testing.T) {
	for _, protocol := range []string{"http/protobuf", "grpc"} {
		for _, temporality := range []string{"cumulative", "delta"} {
			t.Run(protocol+" "+temporality, func(t *testing.T) {
				r := newReceiver(t, protocol, nil)
				c := DefaultOTLP()
				c.Protocol, c.Endpoint, c.Temporality, c.Compression, c.Queue, c.Interval = protocol, r.url, temporality, "gzip", 100, time.Second
				c.Headers = map[string]string{"x-tenant": "7"}
				e, w := export(t, c), newWorld(3)
				for range 10 {
					e.add(t, w.window())
				}
				if err := e.stop(); err != nil {
					t.Error(err)
				}
				if x := e.Stats(); x.Failed != 0 || x.Dropped != 0 || x.Sent == 0 || e.Err() != nil {
					t.Errorf("%+v, %v", x, e.Err())
				}
				if got := r.headers.Get("X-Tenant"); got != "7" {
					t.Errorf("header %q", got)
				}
				if temporality == "delta" { // of cumulative points the store would need all attributes
					wantStored(t, r, e.a)
				}
			})
		}
	}
}

// TestCumulativePoints: each point says since when it counts, has what the
// series has, and the types of the conventions.
func TestCumulativePoints(t *testing.T) {
	r := newReceiver(t, "http/protobuf", nil)
	c := DefaultOTLP()
	c.Endpoint = r.url + "/v1/metrics" // with and without the path
	e := export(t, c)
	app, db := program(1, "app", -100), program(2, "db", -100)
	app.Attributes.Namespace, app.Attributes.Deployment = "prod", "shop"
	for i := range 3 {
		e.add(t, windowOf(i*10, i*10+10, []topology.Node{app, db}, calls(app, db, 5432)))
	}
	if err := e.stop(); err != nil {
		t.Fatal(err)
	}
	wantStored(t, r, e.a)
	found := false
	for _, m := range r.metrics() {
		if m.Name != "peerscope.edge.bytes" {
			continue
		}
		for _, p := range m.GetSum().DataPoints {
			found = true
			if p.StartTimeUnixNano != uint64(at(0).UnixNano()) || m.Unit != "By" || !m.GetSum().IsMonotonic ||
				m.GetSum().AggregationTemporality != pb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE {
				t.Errorf("%v", m)
			}
			got := map[string]string{}
			for _, a := range p.Attributes {
				got[a.Key] = strings.ReplaceAll(a.Value.String(), "  ", " ")
			}
			delete(got, "direction")
			want := map[string]string{"client.host.name": `string_value:"web-1"`, "client.k8s.namespace.name": `string_value:"prod"`,
				"client.peerscope.workload": `string_value:"shop"`, "client.peerscope.program": `string_value:"app"`,
				"server.host.name": `string_value:"web-1"`, "server.peerscope.program": `string_value:"db"`, "server.port": `int_value:5432`,
				"network.transport": `string_value:"tcp"`, "peerscope.observed_by": `string_value:"both"`}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		}
	}
	if !found {
		t.Error("there are no bytes")
	}
	resource := r.requests[0].ResourceMetrics[0].Resource.String()
	for _, want := range []string{`"service.name"`, `"peerscope"`, `"service.version"`, `"host.name"`, `"service.instance.id"`} {
		if !strings.Contains(resource, want) {
			t.Errorf("the resource has no %s: %s", want, resource)
		}
	}
}

// TestEnvironmentDecidesWhatIsNotConfigured, as OpenTelemetry names it.
func TestEnvironmentDecidesWhatIsNotConfigured(t *testing.T) {
	r := newReceiver(t, "grpc", nil)
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", r.url)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=8")
	t.Setenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta")
	t.Setenv("OTEL_SERVICE_NAME", "map-of-web")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
	c := DefaultOTLP()
	c.Names = "prometheus"
	e := export(t, c)
	app, db := program(1, "app", -100), program(2, "db", -100)
	e.add(t, windowOf(0, 10, []topology.Node{app, db}, calls(app, db, 5432)))
	e.add(t, windowOf(10, 20, []topology.Node{app, db}, calls(app, db, 5432)))
	if err := e.stop(); err != nil {
		t.Fatal(err)
	}
	wantStored(t, r, e.a)
	resource := r.requests[0].ResourceMetrics[0].Resource.String()
	if !strings.Contains(resource, "map-of-web") || !strings.Contains(resource, "deployment.environment.name") || r.headers.Get("X-Tenant") != "8" {
		t.Errorf("resource %s, headers %v", resource, r.headers)
	}
	if _, ok := r.stored()["peerscope.edge.bytes app to_server db"]; !ok {
		t.Errorf("attributes are not called as labels: %v", sortedKeys(r.stored()))
	}
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")
	if _, err := NewOTLP(t.Context(), c, e.a, topology.Host{}, nil); err == nil || !strings.Contains(err.Error(), "one of http/protobuf, grpc") {
		t.Error(err)
	}
}

// TestDeadReceiverStopsNobody: adding never waits, what is dropped is counted,
// and when the receiver is there again it gets what it missed.
func TestDeadReceiverStopsNobody(t *testing.T) {
	for _, temporality := range []string{"cumulative", "delta"} {
		r := newReceiver(t, "http/protobuf", nil)
		r.hang = make(chan struct{})
		c := DefaultOTLP()
		c.Endpoint, c.Temporality, c.Queue = r.url, temporality, 2
		e := export(t, c)
		app, db := program(1, "app", -100), program(2, "db", -100)
		began := time.Now()
		for i := range 50 {
			e.add(t, windowOf(i*10, i*10+10, []topology.Node{app, db}, calls(app, db, 5432)))
		}
		if d := time.Since(began); d > 10*time.Second {
			t.Errorf("50 windows took %v", d)
		}
		// One may be on its way, and two wait.
		if n := e.Stats().Dropped; n < 46 || n > 48 {
			t.Errorf("%d dropped of 50", n)
		}
		close(r.hang)
		if err := e.stop(); err != nil {
			t.Error(err)
		}
		wantStored(t, r, e.a)
	}
}

// TestAddDoesNotWaitForSelf: who adds may hold what self waits for.
func TestAddDoesNotWaitForSelf(t *testing.T) {
	r := newReceiver(t, "http/protobuf", nil)
	c := DefaultOTLP()
	c.Endpoint = r.url
	a := NewAccumulator(DefaultSeries())
	var mu sync.Mutex
	o, err := NewOTLP(t.Context(), c, a, topology.Host{}, func() Self {
		mu.Lock()
		defer mu.Unlock()
		return Self{Exports: map[string]Exported{"otlp": {Sent: 3}}}
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- o.Run(ctx) }()
	app, db := program(1, "app", -100), program(2, "db", -100)
	mu.Lock()
	for i := range 3 {
		m := windowOf(i*10, i*10+10, []topology.Node{app, db}, calls(app, db, 5432))
		add(t, a, m)
		o.Add(m)
	}
	mu.Unlock()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := r.stored()["peerscope.export.sent"]; got != 3 {
		t.Errorf("self is not told: %v", got)
	}
}

// TestRefusedBatchesAreInTheNext: what the receiver did not take is not lost.
func TestRefusedBatchesAreInTheNext(t *testing.T) {
	r := newReceiver(t, "http/protobuf", nil)
	refused := 0
	r.answer = func() (*collector.ExportMetricsServiceResponse, int) {
		if refused < 4 {
			refused++
			return nil, http.StatusBadRequest
		}
		return nil, http.StatusOK
	}
	c := DefaultOTLP()
	c.Endpoint, c.Temporality = r.url, "delta"
	e := export(t, c)
	app, db := program(1, "app", -100), program(2, "db", -100)
	for i := range 6 {
		e.add(t, windowOf(i*10, i*10+10, []topology.Node{app, db}, calls(app, db, 5432)))
		until(t, "a batch", func() bool { x := e.Stats(); return x.Sent+x.Failed >= uint64(2*(i+1)) })
	}
	if x := e.Stats(); x.Failed != 4 || x.Sent != 8 {
		t.Errorf("%+v", x)
	}
	e.stop()
	wantStored(t, r, e.a)
}

// TestStoppingIsBounded: a receiver that never answers delays the end by no more
// than was asked for.
func TestStoppingIsBounded(t *testing.T) {
	for _, protocol := range []string{"http/protobuf", "grpc"} {
		r := newReceiver(t, protocol, nil)
		r.hang = make(chan struct{})
		c := DefaultOTLP()
		c.Endpoint, c.Protocol, c.FlushTimeout = r.url, protocol, 300*time.Millisecond
		e := export(t, c)
		app, db := program(1, "app", -100), program(2, "db", -100)
		e.add(t, windowOf(0, 10, []topology.Node{app, db}, calls(app, db, 5432)))
		began := time.Now()
		err := e.stop()
		if d := time.Since(began); d > 15*time.Second || err == nil || !strings.Contains(err.Error(), "within 300ms") {
			t.Errorf("%s: %v after %v", protocol, err, d)
		}
		close(r.hang)
	}
}

// TestRequestsAreSmall: receivers by gRPC take 4 MiB.
func TestRequestsAreSmall(t *testing.T) {
	r := newReceiver(t, "grpc", nil)
	c := DefaultOTLP()
	c.Endpoint, c.Protocol, c.FlushTimeout = r.url, "grpc", time.Minute
	e := export(t, c)
	m := large(2000)
	for i := range m.Nodes {
		a := &m.Nodes[i].Attributes
		a.ContainerName, a.Namespace, m.Nodes[i].Name = strings.Repeat("c", 200), strings.Repeat("n", 200), m.Nodes[i].Name+strings.Repeat("p", 200)
	}
	e.add(t, m)
	if err := e.stop(); err != nil || e.Stats().Failed != 0 {
		t.Errorf("%v, %+v, %v", err, e.Stats(), e.Err())
	}
	wantStored(t, r, e.a)
	if r.largest > 4<<20*3/4 {
		t.Errorf("a request has %d bytes", r.largest)
	}
}

// TestTLS: the receiver's certificate is checked with the CA that was given.
func TestTLS(t *testing.T) {
	ca, server := certificates(t)
	for _, protocol := range []string{"http/protobuf", "grpc"} {
		r := newReceiver(t, protocol, server)
		c := DefaultOTLP()
		c.Endpoint, c.Protocol, c.CAFile, c.RetryFor = r.url, protocol, ca, time.Second
		app, db := program(1, "app", -100), program(2, "db", -100)
		m := windowOf(0, 10, []topology.Node{app, db}, calls(app, db, 5432))
		e := export(t, c)
		e.add(t, m)
		if err := e.stop(); err != nil || e.Stats().Failed != 0 {
			t.Errorf("%s: %v, %v", protocol, err, e.Err())
		}
		wantStored(t, r, e.a)
		c.CAFile, c.FlushTimeout = "", 2*time.Second // the system's do not know it
		e = export(t, c)
		e.add(t, m)
		e.stop()
		if e.Stats().Sent != 0 || e.Err() == nil || !strings.Contains(e.Err().Error(), "certificate") {
			t.Errorf("%s without the CA: %+v, %v", protocol, e.Stats(), e.Err())
		}
	}
}

// certificates makes a CA and a server's certificate that it signed.
func certificates(t *testing.T) (caFile string, server *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return caFile, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

func TestOTLPConfigSaysWhatIsWrong(t *testing.T) {
	if err := DefaultOTLP().Validate(); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*OTLPConfig){
		`protocol is "http": it is one of http/protobuf, grpc`:                           func(c *OTLPConfig) { c.Protocol = "http" },
		`compression is "zstd": it is one of gzip, none`:                                 func(c *OTLPConfig) { c.Compression = "zstd" },
		`temporality is "both": it is one of cumulative, delta`:                          func(c *OTLPConfig) { c.Temporality = "both" },
		`names is "short": it is one of otel, prometheus`:                                func(c *OTLPConfig) { c.Names = "short" },
		`endpoint is "collector:4317": give it as http://HOST:PORT or https://HOST:PORT`: func(c *OTLPConfig) { c.Endpoint = "collector:4317" },
		`cert_file and key_file belong together: give both or neither`:                   func(c *OTLPConfig) { c.KeyFile = "k" },
		`interval is 10ms: give a time from 1s`:                                          func(c *OTLPConfig) { c.Interval = 10 * time.Millisecond },
		`queue is 0: give a number from 1 to 1000`:                                       func(c *OTLPConfig) { c.Queue = 0 },
		`timeout, retry_for and flush_timeout are times that are not below 0`:            func(c *OTLPConfig) { c.RetryFor = -1 },
	} {
		c := DefaultOTLP()
		change(&c)
		if err := c.Validate(); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	c := DefaultOTLP()
	c.CAFile = "testdata/scrape.txt"
	if _, err := NewOTLP(t.Context(), c, NewAccumulator(DefaultSeries()), topology.Host{}, nil); err == nil || !strings.Contains(err.Error(), "no certificate in PEM format") {
		t.Error(err)
	}
}
