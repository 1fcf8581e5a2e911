package kubernetes_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"peerscope/internal/flow"
	"peerscope/internal/kubernetes"
)

// gap waits for a gap of that code whose reason has that text.
func gap(t *testing.T, c *kubernetes.Cluster, code, reason, fix string) {
	t.Helper()
	var got []flow.Gap
	defer func() {
		if t.Failed() {
			t.Logf("gaps: %+v", got)
		}
	}()
	until(t, code+": "+reason, func() bool {
		got = c.Gaps()
		return len(got) == 1 && got[0].Code == code && strings.Contains(got[0].Reason, reason)
	})
	if !strings.Contains(got[0].Fix, fix) || strings.ContainsAny(got[0].Reason+got[0].Fix, "\n\t") {
		t.Errorf("gap %+v, want a fix with %q in one line", got[0], fix)
	}
}

func TestServerThatHangsIsAGapAndHoldsNobodyUp(t *testing.T) {
	s := shop(t)
	s.refused(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, resources...)
	c := start(t, s, kubernetes.Config{})
	until(t, "a question", func() bool { return s.count("pods") > 0 })
	begin := time.Now()
	_, ok := c.ByContainer(cid1)
	if took := time.Since(begin); ok || took > 100*time.Millisecond || whose(c, "10.1.0.5") != "" {
		t.Errorf("found %v after %v", ok, took)
	}
	gap(t, c, "no_kubernetes", "no answer yet", "can be reached")
}

func TestServerThatIsNotThere(t *testing.T) {
	s := shop(t)
	s.Close()
	c := start(t, s, kubernetes.Config{})
	gap(t, c, "no_kubernetes", "connection refused", "can be reached")
}

