//go:build kubernetes

package kubernetes_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// cluster is an API server with what makes pods of deployments, on loopback, in
// a folder of its own.
type cluster struct {
	t          *testing.T
	folder     string
	url        string
	kubeconfig string // of somebody who may do all
	admin      *http.Client
}

const adminToken = "all-of-it"

// startCluster starts the programs of the folder that PEERSCOPE_KUBERNETES names.
func startCluster(t *testing.T) *cluster {
	t.Helper()
	bin := os.Getenv("PEERSCOPE_KUBERNETES")
	if bin == "" {
		t.Fatal("PEERSCOPE_KUBERNETES names no folder with kube-apiserver and the others; see: make kubernetes")
	}
	c := &cluster{t: t, folder: t.TempDir()}
	port := freePorts(t, 3)
	etcd := "http://127.0.0.1:" + port[0]
	peer := "http://127.0.0.1:" + port[1]
	c.url = "https://127.0.0.1:" + port[2]
	c.write("tokens.csv", adminToken+",admin,1,system:masters\n")
	c.write("key.pem", newKey(t))
	c.run("etcd", "--data-dir", c.path("etcd"), "--listen-client-urls", etcd, "--advertise-client-urls", etcd,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default="+peer, "--log-level", "error")
	c.run(filepath.Join(bin, "kube-apiserver"), "--etcd-servers", etcd, "--bind-address", "127.0.0.1", "--secure-port", port[2],
		"--advertise-address", "127.0.0.1", "--endpoint-reconciler-type", "none", "--cert-dir", c.path("certs"),
		"--token-auth-file", c.path("tokens.csv"), "--authorization-mode", "RBAC", "--service-cluster-ip-range", "10.96.0.0/16",
		"--service-account-issuer", "https://kubernetes.default.svc", "--service-account-key-file", c.path("key.pem"),
		"--service-account-signing-key-file", c.path("key.pem"), "--disable-admission-plugins", "ServiceAccount",
		// etcd 3.4 does not tell of its progress, on which these stand.
		"--feature-gates", "WatchList=false,SizeBasedListCostEstimate=false")
	c.connect()
	for _, name := range []string{"node-1", "node-2"} {
		c.post("/api/v1/nodes", fmt.Sprintf(`{"metadata":{"name":%q}}`, name))
		c.send("PATCH", "/api/v1/nodes/"+name, `{"spec":{"taints":null}}`) // that it is not ready yet
		c.send("PATCH", "/api/v1/nodes/"+name+"/status", fmt.Sprintf(`{"status":{"addresses":[{"type":"InternalIP","address":"192.168.77.%s"},{"type":"Hostname","address":%q}]}}`, name[5:], name))
	}
	c.run(filepath.Join(bin, "kube-controller-manager"), "--kubeconfig", c.kubeconfig, "--leader-elect=false", "--secure-port", "0",
		"--service-account-private-key-file", c.path("key.pem"), "--controllers",
		"deployment-controller,replicaset-controller,statefulset-controller,daemonset-controller,job-controller,endpointslice-controller,garbage-collector-controller,namespace-controller")
	stages, err := filepath.Abs("stages.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c.run(filepath.Join(bin, "kwok"), "--kubeconfig", c.kubeconfig, "--manage-all-nodes", "--config", stages, "--cidr", "10.244.0.0/24", "--server-address", "")
	return c
}

// connect waits until the API server is ready.
func (c *cluster) connect() {
	c.t.Helper()
	certificate := c.path("certs/apiserver.crt")
	c.until("the API server's certificate", func() bool { _, err := os.Stat(certificate); return err == nil })
	c.kubeconfig = c.configOf("admin", adminToken)
	c.admin = c.client(c.kubeconfig)
	c.until("the API server", func() bool {
		r, err := c.admin.Get(c.url + "/readyz")
		if err != nil {
			return false
		}
		r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
}

// configOf writes a kubeconfig of somebody with that token.
func (c *cluster) configOf(name, token string) string {
	c.t.Helper()
	return c.write(name+".config", fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: %q, certificate-authority: %q}}]
users: [{name: u, user: {token: %q}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
`, c.url, c.path("certs/apiserver.crt"), token))
}

func (c *cluster) client(kubeconfig string) *http.Client {
	c.t.Helper()
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		c.t.Fatal(err)
	}
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		c.t.Fatal(err)
	}
	return client
}

// run starts a program, which is ended by its pid when the test ends.
func (c *cluster) run(program string, arguments ...string) {
	c.t.Helper()
	name := filepath.Base(program)
	log, err := os.Create(c.path(name + ".log"))
	if err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.Command(program, arguments...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, c.folder
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		log.Close()
		if text, err := os.ReadFile(log.Name()); c.t.Failed() && err == nil {
			c.t.Logf("the end of what %s said:\n%s", name, text[max(0, len(text)-3000):])
		}
	})
}

// post makes an object; JSON.
func (c *cluster) post(path, object string) map[string]any { return c.send("POST", path, object) }

func (c *cluster) send(method, path, body string) map[string]any {
	c.t.Helper()
	r, err := http.NewRequest(method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if method == "PATCH" {
		r.Header.Set("Content-Type", "application/merge-patch+json")
	}
	answer, err := c.admin.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode >= 300 {
		c.t.Fatalf("%s %s: %s, %v\n%s", method, path, answer.Status, err, text)
	}
	var out map[string]any
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&out); err != nil {
		c.t.Fatal(err)
	}
	return out
}

func (c *cluster) path(name string) string { return filepath.Join(c.folder, name) }

func (c *cluster) write(name, text string) string {
	c.t.Helper()
	if err := os.WriteFile(c.path(name), []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
	return c.path(name)
}

func (c *cluster) until(what string, f func() bool) {
	c.t.Helper()
	for end := time.Now().Add(2 * time.Minute); !f(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			c.t.Fatalf("%s: not within two minutes", what)
		}
	}
}

// freePorts are ports of loopback that nobody has just now.
func freePorts(t *testing.T, n int) []string {
	t.Helper()
	var out []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		out = append(out, port)
	}
	return out
}

func newKey(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}
