package identity

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"peerscope/internal/flow"
)

// heard is what a completer told, one line for each observation.
type heard struct {
	mu    sync.Mutex
	lines []string
	last  flow.Process
}

func (h *heard) emit(o flow.Observation) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch o := o.(type) {
	case *flow.Process:
		h.last = *o
		h.lines = append(h.lines, fmt.Sprintf("process %d@%d %s/%s/%s/%s", o.Key.PID, o.Time, o.Runtime, o.ContainerName, o.Image, o.Pod.Name))
	case *flow.Gap:
		h.lines = append(h.lines, "gap "+o.Code+": "+o.Reason+" ("+o.Fix+")")
	default:
		h.lines = append(h.lines, strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", o), "*flow.")))
	}
}

func (h *heard) is(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, h.lines); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	h.lines = nil
}

// patient is a completer that waits for answers however slow the machine is.
func patient(c CompleterConfig, emit func(flow.Observation)) *Completer {
	made := NewCompleter(c, emit)
	made.inquiries.waits = waits{time.Minute, time.Minute}
	return made
}

func inContainer(pid int32, id, runtime string) *flow.Process {
	return &flow.Process{Time: 100, Key: flow.ProcessKey{PID: pid, Start: 1}, Name: "app", Container: id, Runtime: runtime, Cgroup: "/" + runtime + "/" + id}
}

func end() *flow.Window { return &flow.Window{Start: 1, End: 2} }

// Nobody waits for a runtime, and its answer comes as the process once more.
func TestLateAnswersAreToldAsTheProcessAgain(t *testing.T) {
	var h heard
	c := patient(CompleterConfig{Root: "testdata/runtimes"}, h.emit)
	may := make(chan struct{})
	asked := map[string]int{}
	c.inquiries.find = func(r *runtimes, q inquiry) reply {
		<-may
		asked[q.ref.id]++
		return findContainer(r, q)
	}
	c.Take(&flow.Host{Name: "h"})
	c.Take(inContainer(1, dockerID, "docker"))
	c.Take(inContainer(2, dockerID, "docker"))
	c.Take(inContainer(3, criID, "containerd"))
	c.Take(&flow.Process{Time: 100, Key: flow.ProcessKey{PID: 4, Start: 1}})
	h.is(t, "host", "process 1@100 docker///", "process 2@100 docker///", "process 3@100 containerd///", "process 4@100 ///")
	c.Take(&flow.Exit{Key: flow.ProcessKey{PID: 2, Start: 1}})
	h.is(t, "exit")
	close(may)
	c.Take(end())
	const docker = " docker/shop-dk/registry.example:5000/shop/shopd/"
	h.is(t, "process 1@101"+docker, "process 2@101"+docker, "process 3@101 containerd/web/localhost/shop/shopd/shop-6f7c9d-x2x4z", "window")
	// From now on it is known at once. An exec is told later than what was late.
	next := inContainer(1, dockerID, "docker")
	next.Time = 200
	c.Take(next)
	c.Take(inContainer(5, dockerID, "docker"))
	h.is(t, "process 1@200"+docker, "process 5@100"+docker)
	if diff := cmp.Diff(map[string]int{dockerID: 1, criID: 1}, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	if len(c.told) != 3 { // not the one that has exited
		t.Errorf("%d processes are kept, want 3", len(c.told))
	}
}

func TestRuntimeThatHangsHoldsUpNothing(t *testing.T) {
	var h heard
	c := NewCompleter(CompleterConfig{Root: "testdata/runtimes"}, h.emit)
	hangs := make(chan struct{})
	defer close(hangs)
	c.inquiries.find = func(r *runtimes, q inquiry) reply {
		if q.ref.user != "" {
			<-hangs // without end
		}
		return findContainer(r, q)
	}
	mine := inContainer(1, dockerID, "docker")
	mine.Cgroup = "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" + dockerID + ".scope"
	c.Take(mine)
	c.Take(inContainer(2, criID, "containerd"))
	for !c.inquiries.ready.Load() { // the other one's answer
		time.Sleep(time.Millisecond)
	}
	start := time.Now()
	c.Take(end())
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("the window's end took %v", took)
	}
	h.is(t, "process 1@100 docker///", "process 2@100 containerd///", "process 2@101 containerd/web/localhost/shop/shopd/shop-6f7c9d-x2x4z",
		"gap container_names: 1 container is called by the id: its runtime has not answered yet ()", "window")
}

