package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"peerscope/internal/topology"
)

// document is the contract as data.
func document(t testing.TB) map[string]any {
	t.Helper()
	var d map[string]any
	if err := yaml.Unmarshal(contract, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// schemas compiles the schemas of the contract, which are JSON Schema 2020-12.
// What they do not name is refused here, so that nothing is served that is not
// written down.
func schemas(t testing.TB) func(ref string) *jsonschema.Schema {
	t.Helper()
	d := document(t)
	closeObjects(d["components"].(map[string]any)["schemas"])
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("openapi", plain); err != nil {
		t.Fatal(err)
	}
	return func(ref string) *jsonschema.Schema {
		s, err := c.Compile("openapi" + ref)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

func closeObjects(v any) {
	switch x := v.(type) {
	case map[string]any:
		if _, open := x["additionalProperties"]; x["properties"] != nil && x["type"] == "object" && !open {
			x["additionalProperties"] = false
		}
		for _, k := range slices.Sorted(maps.Keys(x)) {
			closeObjects(x[k])
		}
	case []any:
		for _, k := range x {
			closeObjects(k)
		}
	}
}

// TestRoutesAreTheContract: every endpoint is written down, every one that is
// written down is there, and both know the same parameters.
func TestRoutesAreTheContract(t *testing.T) {
	d := document(t)
	components := d["components"].(map[string]any)["parameters"].(map[string]any)
	written := map[string][]string{}
	for path, item := range d["paths"].(map[string]any) {
		names := []string{}
		parameters, _ := item.(map[string]any)["get"].(map[string]any)["parameters"].([]any)
		for _, p := range parameters {
			p := p.(map[string]any)
			if ref, ok := p["$ref"].(string); ok {
				p = components[strings.TrimPrefix(ref, "#/components/parameters/")].(map[string]any)
			}
			if p["in"] == "query" {
				names = append(names, p["name"].(string))
			}
		}
		slices.Sort(names)
		written[path] = names
	}
	there := map[string][]string{"/metrics": {}, "/debug/pprof/": {}, "/": {"token"}}
	for _, r := range routes() {
		there[r.path] = append([]string{}, slices.Sorted(slices.Values(r.parameters))...)
	}
	if diff := cmp.Diff(written, there); diff != "" {
		t.Errorf("endpoints and their parameters (-openapi.yaml +mux):\n%s", diff)
	}
	s := tester(t, func(c *Config) { c.Pprof, c.Metrics = true, http.NotFoundHandler() })
	for path := range there {
		target := strings.NewReplacer("{id}", "x", "{format}", "csv").Replace(path)
		r, err := http.NewRequest(http.MethodGet, target, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, pattern := s.mux().Handler(r); pattern != "GET "+path {
			t.Errorf("%s leads to %q", path, pattern)
		}
	}
}

// TestDefaultsAreTheContract: what is said of defaults and words holds.
func TestDefaultsAreTheContract(t *testing.T) {
	p := document(t)["components"].(map[string]any)["parameters"].(map[string]any)
	schema := func(name string) map[string]any { return p[name].(map[string]any)["schema"].(map[string]any) }
	c := &call{p: &parameters{now: noon}}
	l := c.look()
	got := map[string]any{"level": l.level, "group": l.group, "limit": l.limit, "problems": l.problems, "noise": l.noise, "window": fmt.Sprint(l.length.Seconds())}
	want := map[string]any{}
	for name := range got {
		want[name] = schema(name)["default"]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("defaults (-openapi.yaml +program):\n%s", diff)
	}
}

// endpoints are requests of everything that answers with JSON, and the schema of
// the answer.
func endpoints(m *topology.Map) map[string]string {
	id := url.PathEscape(m.Edges[0].ID)
	out := map[string]string{
		"/api/v1/graph": "Graph", "/api/v1/graph?level=process&group=namespace&limit=2&noise=true": "Graph", "/api/v1/graph?problems=1": "Graph",
		"/api/v1/graph?filter=nginx&at=-30s&window=10": "Graph", "/api/v1/graph?before=-30s&window=10s": "Graph",
		"/api/v1/map": "Map", "/api/v1/map?filter=redis": "Map", "/api/v1/edges": "EdgeList", "/api/v1/edges?sort=client&limit=2": "EdgeList",
		"/api/v1/edges/" + id: "EdgeDetail", "/api/v1/edges/" + id + "/series?from=-30s": "Series", "/api/v1/series?m=tx,rtt&filter=nginx": "Series",
		"/api/v1/path?from=nginx&to=redis-server": "Paths", "/api/v1/explain?edge=" + id: "Explanation", "/api/v1/timeline": "Timeline",
		"/api/v1/diff?a=-30s&window=10s": "Diff", "/api/v1/suggest?q=proc:": "Suggestions", "/api/v1/suggest?q=nigx:": "Suggestions", "/api/v1/suggest?q=ngi": "Suggestions", "/api/v1/suggest?q=zzz": "Suggestions", "/api/v1/status": "Status",
		"/api/graph/fields": "GrafanaFields", "/api/graph/data": "GrafanaData", "/api/v1/export/nodegraph": "GrafanaData",
		"/api/v1/nodes/" + url.PathEscape("process:20@77"): "NodeDetail",
	}
	for _, level := range []string{"process", "program", "container", "pod", "workload", "host", "namespace"} {
		out["/api/v1/graph?level="+level+"&window=30s"] = "Graph"
	}
	return out
}

// TestAnswersKeepTheContract: what really comes fits its schema, before the first
// tick, live, and with a history.
func TestAnswersKeepTheContract(t *testing.T) {
	compile := schemas(t)
	m := shop(noon.Add(-time.Second), noon, 1)
	explain := func(_ context.Context, edges []string) (*Told, error) {
		return &Told{Text: "because", Explanations: []*topology.Explanation{{Schema: topology.ExplainSchema, Window: m.Window, Edge: m.Edges[0], Unknown: []string{}}}}, nil
	}
	worlds := map[string]*Server{
		"live":    tester(t, func(c *Config) { c.Explain, c.Self = explain, func() any { return map[string]int{"probes": 3} } }),
		"history": tester(t, func(c *Config) { c.History = remembering(noon.Add(-10*time.Minute), noon) }),
		"both":    tester(t, func(c *Config) { c.History = remembering(noon.Add(-10*time.Minute), noon.Add(-10*time.Second)) }),
	}
	ticking(t, worlds["live"], 60)
	ticking(t, worlds["both"], 30)
	worlds["live"].after()
	for name, s := range worlds {
		for target, schema := range endpoints(m) {
			checkSchema(t, name+" "+target, compile("#/components/schemas/"+schema), get(t, s, target))
		}
	}
	empty := tester(t, nil)
	for _, target := range []string{"/api/v1/graph", "/api/v1/map", "/api/v1/edges", "/api/v1/status", "/api/v1/timeline", "/api/v1/series", "/api/v1/suggest", "/api/graph/data"} {
		checkSchema(t, "empty "+target, compile("#/components/schemas/"+endpoints(m)[target]+map[bool]string{true: "Suggestions"}[target == "/api/v1/suggest"]+map[bool]string{true: "Series"}[target == "/api/v1/series"]), get(t, empty, target))
	}
}

func checkSchema(t *testing.T, what string, schema *jsonschema.Schema, r *http.Response) {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s: %s, %s: %s", what, r.Status, r.Header.Get("Content-Type"), b)
		return
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if err := schema.Validate(v); err != nil {
		t.Errorf("%s: %v\n%.2000s", what, err, b)
	}
}

func checkValue(t *testing.T, schema *jsonschema.Schema, data string) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(v); err != nil {
		t.Errorf("%v\n%.2000s", err, data)
	}
}

// TestProblemsKeepTheContract: so do those of everything that can be wrong.
func TestProblemsKeepTheContract(t *testing.T) {
	schema := schemas(t)("#/components/schemas/Problem")
	s := tester(t, func(c *Config) {
		c.Health = func() error { return errors.New("the source ended") }
		c.Explain = func(context.Context, []string) (*Told, error) { panic("on purpose") }
	})
	want := map[string]string{
		"/api/v1/graph?levle=pod":             `400 unknown_parameter: unknown parameter "levle", did you mean "level"?`,
		"/api/v1/graph?level=pdo":             `400 bad_parameter: level: unknown word "pdo": it is one of process, program, container, pod, workload, host, namespace`,
		"/api/v1/graph?limit=-1":              `400 bad_parameter: limit: "-1": it is a whole number from 0 to 20000`,
		"/api/v1/graph?limit=1&limit=2":       `400 bad_parameter: limit: it is given twice`,
		"/api/v1/graph?filter=nigx:1":         `400 bad_filter: filter: unknown key "nigx" at column 1`,
		"/api/v1/graph?filter=nginx+prto:tcp": `400 bad_filter: filter: unknown key "prto" at column 7 (did you mean "proto"?)`,
		"/api/v1/graph?at=yesterday":          `400 bad_parameter: at: "yesterday": it is a time: now, -1h, 2026-01-02T03:04:05Z, or Unix milliseconds`,
		"/api/v1/graph?at=1767323045":         `400 bad_parameter: at: 1767323045: it is Unix milliseconds, as 1767355200000`,
		"/api/v1/graph?window=0":              `400 bad_parameter: window: 0: it is more than 0 and at most 744h0m0s`,
		"/api/v1/graph?problems=perhaps":      `400 bad_parameter: problems: "perhaps": it is true or false`,
		"/api/v1/graph?a=%zz":                 `400 bad_parameter: the query cannot be read`,
		"/api/v1/graph?at=-1h":                `404 no_history: nothing is remembered between 2026-01-02T10:59:00Z and 2026-01-02T11:00:00Z: there is nothing at all yet`,
		"/api/v1/edges/e:1":                   `404 not_found: there was no edge "e:1"`,
		"/api/v1/nodes/x%2Fy":                 `404 not_found: there was no node "x/y"`,
		"/api/v1/edges?sort=bites":            `400 bad_parameter: sort: unknown word "bites"`,
		"/api/v1/edges?cursor=x":              `400 bad_parameter: cursor: it is not one that a page gave: begin without a cursor`,
		"/api/v1/path?from=a":                 `400 bad_parameter: to: it is missing: give the id or the name of a node`,
		"/api/v1/series?m=tx,tz":              `400 bad_parameter: m: unknown measure "tz"`,
		"/api/v1/series?from=-10d&step=1s":    `400 bad_parameter: step: 864000 steps: at most 10000 are given, so a step is at least 1m26.4s`,
		"/api/v1/series?from=now&to=-1h":      `400 bad_parameter: from: from 2026-01-02T12:00:00Z to 2026-01-02T11:00:00Z`,
		"/api/v1/diff?a=-1h..-2h":             `400 bad_parameter: a: the range ends before it begins`,
		"/api/v1/export/pdf":                  `404 not_found: there is no export format "pdf": it is one of csv, dot, graphml, json, mermaid, nodegraph`,
		"/api/v1/grpah":                       `404 not_found: there is nothing at "/api/v1/grpah": /openapi.yaml says what there is, perhaps you mean /api/v1/graph`,
		"/metrics":                            `404 not_found: metrics are switched off`,
		"/debug/pprof/":                       `404 not_found: profiles are switched off`,
		"/healthz":                            `503 not_healthy: the source ended`,
		"/readyz":                             `503 not_ready: there is no first map yet`,
		"/api/v1/graph?filter=" + strings.Repeat("a", maxFilter+1): `400 bad_parameter: filter: 4097 bytes, at most 4096 are read`,
		"/" + strings.Repeat("a", maxTarget):                       `414 too_long: the address has 8193 bytes, at most 8192 are read`,
	}
	for target, want := range want {
		r := get(t, s, target)
		b, _ := io.ReadAll(r.Body)
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			t.Fatalf("%.80s: %v in %s", target, err, b)
		}
		if err := schema.Validate(v); err != nil {
			t.Errorf("%.80s: %v", target, err)
		}
		var p problem
		if err := json.Unmarshal(b, &p); err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprintf("%d %s: %s", r.StatusCode, p.Code, p.Detail)
		if !strings.HasPrefix(got, want) || r.Header.Get("Content-Type") != "application/problem+json" || p.Status != r.StatusCode {
			t.Errorf("%.80s\n got %s\nwant %s", target, got, want)
		}
	}
}
