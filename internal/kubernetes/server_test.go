package kubernetes_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"peerscope/internal/kubernetes"
)

// resources are the last words of the paths that are asked for.
var resources = []string{"pods", "services", "nodes", "replicasets", "jobs"}

// apiServer answers as one of Kubernetes does, as far as it is asked here. What
// it has can be changed while it runs.
type apiServer struct {
	*httptest.Server
	mu       sync.Mutex
	changed  *sync.Cond
	objects  map[string][]any
	refuse   map[string]http.HandlerFunc // instead of the list and watch of a resource
	told     []told
	watching map[string]int
	ended    map[string]int // how often the watches of a resource were ended
	last     map[string]*event
	asked    []string
}

// told is an event and the version that it made.
type told struct {
	version  int
	resource string
	event    event
}

type event struct {
	Type   string `json:"type"`
	Object any    `json:"object"`
}

func newServer(t testing.TB) *apiServer {
	t.Helper()
	s := &apiServer{objects: map[string][]any{}, refuse: map[string]http.HandlerFunc{}, ended: map[string]int{}, watching: map[string]int{}, last: map[string]*event{}}
	s.changed = sync.NewCond(&s.mu)
	s.Server = httptest.NewUnstartedServer(s)
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of connections that are cut
	s.StartTLS()
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

func (s *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	resource := filepath.Base(r.URL.Path)
	s.mu.Lock()
	s.asked = append(s.asked, r.URL.String())
	refuse := s.refuse[resource]
	s.mu.Unlock()
	switch {
	case r.Header.Get("Authorization") != "Bearer abc":
		status(401, "Unauthorized")(w, r)
	case refuse != nil:
		refuse(w, r)
	case r.URL.Query().Get("watch") != "":
		s.watch(w, r, resource)
	default:
		s.list(w, r, resource)
	}
}

func (s *apiServer) list(w http.ResponseWriter, r *http.Request, resource string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	items := s.objects[resource]
	if items == nil {
		items = []any{}
	}
	kind := map[string]string{"pods": "PodList", "services": "ServiceList", "nodes": "NodeList"}[resource]
	version := "v1"
	if kind == "" {
		kind, version = "PartialObjectMetadataList", "meta.k8s.io/v1"
	}
	meta := map[string]any{"resourceVersion": fmt.Sprint(s.version())}
	// Pages of two, whatever the limit, to see that all are asked for.
	from := 0
	fmt.Sscan(r.URL.Query().Get("continue"), &from)
	to := min(len(items), from+2)
	if to < len(items) && r.URL.Query().Get("limit") != "" {
		meta["continue"] = fmt.Sprint(to)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"kind": kind, "apiVersion": version, "metadata": meta, "items": items[from:to]})
}

func (s *apiServer) version() int { return len(s.told) + 100 }

// watch tells what happened since the version asked for.
func (s *apiServer) watch(w http.ResponseWriter, r *http.Request, resource string) {
	from := 0
	fmt.Sscan(r.URL.Query().Get("resourceVersion"), &from)
	stop := context.AfterFunc(r.Context(), s.changed.Broadcast)
	defer stop()
	w.Header().Set("Content-Type", "application/json")
	w.(http.Flusher).Flush()
	s.mu.Lock()
	defer s.mu.Unlock()
	ended := s.ended[resource]
	s.watching[resource]++
	defer func() { s.watching[resource]-- }()
	for {
		for _, t := range s.told {
			if t.version > from && t.resource == resource {
				_ = json.NewEncoder(w).Encode(t.event)
			}
		}
		from = s.version()
		if s.ended[resource] != ended {
			if e := s.last[resource]; e != nil {
				_ = json.NewEncoder(w).Encode(e)
			}
			return
		}
		w.(http.Flusher).Flush()
		if r.Context().Err() != nil {
			return
		}
		s.changed.Wait()
	}
}

// tell changes the objects and tells the watchers.
func (s *apiServer) tell(resource, what string, o metav1.Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o.SetResourceVersion(fmt.Sprint(s.version() + 1))
	s.objects[resource] = slices.DeleteFunc(s.objects[resource], func(have any) bool { return have.(metav1.Object).GetUID() == o.GetUID() })
	if what != "DELETED" {
		s.objects[resource] = append(s.objects[resource], o)
	}
	now, _ := json.Marshal(o) // it may be changed before it is sent
	s.told = append(s.told, told{s.version() + 1, resource, event{what, json.RawMessage(now)}})
	s.changed.Broadcast()
}

// end ends the watches of a resource; last they say e, if that is not nil.
func (s *apiServer) end(resource string, e *event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended[resource]++
	s.last[resource] = e
	s.changed.Broadcast()
}

func (s *apiServer) refused(f http.HandlerFunc, names ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range names {
		s.refuse[n] = f
	}
}

