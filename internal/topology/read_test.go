package topology_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"peerscope/internal/topology"
)

func TestReadIsTheInverseOfJSON(t *testing.T) {
	files, _ := filepath.Glob("../../testdata/worlds/*.map.json")
	if len(files) < 10 {
		t.Fatalf("%d maps", len(files))
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		m, err := topology.Read(bytes.NewReader(b))
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		again, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		n, err := topology.Read(bytes.NewReader(again))
		if d := cmp.Diff(m, n, cmpopts.IgnoreUnexported(topology.Edge{})); d != "" || err != nil {
			t.Errorf("%s: %v (-first +again):\n%s", f, err, d)
		}
	}
}

func TestReadSaysWhatIsWrong(t *testing.T) {
	for in, want := range map[string]string{
		``:                                     "cut off",
		`{"schema": "peerscope.map/v1", "nod`:  "cut off",
		`{"schema": }`:                         "damaged at byte 12",
		`{"schema": 5}`:                        "read the map",
		`{"a": 5}`:                             "this is not a map",
		`{"schema": "peerscope.map/v2"}`:       "use a newer peerscope",
		`{"schema": "peerscope.map/v1"} x`:     "after the end",
		`{"schema": "peerscope.map/v1"}{}`:     "after the end",
		`{"schema": "peerscope.map/v1"}`:       "",
		mapJSON(`{"id": "e:1"}`):               "neither client and server nor two ends",
		mapJSON(`{"id": "e:1", "ends":["a"]}`): "neither client and server nor two ends",
		mapJSON(`{"id": "e:1", "client":"a", "server":"b"}`):                                           `names the node "b"`,
		mapJSON(`{"id": "e:1", "client":"a", "server":"a", "holders": {"client": ["c"]}}`):             `names the node "c"`,
		mapJSON(`{"id": "e:1", "ends":["a", "a"], "end_ports": [1]}`):                                  "1 ports for 2 ends",
		mapJSON(`{"id": "e:1", "client":"a", "server":"a", "a field of a later version": {"x": [1]}}`): "",
	} {
		_, err := topology.Read(strings.NewReader(in))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", in, err, want)
		}
	}
}

func mapJSON(edge string) string {
	return `{"schema": "peerscope.map/v1", "nodes": [{"id": "a", "kind": "process", "name": "x"}], "edges": [` + edge + `]}`
}

// FuzzRead: whatever a file says, what is read from it can be compared and
// grouped, and nothing panics.
func FuzzRead(f *testing.F) {
	files, _ := filepath.Glob("../../testdata/worlds/*.map.json")
	for _, name := range files[:min(3, len(files))] {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(mapJSON(`{"ends":["a", "a"], "end_ports": [1, 2], "path": "x"}`)))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := topology.Read(bytes.NewReader(b))
		if err != nil {
			return
		}
		if d := topology.Diff(m, m); !d.Empty() {
			t.Errorf("a map differs from itself: %+v", d)
		}
		topology.Diff(m, &topology.Map{})
		for _, level := range topology.Levels() {
			topology.Group(m, level)
		}
	})
}
