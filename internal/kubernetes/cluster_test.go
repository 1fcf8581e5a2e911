package kubernetes_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"peerscope/internal/flow"
	"peerscope/internal/kubernetes"
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// whose are the names of an address in short.
func whose(c *kubernetes.Cluster, a string) string {
	var out []string
	for _, n := range c.Names(addr(a), 0) {
		s := n.Kind.String() + " " + n.Namespace + "/" + n.Name
		if n.Port != 0 {
			s += " " + n.Transport.String() + " " + netip.AddrPortFrom(n.Addr, n.Port).String()
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

func complete(t *testing.T, c *kubernetes.Cluster) {
	t.Helper()
	until(t, "all lists", func() bool {
		a, ok := c.ByContainer(cid1)
		return ok && len(a.Owners) == 2 && len(a.Services) > 0 && whose(c, "192.168.0.10") != ""
	})
}

func TestPodIsFoundByContainerUIDAndAddress(t *testing.T) {
	c := start(t, shop(t), kubernetes.Config{})
	complete(t, c)
	pod := flow.Pod{UID: uidWeb, Name: "web-5d9-x", Namespace: "shop", Node: "node-1", Services: []string{"web"},
		Owners: []flow.Owner{{Kind: "ReplicaSet", Name: "web-5d9"}, {Kind: "Deployment", Name: "web"}},
		Labels: []flow.Label{{Key: "app", Value: "web"}, {Key: "pod-template-hash", Value: "5d9"}}}
	want := kubernetes.Answer{Pod: pod, Addrs: []string{"10.1.0.5", "fd00::5"}}
	f := func(name string, want kubernetes.Answer, got kubernetes.Answer, ok bool) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" || !ok {
			t.Errorf("%s: found %v (-want +got):\n%s", name, ok, diff)
		}
	}
	got, ok := c.ByUID(uidWeb, "")
	f("by uid", want, got, ok)
	want.Container = "logger"
	got, ok = c.ByContainer(cid2)
	f("by container", want, got, ok)
	want.Container, want.Ports = "nginx", []uint16{8080, 8443}
	got, ok = c.ByContainer(cid1)
	f("by container", want, got, ok)
	got, ok = c.ByUID(uidWeb, "nginx")
	f("by uid and name", want, got, ok)
	pod.Labels = nil
	name := flow.AddressName{Addr: addr("fd00::5"), Kind: flow.AddressPod, Name: "web-5d9-x", Namespace: "shop", Pod: pod}
	if diff := cmp.Diff([]flow.AddressName{name}, c.Names(addr("fd00::5"), 0), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("by address (-want +got):\n%s", diff)
	}
	if _, ok := c.ByContainer("3"); ok {
		t.Error("an unknown container was found")
	}
	if _, ok := c.ByUID("", ""); ok {
		t.Error("no uid was found")
	}
	// Jobs, of which there are none here, may be the last to be listed.
	until(t, "an answer to every list", func() bool { return c.Gaps() == nil })
}

func TestAddressesOfServicesAndNodes(t *testing.T) {
	s := shop(t)
	lb := webService()
	lb.ObjectMeta, lb.Spec.ClusterIP, lb.Spec.ClusterIPs = meta("shop", "pay", "svc2"), "10.96.0.8", nil
	lb.Spec.Ports = []corev1.ServicePort{{Port: 443, NodePort: 30443}}
	lb.Spec.ExternalIPs = []string{"203.0.113.5", "192.168.0.10", "nonsense"}
	lb.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "203.0.113.6"}, {Hostname: "lb.example"}}
	s.tell("services", "ADDED", lb)
	shared := lb.DeepCopy()
	shared.ObjectMeta, shared.Spec.ClusterIP, shared.Spec.ExternalIPs = meta("other", "mail", "svc3"), "None", nil
	shared.Spec.Ports = []corev1.ServicePort{{Port: 25}}
	s.tell("services", "ADDED", shared)
	c := start(t, s, kubernetes.Config{})
	complete(t, c)
	for _, tt := range [][2]string{
		{"10.96.0.7", "service shop/web"},
		{"10.96.0.8", "service shop/pay"},
		{"203.0.113.5", "service shop/pay"},
		{"203.0.113.6", "service other/mail tcp 203.0.113.6:25, service shop/pay tcp 203.0.113.6:443"},
		{"192.168.0.10", "node /node-1, service shop/pay tcp 192.168.0.10:443"},
		{"10.1.0.5", "pod shop/web-5d9-x"},
		{"10.1.0.6", ""},
	} {
		if got := whose(c, tt[0]); got != tt[1] {
			t.Errorf("%s is %q, want %q", tt[0], got, tt[1])
		}
	}
	port := func(tr flow.Transport, at string) int { return len(c.NodePort(tr, netip.MustParseAddrPort(at))) }
	if port(flow.TCP, "192.168.0.10:30080") != 1 || port(flow.UDP, "192.168.0.10:30080") != 0 || port(flow.TCP, "192.168.0.11:30080") != 0 || port(flow.TCP, "192.168.0.10:80") != 0 {
		t.Error("a node port is one of a node, a transport and a port")
	}
}

