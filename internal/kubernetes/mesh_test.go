package kubernetes_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"peerscope/internal/kubernetes"
)

func TestProxiesAreHintedAtByTheNamesOfContainers(t *testing.T) {
	s := shop(t)
	always := corev1.ContainerRestartPolicyAlways
	meshed := func(uid string, change func(*corev1.Pod)) {
		p := webPod()
		p.UID, p.Status.ContainerStatuses = types.UID("aaaaaaaa-0000-4000-8000-0000000000"+uid), nil
		change(p)
		s.tell("pods", "ADDED", p)
	}
	add := func(c corev1.Container) func(*corev1.Pod) {
		return func(p *corev1.Pod) { p.Spec.Containers = append(p.Spec.Containers, c) }
	}
	meshed("10", add(corev1.Container{Name: "istio-proxy"}))
	meshed("11", func(p *corev1.Pod) {
		p.Spec.InitContainers = []corev1.Container{{Name: "linkerd-init"}, {Name: "linkerd-proxy", RestartPolicy: &always}}
	})
	meshed("12", func(p *corev1.Pod) { p.Annotations = map[string]string{"ambient.istio.io/redirection": "enabled"} })
	meshed("13", func(p *corev1.Pod) {})
	c := start(t, s, kubernetes.Config{})
	complete(t, c)
	type hint struct {
		Proxies []string
		Member  bool
	}
	for _, tt := range []struct {
		pod, container string
		want           hint
	}{
		{"10", "istio-proxy", hint{Proxies: []string{"envoy", "ztunnel"}}},
		{"10", "nginx", hint{Member: true}},
		{"11", "linkerd-proxy", hint{Proxies: []string{"linkerd2-proxy"}}},
		{"11", "nginx", hint{Member: true}},
		{"11", "linkerd-init", hint{}},
		{"12", "nginx", hint{Member: true}},
		{"13", "nginx", hint{}},
	} {
		a, ok := c.ByUID("aaaaaaaa-0000-4000-8000-0000000000"+tt.pod, tt.container)
		if diff := cmp.Diff(tt.want, hint{a.Proxies, a.Member}); diff != "" || !ok || a.Container != tt.container {
			t.Errorf("%s of %s, found %v (-want +got):\n%s", tt.container, tt.pod, ok, diff)
		}
	}
}
