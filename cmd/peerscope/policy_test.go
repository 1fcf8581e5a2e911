package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

func TestPolicy(t *testing.T) {
	f := func(code int, out, errs string, args ...string) {
		t.Helper()
		var gotOut, gotErrs bytes.Buffer
		if got := run(append([]string{"policy"}, args...), nil, &gotOut, &gotErrs); got != code {
			t.Errorf("%q: exit code %d, want %d", args, got, code)
		}
		if !strings.Contains(gotOut.String(), out) || out == "" && gotOut.Len() > 0 {
			t.Errorf("%q: output\n%swant %q", args, gotOut.String(), out)
		}
		if !strings.Contains(gotErrs.String(), errs) || errs == "" && gotErrs.Len() > 0 || strings.Count(gotErrs.String(), "\n") > 1 {
			t.Errorf("%q: standard error %q, want %q", args, gotErrs.String(), errs)
		}
	}
	resets := "../../testdata/worlds/resets-refusals-and-pending.jsonl"
	f(exitDone, "ip saddr { 127.0.0.1 } tcp dport 80 accept", "", "--from", resets)
	f(exitDone, "ip saddr { 127.0.0.1 } tcp dport 80 accept", "", "--from", strings.TrimSuffix(resets, ".jsonl")+".map.json", "--format", "nft")
	f(exitDone, "There is no policy", "", "--from", resets, "--format", "k8s")
	f(exitDone, ": 0 edges.", "0 of 4 edges match port:9", "--from", resets, "port:9")
	f(exitUsage, "", "unknown format", "--from", resets, "--format", "cilium")
	f(exitUsage, "", `unknown key "prot"`, "prot:80")
	f(exitUsage, "", "give one of them", "--from", resets, "--netns", "x")
	f(exitUsage, "", "cannot be negative", "--for", "-1s")
	f(exitUsage, "", "unknown source", "--source", "magic")
	f(exitFailed, "", "no such file", "--from", filepath.Join(t.TempDir(), "missing"))
}
