package server

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"peerscope/internal/topology"
)

// TestNoSecretIsServed, by no endpoint and in no format, whoever made the map.
func TestNoSecretIsServed(t *testing.T) {
	const secret = "hunter2QZJ"
	poison := func(m *topology.Map) *topology.Map {
		for i := range m.Nodes {
			a := &m.Nodes[i].Attributes
			a.CommandLine = "app --password=" + secret + " token=" + secret + " postgres://ana:" + secret + "@db/x"
			a.Script = "/run/" + "x?token=" + secret
			a.ContainerLabels = map[string]string{"db-password": secret, "app": "shop"}
			a.PodLabels = map[string]string{"url": "http://ana:" + secret + "@h/"}
		}
		return m
	}
	h := remembering(noon.Add(-10*time.Minute), noon.Add(-10*time.Second))
	for _, m := range h.windows {
		poison(m)
	}
	m := poison(shop(noon.Add(-time.Second), noon, 1))
	s := tester(t, func(c *Config) {
		c.History = h
		c.Render = func(w io.Writer, _ string, m *topology.Map) error { return json.NewEncoder(w).Encode(m) }
		c.Explain = func(context.Context, []string) (*Told, error) {
			return &Told{Explanations: []*topology.Explanation{{Edge: m.Edges[0], Client: &m.Nodes[0], Server: &m.Nodes[1], Ends: []*topology.Node{&m.Nodes[2]}, Named: m.Nodes[3:]}}}, nil
		}
	})
	before, _ := json.Marshal(m)
	s.Publish(m)
	seen := 0
	for target := range endpoints(m) {
		for _, more := range []string{"", "at=-3m"} {
			if strings.Contains(target, "?") {
				more = "&" + more
			} else {
				more = "?" + more
			}
			all := text(t, get(t, s, strings.TrimSuffix(strings.TrimSuffix(target+more, "&"), "?")))
			if strings.Contains(all, secret) {
				t.Errorf("%s has the secret: ...%s", target+more, all[max(0, strings.Index(all, secret)-80):strings.Index(all, secret)+20])
			}
			seen += strings.Count(all, "***")
		}
	}
	if all := text(t, get(t, s, "/api/v1/export/csv")); strings.Contains(all, secret) || !strings.Contains(all, "--password=***") {
		t.Errorf("the export is %.500s", all)
	}
	if seen == 0 {
		t.Error("nothing was redacted, so this tests nothing")
	}
	if after, _ := json.Marshal(m); string(after) != string(before) {
		t.Error("the map that was published is changed")
	}
}
