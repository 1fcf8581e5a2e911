package policy_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"peerscope/internal/capture/capturetest"
)

// cgroups is where the kernel's cgroups of version 2 are mounted for a test: nft
// looks a group up below /sys/fs/cgroup.
const cgroups = "/sys/fs/cgroup"

// TestNFTTakesTheRules: the real nft and the kernel check them, in a network
// namespace of their own, with the cgroups that they name.
func TestNFTTakesTheRules(t *testing.T) {
	capturetest.RequireRoot(t)
	nft, err := exec.LookPath("nft")
	if err != nil {
		missing(t, "nft(8)")
	}
	rules := string(written(t, server(), "nft"))
	var groups []string
	for _, m := range regexp.MustCompile(`socket cgroupv2 level \d+ "([^"]+)"`).FindAllStringSubmatch(rules, -1) {
		groups = append(groups, m[1])
	}
	if len(groups) < 4 {
		t.Fatalf("rules with %d cgroups:\n%s", len(groups), rules)
	}
	// The groups are made below one that is this test's.
	own := fmt.Sprintf("peerscope-test-%d", os.Getpid())
	rules = regexp.MustCompile(`cgroupv2 level \d+ "system.slice/`).ReplaceAllString(rules, `cgroupv2 level 2 "`+own+`/`)
	file := filepath.Join(t.TempDir(), "rules.nft")
	if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	fmt.Fprintf(&script, "mount -t cgroup2 none %s || exit 77\nmkdir %s/%s\n", cgroups, cgroups, own)
	undo := fmt.Sprintf("rmdir %s/%s", cgroups, own)
	for _, g := range groups {
		dir := fmt.Sprintf("%s/%s/%s", cgroups, own, strings.TrimPrefix(g, "system.slice/"))
		fmt.Fprintf(&script, "mkdir -p '%s'\n", dir)
		undo = fmt.Sprintf("rmdir '%s' 2>/dev/null; ", dir) + undo
	}
	// Checked, loaded, and loaded once more over themselves.
	fmt.Fprintf(&script, "trap '%s' EXIT\n", strings.ReplaceAll(undo, "'", `"`))
	fmt.Fprintf(&script, "%s -c -f %s && %s -f %s && %s -f %s && %s list ruleset\n", nft, file, nft, file, nft, file, nft)
	out, err := exec.Command("unshare", "--net", "--mount", "--propagation", "private", "sh", "-c", script.String()).CombinedOutput()
	if exit, ok := err.(*exec.ExitError); ok && exit.ExitCode() == 77 {
		missing(t, "cgroups of version 2: "+string(out))
	}
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, rules)
	}
	for _, want := range []string{`tcp dport 443 socket cgroupv2 level 2`, "ip saddr { 203.0.113.9, 203.0.113.10 }", "policy drop", "peerscope_4026532177"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the kernel does not have %q:\n%s", want, out)
		}
	}
}

// missing skips the test, or fails it where nothing may be skipped.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("PEERSCOPE_REQUIRE_PRIVILEGED") == "1" {
		t.Fatalf("%s needs %s", t.Name(), what)
	}
	t.Skipf("%s needs %s", t.Name(), what)
}
