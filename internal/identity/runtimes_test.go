package identity

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"peerscope/internal/flow"
)

// Containers that ran when testdata/runtimes was recorded: Docker 20.10,
// Podman 4.3 and containerd 1.6 with its CRI plugin, each with runc.
const (
	dockerID  = "da3b21ed3133d66e6d8c88501e3d29fa47a08d0156eb155da10ab4157e142a50"
	podmanID  = "b7ec6db74fd1c0fd68556b53660e3ad6d06183f61f625a8e297b7ff922e4baaa"
	criID     = "50b36a46367ef33ac61b7c35b4891292129785fe50be2b4a710a9a462199ee5c"
	sandboxID = "7d7d0e66b3fff0e35f4163c0d6eaf9ee92c7a6d10138de1a8830da39d2009bcb"
	unknownID = "0000000000000000000000000000000000000000000000000000000000000000"
)

var compareContainers = cmp.AllowUnexported(container{})

// isContainer finds a container below root, and compares.
func isContainer(t *testing.T, root string, ref containerRef, want container) {
	t.Helper()
	r := newRuntimes(root)
	got, now, err := r.find(ref, stamp{})
	if err != nil {
		t.Fatalf("%+v: %v", ref, err)
	}
	if diff := cmp.Diff(want, got, compareContainers); diff != "" {
		t.Errorf("%+v (-want +got):\n%s", ref, diff)
	}
	if now == (stamp{}) { // a list has its own
		return
	}
	if _, _, err := r.find(ref, now); !errors.Is(err, errUnchanged) {
		t.Errorf("%+v asked again: %v, want unchanged", ref, err)
	}
}

func recordedPod() flow.Pod {
	return flow.Pod{UID: "8f0c3e55-7c4b-4ad7-8d0b-3f6a7f4d6f3c", Name: "shop-6f7c9d-x2x4z", Namespace: "prod", Container: "web"}
}

func TestContainersOfRecordedRuntimes(t *testing.T) {
	const root = "testdata/runtimes"
	docker := container{runtime: "docker", name: "shop-dk", image: "registry.example:5000/shop/shopd", tags: []string{"1.4"},
		labels: []flow.Label{{Key: "com.example.team", Value: "shop"}}}
	podman := container{runtime: "podman", name: "shop-web", image: "localhost/shop/shopd", tags: []string{"1.4"}}
	cri := container{runtime: "containerd", name: "web", image: "localhost/shop/shopd", tags: []string{"1.4"}, pod: recordedPod()}
	sandbox := container{runtime: "containerd", pod: recordedPod()}
	sandbox.pod.Container = ""
	for _, guess := range []string{"", "docker", "containerd", "cri-o", "podman"} {
		isContainer(t, root, containerRef{id: dockerID, runtime: guess}, docker)
		isContainer(t, root, containerRef{id: criID, runtime: guess}, cri)
		isContainer(t, root, containerRef{id: sandboxID, runtime: guess}, sandbox)
		if guess != "cri-o" { // which would have been CRI-O's
			isContainer(t, root, containerRef{id: podmanID, runtime: guess}, podman)
		}
	}
	if c, _, err := newRuntimes(root).find(containerRef{id: unknownID}, stamp{}); !isMissing(err) {
		t.Errorf("a container that nobody has: %+v, %v", c, err)
	}
	if c, _, err := newRuntimes("testdata/none").find(containerRef{id: dockerID}, stamp{}); !isMissing(err) {
		t.Errorf("a host without a runtime: %+v, %v", c, err)
	}
}

