package export_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/export"
	"peerscope/internal/topology"
)

// dotSVG lets Graphviz draw the DOT output, which fails on any syntax error, and
// returns the drawing.
func dotSVG(t *testing.T, dot string) []byte {
	t.Helper()
	path, err := exec.LookPath("dot")
	if err != nil {
		t.Skip("dot of graphviz is not installed")
	}
	cmd := exec.Command(path, "-Tsvg")
	cmd.Stdin = strings.NewReader(dot)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil || strings.Contains(errs.String(), "rror") {
		t.Fatalf("dot: %v\n%s\n%s", err, errs.String(), dot)
	}
	return out.Bytes()
}

// texts are the text elements of an SVG.
func texts(t *testing.T, svg []byte) []string {
	t.Helper()
	var all []string
	dec := xml.NewDecoder(bytes.NewReader(svg))
	for {
		token, err := dec.Token()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "text" {
			var s string
			if err := dec.DecodeElement(&s, &start); err != nil {
				t.Fatal(err)
			}
			all = append(all, strings.ReplaceAll(s, "\u00a0", " ")) // dot keeps runs of spaces with these
		}
	}
}

func TestGraphvizReadsWhatIsWritten(t *testing.T) {
	got := texts(t, dotSVG(t, render(t, "dot", rich(), export.Style{})))
	for _, want := range []string{
		"web-1", "unit nginx.service", "docker container 3f2a9c1b77de", "unit 收集.service", "資料收集器[5150]", "kernel",
		"127.0.0.1@tenant-a", "a\"b]\\;\\x1b[31mred\\n<b>&amp;`%%{init}%%[6666]", "@/tmp/\\x1b]0;owned\\x07.sock 0 B/s",
		"5432/postgres 474 kB/s", "✗ 2 pending", "2049 ≥8.8 kB/s", "9125↔40112 1 B/s role unknown",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("the drawing lacks the text %q; it has %q", want, got)
		}
	}
}

func TestGraphvizReadsAnyName(t *testing.T) {
	for seed := range uint64(6) {
		m := random(seed, 12)
		svg := dotSVG(t, render(t, "dot", m, export.Style{}))
		drawn := texts(t, svg)
		if len(drawn) == 0 {
			t.Errorf("seed %d draws nothing", seed)
		}
	}
	dotSVG(t, render(t, "dot", &topology.Map{}, export.Style{}))
	dotSVG(t, render(t, "dot", moment(), export.Style{}))
}

func TestDashedMeansNoExactPeer(t *testing.T) {
	dot := render(t, "dot", rich(), export.Style{})
	mermaid := render(t, "mermaid", rich(), export.Style{})
	tests := []struct {
		from, to, style, line string
		what                  string
	}{
		{worker1, shop, "solid", "==>", "sequence and nat, above a megabyte a second"},
		{shop, pg, "dashed", "-.->", "listener"},
		{twin1, twin2, "dashed", "-.->", "sidecar"},
		{jobs, local, "dashed", "-.->", "ambiguous"},
		{jobs, redis, "solid", "-->", "kernel"},
		{cjk, jobs, "solid, dir=both", "<-->", "roles not known"},
	}
	for _, tt := range tests {
		edge := regexp.MustCompile(fmt.Sprintf(`(?m)^  %q -> %q \[.*style=%s, tooltip`, tt.from, tt.to, tt.style))
		if !edge.MatchString(dot) {
			t.Errorf("%s: no edge %s -> %s with style %s in\n%s", tt.what, tt.from, tt.to, tt.style, dot)
		}
		n := func(id string) int {
			return 1 + slices.IndexFunc(rich().Nodes, func(d topology.Node) bool { return d.ID == id })
		}
		if want := fmt.Sprintf("  n%d %s|", n(tt.from), tt.line); !strings.Contains(mermaid, want) {
			t.Errorf("%s: no line %q in\n%s", tt.what, want, mermaid)
		}
	}
}