// watched waits until all kinds of objects are.
func (s *apiServer) watched(t *testing.T) {
	t.Helper()
	until(t, "watches", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return !slices.ContainsFunc(resources, func(r string) bool { return s.watching[r] == 0 })
	})
}

func (s *apiServer) count(part string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, a := range s.asked {
		if strings.Contains(a, part) {
			n++
		}
	}
	return n
}

// status answers with an error as an API server does.
func status(code int, reason string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":%q,"message":"no","code":%d}`, reason, code)
	}
}

// kubeconfig writes a file that leads to the server.
func kubeconfig(t testing.TB, s *apiServer, user string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "config")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: %q, certificate-authority-data: %s}}]
users: [{name: u, user: %s}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
`, s.URL, base64.StdEncoding.EncodeToString(ca), user)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// start runs a cluster that asks the server.
func start(t *testing.T, s *apiServer, c kubernetes.Config) *kubernetes.Cluster {
	t.Helper()
	access, err := kubernetes.Find(kubeconfig(t, s, `{token: abc}`))
	if err != nil {
		t.Fatal(err)
	}
	c.Access = access
	return run(t, c)
}

func run(t *testing.T, c kubernetes.Config) *kubernetes.Cluster {
	t.Helper()
	c.Retry = 10 * time.Millisecond
	if c.Root == "" {
		c.Root = t.TempDir()
	}
	cluster := kubernetes.New(c)
	done := make(chan struct{})
	go func() { cluster.Run(t.Context()); close(done) }()
	t.Cleanup(func() { <-done })
	return cluster
}

// until waits for what is learnt in the background.
func until(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(45 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if f() {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: not within 45 seconds", what)
		}
	}
}

// The objects of a small shop.

const (
	cid1   = "1111111111111111111111111111111111111111111111111111111111111111"
	cid2   = "2222222222222222222222222222222222222222222222222222222222222222"
	uidWeb = "aaaaaaaa-0000-4000-8000-000000000001"
)

func meta(namespace, name, uid string, owner ...string) metav1.ObjectMeta {
	m := metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(uid), ResourceVersion: "1"}
	if len(owner) == 3 {
		yes := true
		m.OwnerReferences = []metav1.OwnerReference{{Kind: owner[0], Name: owner[1], UID: types.UID(owner[2]), Controller: &yes}}
	}
	return m
}

func webPod() *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: meta("shop", "web-5d9-x", uidWeb, "ReplicaSet", "web-5d9", "rs1")}
	p.Labels = map[string]string{"app": "web", "pod-template-hash": "5d9"}
	p.Spec.NodeName = "node-1"
	p.Spec.Containers = []corev1.Container{{Name: "nginx", Ports: []corev1.ContainerPort{{ContainerPort: 8443}, {ContainerPort: 8080, Protocol: "TCP"}}}, {Name: "logger"}}
	p.Status.Phase, p.Status.PodIP = corev1.PodRunning, "10.1.0.5"
	p.Status.PodIPs = []corev1.PodIP{{IP: "10.1.0.5"}, {IP: "fd00::5"}}
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "nginx", ContainerID: "containerd://" + cid1}, {Name: "logger", ContainerID: "containerd://" + cid2}}
	return p
}

func webService() *corev1.Service {
	s := &corev1.Service{ObjectMeta: meta("shop", "web", "svc1")}
	s.Spec.ClusterIP, s.Spec.ClusterIPs, s.Spec.Selector = "10.96.0.7", []string{"10.96.0.7"}, map[string]string{"app": "web"}
	s.Spec.Ports = []corev1.ServicePort{{Protocol: "TCP", Port: 80, NodePort: 30080}, {Protocol: "UDP", Port: 53}}
	return s
}

func oneNode() *corev1.Node {
	n := &corev1.Node{ObjectMeta: meta("", "node-1", "n1")}
	n.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: "192.168.0.10"}, {Type: corev1.NodeHostName, Address: "node-1"}}
	return n
}

func owned(kind, namespace, name, uid string, owner ...string) *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{Kind: "PartialObjectMetadata", APIVersion: "meta.k8s.io/v1"}, ObjectMeta: meta(namespace, name, uid, owner...)}
}

// shop is a server with all of them.
func shop(t *testing.T) *apiServer {
	s := newServer(t)
	s.tell("pods", "ADDED", webPod())
	s.tell("services", "ADDED", webService())
	s.tell("nodes", "ADDED", oneNode())
	s.tell("replicasets", "ADDED", owned("ReplicaSet", "shop", "web-5d9", "rs1", "Deployment", "web", "d1"))
	s.tell("jobs", "ADDED", owned("Job", "shop", "bill-1", "j1", "CronJob", "bill", "cj1"))
	return s
}