func TestPodsComeChangeAndGo(t *testing.T) {
	s := shop(t)
	c := start(t, s, kubernetes.Config{})
	complete(t, c)
	s.watched(t)
	began := flow.Time(time.Now().UnixNano())

	p := webPod()
	p.Name, p.UID, p.OwnerReferences = "bill-1-y", "aaaaaaaa-0000-4000-8000-000000000002", meta("", "", "", "Job", "bill-1", "j1").OwnerReferences
	p.Status.PodIP, p.Status.PodIPs, p.Status.ContainerStatuses, p.Labels = "10.1.0.9", nil, nil, nil
	before := c.Changed()
	s.tell("pods", "ADDED", p)
	until(t, "a new pod", func() bool { return whose(c, "10.1.0.9") == "pod shop/bill-1-y" })
	if c.Changed() == before {
		t.Error("nothing changed")
	}
	if a, _ := c.ByUID(string(p.UID), ""); a.Workload() != (flow.Owner{Kind: "CronJob", Name: "bill"}) || len(a.Services) != 0 {
		t.Errorf("workload %v, services %v", a.Workload(), a.Services)
	}
	// A job that is done gives its address back, and another pod gets it.
	p = p.DeepCopy()
	p.Status.Phase = corev1.PodSucceeded
	s.tell("pods", "MODIFIED", p)
	w := webPod()
	w.Name, w.UID, w.Status.PodIP, w.Status.PodIPs = "web-5d9-z", "aaaaaaaa-0000-4000-8000-000000000003", "10.1.0.9", nil
	w.Status.ContainerStatuses = nil
	s.tell("pods", "ADDED", w)
	until(t, "the next pod", func() bool { return len(c.Names(addr("10.1.0.9"), began)) == 2 })
	if got := whose2(c, "10.1.0.9", flow.Time(time.Now().UnixNano())); got != "pod shop/web-5d9-z" {
		t.Errorf("later the address is of %q", got)
	}
	// What is deleted is known for a while, but not as an address of now.
	s.tell("pods", "DELETED", webPod())
	until(t, "the deletion", func() bool { return whose2(c, "10.1.0.5", flow.Time(time.Now().UnixNano())) == "" })
	if _, ok := c.ByContainer(cid1); !ok {
		t.Error("the container of a pod that was just deleted is forgotten")
	}
	s.tell("services", "DELETED", webService())
	until(t, "the service", func() bool {
		return whose(c, "10.96.0.7") == "" && c.NodePort(flow.TCP, netip.MustParseAddrPort("192.168.0.10:30080")) == nil
	})
	s.tell("nodes", "DELETED", oneNode())
	until(t, "the node", func() bool { return whose(c, "192.168.0.10") == "" })
}

func whose2(c *kubernetes.Cluster, a string, since flow.Time) string {
	var out []string
	for _, n := range c.Names(addr(a), since) {
		out = append(out, n.Kind.String()+" "+n.Namespace+"/"+n.Name)
	}
	return strings.Join(out, ", ")
}

func TestWatchThatEndsIsBegunAnew(t *testing.T) {
	s := shop(t)
	c := start(t, s, kubernetes.Config{})
	complete(t, c)
	s.watched(t)
	gone := map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Expired", "code": http.StatusGone, "message": "too old resource version"}
	for _, e := range []*event{nil, {"ERROR", gone}, {"NONSENSE", nil}} {
		watches := s.count("watch=true")
		s.end("pods", e)
		p := webPod()
		p.UID, p.Status.PodIP = "aaaaaaaa-0000-4000-8000-00000000000a", "10.1.0.77"
		s.tell("pods", "ADDED", p) // while nobody watches
		until(t, "the next watch", func() bool { return s.count("watch=true") > watches })
		until(t, "the pod", func() bool { return strings.Contains(whose(c, "10.1.0.77"), "pod") })
		s.tell("pods", "DELETED", p)
		until(t, "the end of the pod", func() bool { return whose2(c, "10.1.0.77", flow.Time(time.Now().UnixNano())) == "" })
	}
}

func TestPodsOfTheHostsNetworkAndOfTheKubelet(t *testing.T) {
	s := shop(t)
	p := webPod()
	p.Name, p.UID, p.Labels = "etcd-node-1", "aaaaaaaa-0000-4000-8000-00000000000b", nil
	p.Annotations = map[string]string{"kubernetes.io/config.hash": "0123456789abcdef0123456789abcdef"}
	p.OwnerReferences = meta("", "", "", "Node", "node-1", "n1").OwnerReferences
	p.Spec.HostNetwork, p.Status.PodIP, p.Status.PodIPs, p.Status.ContainerStatuses = true, "192.168.0.10", nil, nil
	s.tell("pods", "ADDED", p)
	c := start(t, s, kubernetes.Config{})
	complete(t, c)
	if got := whose(c, "192.168.0.10"); got != "node /node-1" {
		t.Errorf("the node's address is of %q", got)
	}
	a, ok := c.ByUID("0123456789abcdef0123456789abcdef", "")
	if !ok || a.UID != string(p.UID) || len(a.Owners) != 0 || len(a.Addrs) != 0 {
		t.Errorf("the static pod: %v, %+v", ok, a)
	}
}
