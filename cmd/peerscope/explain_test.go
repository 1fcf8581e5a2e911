package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/capture/capturetest"
	"peerscope/internal/topology"
)

// explained is what `explain` says of every edge of a recording.
func explained(t *testing.T, world []byte, args ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "world")
	if err := os.WriteFile(file, world, 0o600); err != nil {
		t.Fatal(err)
	}
	var m topology.Map
	if err := json.Unmarshal(replayed(t, world), &m); err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	for _, e := range m.Edges {
		var errs bytes.Buffer
		if code := run(append([]string{"explain", e.ID, "--from", file}, args...), nil, &all, &errs); code != 0 || errs.Len() > 0 {
			t.Fatalf("%s: exit code %d, standard error: %s", e.ID, code, errs.String())
		}
		all.WriteString("\n")
	}
	return all.String()
}

// TestExplainWorlds compares what is said of every edge of the small worlds.
func TestExplainWorlds(t *testing.T) {
	eachWorld(t, ".explain.txt", 2, func(t *testing.T, world []byte) []byte { return []byte(explained(t, world)) })
}

// TestExplainJSON: one object an edge, of the schema, whose evidence is the map's.
func TestExplainJSON(t *testing.T) {
	worlds, _ := filepath.Glob("../../testdata/worlds/*.jsonl")
	for _, file := range worlds {
		world, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		dec := json.NewDecoder(strings.NewReader(explained(t, world, "-o", "json")))
		var m topology.Map
		if err := json.Unmarshal(replayed(t, world), &m); err != nil {
			t.Fatal(err)
		}
		for i := range m.Edges {
			var x topology.Explanation
			if err := dec.Decode(&x); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if x.Schema != topology.ExplainSchema || x.Edge.ID != m.Edges[i].ID || len(x.Edge.Ends) == 0 && (x.Client == nil || x.Server == nil) {
				t.Errorf("%s: schema %q, edge %s, want %s", file, x.Schema, x.Edge.ID, m.Edges[i].ID)
			}
			peer, role := map[string]uint64{}, map[string]uint64{}
			for _, d := range append([]topology.Decision{x.Decision}, x.Others...) {
				if d.Connection != nil {
					peer[d.Connection.Peer] += uint64(d.Alike)
					role[d.Connection.Role] += uint64(d.Alike)
				}
			}
			want := m.Edges[i].Evidence
			if d := cmp.Diff([]map[string]uint64{orEmpty(want.Peer), orEmpty(want.Role)}, []map[string]uint64{peer, role}); d != "" {
				t.Errorf("%s edge %s: evidence (-map +explained):\n%s", file, x.Edge.ID, d)
			}
		}
	}
}

func orEmpty(m map[string]uint64) map[string]uint64 {
	if m == nil {
		return map[string]uint64{}
	}
	return m
}

// TestExplainChooses: what may be typed for an end, and how many edges it means.
func TestExplainChooses(t *testing.T) {
	const udpAndUnix = "../../testdata/worlds/udp-and-unix.jsonl"
	f := func(edges int, says string, args ...string) {
		t.Helper()
		var out, errs bytes.Buffer
		code := run(append([]string{"explain", "-o", "json"}, args...), nil, &out, &errs)
		n := strings.Count(out.String(), `"schema": "peerscope.explain/v1"`)
		if n != edges || !strings.Contains(errs.String(), says) || (code == 0) != (edges > 0) {
			t.Errorf("%q: %d edges, exit code %d, %q; want %d and %q", args, n, code, errs.String(), edges, says)
		}
	}
	f(4, "", "nginx", "--from", world)
	f(3, "", "wrk", "--from", world)
	f(3, "", "WRK", "nginx", "--from", world)
	f(3, "nothing goes from nginx to wrk", "nginx", "wrk", "--from", world)
	f(1, "", "pid:11", "--from", world)
	f(1, "", "11", "--from", world)
	f(1, "", "process:12@120", "--from", world)
	f(4, "", "ngi", "--from", world)
	f(1, "", "shop-db", "--from", "../../testdata/worlds/names-that-come-late.jsonl")
	f(1, "", "web-6f7c9d-x2x4z", "shop-db", "--from", "../../testdata/worlds/names-that-come-late.jsonl")
	f(4, "", ":80", "--from", world)
	f(3, "", "wrk", ":80", "--from", world)
	f(4, "", "127.0.0.1", "--from", world)
	f(1, "", "127.0.0.1:4003", "--from", world)
	f(1, "", "e:c0e88994257e29f7", "--from", world)
	f(1, "", "wrk", "--pid", "11", "--from", world)
	f(1, "", "10.96.0.7:80", "--from", "../../testdata/worlds/dnat-by-translation.jsonl")
	f(0, "no edge touches ngnix; near ngnix: nginx", "ngnix", "--from", world)
	f(0, "no edge touches :81; near :81: :80", ":81", "--from", world)
	f(0, "no edge touches zebra; near zebra: 127.0.0.1, nginx, wrk", "zebra", "--from", world)
	f(0, "no edge is between wrk and redis; near redis:", "wrk", "redis", "--from", world)
	f(0, "no edge touches e:0", "e:0", "--from", world)
	f(0, "a pid is a positive number", "pid:x", "--from", world)
	f(0, "a port is a number", ":99999", "--from", world)
	f(0, "give it alone", "e:1", "x", "--from", world)
	f(0, "explain takes one or two", "--from", world)
	f(0, "it is text or json", "-o", "yaml", "wrk", "--from", world)
	f(0, "give one of them", "wrk", "--from", world, "--for", "3s")
	f(0, "", "nobody", "--from", udpAndUnix)
}