func TestContainersWithoutNameAreAGap(t *testing.T) {
	var h heard
	c := patient(CompleterConfig{Root: "testdata/none"}, h.emit)
	c.Take(inContainer(1, dockerID, "docker"))
	c.Take(inContainer(2, unknownID, ""))
	c.Take(inContainer(3, "web", "lxc"))
	c.Take(end())
	h.is(t, "process 1@100 docker///", "process 2@100 ///", "process 3@100 lxc/web//",
		"gap container_names: 2 containers are called by the id: no runtime that is known here keeps state of it "+
			"(let this program see the state of the runtime (below /run and /var/lib))", "window")

	root := t.TempDir()
	put(t, root, "var/lib/docker/containers/"+dockerID+"/config.v2.json", "{")
	c = patient(CompleterConfig{Root: root}, h.emit)
	c.Take(inContainer(1, dockerID, "docker"))
	c.Take(end())
	h.is(t, "process 1@100 docker///", "gap container_names: 1 container is called by the id: read "+root+"/var/lib/docker/containers/"+dockerID+
		"/config.v2.json: unexpected end of JSON input ()", "window")
}

// A container is renamed, its state is lost, its runtime starts later.
func TestStateIsReadAgain(t *testing.T) {
	var h heard
	root := t.TempDir()
	c := patient(CompleterConfig{Root: root}, h.emit)
	clock := time.Now()
	c.now = func() time.Time { return clock }
	state := "var/lib/docker/containers/" + dockerID + "/config.v2.json"
	at := flow.Time(0)
	look := func() {
		at += 10
		p := inContainer(1, dockerID, "docker")
		p.Time = at
		c.Take(p)
		c.inquiries.settle()
		c.Take(&flow.Loss{})
	}
	look()
	h.is(t, "process 1@10 docker///", "loss")
	put(t, root, state, `{"ID":"`+dockerID+`","Name":"/one"}`)
	look()
	h.is(t, "process 1@20 docker///", "loss") // asked once an interval
	clock = clock.Add(containerCheck)
	look()
	h.is(t, "process 1@30 docker///", "process 1@31 docker/one//", "loss")
	clock = clock.Add(containerCheck)
	look()
	h.is(t, "process 1@40 docker/one//", "loss") // nothing has changed
	put(t, root, state, `{"ID":"`+dockerID+`","Name":"/another"}`)
	clock = clock.Add(containerCheck)
	look()
	h.is(t, "process 1@50 docker/one//", "process 1@51 docker/another//", "loss")
	if err := os.Remove(filepath.Join(root, state)); err != nil {
		t.Fatal(err)
	}
	clock = clock.Add(containerCheck)
	look()
	h.is(t, "process 1@60 docker/another//", "loss") // it was true when it was there
}

// cluster is what Kubernetes would tell.
type cluster struct {
	mu      sync.Mutex
	pods    map[string]Pod // by container id and by uid
	changed uint64
}

func (c *cluster) ByContainer(id string) (Pod, bool) { return c.get(id) }
func (c *cluster) ByUID(uid, container string) (Pod, bool) {
	p, ok := c.get(uid)
	p.Image = "image of " + container
	return p, ok
}
func (c *cluster) Changed() uint64 { c.mu.Lock(); defer c.mu.Unlock(); return c.changed }

func (c *cluster) get(key string) (Pod, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok := c.pods[key]
	return p, ok
}

func (c *cluster) set(key string, p Pod) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pods[key] = p
	c.changed++
}

