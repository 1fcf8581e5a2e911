package kubernetes_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/flow"
	"peerscope/internal/kubernetes"
)

// kubeletFiles makes what a kubelet 1.34 makes for two pods and a static one
// (pkg/kubelet: kuberuntime/legacy.go, kubelet_pods.go).
func kubeletFiles(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	link := func(name, target string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(root, "var/log/containers"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(root, "var/log/containers", name)); err != nil {
			t.Fatal(err)
		}
	}
	web := "shop_web-5d9-x_" + uidWeb
	write("var/log/pods/"+web+"/nginx/0.log", "")
	write("var/log/pods/"+web+"/istio-proxy/0.log", "")
	link("web-5d9-x_shop_nginx-"+cid1+".log", "/var/log/pods/"+web+"/nginx/0.log")
	link("web-5d9-x_shop_istio-proxy-"+cid2+".log", "/var/log/pods/"+web+"/istio-proxy/0.log")
	write("var/lib/kubelet/pods/"+uidWeb+"/etc-hosts", "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"+
		"fe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n10.1.0.5\tweb.sub.shop.svc.cluster.local\tweb\nfd00::5\tweb.sub.shop.svc.cluster.local\tweb\n"+
		"\n# Entries added by HostAliases.\n10.9.9.9\tweb\n")
	static := "kube-system_etcd-node-1_0123456789abcdef0123456789abcdef"
	write("var/log/pods/"+static+"/etcd/3.log", "")
	write("var/lib/kubelet/pods/0123456789abcdef0123456789abcdef/etc-hosts", "# Kubernetes-managed hosts file (host network).\n10.2.2.2\tnode-1\n")
	// What is not a pod's.
	write("var/log/pods/lost+found/x", "")
	write("var/log/pods/a_b_c_d/x", "")
	write("var/log/pods/a_b/x", "")
	link("short_shop_nginx-1234.log", "/var/log/pods/"+web+"/nginx/0.log")
	link("other_shop_nginx-"+strings.Repeat("3", 64)+".log", "/var/log/pods/"+web+"/nginx/0.log")
	write("var/log/containers/web-5d9-x_shop_file-"+strings.Repeat("4", 64)+".log", "no link")
	return root
}

func TestPodsByTheKubeletsFilesAlone(t *testing.T) {
	c := run(t, kubernetes.Config{Root: kubeletFiles(t)})
	until(t, "the files", func() bool { _, ok := c.ByContainer(cid1); return ok })
	pod := flow.Pod{UID: uidWeb, Name: "web-5d9-x", Namespace: "shop", Container: "nginx"}
	got, _ := c.ByContainer(cid1)
	want := kubernetes.Answer{Pod: pod, Addrs: []string{"10.1.0.5", "fd00::5"}, Member: true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("by container (-want +got):\n%s", diff)
	}
	if got, _ = c.ByUID(uidWeb, "nginx"); !cmp.Equal(want, got) {
		t.Errorf("by uid: %+v", got)
	}
	if got, _ = c.ByContainer(cid2); got.Container != "istio-proxy" || len(got.Proxies) == 0 || got.Member {
		t.Errorf("the proxy: %+v", got)
	}
	got, _ = c.ByUID("0123456789abcdef0123456789abcdef", "")
	if diff := cmp.Diff(kubernetes.Answer{Pod: flow.Pod{UID: "0123456789abcdef0123456789abcdef", Name: "etcd-node-1", Namespace: "kube-system"}}, got); diff != "" {
		t.Errorf("a static pod (-want +got):\n%s", diff)
	}
	for _, id := range []string{"1234", strings.Repeat("3", 64), strings.Repeat("4", 64)} {
		if got, ok := c.ByContainer(id); ok {
			t.Errorf("container %s: %+v", id, got)
		}
	}
	if gaps := c.Gaps(); gaps != nil {
		t.Errorf("gaps: %v", gaps)
	}
}

func TestTheServerKnowsMoreThanTheFiles(t *testing.T) {
	s := shop(t)
	p := webPod()
	p.Status.ContainerStatuses = nil // it does not know the containers yet
	s.tell("pods", "MODIFIED", p)
	c := start(t, s, kubernetes.Config{Root: kubeletFiles(t)})
	until(t, "both", func() bool {
		a, ok := c.ByContainer(cid1)
		return ok && len(a.Owners) == 2 && a.Container == "nginx" && len(a.Ports) == 2
	})
}

// FuzzNames: names of files, and a file that pods may write to.
func FuzzNames(f *testing.F) {
	f.Add("shop_web_" + uidWeb)
	f.Add("web-5d9-x_shop_nginx-" + cid1 + ".log")
	f.Add("# Kubernetes-managed hosts file.\n10.1.0.5\tweb\n")
	f.Fuzz(func(t *testing.T, text string) { kubernetes.ParseAll(text) })
}