// TestExplainFilter: a filter alone chooses edges, and one that cannot be read
// fails before anything is replayed.
func TestExplainFilter(t *testing.T) {
	const world = "../../testdata/worlds/resets-refusals-and-pending.jsonl"
	f := func(code int, want string, args ...string) {
		t.Helper()
		var out, errs bytes.Buffer
		got := run(append([]string{"explain", "--from", world}, args...), nil, &out, &errs)
		if text := out.String() + errs.String(); got != code || !strings.Contains(text, want) || code != 0 && strings.Count(text, "\n") != 1 {
			t.Errorf("%q: exit code %d, want %d with %q:\n%s", args, got, code, want, text)
		}
	}
	f(0, "cannot reach 127.0.0.1 over tcp: 1 failed", "--filter", "state:failed")
	f(2, `unknown key "prt"`, "--filter", "prt:80")
	f(2, "or a --filter")
	f(1, "0 of ", "--filter", "proc:nobody-is-called-so")
	f(1, "0 of 4 edges match to:port:81; without [to:port:81] there would be 4\n", "client", "--filter", "to:port:81")
}

// TestExplainAsksTheHistory: live, while serve writes the history, since when an
// edge exists is said of it; where there is no history nothing is.
func TestExplainAsksTheHistory(t *testing.T) {
	capturetest.RequireRoot(t)
	ns := capturetest.NewNamespace(t)
	dir := t.TempDir()
	defer ns.Name(t, dir, "ns")()
	l := capturetest.Listen(t, ns, "127.0.0.1:7001")
	capturetest.Connect(t, ns, l) // open until the test ends
	store := filepath.Join(dir, "history")
	s := startServe(t, "--netns", filepath.Join(dir, "ns"), "--history", store, "--window", "1s")
	s.until("the observation", func() bool { return strings.Contains(s.said.String(), "msg=observing") })
	explain := func(args ...string) topology.Explanation {
		t.Helper()
		out, err := program(append([]string{"explain", ":7001", "--netns", filepath.Join(dir, "ns"), "--for", "0", "-o", "json"}, args...)...).Output()
		var x topology.Explanation
		if err == nil {
			err = json.Unmarshal(out, &x)
		}
		if err != nil {
			t.Fatalf("%q: %v: %s", args, err, out)
		}
		return x
	}
	s.until("the edge in the history", func() bool {
		x := explain("--history", store)
		return x.Past != nil && x.Past.Since != "" && x.Connection != nil && x.Past.Series == nil
	})
	s.stop()
	config := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(config, []byte("history:\n  dir: "+store+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if x := explain("--config", config); x.Past == nil || x.Past.Since == "" {
		t.Errorf("of the history that the configuration names it says %+v", x.Past)
	}
	if _, err := os.Stat(historyOfRoot); err != nil {
		if x := explain(); x.Past != nil {
			t.Errorf("without a history it says %+v", x.Past)
		}
	}
}