// put writes a file below root.
func put(t *testing.T, root, name, content string) {
	t.Helper()
	path := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestContainersOfCRIO(t *testing.T) {
	root := t.TempDir()
	put(t, root, "etc/containers/storage.conf", "[storage]\ndriver = \"overlay\"\n# graphroot = \"/no\"\ngraphroot = \"/data/storage\" # here\n")
	storage := "data/storage/overlay-containers/"
	put(t, root, storage+"containers.json", `[{"id":"`+unknownID+`","names":["k8s_web_shop"],"metadata":"{\"image-name\":\"quay.io/shop/web:2\",\"metadata-name\":\"web\"}"},
		{"id":"`+sandboxID+`","metadata":"{\"pod-name\":\"shop\"}"}]`)
	labels, _ := json.Marshal(map[string]string{"io.kubernetes.container.name": "web", "io.kubernetes.pod.name": "shop-1", "io.kubernetes.pod.namespace": "prod",
		"io.kubernetes.pod.uid": recordedPod().UID, "tier": "front"})
	state := func(kind string) string {
		b, _ := json.Marshal(map[string]any{"annotations": map[string]string{"io.kubernetes.cri-o.ContainerType": kind, "io.kubernetes.cri-o.Labels": string(labels),
			"io.kubernetes.cri-o.ImageName": "quay.io/shop/web:2", "io.kubernetes.cri-o.KubeName": "other"}})
		return string(b)
	}
	put(t, root, storage+unknownID+"/userdata/config.json", state("container"))
	put(t, root, storage+sandboxID+"/userdata/config.json", state("sandbox"))
	pod := flow.Pod{UID: recordedPod().UID, Name: "shop-1", Namespace: "prod", Container: "web"}
	tier := []flow.Label{{Key: "tier", Value: "front"}}
	isContainer(t, root, containerRef{id: unknownID, runtime: "cri-o"}, container{runtime: "cri-o", name: "web", image: "quay.io/shop/web", tags: []string{"2"}, pod: pod, labels: tier})
	pod.Container = ""
	isContainer(t, root, containerRef{id: sandboxID}, container{runtime: "cri-o", pod: pod, labels: tier})
}

func TestContainersOfUsers(t *testing.T) {
	root := t.TempDir()
	put(t, root, "etc/passwd", "joe:x:1000:1000::/home/joe:/bin/sh\n")
	home := "home/joe/.local/share/"
	put(t, root, home+"docker/containers/"+dockerID+"/config.v2.json", `{"ID":"`+dockerID+`","Name":"/web","Config":{"Image":"sha256:0123"}}`)
	put(t, root, home+"containers/storage/overlay-containers/volatile-containers.json", `[{"id":"`+podmanID+`","names":["job"]}]`)
	isContainer(t, root, containerRef{id: dockerID, runtime: "docker", user: "1000"}, container{runtime: "docker", name: "web"})
	isContainer(t, root, containerRef{id: podmanID, runtime: "podman", user: "1000"}, container{runtime: "podman", name: "job"})
	// Not those of the host, and not those of somebody else.
	for _, user := range []string{"", "1001", "99999999999"} {
		if c, _, err := newRuntimes(root).find(containerRef{id: dockerID, runtime: "docker", user: user}, stamp{}); !isMissing(err) {
			t.Errorf("user %q: %+v, %v", user, c, err)
		}
	}
}

func TestStateThatIsNoneIsAnError(t *testing.T) {
	const name = "var/lib/docker/containers/" + dockerID + "/config.v2.json"
	f := func(what, want string, make func(root, path string)) {
		t.Helper()
		root := t.TempDir()
		path := filepath.Join(root, name)
		put(t, root, name, "")
		make(root, path)
		done := beside(func() {
			c, _, err := newRuntimes(root).find(containerRef{id: dockerID}, stamp{})
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: %+v, %v, want an error with %q and the path", what, c, err, want)
			}
		})
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			t.Fatalf("%s: it waits", what)
		}
	}
	write := func(text string) func(root, path string) {
		return func(root, _ string) { put(t, root, name, text) }
	}
	replace := func(by func(path string) error) func(root, path string) {
		return func(_, path string) {
			if err := errors.Join(os.Remove(path), by(path)); err != nil {
				t.Fatal(err)
			}
		}
	}
	f("empty", "unexpected end", write(""))
	f("garbage", "invalid character", write("\x00\xff{"))
	f("half", "unexpected end", write(`{"ID":"`+dockerID+`","Name":"/we`))
	f("other type", "cannot unmarshal", write(`{"ID":5}`))
	f("other container", "of another container", write(`{"ID":"x","Name":"/web"}`))
	f("deep", "exceeded max depth", write(strings.Repeat("[", 20000)))
	f("huge", "larger than 16 MiB", func(_, path string) {
		if err := os.Truncate(path, maxState+1); err != nil {
			t.Fatal(err)
		}
	})
	f("pipe", "not a regular file", replace(func(path string) error { return unix.Mkfifo(path, 0o600) }))
	f("directory", "not a regular file", replace(func(path string) error { return os.Mkdir(path, 0o700) }))
	if os.Geteuid() == 0 { // nobody else may make one
		f("device", "not a regular file", replace(func(path string) error { return unix.Mknod(path, unix.S_IFCHR|0o600, 1<<8|5) }))
	}
	f("link out of the tree", "escapes", replace(func(path string) error { return os.Symlink("/etc/passwd", path) }))
	f("link up", "escapes", replace(func(path string) error { return os.Symlink("../../../../../../etc/passwd", path) }))
	f("circle", "too many", replace(func(path string) error { return os.Symlink("config.v2.json", path) }))
}

