package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/history"
	"peerscope/internal/topology"
)

// remembered is a history of 15 minutes from noon on, with nothing between 12:05
// and 12:07: the world, and in the last five minutes another one.
func remembered(t *testing.T) string {
	t.Helper()
	zone := time.Local
	time.Local = time.UTC
	t.Cleanup(func() { time.Local = zone })
	dir := filepath.Join(t.TempDir(), "history")
	s, err := history.Open(dir, history.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	noon := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for at := noon; at.Before(noon.Add(15 * time.Minute)); at = at.Add(10 * time.Second) {
		if at.Equal(noon.Add(5 * time.Minute)) {
			at = at.Add(2 * time.Minute)
			s.Missed(at.Add(-2*time.Minute), at, 12, "history was slow")
		}
		name := world
		if !at.Before(noon.Add(10 * time.Minute)) {
			name = "../../testdata/worlds/sidecar.jsonl"
		}
		m := readWorld(t, name)
		m.Window = topology.Window{Start: at.Format("2006-01-02T15:04:05.000Z"), End: at.Add(10 * time.Second).Format("2006-01-02T15:04:05.000Z")}
		if err := s.Add(m); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func readWorld(t *testing.T, name string) *topology.Map {
	t.Helper()
	m, err := readMap(t.Context(), name, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// golden compares with a file of testdata, which -update writes.
func goldenText(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "history", name)
	if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s: (-want +got)\n%s", name, d)
	}
}

// bytesOfLevel is a cell of history stats.
var bytesOfLevel = regexp.MustCompile(`( \d+) +\d+ +(2026|- )`)

func TestMapOfThen(t *testing.T) {
	dir := remembered(t)
	for name, args := range map[string][]string{
		"at.txt":            {"map", "--at", "2026-01-31T12:01:00Z"},
		"gap.txt":           {"map", "--at", "2026-01-31 12:04..2026-01-31 12:08"},
		"diff.txt":          {"diff", "2026-01-31 12:01..2026-01-31 12:03", "2026-01-31 12:12"},
		"same.txt":          {"diff", "2026-01-31 12:01", "2026-01-31 12:03", "--exit-code"},
		"stats.txt":         {"history", "stats"},
		"explain.txt":       {"explain", "wrk", "nginx", "--at", "2026-01-31T12:03:00Z"},
		"explain-range.txt": {"explain", "127.0.0.1", "--at", "2026-01-31T12:02:00Z..2026-01-31T12:10:00Z"},
		"explain.json":      {"explain", "e:921142d3c6f0dd85", "--at", "2026-01-31T12:03:00Z", "--window", "10s", "-o", "json"},
		"explain-one.txt":   {"explain", "app", "--at", "2026-01-31T12:12:00Z"},
		"series.txt":        {"history", "series", "from:wrk", "to:port:80", "--from", "2026-01-31 12:03", "--to", "2026-01-31 12:08"},
		"idle.txt":          {"history", "series", "e:0000000000000000", "--from", "2026-01-31 12:04", "--to", "2026-01-31 12:06", "--step", "1m", "-o", "csv"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			code := run(append(args, "--history", dir), nil, &out, &errs)
			if code != exitDone {
				t.Errorf("%q: exit code %d", args, code)
			}
			text := strings.ReplaceAll(out.String()+errs.String(), dir, "DIR")
			text = bytesOfLevel.ReplaceAllString(text, "$1 BYTES $2") // they change with the compression
			goldenText(t, name, strings.ReplaceAll(text, "\r\n", "\n"))
		})
	}
}

func TestExportHasARowForEachEdgeOfEachWindow(t *testing.T) {
	dir := remembered(t)
	var out, errs bytes.Buffer
	args := []string{"history", "export", "--history", dir, "--from", "2026-01-31 12:00", "--to", "2026-01-31 13:00"}
	if code := run(args, nil, &out, &errs); code != exitDone {
		t.Fatalf("%q: %d %s", args, code, errs.String())
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	first, second := len(readWorld(t, world).Edges), len(readWorld(t, "../../testdata/worlds/sidecar.jsonl").Edges)
	if got, want := len(rows), 1+48*first+30*second; got != want {
		t.Errorf("%d rows, want %d", got, want)
	}
	out.Reset()
	if code := run(append(args, "-o", "ndjson", "--step", "10m"), nil, &out, &errs); code != exitDone {
		t.Fatalf("%q: %d %s", args, code, errs.String())
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if got, want := len(lines), first+5*second; got != want {
		t.Errorf("%d lines, want %d: ten minutes, and five single ones that are not ten yet", got, want)
	}
	for _, line := range lines {
		var v struct {
			Window topology.Window
			Edge   topology.Edge
			Nodes  []topology.Node
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil || v.Edge.ID == "" || len(v.Nodes) != 2 || v.Window.Start == "" {
			t.Fatalf("%v: %s", err, line)
		}
	}
}

func TestThePastInOneClearLine(t *testing.T) {
	dir := remembered(t)
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	text := filepath.Join(t.TempDir(), "text")
	if err := os.MkdirAll(text, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(text, "letter"), []byte("dear"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		code int
		says string
		args string
	}{
		{exitFailed, "there is no history in " + nowhere + ": peerscope serve writes one", "map --at -1h --history " + nowhere},
		{exitFailed, "is not a history, and not empty", "map --at -1h --history " + text},
		{exitFailed, "nobody observed between 2026-01-30 00:00:00 and 2026-01-30 00:01:00: the history has 2026-01-31 12:00:00 to 2026-01-31 12:15:00", "map --at 2026-01-30 --history " + dir},
		{exitUsage, `--at: time "soon": it is like now, -1h`, "map --at soon --history " + dir},
		{exitUsage, "--for says what to observe, and --at asks what was observed", "map --at -1h --for 5s"},
		{exitUsage, "--history says where to look, and --at when", "map --history " + dir},
		{exitUsage, "--from says what to observe, and --at asks what was observed", "explain nginx --at -1h --from x"},
		{exitUsage, "--window says how long the time of --at is: give both", "explain nginx --window 5m"},
		{exitUsage, "--history is of this host's history, and --from replays a recording", "explain nginx --from x --history " + dir},
		{exitFailed, "there is no history in " + nowhere, "explain nginx --for 0 --history " + nowhere},
		{exitFailed, "no edge touches nobody; near nobody:", "explain nobody --at 2026-01-31T12:03:00Z --history " + dir},
		{exitFailed, "all there is: peerscope map --at 2026-01-31T12:03:00Z", "explain nobody --at 2026-01-31T12:03:00Z --history " + dir},
		{exitUsage, "has a beginning and an end; --window is for one time", "map --at -2h..-1h --window 5m"},
		{exitFailed, "there is no such file, and it is no time either", "diff soon now --history " + dir},
		{exitUsage, "series takes the id of an edge or a filter", "history series"},
		{exitUsage, "that ends before it begins", "history series nginx --from now --to -1h --history " + dir},
		{exitFailed, "matches nosuchprogram", "history series nosuchprogram --from 2026-01-31T12:00:00Z --to 2026-01-31T12:05:00Z --history " + dir},
		{exitUsage, `unknown output "xml"`, "history export -o xml"},
		{exitFailed, "nobody observed between", "history export --from 2026-01-30T00:00:00Z --to 2026-01-30T01:00:00Z --history " + dir},
		{exitUsage, `unknown command "stat"; did you mean "stats"?`, "history stat"},
	} {
		var out, errs bytes.Buffer
		if code := run(strings.Fields(tt.args), nil, &out, &errs); code != tt.code {
			t.Errorf("%s: exit code %d, want %d", tt.args, code, tt.code)
		}
		if !strings.Contains(errs.String(), tt.says) || strings.Count(errs.String(), "\n") != 1 {
			t.Errorf("%s: standard error %q, want one line with %q", tt.args, errs.String(), tt.says)
		}
	}
}

// TestHistoryIsWhereTheConfigurationSays: that of serve, by file and variable, in
// every command that reads it.
func TestHistoryIsWhereTheConfigurationSays(t *testing.T) {
	dir, home := remembered(t), t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", home)
	t.Setenv("SUDO_USER", "")
	write := func(name, text string) string {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	const noon = "2026-01-31T12:01:00Z"
	commands := []string{"map --at " + noon, "diff " + noon + " 2026-01-31T12:12:00Z", "history stats",
		"history series from:wrk --from " + noon + " --to 2026-01-31T12:03:00Z", "history export --from " + noon + " --to 2026-01-31T12:03:00Z"}
	f := func(code int, says, args string) {
		t.Helper()
		var out, errs bytes.Buffer
		if got := run(strings.Fields(args), nil, &out, &errs); got != code || !strings.Contains(errs.String(), says) ||
			code != exitDone && strings.Count(errs.String(), "\n") != 1 || code == exitDone && out.Len() == 0 {
			t.Errorf("%s: exit code %d, want %d, and one line with %q:\n%s", args, got, code, says, errs.String())
		}
	}
	asked := write(filepath.Join(home, "asked.yaml"), "history:\n  dir: "+dir+"\n")
	bad := write(filepath.Join(home, "bad.yaml"), "history:\n  dri: "+dir+"\n")
	empty := write(filepath.Join(home, "empty.yaml"), "history:\n  dir: "+home+"/nowhere\n")
	for _, c := range commands {
		f(exitDone, "", c+" --config "+asked)
		f(exitUsage, bad+`:2: unknown key "dri" below history, did you mean "dir"?; to say it here: --history DIR`, c+" --config "+bad)
		f(exitDone, "", c+" --config "+bad+" --history "+dir)
		f(exitFailed, "there is no history in "+home+"/nowhere: peerscope serve writes one, and --history names another folder; this one is named by "+empty+":2", c+" --config "+empty)
		f(exitUsage, "open the configuration: open "+home+"/missing: no such file or directory", c+" --config "+home+"/missing")
	}
	f(exitUsage, "--config says where to look, and --at when: give both", "map --config "+asked)
	write(filepath.Join(home, "peerscope", "config.yaml"), "history:\n  dir: "+dir+"\n")
	for _, c := range commands {
		f(exitDone, "", c)
	}
	t.Setenv("PEERSCOPE_HISTORY_DIR", home+"/variable")
	f(exitFailed, "there is no history in "+home+"/variable: peerscope serve writes one, and --history names another folder; this one is named by PEERSCOPE_HISTORY_DIR", "history stats")
	os.Unsetenv("PEERSCOPE_HISTORY_DIR") // what it was comes back with the test's end
	if err := os.Remove(filepath.Join(home, "peerscope", "config.yaml")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("STATE_DIRECTORY", home+"/state")
	t.Setenv("PEERSCOPE_HISTORY_DRI", dir)
	f(exitFailed, "a variable that sets nothing: PEERSCOPE_HISTORY_DRI", "history stats")
}