func TestGarbageIsAGap(t *testing.T) {
	for name, f := range map[string]http.HandlerFunc{
		"page":  func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>\n\nhello</html>")) },
		"empty": func(http.ResponseWriter, *http.Request) {},
		"not json": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte("{"))
		},
		"other kind": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"kind":"Secret","apiVersion":"v1"}`))
		},
		"binary": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/vnd.kubernetes.protobuf")
			_, _ = w.Write([]byte("k8s\x00\xff\xff\xff"))
		},
		"not found": func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) },
	} {
		t.Run(name, func(t *testing.T) {
			s := shop(t)
			s.refused(f, resources...)
			c := start(t, s, kubernetes.Config{})
			// Each kind was answered when it is asked for again.
			until(t, "second questions", func() bool {
				return !slices.ContainsFunc(resources, func(r string) bool { return s.count("/"+r+"?") < 2 })
			})
			gap(t, c, "no_kubernetes", "nothing was learnt from", "check")
		})
	}
}

func TestWhatIsDeniedIsNamed(t *testing.T) {
	s := shop(t)
	s.refused(status(403, "Forbidden"), "services", "jobs")
	c := start(t, s, kubernetes.Config{})
	gap(t, c, "partial_kubernetes", ": services: denied; jobs: denied", "docs/KUBERNETES.md")
	if a, ok := c.ByContainer(cid1); !ok || len(a.Owners) != 2 {
		t.Errorf("the rest is not known: %v %+v", ok, a)
	}
	s = shop(t)
	s.refused(status(401, "Unauthorized"), resources...)
	gap(t, start(t, s, kubernetes.Config{}), "no_kubernetes", "not logged in", "log in anew")
}

func TestPodsOfThisNodeWhereAllAreDenied(t *testing.T) {
	s := shop(t)
	s.refused(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !strings.Contains(r.URL.Query().Get("fieldSelector"), "spec.nodeName=node-1"):
			status(403, "Forbidden")(w, r)
		case r.URL.Query().Get("watch") != "":
			s.watch(w, r, "pods")
		default:
			s.list(w, r, "pods")
		}
	}, "pods")
	c := start(t, s, kubernetes.Config{Node: "node-1"})
	complete(t, c)
	gap(t, c, "partial_kubernetes", "pods of other nodes: denied", "docs/KUBERNETES.md")
}

func TestWhatWasLearntStaysWhenTheServerGoes(t *testing.T) {
	s := shop(t)
	c := start(t, s, kubernetes.Config{})
	complete(t, c)
	s.watched(t)
	s.refused(status(503, "ServiceUnavailable"), resources...)
	for _, r := range resources {
		s.end(r, nil)
	}
	gap(t, c, "partial_kubernetes", "pods since then", "when the API server is well")
	if _, ok := c.ByContainer(cid1); !ok {
		t.Error("the pod is forgotten")
	}
}

func TestNobodyIsAskedWithoutAReason(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("KUBECONFIG", "")
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	if a, err := kubernetes.Find(""); a != nil || err != nil {
		t.Errorf("found %v, %v; want nothing", a, err)
	}
	c := run(t, kubernetes.Config{})
	c.PodSeen()
	if gaps := c.Gaps(); gaps != nil {
		t.Errorf("gaps: %v", gaps)
	}
	// A file that is just there is used where a pod runs, and not before.
	s := shop(t)
	t.Setenv("KUBECONFIG", "/nowhere:"+kubeconfig(t, s, `{token: abc}`))
	a, err := kubernetes.Find("")
	if a == nil || err != nil {
		t.Fatalf("found %v, %v", a, err)
	}
	c = run(t, kubernetes.Config{Access: a, Every: time.Millisecond})
	time.Sleep(50 * time.Millisecond)
	if n := s.count(""); n != 0 || c.Gaps() != nil {
		t.Errorf("%d questions before a pod was seen, gaps %v", n, c.Gaps())
	}
	c.PodSeen()
	complete(t, c)
}

func TestNoProgramIsStartedForAFileThatNobodyNamed(t *testing.T) {
	s := shop(t)
	// Not t.TempDir: one that was started late may still leave its mark when the
	// test is over.
	dir, err := os.MkdirTemp("", "peerscope-started")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	mark := filepath.Join(dir, "started")
	file := kubeconfig(t, s, `{exec: {apiVersion: client.authentication.k8s.io/v1, command: touch, args: [`+mark+`], interactiveMode: Never}}`)
	t.Setenv("KUBECONFIG", file)
	a, err := kubernetes.Find("")
	if err != nil {
		t.Fatal(err)
	}
	c := run(t, kubernetes.Config{Access: a})
	c.PodSeen()
	gap(t, c, "no_kubernetes", "the program touch to be started", "--kubeconfig")
	if _, err := os.Stat(mark); err == nil {
		t.Error("it was started")
	}
	if a, err = kubernetes.Find(file); err != nil {
		t.Fatal(err)
	}
	run(t, kubernetes.Config{Access: a})
	until(t, "the program of a file that was named", func() bool { _, err := os.Stat(mark); return err == nil })
}

func TestFilesOfNoUse(t *testing.T) {
	f := func(name, text, want string) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "config")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := kubernetes.Find(file)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: error %v, want one with %q and the file", name, err, want)
		}
		// Not named but found, it is a gap where pods run.
		t.Setenv("KUBECONFIG", file)
		a, err := kubernetes.Find("")
		if err != nil {
			t.Fatal(err)
		}
		c := run(t, kubernetes.Config{Access: a})
		c.PodSeen()
		gap(t, c, "no_kubernetes", want, "--kubeconfig")
	}
	f("empty", "", "names no cluster")
	f("not yaml", "{{", "yaml: line 1")
	f("no context", "apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: http://127.0.0.1:1}}]\ncontexts: [{name: x, context: {cluster: other}}]\ncurrent-context: x\n", "other")
	if _, err := kubernetes.Find("/nowhere/config"); err == nil || !strings.Contains(err.Error(), "/nowhere/config") {
		t.Errorf("a file that is not there: %v", err)
	}
}