// beside runs f beside the caller.
func beside(f func()) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	return done
}

func TestStateMayBeALinkWithinItsTree(t *testing.T) {
	root := t.TempDir()
	put(t, root, "var/lib/docker/moved/config.v2.json", `{"ID":"`+dockerID+`","Name":"/web"}`)
	if err := errors.Join(os.Mkdir(filepath.Join(root, "var/lib/docker/containers"), 0o700),
		os.Symlink("../moved", filepath.Join(root, "var/lib/docker/containers", dockerID))); err != nil {
		t.Fatal(err)
	}
	isContainer(t, root, containerRef{id: dockerID}, container{runtime: "docker", name: "web"})
}

func TestHomeMayNotLeadOut(t *testing.T) {
	root := t.TempDir()
	put(t, root, "etc/passwd", "joe:x:1000:1000::/home/joe:/bin/sh\n")
	put(t, root, "secret/containers/"+dockerID+"/config.v2.json", `{"ID":"`+dockerID+`","Name":"/hunter2"}`)
	put(t, root, "home/joe/.local/share/x", "")
	if err := os.Symlink("../../../../secret", filepath.Join(root, "home/joe/.local/share/docker")); err != nil {
		t.Fatal(err)
	}
	c, _, err := newRuntimes(root).find(containerRef{id: dockerID, user: "1000"}, stamp{})
	if err == nil || !strings.Contains(err.Error(), "escapes") {
		t.Errorf("%+v, %v", c, err)
	}
}

// dockerSocket serves one answer after another at a socket below root.
func dockerSocket(t *testing.T, root string, answer func(net.Conn)) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(root, "run"), 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(root, "run/docker.sock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			answer(c)
		}
	}()
}

func TestDockerIsAskedWhereItsFilesAreNotThere(t *testing.T) {
	root := t.TempDir()
	body, err := os.ReadFile("testdata/docker-inspect.json") // what Docker 20.10 answered
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Value
	asked.Store("")
	dockerSocket(t, root, func(c net.Conn) {
		defer c.Close()
		b := make([]byte, 4096)
		n, _ := c.Read(b)
		request := string(b[:n])
		asked.Store(request)
		if strings.Contains(request, dockerID) {
			_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" + string(body)))
			return
		}
		_, _ = c.Write([]byte("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}"))
	})
	r := newRuntimes(root)
	got, _, err := r.find(containerRef{id: dockerID, runtime: "docker"}, stamp{})
	if err != nil || got.name != "shop-dk" || got.image != "registry.example:5000/shop/shopd" {
		t.Errorf("%+v, %v", got, err)
	}
	request := asked.Load().(string)
	if want := "GET /containers/" + dockerID + "/json HTTP/1.1\r\n"; !strings.HasPrefix(request, want) {
		t.Errorf("asked %q, want %q", request, want)
	}
	if _, _, err := r.find(containerRef{id: unknownID, runtime: "docker"}, stamp{}); !isMissing(err) || !r.dockerDown.IsZero() {
		t.Errorf("a container it does not have: %v", err)
	}
	// The daemon is not asked for what is not its own.
	asked.Store("")
	if _, _, err := r.find(containerRef{id: dockerID, runtime: "containerd"}, stamp{}); !isMissing(err) || asked.Load() != "" {
		t.Errorf("asked %q: %v", asked.Load(), err)
	}
}

