package topology_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/topology"
)

// update rewrites the golden files: go test ./internal/topology -run Grouping -update
var update = flag.Bool("update", false, "rewrite the golden files")

// shop is a small shop: two pods of a deployment that is being rolled out, a job,
// a pod without owner, containers on the host of which one was replaced by one
// of the same name, two scripts of one interpreter, two workers of a unit.
func shop() *topology.Map {
	type attributes = topology.Attributes
	web := func(pod, set, id, uid, tag string) attributes {
		return attributes{ExecutablePath: "/usr/bin/python3.12", ExecutableName: "python3.12", Interpreter: "python", Script: "/srv/web.py",
			ContainerID: id, Runtime: "containerd", ContainerName: "web", Image: "shop/web", ImageTags: []string{tag}, Namespace: "prod", PodName: pod, PodUID: uid,
			PodContainer: "web", NodeName: "n1", ReplicaSet: set, Deployment: "web", KubeService: "web", PodLabels: map[string]string{"app": "web", "pod": pod},
			ServiceName: "web.prod", ServiceNamespace: "prod", ServiceInstance: pod}
	}
	db := func(id string) attributes {
		return attributes{ExecutablePath: "/usr/bin/postgres", ExecutableName: "postgres", ContainerID: id, Runtime: "docker", ContainerName: "shop-db", Image: "postgres",
			ImageTags: []string{"16"}, ContainerLabels: map[string]string{"team": "shop"}, Unit: "docker-" + id + ".scope"}
	}
	m := &topology.Map{Schema: topology.Schema, Host: topology.Host{Name: "h1"}}
	add := func(id, name string, a attributes) {
		m.Nodes = append(m.Nodes, topology.Node{ID: "process:" + id, Kind: topology.KindProcess, Name: name, Attributes: a})
	}
	add("1@1", "web.py", web("web-1-a", "web-1", "0123456789abcdef", "u1", "1"))
	add("2@1", "web.py", web("web-2-b", "web-2", "123456789abcdef0", "u2", "2"))
	sidecar := web("web-2-b", "web-2", "23456789abcdef01", "u2", "2")
	sidecar.ContainerName, sidecar.PodContainer, sidecar.ExecutablePath, sidecar.ExecutableName = "proxy", "proxy", "/envoy", "envoy"
	sidecar.Interpreter, sidecar.Script = "", ""
	add("3@1", "envoy", sidecar)
	add("4@1", "job.py", attributes{ExecutablePath: "/usr/bin/python3.12", Interpreter: "python", Script: "job.py", ContainerID: "3456789abcdef012",
		Namespace: "prod", PodName: "night-1-x", PodContainer: "job", Job: "night-1", CronJob: "night", KubeService: "night"})
	add("5@1", "pause", attributes{ContainerID: "456789abcdef0123", PodUID: "u5"})
	add("6@1", "postgres", db("56789abcdef01234"))
	add("7@1", "postgres", db("6789abcdef012345"))
	add("8@1", "nginx", attributes{ExecutablePath: "/usr/sbin/nginx", ExecutableName: "nginx", Unit: "nginx.service"})
	add("9@1", "nginx", attributes{ExecutablePath: "/usr/sbin/nginx", ExecutableName: "nginx", Unit: "nginx.service", ServiceName: "edge"})
	add("91@1", "app", attributes{ContainerID: "789abcdef0123456"})
	m.Nodes = append(m.Nodes, topology.Node{ID: "address:10.9.9.9", Kind: topology.KindAddress, Name: "10.9.9.9"})
	for _, e := range [][2]string{{"address:10.9.9.9", "process:8@1"}, {"address:10.9.9.9", "process:9@1"}, {"process:8@1", "process:1@1"}, {"process:9@1", "process:2@1"},
		{"process:3@1", "process:2@1"}, {"process:1@1", "process:6@1"}, {"process:2@1", "process:7@1"}, {"process:4@1", "process:7@1"}, {"process:91@1", "process:5@1"}} {
		m.Edges = append(m.Edges, topology.Edge{ID: topology.EdgeID(e[0], e[1], "tcp", "80"), Client: e[0], Server: e[1], Transport: "tcp", ServerPort: 80,
			Connections: topology.Connections{Active: 1}})
	}
	return m
}

func TestGroupingOfEveryLevel(t *testing.T) {
	before, err := json.Marshal(shop())
	if err != nil {
		t.Fatal(err)
	}
	for _, level := range topology.Levels() {
		if level == "process" {
			continue
		}
		t.Run(level, func(t *testing.T) {
			m := shop()
			g := topology.Group(m, level)
			var got bytes.Buffer
			active := uint64(0)
			for _, n := range g.Nodes {
				line(t, &got, n)
			}
			for _, e := range g.Edges {
				line(t, &got, []any{e.Client, e.Server, e.Connections.Active})
				active += e.Connections.Active
			}
			if active != uint64(len(m.Edges)) {
				t.Errorf("%d connections, want %d", active, len(m.Edges))
			}
			if after, _ := json.Marshal(m); !bytes.Equal(before, after) {
				t.Error("grouping changed the map that it was given")
			}
			path := filepath.Join("testdata", "group-"+level+".txt")
			if *update {
				if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", path, diff)
			}
		})
	}
}

func line(t *testing.T, b *bytes.Buffer, v any) {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	b.Write(text)
	b.WriteByte('\n')
}
