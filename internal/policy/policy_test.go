package policy_test

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"peerscope/internal/policy"
	"peerscope/internal/topology"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func written(t testing.TB, m *topology.Map, format string) []byte {
	t.Helper()
	b, err := policy.Write(m, format)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestGolden(t *testing.T) {
	for file, c := range map[string]struct {
		m      *topology.Map
		format string
	}{
		"server.nft": {server(), "nft"}, "cluster.yaml": {cluster(), "k8s"},
		"nothing.nft": {window(&topology.Map{}), "nft"}, "nothing.yaml": {server(), "k8s"},
	} {
		got := written(t, c.m, c.format)
		name := filepath.Join("testdata", file)
		if *update {
			if err := os.WriteFile(name, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), string(got)); d != "" {
			t.Errorf("%s (-want +got):\n%s", file, d)
		}
	}
}

func TestOrderOfTheMapDoesNotMatter(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, format := range policy.Formats() {
		for _, build := range []func() *topology.Map{server, cluster} {
			want := written(t, build(), format)
			for range 10 {
				m := build()
				r.Shuffle(len(m.Edges), func(i, j int) { m.Edges[i], m.Edges[j] = m.Edges[j], m.Edges[i] })
				r.Shuffle(len(m.Nodes), func(i, j int) { m.Nodes[i], m.Nodes[j] = m.Nodes[j], m.Nodes[i] })
				if d := cmp.Diff(string(want), string(written(t, m, format))); d != "" {
					t.Fatalf("%s (-want +got):\n%s", format, d)
				}
			}
		}
	}
}

// TestUncertainEdgesAreNoRules: each alone makes a comment, and not one line of
// rules more than nothing at all.
func TestUncertainEdgesAreNoRules(t *testing.T) {
	ports := []string{"5433", "5434", "5435", "81", "82", "83", "85", "9999"}
	for _, c := range []struct {
		m      *topology.Map
		format string
	}{{server(), "nft"}, {cluster(), "k8s"}} {
		comments := ""
		for line := range strings.Lines(string(written(t, c.m, c.format))) {
			code, comment, _ := strings.Cut(line, "#")
			comments += comment
			for _, p := range ports {
				if strings.Contains(code, " "+p) {
					t.Errorf("%s: an uncertain edge is in the rule %q", c.format, line)
				}
			}
		}
		for _, why := range []string{"who called whom is not known", "several processes fit", "no connect succeeded"} {
			if !strings.Contains(comments, why) {
				t.Errorf("%s: no comment says %q", c.format, why)
			}
		}
	}
}

// networkPolicy is the shape of networking.k8s.io/v1, as far as it is written.
type networkPolicy struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   struct {
		Name      string `yaml:"name"`
		Namespace string `yaml:"namespace"`
	} `yaml:"metadata"`
	Spec struct {
		PodSelector labelSelector `yaml:"podSelector"`
		PolicyTypes []string      `yaml:"policyTypes"`
		Ingress     []struct {
			From  []policyPeer `yaml:"from"`
			Ports []policyPort `yaml:"ports"`
		} `yaml:"ingress"`
		Egress []struct {
			To    []policyPeer `yaml:"to"`
			Ports []policyPort `yaml:"ports"`
		} `yaml:"egress"`
	} `yaml:"spec"`
}

type labelSelector struct {
	MatchLabels map[string]string `yaml:"matchLabels"`
}

type policyPeer struct {
	PodSelector       *labelSelector `yaml:"podSelector"`
	NamespaceSelector *labelSelector `yaml:"namespaceSelector"`
	IPBlock           *struct {
		CIDR string `yaml:"cidr"`
	} `yaml:"ipBlock"`
}

type policyPort struct {
	Protocol string `yaml:"protocol"`
	Port     uint16 `yaml:"port"`
}

// TestKubernetesIsStrictYAML: what is written decodes without a field too many,
// and no selector, peer list or port list is empty, which would mean all.
func TestKubernetesIsStrictYAML(t *testing.T) {
	dec := yaml.NewDecoder(bytes.NewReader(written(t, cluster(), "k8s")))
	dec.KnownFields(true)
	var names []string
	for {
		var p networkPolicy
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if p.APIVersion != "networking.k8s.io/v1" || p.Kind != "NetworkPolicy" || p.Metadata.Namespace == "" || len(p.Spec.PodSelector.MatchLabels) == 0 {
			t.Errorf("policy %+v", p)
		}
		names = append(names, p.Metadata.Namespace+"/"+p.Metadata.Name+" "+strings.Join(p.Spec.PolicyTypes, ","))
		for _, r := range p.Spec.Ingress {
			checkRule(t, r.From, r.Ports)
		}
		for _, r := range p.Spec.Egress {
			checkRule(t, r.To, r.Ports)
		}
		if p.Metadata.Name == "peerscope-web" && p.Spec.PodSelector.MatchLabels["tier"] != `front "end": x` {
			t.Errorf("labels %v", p.Spec.PodSelector.MatchLabels)
		}
	}
	want := []string{"kube-system/peerscope-coredns Ingress", "shop/peerscope-db-0 Ingress,Egress", "shop/peerscope-web Ingress,Egress"}
	if d := cmp.Diff(want, names); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func checkRule(t *testing.T, peers []policyPeer, ports []policyPort) {
	t.Helper()
	if len(peers) == 0 || len(ports) == 0 {
		t.Errorf("a rule of %d peers and %d ports allows everything", len(peers), len(ports))
	}
	for _, p := range peers {
		switch {
		case p.IPBlock != nil:
			if _, err := netip.ParsePrefix(p.IPBlock.CIDR); err != nil || p.PodSelector != nil || p.NamespaceSelector != nil {
				t.Errorf("peer %+v: %v", p, err)
			}
		case p.PodSelector == nil || len(p.PodSelector.MatchLabels) == 0:
			t.Errorf("peer %+v selects everything", p)
		}
	}
	for _, p := range ports {
		if p.Port == 0 || p.Protocol != "TCP" && p.Protocol != "UDP" {
			t.Errorf("port %+v", p)
		}
	}
}
