package server

import (
	"encoding/json"
	"flag"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/topology"
	"peerscope/internal/view"
)

var update = flag.Bool("update", false, "rewrite golden files")

// TestGolden: whole answers, as they are. What a graph is like is tested where it
// is made, and that it keeps the contract here.
func TestGolden(t *testing.T) {
	s := tester(t, func(c *Config) { c.History = remembering(noon.Add(-2*time.Minute), noon.Add(-20*time.Second)) })
	ticking(t, s, 20)
	golden := map[string]string{
		"map": "/api/v1/map?window=5s", "series": "/api/v1/series?from=-40s&step=10s", "timeline": "/api/v1/timeline?from=-40s&step=10s&m=tx,failed",
		"diff": "/api/v1/diff?a=-1m&b=now&window=10", "suggest": "/api/v1/suggest?q=proc:", "status": "/api/v1/status", "problem": "/api/v1/graph?filter=prto:tcp",
		"fields": "/api/graph/fields",
	}
	for _, name := range slices.Sorted(maps.Keys(golden)) {
		var got any
		if err := json.Unmarshal([]byte(text(t, get(t, s, golden[name]))), &got); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b, err := json.MarshalIndent(map[string]any{"request": golden[name], "answer": got}, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("testdata", "golden", name+".json")
		if *update {
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, append(b, '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(b)+"\n"); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestNobodyMoves from one tick to the next, nor when one looks back.
func TestNobodyMoves(t *testing.T) {
	s, _, tick := running(t, nil)
	at := func(target string) map[string][2]float64 {
		g := into[view.Graph](t, get(t, s, target), 200)
		out := map[string][2]float64{}
		for _, n := range g.Nodes {
			if n.X == nil || n.Y == nil || n.Rank == nil {
				t.Fatalf("%s has no place", n.ID)
			}
			out[n.ID] = [2]float64{*n.X, *n.Y}
		}
		return out
	}
	tick(nil)
	first := at("/api/v1/graph?window=1")
	for i := range 8 {
		tick(func(m *topology.Map) {
			if i%2 == 0 {
				without(m, "address:203.0.113.7")
			}
		})
		for _, target := range []string{"/api/v1/graph?window=1", "/api/v1/graph?window=1&at=" + url.QueryEscape(noon.Add(time.Second).Format(time.RFC3339))} {
			for id, place := range at(target) {
				if before, ok := first[id]; ok && before != place {
					t.Errorf("after tick %d %s moved from %v to %v", i, id, before, place)
				}
			}
		}
	}
}

// TestSince: of an edge that comes while somebody looks it is known since when it
// is there, of others not.
func TestSince(t *testing.T) {
	s, _, tick := running(t, nil)
	since := func(target string) (known, all int, at int64) {
		for _, e := range into[view.Graph](t, get(t, s, target), 200).Edges {
			if all++; e.Since != 0 {
				known, at = known+1, e.Since
			}
		}
		return known, all, at
	}
	const new = 2 // of the client, and with the client
	alone := func(m *topology.Map) { without(m, "address:203.0.113.7") }
	tick(alone)
	if known, all, _ := since("/api/v1/graph"); known != 0 || all != 3 {
		t.Errorf("at first %d of %d edges have a begin", known, all)
	}
	tick(alone)
	since("/api/v1/graph")
	tick(nil)
	for range 2 {
		if known, all, at := since("/api/v1/graph"); known != new || all != 5 || at != noon.Add(2*time.Second).UnixMilli() {
			t.Errorf("of a new edge: %d of %d have a begin, at %d", known, all, at-noon.UnixMilli())
		}
		tick(nil)
	}
	// Who begins to look now does not know.
	if known, _, _ := since("/api/v1/graph?level=process"); known != 0 {
		t.Errorf("who just came knows the begin of %d edges", known)
	}
	for range 120 { // nobody looks for two minutes
		tick(nil)
	}
	if known, _, _ := since("/api/v1/graph"); known != new {
		t.Errorf("after nobody looked for a while the begin of %d edges is known", known)
	}
}

// TestSamePictureForAll: however many ask, a picture is made once a tick.
func TestSamePictureForAll(t *testing.T) {
	s := tester(t, nil)
	ticking(t, s, 5)
	first := text(t, get(t, s, "/api/v1/graph"))
	done := make(chan string)
	for range 20 {
		go func() { done <- text(t, get(t, s, "/api/v1/graph?window=60s&level=program")) }()
	}
	for range 20 {
		if got := <-done; got != first {
			t.Error("two see different pictures of the same tick")
		}
	}
	if strings.Count(first, `"id"`) == 0 {
		t.Error("the picture is empty")
	}
}
