package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"peerscope/internal/topology"
)

const world = "../../testdata/worlds/pre-fork.jsonl"

// TestBadInput: one clear line on standard error, nothing on standard output,
// the right exit code.
func TestBadInput(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	whole, err := os.ReadFile(world)
	if err != nil {
		t.Fatal(err)
	}
	empty := write("empty", "")
	binary := write("binary", "\x7fELF\x02\x01\x01\x00")
	text := write("text", "nothing of the kind\n")
	newer := write("newer", strings.Replace(string(whole), `"version":1`, `"version":99`, 1))
	f := func(code int, says string, args ...string) {
		t.Helper()
		var out, errs bytes.Buffer
		got := run(args, nil, &out, &errs)
		if got != code {
			t.Errorf("%q: exit code %d, want %d (%s)", args, got, code, errs.String())
		}
		if !strings.Contains(errs.String(), says) {
			t.Errorf("%q says %q, want %q", args, errs.String(), says)
		}
		if n := strings.Count(errs.String(), "\n"); n != 1 {
			t.Errorf("%q: %d lines on standard error, want 1:\n%s", args, n, errs.String())
		}
		if out.Len() > 0 {
			t.Errorf("%q: standard output has %q", args, out.String())
		}
	}
	f(exitUsage, `unknown command "mpa"; did you mean "map"?`, "mpa")
	f(exitUsage, "unknown flag: --fro, did you mean --for?", "map", "--fro", "x")
	f(exitUsage, "unknown flag: --listn, did you mean --listen?", "serve", "--listn", "x")
	f(exitUsage, "unknown flag: --listen, which is one of peerscope serve;", "map", "--listen", "x")
	f(exitUsage, "unknown flag: -n (no name server is ever asked", "top", "-n")
	f(exitUsage, "unknown flag: --redact (secrets in command lines are always replaced)", "map", "--redact")
	f(exitUsage, "it is a command: peerscope version", "--version")
	f(exitUsage, "unknown flag: -x; see: peerscope map --help", "map", "-x")
	f(exitUsage, `"-1" is neither a flag nor a time; it is like now, -1h`, "diff", "-1", "now")
	f(exitUsage, `--at: time "-1": that is no length of time; it is like now, -1h`, "map", "--at", "-1")
	f(exitUsage, `--pid "x": it is a number, or several as 812,913;`, "map", "--pid", "x")
	f(exitUsage, "--speed \"x\": it is a number", "top", "--speed", "x")
	f(exitUsage, "--group-by needs a value: one node for each LEVEL: process, exe,", "map", "--group-by")
	f(exitUsage, `unknown command "stts"; see: peerscope history --help`, "help", "history", "stts")
	f(exitUsage, `unknown command "foo"; see: peerscope completion --help`, "completion", "foo")
	f(exitFailed, "--from "+dir+": it is a directory; give a file that peerscope record -w wrote", "map", "--from", dir)
	f(exitFailed, "--from "+dir+": it is a directory", "serve", "--from", dir)
	f(exitFailed, "read "+dir+": is a directory", "diff", dir, dir)
	f(exitFailed, "write the map to "+dir+"/no/map: no such file or directory", "map", "--from", world, "--output-file", dir+"/no/map")
	f(exitUsage, "read the configuration: read "+dir+": is a directory", "serve", "--config", dir)
	f(exitUsage, `peerscope: filter: unknown key "prot"`, "serve", "--filter", "prot:1")
	f(exitUsage, `filter: unknown key "prot" at column 13 (did you mean "port"?)`, "map", "--for", "1h", "nginx", "or", "to:prot:443")
	f(exitUsage, `did you mean "json"`, "map", "-o", "jsn")
	f(exitUsage, `unknown group "pid"`, "map", "--group-by", "pid")
	f(exitUsage, `unknown source "magic"`, "map", "--source", "magic")
	f(exitUsage, `--for "soon": it is a duration, as 500ms, 10s or 1m30s`, "map", "--for", "soon")
	f(exitUsage, "cannot be negative", "map", "--for=-3s")
	f(exitUsage, "a pid is a positive number", "map", "--pid", "0")
	f(exitUsage, "a pid is a positive number", "map", "--from", world, "--pid", "0")
	f(exitFailed, "there is no such process", "map", "--pid", "2147483000")
	f(exitFailed, "no-such-namespace", "map", "--for", "0", "--netns", "no-such-namespace")
	f(exitUsage, "give one of them", "map", "--from", world, "--for", "3s")
	f(exitFailed, "no such file", "map", "--from", filepath.Join(dir, "missing"))
	f(exitFailed, "empty", "map", "--from", empty)
	f(exitFailed, "not a peerscope recording", "map", "--from", binary)
	f(exitFailed, "not a peerscope recording", "map", "--from", text)
	f(exitFailed, "99", "map", "--from", newer)
	wrong := write("entities", "host:\n  - service: x\n    servise: y\n")
	f(exitUsage, "line 3: field servise is not known", "map", "--for", "0", "--entities", wrong)
	f(exitFailed, "no such file", "map", "--for", "0", "--entities", filepath.Join(dir, "missing"))
	f(exitUsage, "give one of them", "map", "--from", world, "--entities", wrong)
	kept := filepath.Join(dir, "kept")
	f(exitUsage, "line 3", "record", "-w", kept, "--for", "0", "--entities", wrong)
	if _, err := os.Stat(kept); err == nil {
		t.Error("wrong arguments made a recording")
	}
	f(exitFailed, "read kubeconfig: stat "+filepath.Join(dir, "missing"), "map", "--for", "0", "--kubeconfig", filepath.Join(dir, "missing"))
	f(exitFailed, "names no cluster", "record", "-w", kept, "--for", "0", "--kubeconfig", empty)
	f(exitUsage, "give one of them", "map", "--from", world, "--kubeconfig", empty)
	if _, err := os.Stat(kept); err == nil {
		t.Error("a kubeconfig of no use made a recording")
	}
	f(exitFailed, "top needs a terminal", "top", "--from", world)
	f(exitUsage, `unknown level "programm", did you mean "program"?`, "top", "--level", "programm")
	f(exitUsage, "--speed -1: it cannot be negative", "top", "--from", world, "--speed", "-1")
	f(exitUsage, "give one of them", "top", "--from", world, "--netns", "x")
	f(exitUsage, `unknown key "prot"`, "top", "prot:443")
	f(exitUsage, "give -w FILE", "record")
	f(exitFailed, "no such file or directory", "record", "-w", filepath.Join(dir, "no", "such", "dir"), "--for", "0")
	f(exitUsage, "unknown output", "doctor", "-o", "yaml")
	f(exitUsage, "unknown output", "version", "-o", "yaml")
}

