package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a speaker says is what is heard, with lines that look like the frame in
// between.
func TestListenHearsWhatIsSaid(t *testing.T) {
	var port strings.Builder
	say := speaker{&port}
	say.begin("version")
	say.line("peerscope 1\n")
	say.end("version", 0)
	say.begin("lab")
	say.line("@ end lab 0")
	say.line("| a | table |\r\n")
	say.line("")
	say.end("lab", 1)
	say.done()
	var told []string
	got, err := listen(strings.NewReader(port.String()), func(line string) { told = append(told, line) })
	if err != nil {
		t.Fatal(err)
	}
	want := said{done: true, sections: map[string]section{
		"version": {text: "peerscope 1\n", ended: true},
		"lab":     {text: "@ end lab 0\n| a | table |\n\n", code: 1, ended: true},
	}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(said{}, section{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if want := []string{"peerscope 1", "@ end lab 0", "| a | table |", ""}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

// A guest that stops in the middle has not come to its end, and neither has the
// section that it was in.
func TestListenToTheMiddle(t *testing.T) {
	for text, want := range map[string]said{
		"":                                  {sections: map[string]section{}},
		"| nobody's line\n@ end lab 0\n":    {sections: map[string]section{}},
		"@ begin lab\r\n| one\r\n":          {sections: map[string]section{"lab": {text: "one\n"}}},
		"@ begin lab\n| one\n@ end map 0":   {sections: map[string]section{"lab": {text: "one\n"}}},
		"@ begin lab\n| one\n@ end lab x":   {sections: map[string]section{"lab": {text: "one\n"}}},
		"noise\n@ begin lab\n@ end lab 0\n": {sections: map[string]section{"lab": {ended: true}}},
	} {
		got, err := listen(strings.NewReader(text), func(string) {})
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(said{}, section{})); diff != "" || err != nil {
			t.Errorf("%q: %v, -want +got:\n%s", text, err, diff)
		}
	}
}

func FuzzListen(f *testing.F) {
	f.Add("@ begin lab\n| x\n@ end lab 0\n@ done\n")
	f.Add("@ begin\n@ end\n@ begin a b\n| ")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := listen(strings.NewReader(text), func(string) {})
		if err != nil {
			t.Fatal(err)
		}
		for name, s := range got.sections {
			if !s.ended && s.code != 0 {
				t.Errorf("section %q did not end and has the exit code %d", name, s.code)
			}
		}
	})
}

const labText = `=== RUN   TestLab
        | scenario | true edges |
        |---|---|
        | veth | 1 |
--- FAIL: TestLab (50.02s)
    --- FAIL: TestLab/ebpf (49.99s)
        --- PASS: TestLab/ebpf/veth (32.70s)
        --- FAIL: TestLab/ebpf/loopback (36.17s)
        --- SKIP: TestLab/ebpf/redis (0.00s)
FAIL
`

const mapText = `observing 1 network namespace for 1s
{"capture": {"source": "ebpf", "rung": "2", "degraded": [{"code": "no_splice", "reason": "r", "fix": "f"}]}}
`

func TestRead(t *testing.T) {
	k := kernel{name: "6.1", beyond: map[string]string{"mptcp": "there is none"}}
	whole := said{done: true, sections: map[string]section{
		sectionMap:   {text: mapText, ended: true},
		sectionTests: {text: "--- PASS: TestBound (1.2s)\nPASS\n", ended: true},
		sectionLab:   {text: labText, code: 1, ended: true},
	}}
	r := read(k, "6.1.192-2", whole)
	if r.rung != "2" || len(r.gaps) != 1 || r.gaps[0].Code != "no_splice" || r.problem != "" {
		t.Errorf("rung %q, gaps %v, problem %q", r.rung, r.gaps, r.problem)
	}
	if got, want := [][]string{r.passed, r.failed, r.skipped}, [][]string{{"veth"}, {"loopback"}, {"redis"}}; !cmp.Equal(got, want) {
		t.Errorf("passed, failed, skipped: %v, want %v", got, want)
	}
	if want := "| scenario | true edges |\n|---|---|\n| veth | 1 |\n"; r.scores != want {
		t.Errorf("scores %q, want %q", r.scores, want)
	}
	if err := verdict([]result{r}); err == nil || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("the verdict is %v, want the scenario that failed", err)
	}
	row := "| 6.1 | 6.1.192-2 | 2 | `no_splice` | 1 | loopback | mptcp (there is none), redis |\n"
	if text := table([]result{r}, ""); !strings.HasSuffix(text, row) {
		t.Errorf("the table is\n%s\nwant it to end with\n%s", text, row)
	}
}

// Nothing that is missing passes for success.
func TestReadTellsWhatIsMissing(t *testing.T) {
	good := map[string]section{
		sectionMap:   {text: mapText, ended: true},
		sectionTests: {text: "PASS\n", ended: true},
		sectionLab:   {text: strings.ReplaceAll(labText, "FAIL:", "PASS:"), ended: true},
	}
	if err := verdict([]result{read(kernel{}, "", said{sections: good})}); err != nil {
		t.Fatalf("all is there, and the verdict is %v", err)
	}
	for name, s := range map[string]section{
		sectionMap:   {text: "peerscope: this kernel cannot\n", code: 4, ended: true},
		sectionTests: {text: "--- FAIL: TestBound (1.2s)\nFAIL\n", code: 1, ended: true},
		sectionLab:   {text: "    --- SKIP: TestLab/ebpf (4.47s)\nPASS\n", ended: true},
		"lab cut":    {text: labText},
	} {
		part := map[string]section{}
		for n, s := range good {
			part[n] = s
		}
		part[strings.TrimSuffix(name, " cut")] = s
		if err := verdict([]result{read(kernel{}, "", said{sections: part})}); err == nil {
			t.Errorf("with the %s as %q the verdict is good", name, s.text)
		}
	}
}

func TestRewrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.md")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("before\n" + beginMark + tableHead + "| 5.10 | kept |\n| 6.1 | old |\n| 3.2 | no more |\n" + endMark + "after\n")
	r := result{kernel: kernel{name: "6.1"}, version: "6.1.192-2", rung: "2", passed: []string{"veth"}}
	if err := rewrite(path, []result{r}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if want := "before\n" + beginMark + tableHead + "| 5.10 | kept |\n| 6.1 | 6.1.192-2 | 2 | none | 1 | none | none |\n" + endMark + "after\n"; err != nil || string(got) != want {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
	write("no marks\n")
	if err := rewrite(path, []result{r}); err == nil {
		t.Error("a page without marks is no error")
	}
}
