//go:build kubernetes

package kubernetes_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"peerscope/internal/flow"
	"peerscope/internal/kubernetes"
)

// TestRealCluster makes a small shop in a real cluster and asks whose its pods,
// services and nodes are, with the rights that docs/KUBERNETES.md gives and no
// others.
func TestRealCluster(t *testing.T) {
	c := startCluster(t)
	c.makeShop()
	c.allow("ServiceAccount", "Namespace") // who asks, without its rights
	token := c.post("/api/v1/namespaces/peerscope/serviceaccounts/peerscope/token", `{"spec":{"expirationSeconds":3600}}`)["status"].(map[string]any)["token"].(string)
	config := c.configOf("peerscope", token)

	denied := c.ask(config)
	defer func() {
		if t.Failed() {
			t.Logf("gaps: %+v", denied.Gaps())
		}
	}()
	c.until("the denial", func() bool {
		g := denied.Gaps()
		return len(g) == 1 && g[0].Code == "no_kubernetes" && strings.Contains(g[0].Reason, "denied")
	})
	c.allow("ClusterRole", "ClusterRoleBinding")
	// Pods of this node alone could be asked for too, and that was denied as well.
	c.until("answers after the rights were given", func() bool { return len(denied.Gaps()) == 0 })

	k := c.ask(config)
	pods := c.pods("app=web")
	c.until("the deployment", func() bool {
		return len(pods) == 3 && !slices.ContainsFunc(pods, func(p pod) bool { a, ok := k.ByContainer(p.container("nginx")); return !ok || len(a.Services) != 2 })
	})
	for _, p := range pods {
		a, _ := k.ByContainer(p.container("nginx"))
		if a.Name != p.Metadata.Name || a.Workload() != (flow.Owner{Kind: "Deployment", Name: "web"}) || a.Owners[0].Kind != "ReplicaSet" ||
			a.Container != "nginx" || !slices.Equal(a.Ports, []uint16{8080}) || !slices.Equal(a.Services, []string{"web", "web-public"}) || !a.Member ||
			!slices.Equal(a.Addrs, []string{p.Status.PodIP}) || a.Node != p.Spec.NodeName {
			t.Errorf("pod %s: %+v", p.Metadata.Name, a)
		}
		if proxy, _ := k.ByContainer(p.container("istio-proxy")); len(proxy.Proxies) == 0 || proxy.Member {
			t.Errorf("the proxy of %s: %+v", p.Metadata.Name, proxy)
		}
		c.named(k, p.Status.PodIP, "pod shop/"+p.Metadata.Name)
	}
	for app, want := range map[string]flow.Owner{"db": {Kind: "StatefulSet", Name: "db"}, "agent": {Kind: "DaemonSet", Name: "agent"}, "bill": {Kind: "CronJob", Name: "bill"}} {
		for _, p := range c.pods("app=" + app) {
			if a, ok := k.ByUID(p.Metadata.UID, ""); !ok || a.Workload() != want {
				t.Errorf("pod %s: found %v, workload %v, want %v", p.Metadata.Name, ok, a.Workload(), want)
			}
		}
	}
	c.named(k, "10.96.0.77", "service shop/web")
	c.named(k, "192.168.77.1", "node /node-1")
	if n := k.NodePort(flow.TCP, netip.MustParseAddrPort("192.168.77.2:30080")); len(n) != 1 || n[0].Name != "web-public" {
		t.Errorf("the node port is %v", n)
	}

	// What changes is told by the watches.
	c.send("PATCH", "/apis/apps/v1/namespaces/shop/deployments/web", `{"spec":{"replicas":4}}`)
	c.until("a fourth pod", func() bool {
		c.schedule()
		for _, p := range c.pods("app=web") {
			if _, ok := k.ByUID(p.Metadata.UID, ""); !ok || p.Status.PodIP == "" {
				return false
			}
		}
		return len(c.pods("app=web")) == 4
	})
	gone := c.pods("app=db")[0]
	c.send("DELETE", "/api/v1/namespaces/shop/services/web", "")
	c.send("DELETE", "/api/v1/namespaces/shop/pods/"+gone.Metadata.Name, "")
	c.until("the end of a pod and a service", func() bool {
		now := flow.Time(time.Now().UnixNano())
		return len(k.Names(netip.MustParseAddr("10.96.0.77"), 0)) == 0 &&
			!slices.ContainsFunc(k.Names(netip.MustParseAddr(gone.Status.PodIP), now), func(n flow.AddressName) bool { return n.Pod.UID == gone.Metadata.UID })
	})
	if g := k.Gaps(); g != nil {
		t.Errorf("gaps: %v", g)
	}
}

