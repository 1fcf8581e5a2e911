package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/flow"
	"peerscope/internal/kubernetes"
	"peerscope/internal/topology"
)

// recordedServer answers what a real API server answered.
func recordedServer(t *testing.T) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, watch := filepath.Base(r.URL.Path)+".list", r.URL.Query().Get("watch") != ""
		if watch {
			<-r.Context().Done() // nothing changes
			return
		}
		file, err := os.ReadFile("../../internal/kubernetes/testdata/recorded/" + name)
		if err != nil {
			t.Error(err)
		}
		content, body, _ := bytes.Cut(file, []byte("\n"))
		w.Header().Set("Content-Type", string(content))
		_, _ = w.Write(body)
	}))
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s.URL
}

func leadingTo(t *testing.T, url string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "config")
	text := fmt.Sprintf("apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: %q}}]\ncontexts: [{name: x, context: {cluster: c}}]\ncurrent-context: x\n", url)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestAddressesThatWereSeenAreNamedAtTheEnd(t *testing.T) {
	access, err := kubernetes.Find(leadingTo(t, recordedServer(t)))
	if err != nil {
		t.Fatal(err)
	}
	cluster := startKubernetes(t.Context(), access)
	for end := time.Now().Add(10 * time.Second); cluster.Gaps() != nil || len(cluster.Names(netip.MustParseAddr("10.96.0.77"), 0)) == 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("gaps after ten seconds: %v", cluster.Gaps())
		}
	}
	p := newPipeline()
	n := newNaming(cluster, p.take)
	n.take(&flow.Window{Start: 1})
	for i, peer := range []string{"10.96.0.77:80", "192.168.77.1:30080", "192.168.77.2:22", "203.0.113.9:443"} {
		n.take(&flow.Socket{Time: 2, Cookie: flow.SocketCookie(i + 1), Netns: 1, Transport: flow.TCP, State: flow.SynSent,
			Tuple: flow.Tuple{Local: netip.MustParseAddrPort("10.0.0.1:4000"), Peer: netip.MustParseAddrPort(peer)}, Holders: []flow.ProcessKey{{PID: 7, Start: 7}}})
	}
	n.take(&flow.Window{Start: 1, End: 3})
	m := p.close()
	type edge struct{ Server, Services string }
	names := map[string]string{}
	for _, d := range m.Nodes {
		names[d.ID] = d.Name
	}
	got := map[edge]bool{}
	for _, e := range m.Edges {
		got[edge{names[e.Server], fmt.Sprint(e.Services)}] = true
	}
	want := map[edge]bool{{"shop/web", "[shop/web]"}: true, {"node-1", "[shop/web-public]"}: true, {"node-2", "[]"}: true, {"203.0.113.9", "[]"}: true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("servers and services (-want +got):\n%s", diff)
	}
	if g := m.Capture.Degraded; len(g) != 0 {
		t.Errorf("gaps: %v", g)
	}
}

// TestServerThatSaysNothing: a map is as long as it is wished to be, and says
// what it does not know.
func TestServerThatSaysNothing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // it takes connections and never answers
	file := leadingTo(t, "http://"+l.Addr().String())
	plain := timeOf(t, "map", "--for", "200ms", "--source", "netlink", "-o", "json")
	var out, errs bytes.Buffer
	begin := time.Now()
	if code := run([]string{"map", "--for", "200ms", "--source", "netlink", "-o", "json", "--kubeconfig", file}, nil, &out, &errs); code != exitDone {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	if took := time.Since(begin); took > plain+5*time.Second {
		t.Errorf("it took %v, and %v without", took, plain)
	}
	var m topology.Map
	if err := json.Unmarshal(out.Bytes(), &m); err != nil {
		t.Fatal(err)
	}
	for _, d := range m.Capture.Degraded {
		if d.Code == "no_kubernetes" {
			return
		}
	}
	t.Errorf("no gap: %v", m.Capture.Degraded)
}

func timeOf(t *testing.T, args ...string) time.Duration {
	t.Helper()
	begin := time.Now()
	var out, errs bytes.Buffer
	if code := run(args, nil, &out, &errs); code != exitDone {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	return time.Since(begin)
}
