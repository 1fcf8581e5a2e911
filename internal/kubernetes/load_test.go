package kubernetes_test

import (
	"fmt"
	"net/http"

	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/apimachinery/pkg/types"

	"peerscope/internal/kubernetes"
)

// BenchmarkFirstList is what a cluster of 10,000 pods and 2,000 services costs
// until all is known, with the server's part, which sends bytes that were made
// before. A pod is 8.5 kB there.
func BenchmarkFirstList(b *testing.B) {
	s := bigServer(b, 10_000, 2_000)
	access, err := kubernetes.Find(kubeconfig(b, s, `{token: abc}`))
	if err != nil {
		b.Fatal(err)
	}
	var cpu time.Duration
	var kept uint64
	for b.Loop() {
		before, heap := processorTime(), heapInUse()
		c := kubernetes.New(kubernetes.Config{Access: access, Root: b.TempDir()})
		go c.Run(b.Context())
		until(b, "all lists", func() bool { _, ok := c.ByUID("uid-09999", ""); return ok && len(c.Gaps()) == 0 })
		cpu += processorTime() - before
		kept = heapInUse() - heap
		runtime.KeepAlive(c)
	}
	b.ReportMetric(cpu.Seconds()*1e3/float64(b.N), "cpu-ms/op")
	b.ReportMetric(float64(kept)/1e6, "kept-MB")
	b.ReportMetric(peak(), "peak-MB")
}

func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// peak is the largest resident memory of this process so far, in MB.
func peak() float64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Maxrss) / 1e3
}

// page is what the client asks for at once.
const page = 200

// bigServer has that many objects, as pages that are encoded already.
func bigServer(t testing.TB, pods, services int) *apiServer {
	t.Helper()
	scheme := kruntime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	encoder := protobuf.NewSerializer(scheme, scheme)
	serve := func(n int, list func(from, to int, m metav1.ListMeta) kruntime.Object) http.HandlerFunc {
		var pages [][]byte
		for from := 0; from < n; from += page {
			m := metav1.ListMeta{ResourceVersion: "1"}
			if from+page < n {
				m.Continue = strconv.Itoa(len(pages) + 1)
			}
			var w writer
			if err := encoder.Encode(list(from, min(n, from+page), m), &w); err != nil {
				t.Fatal(err)
			}
			pages = append(pages, w)
		}
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/vnd.kubernetes.protobuf")
			if r.URL.Query().Get("watch") != "" {
				w.Header().Set("Content-Type", "application/vnd.kubernetes.protobuf;stream=watch")
				w.(http.Flusher).Flush()
				<-r.Context().Done()
				return
			}
			page, _ := strconv.Atoi(r.URL.Query().Get("continue"))
			_, _ = w.Write(pages[page])
		}
	}
	s := newServer(t)
	s.refused(serve(pods, func(from, to int, m metav1.ListMeta) kruntime.Object {
		l := &corev1.PodList{TypeMeta: metav1.TypeMeta{Kind: "PodList", APIVersion: "v1"}, ListMeta: m}
		for i := from; i < to; i++ {
			l.Items = append(l.Items, *bigPod(i))
		}
		return l
	}), "pods")
	s.refused(serve(services, func(from, to int, m metav1.ListMeta) kruntime.Object {
		l := &corev1.ServiceList{TypeMeta: metav1.TypeMeta{Kind: "ServiceList", APIVersion: "v1"}, ListMeta: m}
		for i := from; i < to; i++ {
			v := *webService()
			v.Name, v.UID, v.Spec.ClusterIP, v.Spec.ClusterIPs = fmt.Sprintf("service-%d", i), types.UID(fmt.Sprintf("svc-%d", i)), fmt.Sprintf("10.96.%d.%d", i/250, i%250+1), nil
			l.Items = append(l.Items, v)
		}
		return l
	}), "services")
	return s
}

// bigPod is a pod as an ordinary cluster has them: a sidecar, volumes, probes'
// environment, conditions, and what every writer says of the fields it owns.
func bigPod(i int) *corev1.Pod {
	p := webPod()
	p.Name, p.UID, p.Status.PodIP = fmt.Sprintf("web-%d-5d9-x", i), types.UID(fmt.Sprintf("uid-%05d", i)), fmt.Sprintf("10.%d.%d.%d", 1+i/62500, i/250%250, i%250+1)
	p.Status.PodIPs = []corev1.PodIP{{IP: p.Status.PodIP}}
	p.Namespace = fmt.Sprintf("team-%d", i%50)
	p.Spec.NodeName = fmt.Sprintf("node-%d", i%200)
	for c := range p.Spec.Containers {
		for e := range 20 {
			p.Spec.Containers[c].Env = append(p.Spec.Containers[c].Env, corev1.EnvVar{Name: fmt.Sprintf("VARIABLE_%d", e), Value: fmt.Sprintf("the value of variable number %d", e)})
		}
		p.Spec.Containers[c].VolumeMounts = []corev1.VolumeMount{{Name: "token", MountPath: "/var/run/secrets/kubernetes.io/serviceaccount", ReadOnly: true}}
		p.Status.ContainerStatuses[c].ContainerID = fmt.Sprintf("containerd://%063d%d", i, c)
		p.Status.ContainerStatuses[c].ImageID = "registry.example/team/image@sha256:" + cid1
	}
	for m := range 3 {
		fields := make([]byte, 1800)
		for j := range fields {
			fields[j] = "f:metadata,spec."[j%16]
		}
		p.ManagedFields = append(p.ManagedFields, metav1.ManagedFieldsEntry{Manager: fmt.Sprintf("manager-%d", m), Operation: "Update", APIVersion: "v1", FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(string(fields))})
	}
	return p
}

type writer []byte

func (w *writer) Write(b []byte) (int, error) {
	*w = append(*w, b...)
	return len(b), nil
}
