package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"peerscope/internal/topology"
)

func TestDiff(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	recording, err := os.ReadFile(world)
	if err != nil {
		t.Fatal(err)
	}
	asMap := strings.TrimSuffix(world, ".jsonl") + ".map.json"
	written, err := os.ReadFile(asMap)
	if err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, written); err != nil {
		t.Fatal(err)
	}
	// The same world after a restart: other pids.
	restarted := write("restarted", bytes.ReplaceAll(recording, []byte(`"pid":1`), []byte(`"pid":7`)))
	elsewhere := write("elsewhere", bytes.Replace(recording, []byte(`"name":"world"`), []byte(`"name":"other"`), 1))
	other := "../../testdata/worlds/sidecar.jsonl"
	missing := filepath.Join(dir, "missing")

	f := func(code int, out, errs string, args ...string) {
		t.Helper()
		var gotOut, gotErrs bytes.Buffer
		if got := run(append([]string{"diff"}, args...), nil, &gotOut, &gotErrs); got != code {
			t.Errorf("%q: exit code %d, want %d", args, got, code)
		}
		if !strings.Contains(gotOut.String(), out) || out == "" && gotOut.Len() > 0 {
			t.Errorf("%q: output %q, want %q", args, gotOut.String(), out)
		}
		if !strings.Contains(gotErrs.String(), errs) || errs == "" && gotErrs.Len() > 0 || strings.Count(gotErrs.String(), "\n") > 1 {
			t.Errorf("%q: standard error %q, want %q", args, gotErrs.String(), errs)
		}
	}
	f(exitDone, "no difference", "", world, world)
	f(exitDone, "no difference", "", world, asMap, "--exit-code")
	f(exitDone, "no difference", "", world, write("compact.rec", compact.Bytes()), "--exit-code")
	f(exitDone, "no difference", "", world, restarted, "--exit-code")
	f(exitDone, "no difference", `two hosts, "world" and "other"`, world, elsewhere, "--exit-code")
	f(exitDone, "3 added, 2 gone, 0 changed", "", world, other)
	f(exitDifferent, "3 added, 2 gone, 0 changed", "", world, other, "--exit-code")
	f(exitDifferent, `"schema": "peerscope.diff/v1"`, "", world, other, "--exit-code", "-o", "json")
	f(exitUsage, "", "takes two files or times, but got 1", world)
	f(exitUsage, "", "unknown output", world, world, "-o", "yaml")
	f(exitFailed, "", "there is no such file, and it is no time either", missing, world)
	f(exitFailed, "", "neither a recording nor a map", world, write("text", []byte("text\n")))
	f(exitFailed, "", "neither a recording nor a map", world, write("object", []byte("{\"a\": 1}\n")))
	f(exitFailed, "", "cut off", world, write("cut", written[:len(written)/2]))
	f(exitFailed, "", "use a newer peerscope", world, write("newer", bytes.Replace(written, []byte("map/v1"), []byte("map/v9"), 1)))
	f(exitFailed, "", "empty", world, write("empty", nil))

	var grouped, errs bytes.Buffer
	run([]string{"map", "--from", world, "--group-by", "exe", "-o", "json"}, nil, &grouped, &errs)
	f(exitDone, "added", "grouped by process and exe", world, write("grouped", grouped.Bytes()))
}

func TestDiffNamesEveryEnd(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run([]string{"diff", world, "../../testdata/worlds/sidecar.jsonl", "-o", "json"}, nil, &out, &errs); code != exitDone {
		t.Fatal(errs.String())
	}
	var d topology.Difference
	if err := json.Unmarshal(out.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, n := range d.Nodes {
		ids[n.ID] = true
	}
	for _, e := range append(d.Added, d.Removed...) {
		if !ids[e.Client] || !ids[e.Server] {
			t.Errorf("edge %s names a node that is not there", e.ID)
		}
	}
}
