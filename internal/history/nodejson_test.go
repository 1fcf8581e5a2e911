package history

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/topology"
)

// texts are nodes as they are kept, and what is not quite one.
func texts(t testing.TB) []string {
	t.Helper()
	full := topology.Node{}
	n := 0
	fillAll(reflect.ValueOf(&full).Elem(), &n)
	full.Attributes.PodLabels = map[string]string{"app": "web", "k8s.pod.label.x": "<&>"}
	full.Attributes.ContainerLabels = map[string]string{"": "a\"b"}
	escaped := newWorld(1, 1, 0).process(1)
	escaped.Attributes.CommandLine = "sh -c 'a && b > \"c\\d\"' ü \u2028\x7f"
	escaped.Attributes.ExitCode = new(-1)
	var out []string
	for _, v := range []topology.Node{{}, full, escaped, newWorld(1, 1, 0).process(2)} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(text))
	}
	return append(out,
		`{"id":"a"} `, `{"ID":"a","kind":null}`, `{"id":"a","id":"b"}`, `{"new":{"x":[1]},"id":"a"}`, `{"id":"a",}`, `{"id":"a"`, `[]`, ``,
		`{"attributes":{"process.pid":01}}`, `{"attributes":{"process.pid":1e3}}`, `{"attributes":{"process.pid":4294967296}}`, `{"attributes":{"process.pid":-0}}`,
		`{"attributes":{"peerscope.netns.inode":-1}}`, `{"attributes":{"container.image.tags":[]}}`, `{"attributes":{"container.image.tags":["a",null]}}`,
		`{"attributes":{"peerscope.listens":[{"port":1},{"port":65536}]}}`, `{"attributes":{"peerscope.listens":[{"port":1,"new":2}]}}`,
		`{"attributes":{"container.label.a":"1","container.label.a":"2","k8s.pod.label.b":3}}`, `{"attributes":{"Container.label.a":"1"}}`,
		"{\"id\":\"\xff\"}", "{\"id\":\"\n\"}", `{"id":"\ud800"}`, `{"attributes":{"process.exit.code":0,"peerscope.process.exited":true}}`, `{"attributes":null}`)
}

// sameAsJSON holds the reader to what encoding/json says of the same text.
func sameAsJSON(t *testing.T, r *nodeReader, text string) {
	t.Helper()
	var got, want topology.Node
	err := r.read(&node{text: text}, &got)
	wantErr := json.Unmarshal([]byte(text), &want)
	if (err != nil) != (wantErr != nil) {
		t.Fatalf("%q: error %v, encoding/json says %v", text, err, wantErr)
	}
	if d := cmp.Diff(want, got); d != "" && err == nil {
		t.Fatalf("%q: (-want +got)\n%s", text, d)
	}
}

func TestNodesAreReadAsEncodingJSONDoes(t *testing.T) {
	r := newNodeReader()
	for _, text := range texts(t) {
		sameAsJSON(t, r, text)
	}
}

// TestNodesAreReadWithoutEncodingJSON: every field that a node has, or the gain is
// lost for whoever has that one.
func TestNodesAreReadWithoutEncodingJSON(t *testing.T) {
	r := newNodeReader()
	for _, text := range texts(t)[:4] {
		var v topology.Node
		in := jsonText{text}
		if !in.object(reflect.ValueOf(&v).Elem(), r.node) || in.rest != "" {
			t.Errorf("left to encoding/json at %.100q", in.rest)
		}
	}
}

func FuzzNode(f *testing.F) {
	for _, text := range texts(f) {
		f.Add(text)
	}
	r := newNodeReader()
	f.Fuzz(func(t *testing.T, text string) { sameAsJSON(t, r, text) })
}

func BenchmarkNode(b *testing.B) {
	raw := []byte(texts(b)[3])
	r := newNodeReader()
	b.SetBytes(int64(len(raw)))
	b.Run("own", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var v topology.Node
			if err := r.read(&node{text: string(raw)}, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var v topology.Node
			if err := json.Unmarshal(raw, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}
