package identity

import (
	"archive/tar"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/capture/capturetest"
	"peerscope/internal/flow"
)

// needs skips a test of programs that are not there; where everything has to be
// tested it fails.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	capturetest.RequireRoot(t)
	for _, p := range programs {
		if _, err := exec.LookPath(p); err == nil {
			continue
		}
		if os.Getenv("PEERSCOPE_REQUIRE_PRIVILEGED") == "1" {
			t.Fatalf("%s needs %s, which is not installed", t.Name(), p)
		}
		t.Skipf("%s needs %s, which is not installed", t.Name(), p)
	}
}

// run runs a program that ends by itself and gives its output.
func run(t *testing.T, in []byte, name string, args ...string) string {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, name, args...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

// rootfs is a root file system with one static program, as a tar file.
func rootfs(t *testing.T) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "sleeper")
	cmd := exec.Command("go", "build", "-o", file, "testdata/sleeper/main.go")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build sleeper: %v\n%s", err, out)
	}
	program, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: "sleeper", Mode: 0o755, Size: int64(len(program))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(program); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// isNamed reads the process of a container and waits for its runtime's answer.
func isNamed(t *testing.T, root, pid string, want flow.Process) {
	t.Helper()
	n, err := strconv.Atoi(pid)
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(Config{}).Process(int32(n), 1)
	if err != nil {
		t.Fatal(err)
	}
	var h heard
	c := patient(CompleterConfig{Root: root}, h.emit)
	c.Take(&p)
	c.Take(end())
	got := flow.Process{Name: h.last.Name, Container: h.last.Container, Runtime: h.last.Runtime, ContainerName: h.last.ContainerName, Image: h.last.Image,
		ImageTags: h.last.ImageTags, ContainerLabels: h.last.ContainerLabels}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("cgroup %s (-want +got):\n%s\n%s", p.Cgroup, diff, strings.Join(h.lines, "\n"))
	}
}

func TestPodmanContainerHasItsName(t *testing.T) {
	needs(t, "podman", "runc", "go")
	root, err := os.MkdirTemp("", "podman") // it refuses the long path of t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(root); err != nil {
			t.Error(err)
		}
	})
	// A storage of its own, and a driver that leaves no mounts.
	global := []string{"--root", root + "/var/lib/containers/storage", "--runroot", root + "/run/containers/storage", "--tmpdir", root + "/tmp",
		"--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--runtime", "runc"}
	podman := func(in []byte, args ...string) string {
		t.Helper()
		return run(t, in, "podman", append(global, args...)...)
	}
	podman(rootfs(t), "import", "-", "localhost/shop/sleeper:1.4")
	id := podman(nil, "run", "-d", "--rm", "--name", "shop-web", "--network", "none", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000",
		"localhost/shop/sleeper:1.4", "/sleeper")
	monitor := podman(nil, "inspect", "-f", "{{.State.ConmonPid}}", "shop-web")
	t.Cleanup(func() {
		podman(nil, "rm", "-f", "-t", "0", "shop-web")
		for range 100 { // it becomes a podman that cleans up, in the same place
			if status, err := os.ReadFile("/proc/" + monitor + "/stat"); err != nil || strings.Contains(string(status), ") Z ") {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Errorf("the container's monitor, pid %s, does not end", monitor)
	})
	isNamed(t, root, podman(nil, "inspect", "-f", "{{.State.Pid}}", "shop-web"), flow.Process{Name: "sleeper", Container: id, Runtime: "podman",
		ContainerName: "shop-web", Image: "localhost/shop/sleeper", ImageTags: []string{"1.4"}})
}

func TestDockerContainerHasItsName(t *testing.T) {
	needs(t, "dockerd", "docker", "containerd", "runc", "unshare", "go")
	root := t.TempDir()
	if err := os.MkdirAll(root+"/run", 0o755); err != nil {
		t.Fatal(err)
	}
	socket := root + "/run/docker.sock"
	// In a network namespace of its own, and without bridge and firewall.
	daemon := exec.Command("unshare", "--net", "dockerd", "--data-root", root+"/var/lib/docker", "--exec-root", root+"/run/docker", "--pidfile", root+"/pid",
		"-H", "unix://"+socket, "--bridge", "none", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--storage-driver", "vfs")
	var log bytes.Buffer
	daemon.Stdout, daemon.Stderr = &log, &log
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = daemon.Process.Signal(syscall.SIGTERM) // it stops its own containerd
		_ = daemon.Wait()
		if t.Failed() {
			t.Logf("dockerd:\n%s", log.String())
		}
	})
	for range 100 {
		if _, err := os.Stat(socket); err == nil {
			break
		}
		time.Sleep(300 * time.Millisecond)
	}
	docker := func(in []byte, args ...string) string {
		t.Helper()
		return run(t, in, "docker", append([]string{"-H", "unix://" + socket}, args...)...)
	}
	docker(rootfs(t), "import", "-", "registry.example:5000/shop/sleeper:1.4")
	id := docker(nil, "run", "-d", "--name", "shop-web", "--network", "none", "--label", "com.example.team=shop", "--ulimit", "nofile=1024:1024",
		"registry.example:5000/shop/sleeper:1.4", "/sleeper")
	t.Cleanup(func() { docker(nil, "rm", "-f", "shop-web") })
	pid := docker(nil, "inspect", "-f", "{{.State.Pid}}", "shop-web")
	want := flow.Process{Name: "sleeper", Container: id, Runtime: "docker", ContainerName: "shop-web", Image: "registry.example:5000/shop/sleeper",
		ImageTags: []string{"1.4"}, ContainerLabels: []flow.Label{{Key: "com.example.team", Value: "shop"}}}
	isNamed(t, root, pid, want)
	// The same by its socket, where its files are not to be seen.
	behind := t.TempDir()
	if err := os.MkdirAll(behind+"/run", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(socket, behind+"/run/docker.sock"); err != nil {
		t.Fatal(err)
	}
	isNamed(t, behind, pid, want)
	// It is renamed.
	docker(nil, "rename", "shop-web", "shop-api")
	want.ContainerName = "shop-api"
	isNamed(t, root, pid, want)
}