func TestPodsOfKubernetesComeLateToo(t *testing.T) {
	var h heard
	k := &cluster{pods: map[string]Pod{}}
	c := patient(CompleterConfig{Root: "testdata/runtimes", Pods: k}, h.emit)
	clock := time.Now()
	c.now = func() time.Time { return clock }
	other := inContainer(2, unknownID, "containerd")
	other.Cgroup = "/kubepods/burstable/pod8f0c3e55-7c4b-4ad7-8d0b-000000000000/" + unknownID
	may := make(chan struct{})
	c.inquiries.find = func(r *runtimes, q inquiry) reply {
		<-may
		return findContainer(r, q)
	}
	c.Take(inContainer(1, criID, "containerd"))
	c.Take(other)
	h.lines = nil
	close(may)
	c.inquiries.settle()
	c.Take(&flow.Loss{})
	h.is(t, "process 1@101 containerd/web/localhost/shop/shopd/shop-6f7c9d-x2x4z", "loss")
	pod := Pod{Pod: flow.Pod{UID: "u", Name: "shop-6f7c9d-x2x4z", Namespace: "prod", Container: "api", Owners: []flow.Owner{{Kind: "Deployment", Name: "shop"}},
		Labels: []flow.Label{{Key: "app", Value: "shop"}, {Key: "token", Value: "x1y2z3"}}}, Addrs: []string{"10.1.0.7"}, Ports: []uint16{8080}, Image: "declared"}
	k.set(criID, pod)
	c.Take(&flow.Loss{})
	h.is(t, "process 1@102 containerd/web/localhost/shop/shopd/shop-6f7c9d-x2x4z", "loss")
	want := inContainer(1, criID, "containerd")
	want.Time, want.ContainerName, want.Image, want.ImageTags, want.Pod = 102, "web", "localhost/shop/shopd", []string{"1.4"}, pod.Pod
	want.Pod.Container, want.InstanceID, want.InstanceAddrs, want.ExposedPorts = "web", pod.UID, pod.Addrs, pod.Ports
	want.Pod.Labels = []flow.Label{{Key: "app", Value: "shop"}, {Key: "token", Value: "***"}}
	want.InstanceID = recordedPod().UID // of the annotations: it came first, and stays
	if diff := cmp.Diff(*want, h.last); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// The other one has no state, but a cgroup that tells the uid.
	clock = clock.Add(podCheck)
	k.set("8f0c3e55-7c4b-4ad7-8d0b-000000000000", Pod{Pod: flow.Pod{Name: "young"}})
	c.Take(&flow.Loss{})
	h.is(t, "process 2@101 containerd//image of /young", "loss")
	// Changes are told once in a while, not one by one.
	pod.Name = "renamed"
	k.set(criID, pod)
	c.Take(&flow.Loss{})
	h.is(t, "loss")
	clock = clock.Add(podCheck)
	c.Take(&flow.Loss{})
	h.is(t, "process 1@103 containerd/web/localhost/shop/shopd/renamed", "loss")
	// But before a window ends.
	pod.Name = "last"
	k.set(criID, pod)
	c.Take(end())
	h.is(t, "process 1@104 containerd/web/localhost/shop/shopd/last", "window")
	c.Take(end()) // both have a name by now
	h.is(t, "window")
}

// A process may be moved to another container, or out of all.
func TestProcessThatMovesIsOfItsLastContainer(t *testing.T) {
	var h heard
	c := patient(CompleterConfig{Root: "testdata/runtimes"}, h.emit)
	may := make(chan struct{})
	c.inquiries.find = func(r *runtimes, q inquiry) reply {
		<-may
		return findContainer(r, q)
	}
	c.Take(inContainer(1, dockerID, "docker"))
	c.Take(inContainer(1, criID, "containerd"))
	c.Take(inContainer(2, dockerID, "docker"))
	c.Take(&flow.Process{Time: 100, Key: flow.ProcessKey{PID: 2, Start: 1}})
	c.Take(&flow.Exit{Key: flow.ProcessKey{PID: 1, Start: 1}})
	h.lines = nil
	close(may)
	c.Take(end())
	h.is(t, "process 1@101 containerd/web/localhost/shop/shopd/shop-6f7c9d-x2x4z", "window")
	if len(c.told) > 0 {
		t.Errorf("%d processes are kept", len(c.told))
	}
	c.now = func() time.Time { return time.Now().Add(containerCheck) }
	c.Take(inContainer(3, dockerID, "docker"))
	c.Take(end())
}

