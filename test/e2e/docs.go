package e2e

import (
	"fmt"
	"os"
	"strings"
)

// docsPath is the page about the lab, seen from this folder.
const docsPath = "../../docs/LAB.md"

// section replaces what stands between the two marks of a name in a page.
func section(page, name, body string) (string, error) {
	begin, end := fmt.Sprintf("<!-- %s: begin -->\n", name), fmt.Sprintf("<!-- %s: end -->\n", name)
	head, rest, ok := strings.Cut(page, begin)
	if !ok {
		return "", fmt.Errorf("page has no %q", strings.TrimSpace(begin))
	}
	_, tail, ok := strings.Cut(rest, end)
	if !ok {
		return "", fmt.Errorf("page has no %q", strings.TrimSpace(end))
	}
	return head + begin + body + end + tail, nil
}

// rewrite changes one section of docs/LAB.md.
func rewrite(name, body string) error {
	page, err := os.ReadFile(docsPath)
	if err != nil {
		return fmt.Errorf("read page: %w", err)
	}
	text, err := section(string(page), name, body)
	if err != nil {
		return fmt.Errorf("rewrite %s: %w", docsPath, err)
	}
	return os.WriteFile(docsPath, []byte(text), 0o644)
}

// listing says what each scenario proves and what only looking cannot know.
func listing(all []Scenario) string {
	var text strings.Builder
	text.WriteString("| scenario | a right map shows | without eBPF it cannot be known |\n|---|---|---|\n")
	for _, s := range all {
		limits := s.Limits
		if limits == "" {
			limits = "nothing is missing"
		}
		fmt.Fprintf(&text, "| `%s` | %s | %s |\n", s.Name, s.Proves, limits)
	}
	return text.String()
}
