package view_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/topology"
	"peerscope/internal/view"
)

// places is a host with two workers of a unit, a script in a container, two pods
// of a deployment of which one is known by its address only, a process in a
// network namespace, one that nothing is known of, and addresses.
func places() *topology.Map {
	type attributes = topology.Attributes
	one := process(1, "nginx", attributes{Unit: "nginx.service"})
	two := process(2, "nginx", attributes{Unit: "nginx.service"})
	script := process(3, "app.py", attributes{ExecutablePath: "/usr/bin/python3", Script: "/srv/app.py", ContainerID: "0123456789abcdef", ContainerName: "shop-app", Unit: "docker-0123456789abcdef.scope"})
	pod := process(4, "web", attributes{Namespace: "shop", PodName: "web-1", PodContainer: "web", Deployment: "web", NodeName: "node-1", ContainerID: "fedcba9876543210"})
	blue := process(5, "tool", attributes{NetnsName: "blue"})
	bare := process(6, "sshd", attributes{})
	elsewhere := address("10.1.1.9", false)
	elsewhere.Name, elsewhere.Attributes.PodName, elsewhere.Attributes.Namespace = "shop/web-2", "web-2", "shop"
	elsewhere.Attributes.Deployment, elsewhere.Attributes.NodeName = "web", "node-2"
	outside, local := address("203.0.113.9", false), address("10.0.0.1", true)
	kernel := topology.Node{ID: "kernel:1", Kind: topology.KindKernel, Name: "kernel"}
	nodes := []topology.Node{one, two, script, pod, blue, bare, elsewhere, outside, local, kernel}
	return mapOf(nodes, call(outside, one, 80), call(outside, two, 80), call(one, script, 90), call(two, script, 90), call(script, pod, 91),
		call(pod, elsewhere, 92), call(blue, bare, 93), call(bare, local, 94), call(kernel, outside, 2049))
}

func TestLevels(t *testing.T) {
	tests := []struct {
		level string
		want  []string
	}{
		{view.LevelProcess, []string{"address 10.0.0.1", "address 203.0.113.9", "address shop/web-2", "kernel kernel", "process app.py", "process nginx", "process nginx", "process sshd", "process tool", "process web"}},
		{view.LevelProgram, []string{"address 10.0.0.1", "address 203.0.113.9", "address shop/web-2", "kernel kernel", "program app.py", "program nginx 2", "program sshd", "program tool", "program web"}},
		{view.LevelContainer, []string{"address 10.0.0.1", "address 203.0.113.9", "address shop/web-2", "container nginx.service 2", "container shop-app", "container web", "kernel kernel", "program sshd", "program tool"}},
		{view.LevelPod, []string{"address 10.0.0.1", "address 203.0.113.9", "container nginx.service 2", "container shop-app", "kernel kernel", "pod web-1", "pod web-2", "program sshd", "program tool"}},
		{view.LevelWorkload, []string{"address 10.0.0.1", "address 203.0.113.9", "container nginx.service 2", "container shop-app", "kernel kernel", "program sshd", "program tool", "workload web"}},
		{view.LevelHost, []string{"address 203.0.113.9", "host node-2", "host web-1 6"}},
		{view.LevelNamespace, []string{"address 203.0.113.9", "host web-1 4", "namespace blue", "namespace shop"}},
	}
	for _, tt := range tests {
		g := view.Make(places(), view.Options{Level: tt.level})
		var got []string
		for _, n := range g.Nodes {
			s := n.Kind + " " + n.Name
			if n.Processes > 1 {
				s += fmt.Sprint(" ", n.Processes)
			}
			got = append(got, s)
		}
		slices.Sort(got)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("level %s (-want +got):\n%s", tt.level, diff)
		}
		for _, other := range tests {
			if g.Levels[other.level] != len(other.want) {
				t.Errorf("level %s says that %s has %d nodes, want %d", tt.level, other.level, g.Levels[other.level], len(other.want))
			}
		}
	}
}

