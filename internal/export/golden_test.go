package export_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/export"
	"peerscope/internal/topology"
)

// update rewrites the golden files: go test ./internal/export -run Golden -update
var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares to the byte with a file of testdata.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestGolden(t *testing.T) {
	tests := []struct {
		file   string
		format string
		m      *topology.Map
		style  export.Style
	}{
		{"rich.json", "json", rich(), export.Style{}},
		{"rich.csv", "csv", rich(), export.Style{}},
		{"rich.dot", "dot", rich(), export.Style{}},
		{"rich.mmd", "mermaid", rich(), export.Style{}},
		{"rich.svg", "svg", rich(), export.Style{}},
		{"empty.svg", "svg", empty(), export.Style{}},
		{"empty.json", "json", &topology.Map{Schema: topology.Schema}, export.Style{}},
		{"empty.csv", "csv", empty(), export.Style{}},
		{"empty.dot", "dot", empty(), export.Style{}},
		{"empty.mmd", "mermaid", empty(), export.Style{}},
		{"table-40.txt", "table", rich(), export.Style{Width: 40}},
		{"table-80.txt", "table", rich(), export.Style{Width: 80}},
		{"table-100.txt", "table", rich(), export.Style{Width: 100}},
		{"table-120.txt", "table", rich(), export.Style{Width: 120}},
		{"table-200.txt", "table", rich(), export.Style{Width: 200}},
		{"table-unlimited.txt", "table", rich(), export.Style{}},
		{"table-100-ascii.txt", "table", rich(), export.Style{Width: 100, ASCII: true}},
		{"table-100-color.txt", "table", rich(), export.Style{Width: 100, Color: true}},
		{"table-empty.txt", "table", empty(), export.Style{Width: 80}},
		{"tree-40.txt", "tree", rich(), export.Style{Width: 40}},
		{"tree-80.txt", "tree", rich(), export.Style{Width: 80}},
		{"tree-100.txt", "tree", rich(), export.Style{Width: 100}},
		{"tree-120.txt", "tree", rich(), export.Style{Width: 120}},
		{"tree-200.txt", "tree", rich(), export.Style{Width: 200}},
		{"tree-unlimited.txt", "tree", rich(), export.Style{}},
		{"tree-100-ascii.txt", "tree", rich(), export.Style{Width: 100, ASCII: true}},
		{"tree-100-color.txt", "tree", rich(), export.Style{Width: 100, Color: true}},
		{"tree-empty.txt", "tree", empty(), export.Style{Width: 80}},
		{"logical.json", "json", logical(), export.Style{}},
		{"logical.dot", "dot", logical(), export.Style{}},
		{"logical.mmd", "mermaid", logical(), export.Style{}},
		{"logical.csv", "csv", logical(), export.Style{}},
		{"logical-table-80.txt", "table", logical(), export.Style{Width: 80}},
		{"logical-tree-120.txt", "tree", logical(), export.Style{Width: 120}},
		{"logical-tree-ascii.txt", "tree", logical(), export.Style{ASCII: true}},
		{"logical-none.txt", "table", nothingLogical(), export.Style{Width: 80}},
		{"tree-moment.txt", "tree", moment(), export.Style{Width: 80}},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			var got bytes.Buffer
			if err := export.Render(&got, tt.format, tt.m, tt.style); err != nil {
				t.Fatal(err)
			}
			golden(t, tt.file, got.Bytes())
		})
	}
}

// moment is what is open now on an ordinary small host: no window, no bytes, a
// group, two kernels that share a name.
func moment() *topology.Map {
	m := &topology.Map{
		Schema: topology.Schema,
		Host:   topology.Host{Name: "db-1"},
		Window: topology.Window{Start: "2026-01-02T03:04:05.000Z", End: "2026-01-02T03:04:05.000Z"},
		Capture: topology.Capture{Source: "ebpf", Rung: "1",
			Lost: map[string]uint64{"ring_full": 0}},
		Nodes: []topology.Node{
			{ID: "group:exe:/usr/bin/curl", Kind: topology.KindGroup, Name: "curl",
				Attributes: topology.Attributes{Members: []string{"process:1@1", "process:2@1"}, Processes: 31}},
			{ID: "kernel:4026531840", Kind: topology.KindKernel, Name: "kernel", Attributes: topology.Attributes{NetnsInode: 4026531840}},
			{ID: "kernel:4026532177", Kind: topology.KindKernel, Name: "kernel",
				Attributes: topology.Attributes{NetnsInode: 4026532177, NetnsName: "tenant-a"}},
			process(812, 1010, "nginx", topology.Attributes{}),
		},
	}
	edge := func(id, from, to string, port uint16, n uint64) topology.Edge {
		return topology.Edge{ID: id, Client: from, Server: to, Transport: "tcp", ServerPort: port,
			Evidence: topology.Evidence{Peer: peer("sequence", n)}, Connections: topology.Connections{Active: n}}
	}
	m.Edges = []topology.Edge{
		edge("e:1", "group:exe:/usr/bin/curl", worker1, 80, 31),
		edge("e:2", "kernel:4026531840", "kernel:4026532177", 2049, 1),
		edge("e:3", worker1, worker1, 9000, 2),
	}
	return m
}

// logical is an app that gets to another one through the sidecars of both.
func logical() *topology.Map {
	const app, left, right, web = "process:11@1", "process:12@1", "process:22@1", "process:21@1"
	edge := func(id, client, server string, port uint16, dialed ...string) topology.Edge {
		return topology.Edge{ID: id, Client: client, Server: server, Transport: "tcp", ServerPort: port, Dialed: dialed, Bytes: toServer(100, 2000),
			Evidence:    topology.Evidence{Peer: peer("sequence", 2), Role: peer("sequence", 2)},
			Connections: topology.Connections{Active: 1, Opened: 2, Closed: 1}}
	}
	proxy := topology.Attributes{Proxy: "redirect", ProxyUnjoined: 1}
	return &topology.Map{
		Schema: topology.Schema, Host: topology.Host{Name: "node-1"},
		Window:  topology.Window{Start: "2026-01-02T03:04:05.000Z", End: "2026-01-02T03:04:15.000Z"},
		Capture: topology.Capture{Source: "ebpf", Rung: "1"},
		Nodes:   []topology.Node{process(11, 1, "app", topology.Attributes{}), process(12, 1, "envoy", proxy), process(21, 1, "web", topology.Attributes{}), process(22, 1, "envoy", proxy)},
		Edges: []topology.Edge{edge("e:1", app, left, 15001, "10.96.0.7:80"), edge("e:2", left, right, 15006, "10.0.0.2:8080"),
			edge("e:3", right, web, 8080)},
		Logical: []topology.Logical{
			{ID: "l:1", Client: app, Server: web, Via: []string{left, right}, ServerPort: 8080, Dialed: []string{"10.96.0.7:80"},
				Evidence:    topology.LogicalEvidence{Pairing: map[string]uint64{"original-destination": 1, "timing": 1}},
				Connections: topology.LogicalConnections{Active: 1, Opened: 2, Closed: 1}},
			{ID: "l:2", Client: left, Server: web, Via: []string{right}, ServerPort: 8080,
				Evidence:    topology.LogicalEvidence{Pairing: map[string]uint64{"timing": 3}},
				Connections: topology.LogicalConnections{Opened: 3, Closed: 3}},
		},
	}
}

func nothingLogical() *topology.Map {
	m := logical()
	m.Logical = []topology.Logical{}
	return m
}