// TestRecord writes down what the API server says, for the ordinary tests.
func TestRecord(t *testing.T) {
	folder := os.Getenv("PEERSCOPE_RECORD")
	if folder == "" {
		t.Skip("PEERSCOPE_RECORD names no folder for what the API server says; see: make kubernetes RECORD=1")
	}
	c := startCluster(t)
	c.makeShop()
	to, err := url.Parse(c.url)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.Transport, proxy.FlushInterval = c.admin.Transport, -1
	tape := &tape{folder: folder}
	proxy.ModifyResponse = tape.record
	server := httptest.NewServer(proxy)
	defer server.Close()
	defer server.CloseClientConnections()
	k := kubernetes.New(kubernetes.Config{Root: t.TempDir(), Access: c.access(strings.Replace(c.read(c.kubeconfig), c.url, server.URL, 1))})
	go k.Run(t.Context())
	c.until("all lists", func() bool { return len(tape.names()) == 10 && k.Gaps() == nil })
	c.send("PATCH", "/apis/apps/v1/namespaces/shop/deployments/web", `{"spec":{"replicas":4}}`)
	c.send("DELETE", "/api/v1/namespaces/shop/services/web-public", "")
	c.until("a fourth pod", func() bool {
		c.schedule()
		return len(c.pods("app=web")) == 4 && !slices.ContainsFunc(c.pods("app=web"), func(p pod) bool {
			return len(k.Names(addrOf(p), 0)) != 1
		})
	})
	tape.write(t)
}

// makeShop makes what shop.json has, and waits until all pods have addresses.
func (c *cluster) makeShop() {
	c.t.Helper()
	text, err := os.ReadFile("shop.json")
	if err != nil {
		c.t.Fatal(err)
	}
	var objects []struct {
		Path   string
		Object json.RawMessage
	}
	if err := json.Unmarshal(text, &objects); err != nil {
		c.t.Fatal(err)
	}
	for _, o := range objects {
		c.post(o.Path, string(o.Object))
	}
	// As `kubectl create job --from cronjob/bill` makes it.
	cron := c.send("GET", "/apis/batch/v1/namespaces/shop/cronjobs/bill", "")["metadata"].(map[string]any)["uid"]
	c.post("/apis/batch/v1/namespaces/shop/jobs", fmt.Sprintf(`{"metadata":{"name":"bill-1","ownerReferences":[{"apiVersion":"batch/v1","kind":"CronJob","name":"bill","uid":%q,"controller":true}]},
		"spec":{"template":{"metadata":{"labels":{"app":"bill"}},"spec":{"restartPolicy":"Never","containers":[{"name":"bill","image":"bill:1"}]}}}}`, cron))
	defer func() {
		if c.t.Failed() {
			c.t.Logf("%+v", c.pods(""))
		}
	}()
	for app, n := range map[string]int{"web": 3, "db": 2, "agent": 2, "bill": 1} {
		c.until("pods of "+app, func() bool {
			c.schedule()
			pods := c.pods("app=" + app)
			return len(pods) == n && !slices.ContainsFunc(pods, func(p pod) bool { return p.Status.PodIP == "" && app != "agent" || p.Status.Phase != "Running" })
		})
	}
}