func TestDockerThatDoesNotAnswerIsLeftAlone(t *testing.T) {
	f := func(what, want string, answer func(net.Conn)) {
		t.Helper()
		root := t.TempDir()
		var asked atomic.Int32
		dockerSocket(t, root, func(c net.Conn) {
			asked.Add(1)
			_, _ = c.Read(make([]byte, 4096))
			answer(c)
		})
		r := newRuntimes(root)
		clock := time.Now()
		r.now = func() time.Time { return clock }
		ask := func() {
			t.Helper()
			c, _, err := r.find(containerRef{id: dockerID, runtime: "docker"}, stamp{})
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %+v, %v, want %q", what, c, err, want)
			}
		}
		start := time.Now()
		ask()
		ask()
		if took := time.Since(start); took > 2*socketWait {
			t.Errorf("%s: took %v", what, took)
		}
		if n := asked.Load(); n != 1 {
			t.Errorf("%s: asked %d times, want once", what, n)
		}
		clock = clock.Add(socketRetry)
		ask()
		if n := asked.Load(); n != 2 {
			t.Errorf("%s: asked %d times after a while, want twice", what, n)
		}
	}
	f("hangs", "no answer within 2s", func(c net.Conn) { t.Cleanup(func() { c.Close() }) })
	f("closes", "EOF", func(c net.Conn) { c.Close() })
	f("no HTTP", "malformed", func(c net.Conn) { _, _ = c.Write([]byte("hello\r\n\r\n")); c.Close() })
	f("refuses", "403 Forbidden", func(c net.Conn) { _, _ = c.Write([]byte("HTTP/1.1 403 Forbidden\r\n\r\n")); c.Close() })
	f("garbage", "invalid character", func(c net.Conn) { _, _ = c.Write([]byte("HTTP/1.1 200 OK\r\n\r\n<html>")); c.Close() })
}

func TestImageReferences(t *testing.T) {
	f := func(reference, name string, tags ...string) {
		t.Helper()
		var c container
		c.setImage(reference)
		if diff := cmp.Diff(container{image: name, tags: tags}, c, compareContainers); diff != "" {
			t.Errorf("%q (-want +got):\n%s", reference, diff)
		}
	}
	f("nginx", "nginx")
	f("nginx:1.25", "nginx", "1.25")
	f("registry:5000/shop/web", "registry:5000/shop/web")
	f("registry:5000/shop/web:v1@sha256:"+unknownID, "registry:5000/shop/web", "v1")
	f("docker.io/library/nginx@sha256:"+unknownID, "docker.io/library/nginx")
	f("sha256:"+unknownID, "")
	f(unknownID, "")
	f("d6411932594b", "")
	f("", "")
	f("a\x1b[31m:\n", `a\x1b[31m`, `\n`)
}

