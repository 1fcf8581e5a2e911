package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The page lists the scenarios there are.
func TestDocsListScenarios(t *testing.T) {
	page, err := os.ReadFile(docsPath)
	if err != nil {
		t.Fatal(err)
	}
	if *updateDocs {
		if err := rewrite("scenarios", listing(scenarios())); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := section(string(page), "scenarios", listing(scenarios()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(page)); diff != "" {
		t.Errorf("docs/LAB.md is out of date, run with -update-docs (-want +got):\n%s", diff)
	}
}

func TestScenarioNames(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range scenarios() {
		if seen[s.Name] || strings.Trim(s.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			t.Errorf("name %q is taken or is no name of a namespace", s.Name)
		}
		seen[s.Name] = true
		if s.Proves == "" {
			t.Errorf("%s does not say what it proves", s.Name)
		}
	}
}

func TestSectionNeedsMarks(t *testing.T) {
	got, err := section("a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n", "x", "new\n")
	if want := "a\n<!-- x: begin -->\nnew\n<!-- x: end -->\nb\n"; err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	if _, err := section("a\n", "x", "new\n"); err == nil {
		t.Error("a page without marks is no error")
	}
}
