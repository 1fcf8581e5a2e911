package kubernetes_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"peerscope/internal/flow"
	"peerscope/internal/kubernetes"
)

// recorded serves what a kube-apiserver 1.34.4 answered to this client: lists,
// and watches of a deployment that is scaled from three pods to four and of a
// service that is deleted. Each file begins with the type of its content.
func recorded(t *testing.T, change func(name string, body []byte) []byte) *apiServer {
	s := newServer(t)
	for _, resource := range resources {
		s.refused(func(w http.ResponseWriter, r *http.Request) {
			name := resource + ".list"
			watch := r.URL.Query().Get("watch") != ""
			if watch {
				name = resource + ".watch"
			}
			file, err := os.ReadFile(filepath.Join("testdata/recorded", name))
			if err != nil {
				t.Error(err)
				return
			}
			content, body, _ := bytes.Cut(file, []byte("\n"))
			w.Header().Set("Content-Type", string(content))
			_, _ = w.Write(change(name, body))
			if watch {
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			}
		}, resource)
	}
	return s
}

func asItIs(_ string, body []byte) []byte { return body }

func TestAnswersOfARealServer(t *testing.T) {
	c := start(t, recorded(t, asItIs), kubernetes.Config{})
	web := func() (found []flow.AddressName) {
		for i := range 40 {
			for _, n := range c.Names(netip.AddrFrom4([4]byte{10, 244, 0, byte(i)}), 0) {
				if n.Pod.Workload().Name == "web" {
					found = append(found, n)
				}
			}
		}
		return found
	}
	problems := func() (out []string) {
		if gaps := c.Gaps(); gaps != nil {
			out = append(out, fmt.Sprintf("gaps: %v", gaps))
		}
		pods := web()
		if len(pods) != 4 {
			out = append(out, fmt.Sprintf("%d pods of web, want 4", len(pods)))
		}
		for _, n := range pods {
			if n.Namespace != "shop" || !strings.HasPrefix(n.Name, "web-") || !slices.Equal(n.Pod.Services, []string{"web"}) ||
				n.Pod.Workload() != (flow.Owner{Kind: "Deployment", Name: "web"}) || n.Pod.Owners[0].Kind != "ReplicaSet" {
				out = append(out, fmt.Sprintf("%+v", n))
			}
			a, ok := c.ByUID(n.Pod.UID, "nginx")
			if !ok || !slices.Equal(a.Ports, []uint16{8080}) || !a.Member || !slices.Equal(a.Addrs, []string{n.Addr.String()}) || a.Node != n.Pod.Node {
				out = append(out, fmt.Sprintf("%s: found %v, %+v", n.Name, ok, a))
			}
		}
		for addr, want := range map[string]string{"10.96.0.77": "service shop/web", "192.168.77.1": "node /node-1", "192.168.77.2": "node /node-2", "10.96.0.1": "service default/kubernetes"} {
			if got := whose(c, addr); got != want {
				out = append(out, fmt.Sprintf("%s is %q, want %q", addr, got, want))
			}
		}
		workloads := map[string]bool{}
		for i := range 40 {
			for _, n := range c.Names(netip.AddrFrom4([4]byte{10, 244, 0, byte(i)}), 0) {
				workloads[fmt.Sprint(n.Pod.Workload())] = true
			}
		}
		for _, want := range []string{"{StatefulSet db}", "{CronJob bill}", "{Deployment web}"} {
			if !workloads[want] {
				out = append(out, fmt.Sprintf("no pod of %s: %v", want, workloads))
			}
		}
		return out
	}
	// The lists are as they were before the changes that the watches tell: what
	// counts is what is known after them.
	for end := time.Now().Add(10 * time.Second); len(problems()) > 0 && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	for _, problem := range problems() {
		t.Error(problem)
	}
}

// TestAnswersThatAreCutOff: whatever is left of an answer, there is a gap or the
// rest of the answers, and no panic.
func TestAnswersThatAreCutOff(t *testing.T) {
	for _, part := range []float64{0, 0.1, 0.5, 0.9, 0.999} {
		c := start(t, recorded(t, func(name string, body []byte) []byte {
			if name == "pods.list" || name == "services.watch" {
				return body[:int(float64(len(body))*part)]
			}
			return body
		}), kubernetes.Config{})
		gap(t, c, "partial_kubernetes", "pods: ", "check")
		if whose(c, "192.168.77.1") == "" {
			until(t, "the nodes", func() bool { return whose(c, "192.168.77.1") != "" })
		}
	}
}
