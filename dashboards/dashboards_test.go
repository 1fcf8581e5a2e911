package dashboards

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"peerscope/internal/metrics"
)

// dashboard is what the tests want to know of one.
type dashboard struct {
	UID           any    `json:"uid"`
	ID            any    `json:"id"`
	Title         string `json:"title"`
	SchemaVersion int    `json:"schemaVersion"`
	Templating    struct {
		List []struct {
			Name       string          `json:"name"`
			Type       string          `json:"type"`
			Datasource datasource      `json:"datasource"`
			Query      json.RawMessage `json:"query"`
			Definition string          `json:"definition"`
		} `json:"list"`
	} `json:"templating"`
	Panels []struct {
		ID         int        `json:"id"`
		Type       string     `json:"type"`
		Title      string     `json:"title"`
		Datasource datasource `json:"datasource"`
		GridPos    struct{ X, Y, W, H int }
		Targets    []struct {
			RefID      string     `json:"refId"`
			Datasource datasource `json:"datasource"`
			Expr       string     `json:"expr"`
		} `json:"targets"`
	} `json:"panels"`
}

type datasource struct{ Type, UID string }

func dashboards(t *testing.T) map[string]dashboard {
	t.Helper()
	files, err := filepath.Glob("*.json")
	if err != nil || len(files) < 4 {
		t.Fatalf("%v, %v", files, err)
	}
	out := map[string]dashboard{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var d dashboard
		if err := json.Unmarshal(b, &d); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		out[f] = d
	}
	return out
}

// queries are all PromQL of a dashboard by where it stands, as Grafana would ask
// it.
func (d *dashboard) queries() map[string]string {
	out := map[string]string{}
	for _, p := range d.Panels {
		for _, q := range p.Targets {
			out[p.Title+" "+q.RefID] = q.Expr
		}
	}
	ask := regexp.MustCompile(`^(label_values|query_result)\((.*?)(, *[a-z_]+)?\)$`)
	for _, v := range d.Templating.List {
		if m := ask.FindStringSubmatch(v.Definition); m != nil {
			out["variable "+v.Name] = m[2]
		}
	}
	for k, q := range out {
		q = strings.ReplaceAll(q, "$__rate_interval", "5m")
		out[k] = regexp.MustCompile(`\$[a-z]+`).ReplaceAllString(q, ".*")
	}
	return out
}

func TestDashboardsFollowTheirDataSource(t *testing.T) {
	titles := map[string]string{}
	for file, d := range dashboards(t) {
		if d.UID != nil || d.ID != nil {
			t.Errorf("%s has an id of its own: Grafana would take it for another that has it", file)
		}
		if titles[d.Title] != "" || d.SchemaVersion == 0 {
			t.Errorf("%s is called %q, as %s", file, d.Title, titles[d.Title])
		}
		titles[d.Title] = file
		v := d.Templating.List
		if len(v) == 0 || v[0].Name != "datasource" || v[0].Type != "datasource" {
			t.Errorf("%s does not ask for a data source first", file)
		}
		want, ids := datasource{"prometheus", "${datasource}"}, map[int]bool{}
		for _, v := range v[1:] {
			if v.Datasource != want {
				t.Errorf("%s: variable %s is of %v", file, v.Name, v.Datasource)
			}
		}
		for _, p := range d.Panels {
			if ids[p.ID] || p.GridPos.X+p.GridPos.W > 24 {
				t.Errorf("%s: %q has an id that another has, or is too wide", file, p.Title)
			}
			ids[p.ID] = true
			for _, q := range p.Targets {
				if q.Datasource != want || p.Datasource != want || q.Expr == "" {
					t.Errorf("%s: %q is of %v", file, p.Title, q.Datasource)
				}
			}
		}
	}
}

// TestQueriesNameWhatExists: metrics that are in the list of names, and labels
// that these have.
func TestQueriesNameWhatExists(t *testing.T) {
	known := map[string]bool{"process_cpu_seconds_total": true, "process_resident_memory_bytes": true}
	labels := map[string]bool{"instance": true, "job": true, "le": true, "id": true, "source": true, "target": true, "title": true, "program": true}
	for _, m := range metrics.Metrics() {
		known[m.Prometheus] = true
		if m.Kind == metrics.Histogram {
			delete(known, m.Prometheus)
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				known[m.Prometheus+suffix] = true
			}
		}
		for _, l := range m.Labels {
			labels[l.Prometheus] = true
		}
	}
	for _, l := range metrics.Labels() {
		labels[l.Prometheus] = true
	}
	name := regexp.MustCompile(`\b(peerscope|traces|process|go)_[a-z0-9_]+`)
	label := regexp.MustCompile(`\b([a-z_]+) *(=~|!=|!~|=)`)
	by := regexp.MustCompile(`\b(?:by|on) \(([^)]*)\)`)
	for where, q := range all(t) {
		names := name.FindAllString(q, -1)
		if len(names) == 0 {
			t.Errorf("%s asks for nothing of ours: %s", where, q)
		}
		for _, n := range names {
			if !known[n] {
				t.Errorf("%s: there is no metric %s", where, n)
			}
		}
		for _, m := range label.FindAllStringSubmatch(q, -1) {
			if !labels[m[1]] {
				t.Errorf("%s: there is no label %s", where, m[1])
			}
		}
		for _, m := range by.FindAllStringSubmatch(q, -1) {
			for _, l := range strings.Split(m[1], ",") {
				if !labels[strings.TrimSpace(l)] {
					t.Errorf("%s: there is no label %s", where, l)
				}
			}
		}
	}
}

// all are the queries of all dashboards, and the rules.
func all(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for file, d := range dashboards(t) {
		for where, q := range d.queries() {
			out[file+": "+where] = q
		}
	}
	b, err := os.ReadFile("rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	rules := regexp.MustCompile(`(?s)- alert: (\w+)\n +expr:(.*?)\n +for:`).FindAllStringSubmatch(string(b), -1)
	if len(rules) < 5 {
		t.Fatalf("%d rules", len(rules))
	}
	for _, r := range rules {
		out["rules.yaml: "+r[1]] = r[2]
	}
	return out
}

// TestPromtoolReadsQueries: each query is a rule for Prometheus's own checker.
func TestPromtoolReadsQueries(t *testing.T) {
	needsPromtool(t)
	queries := all(t)
	var b strings.Builder
	b.WriteString("groups:\n- name: queries\n  rules:\n")
	where := make([]string, 0, len(queries))
	for w := range queries {
		where = append(where, w)
	}
	slices.Sort(where)
	for i, w := range where {
		if strings.HasPrefix(w, "rules.yaml") {
			continue
		}
		expr, _ := json.Marshal(queries[w])
		fmt.Fprintf(&b, "  - record: query:%d # %s\n    expr: %s\n", i, w, expr)
	}
	file := filepath.Join(t.TempDir(), "queries.yaml")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", file)
}

func TestRules(t *testing.T) {
	needsPromtool(t)
	promtool(t, "check", "rules", "rules.yaml")
	promtool(t, "test", "rules", "testdata/rules_test.yaml")
}

func promtool(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("promtool", args...).CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func needsPromtool(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("promtool"); err != nil {
		if os.Getenv("PEERSCOPE_REQUIRE_PRIVILEGED") == "1" {
			t.Fatal("promtool is not installed (Debian: apt-get install prometheus)")
		}
		t.Skip("promtool is not installed (Debian: apt-get install prometheus)")
	}
}