func TestLabelsShowNoSecret(t *testing.T) {
	var c container
	c.setLabels(map[string]string{"b": "2", "a": "1", "": "x", "io.kubernetes.pod.name": "p", "com.example/db-password": "hunter2",
		"traefik.http.middlewares.a.basicauth.users": "me:$apr1$hunter2", "org.opencontainers.image.authors": "us", "app.kubernetes.io/session-cookie": "hunter2",
		"url": "postgres://me:hunter2@h/db", "long": strings.Repeat("é", 1000), "\x1b": "\x1b[2J"})
	want := []flow.Label{{Key: `\x1b`, Value: `\x1b[2J`}, {Key: "a", Value: "1"}, {Key: "b", Value: "2"}, {Key: "com.example/db-password", Value: "***"},
		{Key: "app.kubernetes.io/session-cookie", Value: "***"}, {Key: "traefik.http.middlewares.a.basicauth.users", Value: "***"},
		{Key: "org.opencontainers.image.authors", Value: "us"},
		{Key: "long", Value: strings.Repeat("é", 128)}, {Key: "url", Value: "postgres://me:***@h/db"}}
	slices.SortFunc(want, func(a, b flow.Label) int { return strings.Compare(a.Key, b.Key) })
	if diff := cmp.Diff(want, c.labels); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	many := map[string]string{}
	for i := range 1000 {
		many[strings.Repeat("x", i+1)] = "y"
	}
	c = container{}
	if c.setLabels(many); len(c.labels) > maxLabels {
		t.Errorf("%d labels", len(c.labels))
	}
}

func TestGraphRoot(t *testing.T) {
	for text, want := range map[string]string{"": "", "graphroot=\"/a/b/\"": "/a/b", " graphroot = '/c' # x": "/c", "#graphroot = \"/d\"": "",
		"rootless_storage_path = \"/e\"": "", "graphroot = \"relative\"": "", "graphroot": ""} {
		if got := graphRoot([]byte(text)); got != want {
			t.Errorf("graphRoot(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestPodUIDOfCgroup(t *testing.T) {
	const uid = "8f0c3e55-7c4b-4ad7-8d0b-3f6a7f4d6f3c"
	for path, want := range map[string]string{
		"/kubepods/burstable/pod" + uid + "/x": uid,
		"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" + strings.ReplaceAll(uid, "-", "_") + ".slice/crio-x.scope":    uid,
		"/system.slice/containerd.service/kubepods-burstable-pod" + strings.ReplaceAll(uid, "-", "_") + ".slice:cri-containerd:x":          uid,
		"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" + strings.ReplaceAll(uid, "-", "_") + ".slice/cri-containerd-x.scope": uid,
		"/kubepods/burstable/pod0123456789abcdef0123456789abcdef/x":                                                                        "0123456789abcdef0123456789abcdef",
		"/kubepods/burstable/podx": "", "/kubepods": "", "/system.slice/pod" + uid: "", "/kubepods/tripod" + uid: "", "/kubepods/pod" + uid[:35]: "",
		"/kubepods/pod8f0c3e557-c4b-4ad7-8d0b-3f6a7f4d6f3c": "", "/kubepods/pod------------------------------------": "",
	} {
		if got := podUID(path); got != want {
			t.Errorf("podUID(%q) = %q, want %q", path, got, want)
		}
	}
}

func FuzzStates(f *testing.F) {
	_ = filepath.WalkDir("testdata/runtimes", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			b, _ := os.ReadFile(path)
			f.Add(b)
		}
		return err
	})
	f.Add([]byte(`{"annotations":{"io.kubernetes.cri-o.Labels":"{\"a\":\"b\"}","io.kubernetes.cri.sandbox-id":"x"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		check := func(c container) {
			for _, s := range append([]string{c.name, c.image, c.pod.Name, c.pod.UID, c.pod.Namespace, c.pod.Container}, c.tags...) {
				checkSafe(t, s)
			}
			for i, l := range c.labels {
				checkSafe(t, l.Key)
				checkSafe(t, l.Value)
				if i > 0 && c.labels[i-1].Key >= l.Key {
					t.Errorf("labels out of order: %q", c.labels)
				}
			}
		}
		var d dockerState
		if json.Unmarshal(b, &d) == nil {
			check(d.container())
		}
		var o ociState
		if json.Unmarshal(b, &o) == nil {
			check(containerdContainer(o.Annotations))
			check(crioContainer(o.Annotations))
		}
		graphRoot(b)
	})
}