// The grammar of what Mermaid writes, line by line, in this order: head,
// comments, nodes and boxes, edges, styles.
var (
	quoted       = `"(?:[^"#;\\<>&%{}` + "`" + `|]|#(?:\d+|quot);)*"`
	mermaidHead  = regexp.MustCompile(`^flowchart LR$`)
	mermaidNote  = regexp.MustCompile(`^  %% [0-9a-z ,:]+$`)
	mermaidBox   = regexp.MustCompile(`^ +subgraph (?:host|g\d+)\[` + quoted + `\]$`)
	mermaidEnd   = regexp.MustCompile(`^ +end$`)
	mermaidNode  = regexp.MustCompile(`^ +[nx]\d+(?:\[` + quoted + `\]|\(\[` + quoted + `\]\)|\[\(` + quoted + `\)\]|\{\{` + quoted + `\}\}|\[\[` + quoted + `\]\])$`)
	mermaidEdge  = regexp.MustCompile(`^  ([nx]\d+) <?(?:-->|==>|-\.->)\|` + quoted + `\| ([nx]\d+)$`)
	mermaidStyle = regexp.MustCompile(`^  linkStyle \d+(?:,\d+)* stroke:#[0-9A-F]{6},color:#[0-9A-F]{6}$`)
)

// checkMermaid checks the output against the grammar and returns how many edges
// it has.
func checkMermaid(t *testing.T, out string) (edges int) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if !mermaidHead.MatchString(lines[0]) {
		t.Errorf("first line %q", lines[0])
	}
	depth := 0
	nodes := map[string]bool{}
	for _, line := range lines[1:] {
		switch {
		case mermaidNote.MatchString(line):
		case mermaidBox.MatchString(line):
			depth++
		case mermaidEnd.MatchString(line):
			depth--
		case mermaidNode.MatchString(line):
			id := regexp.MustCompile(`[nx]\d+`).FindString(line)
			if nodes[id] {
				t.Errorf("node %s is there twice", id)
			}
			nodes[id] = true
		case mermaidEdge.MatchString(line):
			edges++
			for _, id := range mermaidEdge.FindStringSubmatch(line)[1:] {
				if !nodes[id] {
					t.Errorf("edge before its node %s: %q", id, line)
				}
			}
		case mermaidStyle.MatchString(line):
		default:
			t.Errorf("not in the grammar: %q", line)
		}
		if regexp.MustCompile(`style.*:\S*#.*;|classDef.*:\S*#.*;`).MatchString(line) {
			t.Errorf("mermaid would take this line for a style: %q", line)
		}
	}
	if depth != 0 {
		t.Errorf("%d boxes are not closed", depth)
	}
	return edges
}

func TestMermaidGrammar(t *testing.T) {
	for name, m := range map[string]*topology.Map{"rich": rich(), "moment": moment(), "zero": {}, "empty": empty()} {
		t.Run(name, func(t *testing.T) {
			if got, want := checkMermaid(t, render(t, "mermaid", m, export.Style{})), len(m.Edges); got != want {
				t.Errorf("%d edges, want %d", got, want)
			}
		})
	}
	for seed := range uint64(50) {
		if got := checkMermaid(t, render(t, "mermaid", random(seed, 40), export.Style{})); got != 40 {
			t.Errorf("seed %d: %d edges, want 40", seed, got)
		}
	}
}

func TestMermaidDrawsTheBusiestEdges(t *testing.T) {
	m := &topology.Map{Nodes: []topology.Node{address("10.0.0.1"), address("10.0.0.2")}}
	for i := range 257 {
		e := topology.Edge{ID: fmt.Sprintf("e:%03d", i), Client: "address:10.0.0.1", Server: "address:10.0.0.2", Transport: "tcp", ServerPort: uint16(1000 + i)}
		switch {
		case i < 50: // no bytes, fewer connections
			e.Connections.Active = 1
		case i < 57: // no bytes, the fewest connections
		case i < 157: // no bytes, more connections
			e.Connections.Active = 2
		default:
			e.Bytes = toServer(uint64(i), 0)
		}
		m.Edges = append(m.Edges, e)
	}
	out := render(t, "mermaid", m, export.Style{})
	if got := checkMermaid(t, out); got != 200 {
		t.Errorf("%d edges are drawn, want 200", got)
	}
	if want := "  %% 57 of 257 edges left out: those with the fewest bytes, then the fewest connections\n"; !strings.Contains(out, want) {
		t.Errorf("the comment %q is missing", want)
	}
	var got []string
	for _, s := range regexp.MustCompile(`\|"(\d+)`).FindAllStringSubmatch(out, -1) {
		got = append(got, s[1])
	}
	var want []string
	for i := 57; i < 257; i++ { // in the map's order
		want = append(want, fmt.Sprint(1000+i))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ports (-want +got):\n%s", diff)
	}
}
