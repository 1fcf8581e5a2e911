package main

import (
	"bytes"
	"crypto/sha256"
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
	"peerscope/internal/identity"
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

// learnt waits until all is known that is listed.
func learnt(t *testing.T, c *kubernetes.Cluster) *kubernetes.Cluster {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); c.Gaps() != nil || len(c.Names(netip.MustParseAddr("192.168.77.1"), 0)) == 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("gaps after ten seconds: %v", c.Gaps())
		}
	}
	return c
}

// webPod is the uid of a pod of the deployment that was recorded.
func webPod(t *testing.T, c *kubernetes.Cluster) string {
	t.Helper()
	for i := range 32 {
		for _, n := range c.Names(netip.AddrFrom4([4]byte{10, 244, 0, byte(i)}), 0) {
			if n.Pod.Workload().Name == "web" {
				return n.Pod.UID
			}
		}
	}
	t.Fatal("no pod of the deployment was recorded")
	return ""
}

func TestAddressesThatWereSeenAreNamedAtTheEnd(t *testing.T) {
	access, err := kubernetes.Find(leadingTo(t, recordedServer(t)))
	if err != nil {
		t.Fatal(err)
	}
	cluster := learnt(t, startKubernetes(t.Context(), access))
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
	// In the next window nothing is told of them, and they are on its map.
	n.take(&flow.Window{Start: 3})
	n.take(&flow.Window{Start: 3, End: 4})
	names = map[string]string{}
	for _, d := range p.close().Nodes {
		names[d.Name] = d.ID
	}
	if names["shop/web"] == "" || names["node-1"] == "" {
		t.Errorf("the next window names %v", names)
	}
	if g := m.Capture.Degraded; len(g) != 0 {
		t.Errorf("gaps: %v", g)
	}
}

// TestProcessesOfPods: what is told of a process before its pod is known is told
// again, and a proxy is one by its program and not only by its container.
func TestProcessesOfPods(t *testing.T) {
	access, err := kubernetes.Find(leadingTo(t, recordedServer(t)))
	if err != nil {
		t.Fatal(err)
	}
	uid := webPod(t, learnt(t, startKubernetes(t.Context(), access)))
	access.Asked = false // it was only found
	cluster := startKubernetes(t.Context(), access)
	var got []flow.Process
	n := newNaming(cluster, func(o flow.Observation) {
		if p, ok := o.(*flow.Process); ok {
			got = append(got, *p)
		}
	})
	c := identity.NewCompleter(identity.CompleterConfig{Root: t.TempDir(), Pods: pods{cluster}}, n.take)
	tell := func(pid int32, name, container string) {
		id := fmt.Sprintf("%x", sha256.Sum256([]byte(uid+"/"+container))) // as the recorded server's kubelet made them
		c.Take(&flow.Process{Time: 1, Key: flow.ProcessKey{PID: pid, Start: 1}, Name: name, Container: id, Runtime: "containerd",
			Cgroup: "/kubepods/burstable/pod" + uid + "/" + id})
	}
	tell(1, "nginx", "nginx")
	if len(got) != 1 || got[0].Pod.Name != "" {
		t.Errorf("told before anybody was asked: %+v", got)
	}
	learnt(t, cluster)
	tell(2, "envoy", "istio-proxy")
	tell(3, "pilot-agent", "istio-proxy")
	c.Take(&flow.Window{Start: 1, End: 2})
	last := map[int32]flow.Process{}
	for _, p := range got {
		last[p.Key.PID] = p
	}
	web, envoy, agent := last[1], last[2], last[3]
	if web.Pod.Workload() != (flow.Owner{Kind: "Deployment", Name: "web"}) || web.Pod.Container != "nginx" || web.InstanceID != uid || len(web.InstanceAddrs) != 1 ||
		fmt.Sprint(web.ExposedPorts) != "[8080]" || !web.MeshMember || web.ServiceProxy || fmt.Sprint(web.Pod.Services) != "[web web-public]" {
		t.Errorf("the application: %+v", web)
	}
	if !envoy.ServiceProxy || envoy.MeshMember || envoy.InstanceID != uid {
		t.Errorf("the proxy: %+v", envoy)
	}
	if agent.ServiceProxy || agent.MeshMember || agent.Pod.Container != "istio-proxy" {
		t.Errorf("what steers the proxy: %+v", agent)
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
