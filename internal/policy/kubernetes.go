package policy

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"peerscope/internal/topology"
)

// pods are those that one policy selects.
type pods struct {
	namespace string
	labels    string // as selector writes them: comparable, sorted
}

// peer is the other end of a rule: pods, or an address.
type peer struct {
	pods    pods
	address netip.Addr
}

type port struct {
	protocol string
	number   uint16
}

// rules of one policy: which peers may use which ports, and be used.
type rules struct {
	name            string
	ingress, egress map[peer][]port
}

// kubernetes writes a NetworkPolicy for each group of pods with the same labels.
// A direction in which nothing was seen is not restricted.
func (s *scene) kubernetes() []byte {
	policies := map[pods]*rules{}
	var notes []string
	for i := range s.m.Edges {
		e := &s.m.Edges[i]
		client, server := s.ends(e)
		if e.Transport == "unix" || client.Attributes.PodName == "" && server.Attributes.PodName == "" || samePod(client, server) {
			continue // no policy has to do with it
		}
		why := doubt(e)
		if why == "" && e.ServerPort == 0 {
			why = "its port is not known"
		}
		if why == "" {
			why = addRules(policies, e, client, server)
		}
		if why != "" {
			notes = append(notes, s.sentence(e)+": "+why)
		}
	}
	var b strings.Builder
	b.WriteString(s.head("Once a policy selects pods, everything else in its direction is refused: read this before you apply it."))
	if len(policies) == 0 {
		comment(&b, "", "There is no policy: no edge that is certain has a pod with known labels at one of its ends.")
	}
	if len(notes) > 0 {
		comment(&b, "", "Seen, and no rule:")
		for _, n := range byText(notes) {
			comment(&b, "", "  "+n)
		}
	}
	order := slices.SortedFunc(maps.Keys(policies), func(x, y pods) int {
		return cmp.Or(cmp.Compare(x.namespace, y.namespace), cmp.Compare(policies[x].name, policies[y].name), cmp.Compare(x.labels, y.labels))
	})
	used := map[string]int{}
	for _, p := range order {
		r := policies[p]
		id := p.namespace + "/" + r.name
		if used[id]++; used[id] > 1 {
			r.name = fmt.Sprintf("%s-%d", r.name, used[id])
		}
		r.write(&b, p)
	}
	return []byte(b.String())
}

// samePod: what stays in a pod passes no policy.
func samePod(x, y *topology.Node) bool {
	return x.Attributes.PodName != "" && x.Attributes.PodName == y.Attributes.PodName && x.Attributes.Namespace == y.Attributes.Namespace
}

// addRules adds an edge to the policies of its ends, and says what is missing
// for either of them.
func addRules(policies map[pods]*rules, e *topology.Edge, client, server *topology.Node) (why string) {
	at := port{strings.ToUpper(e.Transport), e.ServerPort}
	from, whyFrom := peerOf(client)
	to, whyTo := peerOf(server)
	why = cmp.Or(whyFrom, whyTo)
	if why != "" {
		return why
	}
	if to.pods.labels != "" {
		r := policyOf(policies, to.pods, server)
		r.ingress[from] = append(r.ingress[from], at)
	}
	if from.pods.labels != "" {
		r := policyOf(policies, from.pods, client)
		r.egress[to] = append(r.egress[to], at)
	}
	return ""
}

func policyOf(policies map[pods]*rules, p pods, n *topology.Node) *rules {
	r := policies[p]
	if r == nil {
		r = &rules{ingress: map[peer][]port{}, egress: map[peer][]port{}}
		policies[p] = r
	}
	// Of several workloads with the same labels the first by name gives its own.
	if name := objectName(cmp.Or(n.Attributes.Workload(), n.Attributes.PodName)); r.name == "" || name < r.name {
		r.name = name
	}
	return r
}

// peerOf is how a policy names a node, or why it cannot.
func peerOf(n *topology.Node) (peer, string) {
	a := &n.Attributes
	switch {
	case a.PodName != "":
		labels := selector(a.PodLabels)
		if labels == "" {
			return peer{}, fmt.Sprintf("the pod %s/%s has no known labels to select it by", a.Namespace, a.PodName)
		}
		if a.Namespace == "" {
			return peer{}, fmt.Sprintf("the namespace of the pod %s is not known", a.PodName)
		}
		return peer{pods: pods{a.Namespace, labels}}, ""
	case n.Kind != topology.KindAddress:
		return peer{}, fmt.Sprintf("%s is not in a pod, and its address is not in the map", name(n))
	}
	addr := addressOf(n)
	if !addr.IsValid() || addr.IsLoopback() {
		return peer{}, "an address that is not known outside"
	}
	return peer{address: addr}, ""
}

// fleeting are labels that are of one pod or one revision, and gone with it.
var fleeting = [...]string{"pod-template-hash", "controller-revision-hash", "pod-template-generation", "statefulset.kubernetes.io/pod-name",
	"apps.kubernetes.io/pod-index", "controller-uid", "job-name", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name",
	"batch.kubernetes.io/job-completion-index"}

// selector writes labels one a line, sorted, as YAML has them.
func selector(labels map[string]string) string {
	var lines []string
	for k, v := range labels {
		if !slices.Contains(fleeting[:], k) {
			lines = append(lines, quote(k)+": "+quote(v))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// objectName makes a name that Kubernetes takes: lower case, digits, dashes,
// dots, at most 253 characters (RFC 1123).
func objectName(s string) string {
	s = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' {
			return r
		}
		return '-'
	}, strings.ToLower(s))
	return "peerscope-" + strings.Trim(s[:min(len(s), 200)], "-.")
}
