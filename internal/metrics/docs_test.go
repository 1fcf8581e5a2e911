package metrics

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	diff "github.com/google/go-cmp/cmp"
)

// TestDocumentNamesAllMetrics: the tables of docs/METRICS.md are the list of
// names. With -update they are made of it.
func TestDocumentNamesAllMetrics(t *testing.T) {
	const file = "../../docs/METRICS.md"
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tables := map[string]string{"labels": labelTable(), "edges": metricTable("peerscope.edge.", "peerscope.pair."),
		"graph": metricTable("traces_"), "agent": metricTable("")}
	text := regexp.MustCompile(`(?s)<!-- (\w+) -->\n.*?<!-- end -->`).ReplaceAllStringFunc(string(b), func(old string) string {
		name := strings.Fields(old)[1]
		table, ok := tables[name]
		if !ok {
			t.Errorf("there is no table %s", name)
		}
		delete(tables, name)
		return "<!-- " + name + " -->\n" + table + "<!-- end -->"
	})
	if len(tables) > 0 {
		t.Errorf("%v are not in the document", sortedKeys(tables))
	}
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if d := diff.Diff(text, string(b)); d != "" {
		t.Errorf("the document is not of these names: go test ./internal/metrics -update (-want +got)\n%s", d)
	}
}

func labelTable() string {
	var b strings.Builder
	b.WriteString("| label | OTLP attribute | meaning |\n|---|---|---|\n")
	for _, l := range endLabels() {
		fmt.Fprintf(&b, "| `client_%s`, `server_%[1]s` | `client.%s`, `server.%[2]s` | %s |\n", l.Prometheus, l.OTLP, l.Help)
	}
	for _, l := range []Label{labelPort, labelPath, labelTransport, labelProtocol, labelTLS, labelObserved, labelDirection, labelError} {
		fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", l.Prometheus, l.OTLP, l.Help)
	}
	return b.String()
}

// metricTable has the metrics with these prefixes; "" are those of the agent.
func metricTable(prefixes ...string) string {
	var b strings.Builder
	b.WriteString("| Prometheus | OTLP | unit | kind | labels | meaning |\n|---|---|---|---|---|---|\n")
	for _, m := range Metrics() {
		edge := strings.HasPrefix(m.OTLP, "peerscope.edge.") && m.OTLP != selfAttribution.OTLP || strings.HasPrefix(m.OTLP, "peerscope.pair.")
		is := prefixes[0] == "" && !edge && !strings.HasPrefix(m.OTLP, "traces_")
		for _, p := range prefixes {
			is = is || p != "" && strings.HasPrefix(m.OTLP, p) && (edge || strings.HasPrefix(p, "traces_"))
		}
		if !is {
			continue
		}
		var labels []string
		for _, l := range m.Labels {
			labels = append(labels, "`"+l.Prometheus+"`")
		}
		kind := [...]string{Counter: "counter", Gauge: "gauge", Histogram: "histogram"}[m.Kind]
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s | %s | %s |\n", m.Prometheus, m.OTLP, cmp.Or(m.Unit, "-"), kind, strings.Join(labels, ", "), m.Help)
	}
	return b.String()
}
