package export_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
	"unicode"

	"peerscope/internal/export"
	"peerscope/internal/layout"
	"peerscope/internal/topology"
	"peerscope/internal/view"
)

// elements reads SVG as XML and counts its elements; all text must print.
func elements(t *testing.T, svg string) map[string]int {
	t.Helper()
	dec := xml.NewDecoder(strings.NewReader(svg))
	out := map[string]int{}
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("not XML: %v", err)
		}
		switch x := token.(type) {
		case xml.StartElement:
			out[x.Name.Local]++
			for _, a := range x.Attr {
				if strings.Contains(a.Value, "%!") || strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
					t.Errorf("element %s has %s=%q", x.Name.Local, a.Name.Local, a.Value)
				}
				if strings.HasPrefix(strings.ToLower(a.Name.Local), "on") || a.Name.Local == "href" {
					t.Errorf("element %s has the attribute %s", x.Name.Local, a.Name.Local)
				}
			}
		case xml.CharData:
			for _, r := range string(x) {
				if r != '\n' && !unicode.IsPrint(r) {
					t.Errorf("character %U in the text %q", r, x)
				}
			}
		case xml.Comment, xml.ProcInst, xml.Directive:
			t.Errorf("a %T in the drawing", x)
		}
	}
}

func TestSVGIsSafeWhateverTheNames(t *testing.T) {
	for seed := range uint64(30) {
		m := random(seed, 30)
		got := elements(t, render(t, "svg", m, export.Style{}))
		if got["svg"] != 1 || got["script"] != 0 || got["image"] != 0 || got["foreignObject"] != 0 {
			t.Errorf("seed %d: elements %v", seed, got)
		}
	}
}

func TestSVGDrawsEveryNodeAndEdge(t *testing.T) {
	m := rich()
	g := view.Make(m, view.Options{Level: view.LevelProcess, ShowNoise: true})
	got := elements(t, render(t, "svg", m, export.Style{}))
	if want := len(g.Nodes) + len(m.Edges) + 1; got["title"] != want {
		t.Errorf("%d titles, want one for each of %d nodes, %d edges and the drawing", got["title"], len(g.Nodes), len(m.Edges))
	}
}

func TestSVGSaysWhatWasNotSeen(t *testing.T) {
	out := render(t, "svg", rich(), export.Style{})
	for _, want := range []string{"no_conntrack, no_unix_bytes", "4 lost", "✗ 6379", "ECONNREFUSED"} {
		if !strings.Contains(out, want) {
			t.Errorf("the drawing lacks %q", want)
		}
	}
}

func TestPictureOfNothing(t *testing.T) {
	var b bytes.Buffer
	g := view.Make(&topology.Map{}, view.Options{})
	g.Place(nil, layout.Options{})
	if err := export.Picture(&b, g); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "Inf") || strings.Contains(b.String(), "NaN") {
		t.Errorf("a drawing of nothing has no size:\n%s", b.String())
	}
	elements(t, b.String())
	b.Reset()
	if err := export.Picture(&b, view.Make(rich(), view.Options{})); err != nil || strings.Contains(b.String(), "Inf") {
		t.Errorf("a graph without places: %v\n%s", err, b.String())
	}
}

// TestSVGIsDrawn gives the drawing to a program that draws it.
func TestSVGIsDrawn(t *testing.T) {
	program, err := exec.LookPath("rsvg-convert")
	if err != nil {
		t.Skip("rsvg-convert is not installed")
	}
	cmd := exec.Command(program, "--format", "png")
	cmd.Stdin = strings.NewReader(render(t, "svg", rich(), export.Style{}))
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	png, err := cmd.Output()
	if err != nil || complaints.Len() > 0 || !bytes.HasPrefix(png, []byte("\x89PNG")) {
		t.Errorf("rsvg-convert: %v, %s", err, complaints.String())
	}
}
