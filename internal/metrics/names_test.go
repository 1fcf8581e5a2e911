package metrics

import (
	"regexp"
	"strings"
	"testing"
)

// translate makes the Prometheus name of an OTLP name and its unit, by
// OpenTelemetry's rules.
func translate(m Metric) string {
	name := strings.ReplaceAll(m.OTLP, ".", "_")
	unit := map[string]string{"By": "bytes", "s": "seconds"}[m.Unit]
	if unit != "" && !strings.HasSuffix(name, "_"+unit) {
		name += "_" + unit
	}
	switch {
	case m.Kind == Counter && !strings.HasSuffix(name, "_total"):
		name += "_total"
	case m.Kind == Gauge && m.Unit == "1":
		name += "_ratio"
	}
	return name
}

// TestNames: a store that takes OTLP and speaks PromQL has the names that a
// scrape has, no name is there twice, and each is explained.
func TestNames(t *testing.T) {
	seen, good := map[string]bool{}, regexp.MustCompile(`^[a-z][a-z0-9_]*[a-z]$`)
	for _, m := range Metrics() {
		if want := translate(m); m.Prometheus != want {
			t.Errorf("%s is %s for Prometheus, and %s by translation", m.OTLP, m.Prometheus, want)
		}
		if seen[m.Prometheus] || !good.MatchString(m.Prometheus) {
			t.Errorf("%s is there twice, or no name", m.Prometheus)
		}
		seen[m.Prometheus] = true
		if !strings.HasSuffix(m.Help, ".") || m.Kind == 0 || m.Unit == "" && strings.HasPrefix(m.OTLP, "peerscope") {
			t.Errorf("%s: help %q, unit %q, kind %d", m.OTLP, m.Help, m.Unit, m.Kind)
		}
		for _, l := range m.Labels {
			if !good.MatchString(l.Prometheus) || l.OTLP == "" || l.Help == "" {
				t.Errorf("%s has the label %+v", m.OTLP, l)
			}
		}
	}
}