// TestTruncatedRecording: what is there is mapped, with a warning.
func TestTruncatedRecording(t *testing.T) {
	whole, err := os.ReadFile(world)
	if err != nil {
		t.Fatal(err)
	}
	for _, cut := range []int{len(whole) - 5, len(whole) - 200, len(whole) / 2} {
		p := filepath.Join(t.TempDir(), "cut")
		if err := os.WriteFile(p, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		if code := run([]string{"map", "--from", p, "-o", "json"}, nil, &out, &errs); code != 0 {
			t.Fatalf("cut at %d: exit code %d: %s", cut, code, errs.String())
		}
		if !strings.Contains(errs.String(), "cut off") || strings.Count(errs.String(), "\n") != 1 {
			t.Errorf("cut at %d: warning %q", cut, errs.String())
		}
		var m topology.Map
		if err := json.Unmarshal(out.Bytes(), &m); err != nil || len(m.Edges) == 0 {
			t.Errorf("cut at %d: %d edges, %v", cut, len(m.Edges), err)
		}
	}
}

// brokenPipe is a reader that went away, full is a disk without room.
type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestOutputThatCannotBeWritten(t *testing.T) {
	for _, w := range []struct {
		out  io.Writer
		says string
	}{{failing{syscall.EPIPE}, "went away"}, {failing{syscall.ENOSPC}, "no space left on device"}} {
		var errs bytes.Buffer
		if code := run([]string{"map", "--from", world}, nil, w.out, &errs); code != exitFailed || !strings.Contains(errs.String(), w.says) || strings.Count(errs.String(), "\n") != 1 {
			t.Errorf("exit code %d, %q; want %d and %q", code, errs.String(), exitFailed, w.says)
		}
	}
}

// TestFullDisk: a recording keeps the whole lines that were written, and a map
// file stays what it was.
func TestFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("skipped: no /dev/full")
	}
	var out, errs bytes.Buffer
	if code := run([]string{"map", "--from", world, "--output-file", "/dev/full"}, nil, &out, &errs); code != exitFailed || !strings.Contains(errs.String(), "no space left") {
		t.Errorf("map to a full disk: exit code %d, %q", code, errs.String())
	}
	errs.Reset()
	if code := run([]string{"record", "-w", "/dev/full", "--for", "0"}, nil, &out, &errs); code != exitFailed || !strings.Contains(errs.String(), "no space left") {
		t.Errorf("record to a full disk: exit code %d, %q", code, errs.String())
	}
}