func TestNodesOfPrograms(t *testing.T) {
	g := view.Make(places(), view.Options{})
	got := map[string]string{}
	for _, n := range g.Nodes {
		got[n.Name] = strings.Join([]string{n.Subtitle, n.Place, n.Group, fmt.Sprint(n.PIDs), n.Attributes.CommandLine}, " | ")
	}
	want := map[string]string{
		"nginx":       "2 processes | nginx.service | host:web-1 | [1 2] | ",
		"app.py":      "pid 3 | shop-app | host:web-1 | [3] | ",
		"web":         "pid 4 | shop/web-1/web | host:web-1 | [4] | ",
		"tool":        "pid 5 | @blue | host:web-1 | [5] | ",
		"sshd":        "pid 6 |  | host:web-1 | [6] | ",
		"shop/web-2":  "10.1.1.9 | node-2 | host:node-2 | [] | ",
		"203.0.113.9": " |  |  | [] | ",
		"10.0.0.1":    "no process known |  | host:web-1 | [] | ",
		"kernel":      " |  | host:web-1 | [] | ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("subtitle | place | box | pids (-want +got):\n%s", diff)
	}
}

func TestBoxes(t *testing.T) {
	for _, tt := range []struct{ level, group, want string }{
		{view.LevelProcess, view.GroupHost, "node-2:1 web-1:8"},
		{view.LevelProgram, view.GroupNamespace, "blue:1 shop:2"},
		{view.LevelProgram, view.GroupContainer, "nginx.service:1 shop-app:1 web:1"},
		{view.LevelPod, view.GroupNamespace, "blue:1 shop:2"},
		{view.LevelWorkload, view.GroupHost, "web-1:7"},
		{view.LevelHost, view.GroupHost, ""},
		{view.LevelNamespace, view.GroupNamespace, ""},
		{view.LevelProgram, view.GroupNone, ""},
	} {
		var got []string
		for _, b := range view.Make(places(), view.Options{Level: tt.level, Group: tt.group}).Groups {
			got = append(got, fmt.Sprint(b.Name, ":", len(b.Nodes)))
		}
		slices.Sort(got)
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("level %s in boxes by %s: %q, want %q", tt.level, tt.group, s, tt.want)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, tt := range []struct {
		o    view.Options
		want string
	}{
		{view.Options{}, ""},
		{view.Options{Level: "pods"}, `unknown level "pods": it is one of process, program, container, pod, workload, host, namespace`},
		{view.Options{Group: "zone"}, `unknown group "zone": it is one of host, namespace, container, none`},
		{view.Options{Limit: -1}, "limit -1 is negative: give how many nodes are wanted, 0 for all"},
	} {
		got := ""
		if err := tt.o.Check(); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.o, got, tt.want)
		}
	}
}

func TestCandidatesAndHoldersHaveNames(t *testing.T) {
	app, one, two := process(1, "app", topology.Attributes{}), process(2, "db", topology.Attributes{NetnsName: "red"}), process(3, "db", topology.Attributes{NetnsName: "blue"})
	at := address("10.0.0.2", true)
	m := mapOf([]topology.Node{app, one, two, at}, call(app, at, 80, func(e *topology.Edge) {
		e.Candidates = map[string][]string{"server": {one.ID, two.ID}}
		e.Holders = map[string][]string{"client": {two.ID}}
	}))
	for _, level := range []string{view.LevelProcess, view.LevelProgram} {
		g := view.Make(m, view.Options{Level: level})
		want, holder := []string{"db@blue", "db@red"}, "db@blue"
		if level == view.LevelProcess {
			want, holder = []string{"db (pid 2)@red", "db (pid 3)@blue"}, "db (pid 3)@blue"
		}
		if diff := cmp.Diff(map[string][]string{"server": want}, g.Edges[0].Candidates); diff != "" {
			t.Errorf("candidates (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string][]string{"client": {holder}}, g.Edges[0].Holders); diff != "" {
			t.Errorf("holders (-want +got):\n%s", diff)
		}
		if len(g.Nodes) != 2 {
			t.Errorf("%d nodes, want only the two ends", len(g.Nodes))
		}
	}
}

func TestNodeRepeatsAFewReasons(t *testing.T) {
	db := process(1, "db", topology.Attributes{})
	nodes, edges := []topology.Node{db}, []topology.Edge{}
	for i := range int32(9) {
		n := process(10+i, fmt.Sprint("app", i), topology.Attributes{})
		nodes, edges = append(nodes, n), append(edges, call(n, db, 5432, failed(1)))
	}
	for _, n := range view.Make(mapOf(nodes, edges...), view.Options{}).Nodes {
		if n.Name == "db" && (len(n.Reasons) != 6 || n.Reasons[5] != "4 more edges with a problem") {
			t.Errorf("reasons of db are %q, want five and how many more", n.Reasons)
		}
		if n.Name == "app0" && (len(n.Reasons) != 1 || n.Reasons[0] != "calls db: 0.1 connects/s fail with ECONNREFUSED") {
			t.Errorf("reasons of app0 are %q", n.Reasons)
		}
	}
}