// schedule gives each pod that has none a node, the one it wants if it wants one.
func (c *cluster) schedule() {
	c.t.Helper()
	for i, p := range c.pods("") {
		if p.Spec.NodeName != "" {
			continue
		}
		node := []string{"node-1", "node-2"}[i%2]
		for _, t := range p.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms {
			for _, f := range t.MatchFields {
				node = f.Values[0]
			}
		}
		c.post("/api/v1/namespaces/shop/pods/"+p.Metadata.Name+"/binding", fmt.Sprintf(`{"metadata":{"name":%q},"target":{"kind":"Node","name":%q}}`, p.Metadata.Name, node))
	}
}

// allow makes those of the objects of docs/KUBERNETES.md that are of the kinds.
func (c *cluster) allow(kinds ...string) {
	c.t.Helper()
	paths := map[string]string{"Namespace": "/api/v1/namespaces", "ServiceAccount": "/api/v1/namespaces/peerscope/serviceaccounts",
		"ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles", "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"}
	block := regexp.MustCompile("(?s)```yaml\n(apiVersion.*?)```").FindStringSubmatch(c.read("../../docs/KUBERNETES.md"))
	if block == nil {
		c.t.Fatal("docs/KUBERNETES.md has no rules of access")
	}
	for _, text := range strings.Split(block[1], "\n---\n") {
		object, err := yaml.YAMLToJSON([]byte(text))
		if err != nil {
			c.t.Fatal(err)
		}
		var kind struct{ Kind string }
		if err := json.Unmarshal(object, &kind); err != nil {
			c.t.Fatal(err)
		}
		if slices.Contains(kinds, kind.Kind) {
			c.post(paths[kind.Kind], string(object))
		}
	}
}

func (c *cluster) read(name string) string {
	c.t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		c.t.Fatal(err)
	}
	return string(text)
}

func (c *cluster) access(kubeconfig string) *kubernetes.Access {
	c.t.Helper()
	if _, err := clientcmd.Load([]byte(kubeconfig)); err != nil {
		c.t.Fatal(err)
	}
	a, err := kubernetes.Find(c.write("access.config", kubeconfig))
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

// ask starts to learn with that kubeconfig.
func (c *cluster) ask(kubeconfig string) *kubernetes.Cluster {
	k := kubernetes.New(kubernetes.Config{Root: c.t.TempDir(), Access: c.access(c.read(kubeconfig)), Retry: 100 * time.Millisecond})
	go k.Run(c.t.Context())
	return k
}

func (c *cluster) named(k *kubernetes.Cluster, a, want string) {
	c.t.Helper()
	var got string
	c.until("the name of "+a, func() bool {
		got = ""
		for _, n := range k.Names(netip.MustParseAddr(a), 0) {
			got += n.Kind.String() + " " + n.Namespace + "/" + n.Name
		}
		return got != ""
	})
	if got != want {
		c.t.Errorf("%s is %q, want %q", a, got, want)
	}
}

// pod is what the test itself reads of one.
type pod struct {
	Metadata struct{ Name, UID string }
	Spec     struct {
		NodeName string
		Affinity struct {
			NodeAffinity struct {
				RequiredDuringSchedulingIgnoredDuringExecution struct {
					NodeSelectorTerms []struct{ MatchFields []struct{ Values []string } }
				}
			}
		}
	}
	Status struct {
		Phase, PodIP      string
		ContainerStatuses []struct{ Name, ContainerID string }
	}
}

func (p *pod) container(name string) string {
	for _, s := range p.Status.ContainerStatuses {
		if s.Name == name {
			return strings.TrimPrefix(s.ContainerID, "containerd://")
		}
	}
	return ""
}

func addrOf(p pod) netip.Addr {
	a, _ := netip.ParseAddr(p.Status.PodIP)
	return a
}

func (c *cluster) pods(selector string) []pod {
	c.t.Helper()
	r, err := c.admin.Get(c.url + "/api/v1/namespaces/shop/pods?labelSelector=" + url.QueryEscape(selector))
	if err != nil {
		c.t.Fatal(err)
	}
	defer r.Body.Close()
	var list struct{ Items []pod }
	if err := json.NewDecoder(r.Body).Decode(&list); err != nil || r.StatusCode != http.StatusOK {
		c.t.Fatalf("list pods: %s, %v", r.Status, err)
	}
	return list.Items
}