func TestOutputFile(t *testing.T) {
	p := filepath.Join(t.TempDir(), "map.json")
	var out, errs bytes.Buffer
	if code := run([]string{"map", "--from", world, "-o", "json", "--output-file", p}, nil, &out, &errs); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	got, err := os.ReadFile(p)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(strings.TrimSuffix(world, ".jsonl") + ".map.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) || out.Len() > 0 {
		t.Errorf("the file has %d bytes, want %d; standard output %q", len(got), len(want), out.String())
	}
	if entries, _ := os.ReadDir(filepath.Dir(p)); len(entries) != 1 {
		t.Errorf("%d files left, want 1", len(entries))
	}
}

// TestSelection: an edge is chosen by either end, and the other is still named.
func TestSelection(t *testing.T) {
	f := func(edges int, args ...string) {
		t.Helper()
		var out, errs bytes.Buffer
		if code := run(append([]string{"map", "--from", world, "-o", "json"}, args...), nil, &out, &errs); code != 0 {
			t.Fatalf("%q: exit code %d: %s", args, code, errs.String())
		}
		var m topology.Map
		if err := json.Unmarshal(out.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		if len(m.Edges) != edges {
			t.Errorf("%q: %d edges, want %d", args, len(m.Edges), edges)
		}
		ids := map[string]bool{}
		for _, n := range m.Nodes {
			ids[n.ID] = true
		}
		for _, e := range m.Edges {
			if !ids[e.Client] || !ids[e.Server] {
				t.Errorf("%q: edge %s names a node that is not there", args, e.ID)
			}
		}
	}
	f(4)
	f(3, "--pid", "20")
	f(1, "--pid", "11")
	f(2, "--pid", "11", "--pid", "12")
	f(0, "--pid", "20", "--cgroup", "/system.slice")
	f(2, "--group-by", "exe") // all of nginx is one node
	f(3, "from:pid:20")
	f(1, "pid:11", "from:pid:20")
	f(3, "pid:11 or", "pid:20 proto:tcp")
	f(1, "pid:11", "--pid", "20")
	f(1, "--group-by", "exe", "from:pid:20") // filtered before it is grouped
}

// TestFilterThatHidesEverything names the part to leave out, and is no error.
func TestFilterThatHidesEverything(t *testing.T) {
	f := func(says string, args ...string) {
		t.Helper()
		var out, errs bytes.Buffer
		if code := run(append([]string{"map", "--from", world, "-o", "json"}, args...), nil, &out, &errs); code != exitDone {
			t.Errorf("%q: exit code %d", args, code)
		}
		if errs.String() != says {
			t.Errorf("%q says\n%swant\n%s", args, errs.String(), says)
		}
		var m topology.Map
		if err := json.Unmarshal(out.Bytes(), &m); err != nil || len(m.Edges) > 0 {
			t.Errorf("%q: %d edges, %v", args, len(m.Edges), err)
		}
	}
	f("peerscope: 0 of 4 edges match nginx port:1; without [port:1] there would be 4\n", "nginx", "port:1")
	f("peerscope: 0 of 4 edges match pid:1; without [pid:1] there would be 4\n", "pid:1")
	f("peerscope: 0 of 4 edges match pid:1 port:1; no single part of it hides them all\n", "pid:1", "port:1")
	f("peerscope: filter: this version does not know the values of dns, p95, so no comparison with them holds\n"+
		"peerscope: 0 of 4 edges match nginx (dns:x or p95>1ms); without [dns:x or p95>1ms] there would be 4\n", "nginx", "(dns:x or p95>1ms)")
}

func TestGroupsThatNobodyIsInAreSaid(t *testing.T) {
	f := func(world, level, says, shows string) {
		t.Helper()
		var out, errs bytes.Buffer
		if code := run([]string{"map", "--from", "../../testdata/worlds/" + world + ".jsonl", "-o", "table", "--group-by", level}, nil, &out, &errs); code != 0 {
			t.Fatalf("%s: exit code %d: %s", level, code, errs.String())
		}
		if !strings.Contains(errs.String(), says) || says == "" && errs.Len() > 0 || !strings.Contains(out.String(), shows) {
			t.Errorf("%s by %s: said %q, want %q, shows, without %q,\n%s", world, level, errs.String(), says, shows, out.String())
		}
	}
	f("pre-fork", "pod", "--group-by pod: no process of this map has one that is known", "nginx")
	f("names-that-come-late", "exe", "", "web.py ×1")
	f("names-that-come-late", "container", "", "shop-db ×1")
	f("names-that-come-late", "pod", "", "web-6f7c9d-x2x4z ×1")
	f("names-that-come-late", "workload", "", "web ×1")
	f("names-that-come-late", "service", "", "web.prod ×1")
}

func TestEveryFormatIsRendered(t *testing.T) {
	for _, format := range []string{"tree", "table", "json", "csv", "dot", "mermaid"} {
		var out, errs bytes.Buffer
		if code := run([]string{"map", "--from", world, "-o", format}, nil, &out, &errs); code != 0 || !strings.Contains(out.String(), "nginx") {
			t.Errorf("%s: exit code %d, %d bytes, %s", format, code, out.Len(), errs.String())
		}
	}
}

// TestRecordAndReplay: a recording of this host gives the same map twice.
func TestRecordAndReplay(t *testing.T) {
	for _, name := range []string{"now.rec", "now.rec.zst"} {
		p := filepath.Join(t.TempDir(), name)
		var out, errs bytes.Buffer
		if code := run([]string{"record", "-w", p, "--for", "300ms", "--netns", "/proc/self/ns/net"}, nil, &out, &errs); code != 0 {
			t.Fatalf("exit code %d: %s", code, errs.String())
		}
		var maps [2]bytes.Buffer
		for i := range maps {
			if code := run([]string{"map", "--from", p, "-o", "json"}, nil, &maps[i], &errs); code != 0 {
				t.Fatalf("exit code %d: %s", code, errs.String())
			}
		}
		if !bytes.Equal(maps[0].Bytes(), maps[1].Bytes()) || maps[0].Len() == 0 {
			t.Error("two replays of one recording differ")
		}
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		var out, errs bytes.Buffer
		if code := run([]string{"completion", shell}, nil, &out, &errs); code != 0 || out.Len() < 100 {
			t.Errorf("%s: exit code %d, %d bytes", shell, code, out.Len())
		}
	}
	var out, errs bytes.Buffer
	run([]string{"__complete", "map", "-o", ""}, nil, &out, &errs)
	if !strings.Contains(out.String(), "mermaid") {
		t.Errorf("completion of -o offers %q", out.String())
	}
	out.Reset()
	run([]string{"__complete", "map", "nginx or to:po"}, nil, &out, &errs)
	if want := "nginx or to:pod:\nnginx or to:port:\n"; !strings.HasPrefix(out.String(), want) {
		t.Errorf("completion of a filter offers %q, want %q", out.String(), want)
	}
}
