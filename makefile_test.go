package peerscope

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestHelpListsEveryTarget that has a text.
func TestHelpListsEveryTarget(t *testing.T) {
	b, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("make is missing")
	}
	out, err := exec.Command("make", "--no-print-directory", "help").Output()
	if err != nil {
		t.Fatalf("make help: %v", err)
	}
	listed := "\n" + string(out)
	targets := regexp.MustCompile(`(?m)^(\S+):.*## (.*)$`).FindAllStringSubmatch(string(b), -1)
	if len(targets) < 10 {
		t.Fatalf("%d targets with a text", len(targets))
	}
	for _, m := range targets {
		if !strings.Contains(listed, "\n  make "+m[1]+" ") {
			t.Errorf("make help has no %s: %s\n%s", m[1], m[2], out)
		}
	}
}
