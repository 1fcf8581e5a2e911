package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

// result is what came of one kernel.
type result struct {
	kernel  kernel
	version string // of the package
	rung    string
	gaps    []gap
	passed  []string
	failed  []string
	skipped []string
	scores  string // the lab's own table
	tests   string // what the source's own tests said
	lab     string // what the lab said
	problem string // why there is no judgement
}

type gap struct {
	Code   string `json:"code"`
	Reason string `json:"reason"`
	Fix    string `json:"fix"`
}

var labLine = regexp.MustCompile(`^\s*--- (PASS|FAIL|SKIP): TestLab/ebpf/(\S+) \(`)

// read judges what a guest said.
func read(k kernel, version string, s said) result {
	r := result{kernel: k, version: version, tests: s.sections[sectionTests].text, lab: s.sections[sectionLab].text}
	var m struct {
		Capture struct {
			Rung     string `json:"rung"`
			Degraded []gap  `json:"degraded"`
		} `json:"capture"`
	}
	shown := s.sections[sectionMap]
	if begin := strings.Index(shown.text, "{"); shown.code == 0 && begin >= 0 {
		if err := json.NewDecoder(strings.NewReader(shown.text[begin:])).Decode(&m); err != nil {
			r.problem = fmt.Sprintf("the map cannot be read: %v", err)
		}
	} else {
		r.problem = "no map: " + lastLine(shown.text)
	}
	r.rung, r.gaps = m.Capture.Rung, m.Capture.Degraded
	for line := range strings.Lines(r.lab) {
		if m := labLine.FindStringSubmatch(line); m != nil {
			switch m[1] {
			case "PASS":
				r.passed = append(r.passed, m[2])
			case "FAIL":
				r.failed = append(r.failed, m[2])
			default:
				r.skipped = append(r.skipped, m[2])
			}
		}
		if strings.HasPrefix(strings.TrimSpace(line), "|") {
			r.scores += strings.TrimSpace(line) + "\n"
		}
	}
	if tests := s.sections[sectionTests]; r.problem == "" && (!tests.ended || tests.code != 0) {
		r.problem = "the source's own tests failed: " + lastLine(tests.text)
	}
	slices.Sort(r.passed)
	slices.Sort(r.failed)
	slices.Sort(r.skipped)
	if lab := s.sections[sectionLab]; r.problem == "" && (!lab.ended || len(r.passed)+len(r.failed) == 0) {
		r.problem = "the lab did not play to its end: " + lastLine(lab.text)
	}
	return r
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// printResult says what came of one kernel, and all of what failed.
func printResult(w io.Writer, r result) {
	fmt.Fprintf(w, "\nkernel %s (%s): rung %s\n", r.kernel.name, r.version, r.rung)
	if r.problem != "" {
		fmt.Fprintf(w, "  %s\n", r.problem)
	}
	for _, g := range r.gaps {
		fmt.Fprintf(w, "  gap %s: %s\n", g.Code, g.Reason)
	}
	if r.problem != "" {
		fmt.Fprintf(w, "%s", r.tests)
	}
	if r.problem != "" || len(r.failed) > 0 {
		fmt.Fprintf(w, "%s", r.lab)
	}
	fmt.Fprintf(w, "%s", r.scores)
}

const tableHead = "| kernel | package | rung | gaps | passed | failed | left out |\n|---|---|---|---|---|---|---|\n"

// row is one result as a line of Markdown.
func row(r result) string {
	var codes []string
	for _, g := range r.gaps {
		codes = append(codes, "`"+g.Code+"`")
	}
	failed := names(r.failed)
	if r.problem != "" {
		failed = "all: " + r.problem
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %d | %s | %s |\n", r.kernel.name, r.version, r.rung, names(codes), len(r.passed),
		failed, names(append(r.kernel.leftOut(), r.skipped...)))
}

// table is the results as Markdown, with the rows that an earlier table has of
// other kernels.
func table(results []result, before string) string {
	rows := map[string]string{}
	for line := range strings.Lines(before) {
		if cells := strings.Split(line, "|"); len(cells) > 1 {
			rows[strings.TrimSpace(cells[1])] = line
		}
	}
	for _, r := range results {
		rows[r.kernel.name] = row(r)
	}
	text := tableHead
	for _, name := range kernelNames() {
		text += rows[name]
	}
	return text
}

func names(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

// verdict is an error if a kernel did not play, or a scenario failed.
func verdict(results []result) error {
	var errs []error
	for _, r := range results {
		switch {
		case r.problem != "":
			errs = append(errs, fmt.Errorf("kernel %s: %s", r.kernel.name, r.problem))
		case len(r.failed) > 0:
			errs = append(errs, fmt.Errorf("kernel %s: %d scenarios failed: %s", r.kernel.name, len(r.failed), strings.Join(r.failed, ", ")))
		}
	}
	return errors.Join(errs...)
}

const beginMark, endMark = "<!-- kernels: begin -->\n", "<!-- kernels: end -->\n"

// rewrite takes results into the table between the marks of a page.
func rewrite(path string, results []result) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the page: %w", err)
	}
	head, rest, begins := strings.Cut(string(b), beginMark)
	before, after, ends := strings.Cut(rest, endMark)
	if !begins || !ends {
		return fmt.Errorf("rewrite %s: it has no %q and %q", path, strings.TrimSpace(beginMark), strings.TrimSpace(endMark))
	}
	return os.WriteFile(path, []byte(head+beginMark+table(results, before)+endMark+after), 0o644)
}
