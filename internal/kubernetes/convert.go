package kubernetes

import (
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"peerscope/internal/flow"
)

// configHash is the annotation of a static pod's image in the API that has the
// name by which the kubelet itself calls it.
const configHash = "kubernetes.io/config.hash"

// redirection is the annotation that Istio puts on pods whose traffic is taken
// by the proxy of the node.
const redirection = "ambient.istio.io/redirection"

// podOf keeps of a pod what is asked later, and nothing that holds on to the rest.
func podOf(in *corev1.Pod, text *texts) *Pod {
	p := &Pod{
		UID: string(in.UID), ConfigUID: in.Annotations[configHash], Name: in.Name,
		Namespace: text.one(in.Namespace), Node: text.one(in.Spec.NodeName), Owner: ownerOf(in.OwnerReferences, text),
		HostNetwork: in.Spec.HostNetwork, Ambient: in.Annotations[redirection] == "enabled",
		Ended:  in.Status.Phase == corev1.PodSucceeded || in.Status.Phase == corev1.PodFailed,
		Labels: labelsOf(in.Labels, text),
	}
	p.Addrs = addresses(p.Addrs, in.Status.PodIP)
	for _, ip := range in.Status.PodIPs {
		p.Addrs = addresses(p.Addrs, ip.IP)
	}
	ids := map[string]string{}
	for _, list := range [...][]corev1.ContainerStatus{in.Status.ContainerStatuses, in.Status.InitContainerStatuses, in.Status.EphemeralContainerStatuses} {
		for _, s := range list {
			ids[s.Name] = bareID(s.ContainerID)
		}
	}
	add := func(c *corev1.Container, setup bool) {
		p.Containers = append(p.Containers, Container{Name: text.one(c.Name), ID: ids[c.Name], Setup: setup, Ports: portsOf(c.Ports)})
	}
	for i := range in.Spec.Containers {
		add(&in.Spec.Containers[i], false)
	}
	for i := range in.Spec.InitContainers {
		c := &in.Spec.InitContainers[i]
		stays := c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways // a sidecar
		add(c, !stays)
	}
	for i := range in.Spec.EphemeralContainers {
		c := corev1.Container(in.Spec.EphemeralContainers[i].EphemeralContainerCommon)
		add(&c, false)
	}
	return p
}

// serviceOf keeps of a service what is asked later. A service that only stands
// for a name outside of the cluster has no address.
func serviceOf(in *corev1.Service, text *texts) *Service {
	s := &Service{UID: string(in.UID), Name: in.Name, Namespace: text.one(in.Namespace), Selector: labelsOf(in.Spec.Selector, text)}
	s.Addrs = addresses(s.Addrs, in.Spec.ClusterIP) // None: headless
	s.Addrs = addresses(s.Addrs, in.Spec.ClusterIPs...)
	s.Addrs = addresses(s.Addrs, in.Spec.ExternalIPs...)
	for _, b := range in.Status.LoadBalancer.Ingress {
		s.Addrs = addresses(s.Addrs, b.IP)
	}
	for _, p := range in.Spec.Ports {
		t := transportOf(p.Protocol)
		if t == flow.TransportUnknown {
			continue
		}
		s.Ports = append(s.Ports, Port{Transport: t, Port: uint16(p.Port), Node: uint16(p.NodePort)})
	}
	return s
}

func nodeOf(in *corev1.Node, text *texts) *Node {
	n := &Node{UID: string(in.UID), Name: text.one(in.Name)}
	for _, a := range in.Status.Addresses {
		if a.Type == corev1.NodeInternalIP || a.Type == corev1.NodeExternalIP {
			n.Addrs = addresses(n.Addrs, a.Address)
		}
	}
	return n
}

// ownerOf is the one owner that controls the object.
func ownerOf(refs []metav1.OwnerReference, text *texts) Ref {
	for _, r := range refs {
		if r.Controller != nil && *r.Controller {
			return Ref{UID: text.one(string(r.UID)), Kind: text.one(r.Kind), Name: text.one(r.Name)}
		}
	}
	return Ref{}
}

// addresses adds those of the texts that are addresses and not there yet.
func addresses(list []netip.Addr, texts ...string) []netip.Addr {
	for _, t := range texts {
		a, err := netip.ParseAddr(t)
		if err != nil {
			continue
		}
		if a = a.Unmap().WithZone(""); !a.IsUnspecified() && !slices.Contains(list, a) {
			list = append(list, a)
		}
	}
	return list
}

func portsOf(ports []corev1.ContainerPort) []uint16 {
	var out []uint16
	for _, p := range ports {
		if p.ContainerPort > 0 && p.ContainerPort < 1<<16 && transportOf(p.Protocol) != flow.TransportUnknown {
			out = append(out, uint16(p.ContainerPort))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// transportOf: a port without a protocol is one of TCP.
func transportOf(p corev1.Protocol) flow.Transport {
	switch p {
	case corev1.ProtocolTCP, "":
		return flow.TCP
	case corev1.ProtocolUDP:
		return flow.UDP
	}
	return flow.TransportUnknown // SCTP is not observed
}

func labelsOf(m map[string]string, text *texts) []flow.Label {
	if len(m) == 0 {
		return nil
	}
	out := make([]flow.Label, 0, len(m))
	for k, v := range m {
		out = append(out, flow.Label{Key: text.one(k), Value: text.one(v)})
	}
	slices.SortFunc(out, func(a, b flow.Label) int { return strings.Compare(a.Key, b.Key) })
	return out
}

// bareID takes the runtime's name off: containerd://ID.
func bareID(s string) string {
	if _, id, ok := strings.Cut(s, "://"); ok {
		return id
	}
	return s
}

// texts keeps one copy of each text that many objects share.
type texts struct{ known map[string]string }

func (t *texts) one(s string) string {
	// Enough for the names of a large cluster; what hash-like labels add is let go.
	const most = 64 << 10
	if s == "" {
		return ""
	}
	if have, ok := t.known[s]; ok {
		return have
	}
	if t.known == nil || len(t.known) >= most {
		t.known = map[string]string{}
	}
	s = strings.Clone(s)
	t.known[s] = s
	return s
}
