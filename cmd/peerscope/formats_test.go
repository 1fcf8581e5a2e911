package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"path/filepath"
	"strings"
	"testing"

	"peerscope/internal/screen"
	"peerscope/internal/topology"
)

// TestGraphFormatsHaveEveryEdge: of each world all edges of the map, between nodes
// that are there, and nothing that a terminal would take for a command.
func TestGraphFormatsHaveEveryEdge(t *testing.T) {
	worlds, err := filepath.Glob("../../testdata/worlds/*.jsonl")
	if err != nil || len(worlds) == 0 {
		t.Fatalf("no worlds: %v", err)
	}
	for _, file := range worlds {
		var m topology.Map
		if err := json.Unmarshal(printed(t, file, "json"), &m); err != nil {
			t.Fatal(err)
		}
		type edge struct {
			ID     string `json:"id" xml:"id,attr"`
			Source string `json:"source" xml:"source,attr"`
			Target string `json:"target" xml:"target,attr"`
		}
		type node struct {
			ID string `json:"id" xml:"id,attr"`
		}
		var ml struct {
			Nodes []node `xml:"graph>node"`
			Edges []edge `xml:"graph>edge"`
		}
		var ng struct {
			Nodes []node
			Edges []edge
		}
		if err := xml.Unmarshal(printed(t, file, "graphml"), &ml); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if err := json.Unmarshal(printed(t, file, "nodegraph"), &ng); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for format, g := range map[string]struct {
			nodes []node
			edges []edge
		}{"graphml": {ml.Nodes, ml.Edges}, "nodegraph": {ng.Nodes, ng.Edges}} {
			known := map[string]bool{}
			for _, n := range g.nodes {
				known[n.ID] = true
			}
			if len(g.edges) != len(m.Edges) || len(g.nodes) != len(m.Nodes) {
				t.Errorf("%s as %s: %d nodes, %d edges, want %d, %d", file, format, len(g.nodes), len(g.edges), len(m.Nodes), len(m.Edges))
			}
			for _, e := range g.edges {
				if !known[e.Source] || !known[e.Target] {
					t.Errorf("%s as %s: the edge %s is between nodes that are not there", file, format, e.ID)
				}
			}
		}
	}
}

// printed is a recording as map prints it.
func printed(t *testing.T, file, format string) []byte {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run([]string{"map", "--from", file, "-o", format}, nil, &out, &errs); code != exitDone {
		t.Fatalf("%s as %s: exit code %d: %s", file, format, code, errs.String())
	}
	for line := range strings.Lines(out.String()) {
		if text := strings.TrimRight(line, "\n"); screen.Clean(text, false) != text {
			t.Errorf("%s as %s: a line has what does not print: %q", file, format, line)
		}
	}
	return out.Bytes()
}
