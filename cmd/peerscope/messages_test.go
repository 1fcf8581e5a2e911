package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestQuietSaysOnlyWhyItFailed: the same on standard output, and nothing else.
func TestQuietSaysOnlyWhyItFailed(t *testing.T) {
	f := func(code, lines int, says string, args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		got := run(args, nil, &out, &errs)
		if n := strings.Count(errs.String(), "\n"); got != code || n != lines || !strings.Contains(errs.String(), says) {
			t.Errorf("%q: exit code %d, want %d; %d lines, want %d with %q:\n%s", args, got, code, n, lines, says, errs.String())
		}
		return out.String()
	}
	loud := f(exitDone, 1, "0 of 4 edges match", "map", "--from", world, "--ascii", "to:port:81")
	if quiet := f(exitDone, 0, "", "map", "--from", world, "--ascii", "to:port:81", "-q"); quiet != loud {
		t.Errorf("quiet the map is\n%swant\n%s", quiet, loud)
	}
	f(exitFailed, 1, "no such file", "map", "--from", world+"x", "-q")
	f(exitFailed, 1, "0 of 4 edges match to:port:81", "explain", "--from", world, "--filter", "to:port:81", "-q")
	f(exitUsage, 1, `unknown key "prot"`, "map", "-q", "prot:1")
	f(exitUsage, 1, "unknown flag: -q (messages go to standard error", "serve", "-q")
}

// TestFilterFlagIsTheArgument: alone it is the same, with arguments both hold.
func TestFilterFlagIsTheArgument(t *testing.T) {
	f := func(args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		if code := run(append([]string{"map", "--from", world, "-o", "csv"}, args...), nil, &out, &errs); code != exitDone {
			t.Fatalf("%q: exit code %d: %s", args, code, errs.String())
		}
		return out.String()
	}
	if got, want := f("--filter", "wrk or nginx"), f("wrk", "or", "nginx"); got != want || len(want) == 0 {
		t.Errorf("by the flag\n%swant\n%s", got, want)
	}
	both, want := f("pid:10", "or", "pid:11", "--filter", "wrk or pid:12"), f("(pid:10 or pid:11) (wrk or pid:12)")
	if both != want || both == f("pid:10", "or", "pid:11") {
		t.Errorf("both together\n%swant\n%s", both, want)
	}
	var out, errs bytes.Buffer
	if code := run([]string{"map", "nginx", "--filter", "prot:1"}, nil, &out, &errs); code != exitUsage || !strings.Contains(errs.String(), "column 1 ") {
		t.Errorf("exit code %d, %s", code, errs.String())
	}
}