func TestHostRoot(t *testing.T) {
	own, other := t.TempDir(), t.TempDir()
	for first, want := range map[string]string{own: "", other: other, filepath.Join(own, "missing"): ""} {
		if got := hostRoot(own, first); got != want {
			t.Errorf("root of process 1 %s: %q, want %q", first, got, want)
		}
	}
}

func TestCompleterForgetsWhatIsGone(t *testing.T) {
	var h heard
	c := patient(CompleterConfig{Root: "testdata/none"}, h.emit)
	c.inquiries.find = func(_ *runtimes, q inquiry) reply { return reply{ref: q.ref, err: fs.ErrNotExist} }
	for i := range int32(3 * maxKnown) {
		id := fmt.Sprintf("%064x", i)
		c.Take(inContainer(i+1, id, "docker"))
		c.Take(&flow.Exit{Key: flow.ProcessKey{PID: i + 1, Start: 1}})
		if i%64 == 0 {
			c.inquiries.settle()
		}
	}
	c.inquiries.settle()
	c.Take(&flow.Loss{})
	if len(c.containers) > maxKnown+128 || len(c.told) > 0 {
		t.Errorf("%d containers and %d processes are kept", len(c.containers), len(c.told))
	}
}

// A host with 2,000 containers of five processes: what it costs until all have
// their names, and then to look whether anything has changed.
func BenchmarkCompleter(b *testing.B) {
	root, ids := b.TempDir(), make([]string, 2000)
	docker, err := os.ReadFile("testdata/runtimes/var/lib/docker/containers/" + dockerID + "/config.v2.json")
	if err != nil {
		b.Fatal(err)
	}
	cri, err := os.ReadFile("testdata/runtimes/run/containerd/io.containerd.runtime.v2.task/k8s.io/" + criID + "/config.json")
	if err != nil {
		b.Fatal(err)
	}
	for i := range ids {
		ids[i] = fmt.Sprintf("%064x", i+1)
		name, content := "var/lib/docker/containers/"+ids[i]+"/config.v2.json", strings.ReplaceAll(string(docker), dockerID, ids[i])
		if i%2 == 1 {
			name, content = "run/containerd/io.containerd.runtime.v2.task/k8s.io/"+ids[i]+"/config.json", string(cri)
		}
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	entities, err := DefaultEntities()
	if err != nil {
		b.Fatal(err)
	}
	named := 0
	count := func(o flow.Observation) {
		if p, ok := o.(*flow.Process); ok && p.ContainerName != "" {
			named++
		}
	}
	start := func() *Completer {
		c := patient(CompleterConfig{Root: root, Entities: entities}, count)
		c.Take(&flow.Host{Name: "h"})
		for i := range int32(10000) {
			c.Take(inContainer(i+1, ids[i%2000], [...]string{"docker", "containerd"}[i%2]))
		}
		return c
	}
	b.Run("start", func(b *testing.B) {
		b.ReportAllocs()
		defer reportCPU(b)()
		for b.Loop() {
			named = 0
			c := start()
			for c.inquiries.isOpen() {
				c.inquiries.settle()
			}
			c.hear(podCheck)
			if named < 10000 {
				b.Fatalf("%d processes have a container's name", named)
			}
		}
	})
	b.Run("again", func(b *testing.B) {
		c := start()
		c.inquiries.settle()
		c.hear(podCheck)
		b.ReportAllocs()
		defer reportCPU(b)()
		for b.Loop() {
			c.swept = time.Time{}.Add(1)
			c.sweep()
			for c.inquiries.isOpen() {
				c.inquiries.settle()
			}
			c.hear(podCheck)
		}
	})
}

// reportCPU reports the processor time of all goroutines: the work is done
// beside the one that measures.
func reportCPU(b *testing.B) func() {
	used := func() float64 {
		var r unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
			b.Fatal(err)
		}
		return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e6
	}
	before := used()
	return func() { b.ReportMetric((used()-before)/float64(b.N), "cpu-ms/op") }
}
