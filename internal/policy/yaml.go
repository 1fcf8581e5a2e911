package policy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// quote writes a string of YAML. In double quotes every printable character but
// two stands for itself (YAML 1.2, 7.3.1).
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(printable(s)) + `"`
}

// write writes one NetworkPolicy as a document of its own.
func (r *rules) write(b *strings.Builder, p pods) {
	fmt.Fprintf(b, "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: %s\n  namespace: %s\nspec:\n  podSelector:\n    matchLabels:\n",
		quote(r.name), quote(p.namespace))
	writeLabels(b, "      ", p.labels)
	b.WriteString("  policyTypes:\n")
	for _, d := range [...]struct {
		name  string
		peers map[peer][]port
	}{{"Ingress", r.ingress}, {"Egress", r.egress}} {
		if len(d.peers) > 0 {
			fmt.Fprintf(b, "    - %s\n", d.name)
		}
	}
	writeRules(b, "ingress", "from", p, r.ingress)
	writeRules(b, "egress", "to", p, r.egress)
}

func writeLabels(b *strings.Builder, indent, labels string) {
	for _, l := range strings.Split(labels, "\n") {
		b.WriteString(indent + l + "\n")
	}
}

// writeRules writes a rule for each set of ports, with all peers that have it. No
// rule is without peers or ports: that would allow everything.
func writeRules(b *strings.Builder, direction, word string, p pods, peers map[peer][]port) {
	if len(peers) == 0 {
		return
	}
	same := map[string][]peer{}
	for k, ports := range peers {
		same[portLines(ports)] = append(same[portLines(ports)], k)
	}
	fmt.Fprintf(b, "  %s:\n", direction)
	for _, ports := range slices.Sorted(maps.Keys(same)) {
		fmt.Fprintf(b, "    - %s:\n", word)
		slices.SortFunc(same[ports], func(x, y peer) int {
			return cmp.Or(cmp.Compare(x.pods.namespace, y.pods.namespace), cmp.Compare(x.pods.labels, y.pods.labels), x.address.Compare(y.address))
		})
		for _, k := range same[ports] {
			k.write(b, p)
		}
		fmt.Fprintf(b, "      ports:\n%s", ports)
	}
}

func (k peer) write(b *strings.Builder, p pods) {
	if k.address.IsValid() {
		fmt.Fprintf(b, "        - ipBlock:\n            cidr: %s\n", quote(fmt.Sprintf("%s/%d", k.address, k.address.BitLen())))
		return
	}
	b.WriteString("        - podSelector:\n            matchLabels:\n")
	writeLabels(b, "              ", k.pods.labels)
	if k.pods.namespace != p.namespace {
		// Every namespace has this label since Kubernetes 1.21.
		fmt.Fprintf(b, "          namespaceSelector:\n            matchLabels:\n              kubernetes.io/metadata.name: %s\n", quote(k.pods.namespace))
	}
}

// portLines are the ports of a rule as they are written, which also compares
// them.
func portLines(ports []port) string {
	ports = slices.SortedFunc(slices.Values(ports), func(x, y port) int {
		return cmp.Or(cmp.Compare(x.number, y.number), cmp.Compare(x.protocol, y.protocol))
	})
	var b strings.Builder
	for _, p := range slices.Compact(ports) {
		fmt.Fprintf(&b, "        - protocol: %s\n          port: %d\n", p.protocol, p.number)
	}
	return b.String()
}
