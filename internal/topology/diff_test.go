package topology_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"peerscope/internal/topology"
)

// started is a process as it looks after some start: its pid, and what else is
// of that start only, follow from n.
func started(n int, exe, command string, a topology.Attributes) topology.Node {
	a.PID, a.ExecutablePath, a.CommandLine, a.NetnsInode = int32(n), exe, command, uint64(4026530000+n)
	a.Created = fmt.Sprintf("2026-01-02T03:04:%02d.000Z", n%60)
	return topology.Node{ID: fmt.Sprintf("process:%d@%d", n, 10*n), Kind: topology.KindProcess, Name: exe[strings.LastIndex(exe, "/")+1:], Attributes: a}
}

func between(client, server topology.Node, port uint16) topology.Edge {
	return topology.Edge{ID: "e:" + client.ID + server.ID + strconv.Itoa(int(port)), Client: client.ID, Server: server.ID, Transport: "tcp", ServerPort: port,
		Evidence: topology.Evidence{Peer: map[string]uint64{"tuple": 1}}, Connections: topology.Connections{Active: 1}}
}

func mapOf(nodes []topology.Node, edges ...topology.Edge) *topology.Map {
	return &topology.Map{Schema: topology.Schema, Nodes: nodes, Edges: edges}
}

// TestProgramIsWhatRunsAndWhere: what a restart changes is not in it, what makes
// another program of a process is.
func TestProgramIsWhatRunsAndWhere(t *testing.T) {
	type A = topology.Attributes
	name := func(n int, exe, command string, a A) string {
		node := started(n, exe, command, a)
		return node.Program()
	}
	same := func(x, y string) {
		t.Helper()
		if x != y {
			t.Errorf("%s and %s are two programs", x, y)
		}
	}
	differ := func(x, y string) {
		t.Helper()
		if x == y {
			t.Errorf("%s is one program", x)
		}
	}
	same(name(1, "/usr/sbin/nginx", "nginx: master process", A{}), name(2, "/usr/sbin/nginx", "nginx: worker process", A{Owner: "www-data"}))
	differ(name(1, "/usr/sbin/nginx", "", A{}), name(2, "/opt/nginx", "", A{}))
	differ(name(1, "/usr/bin/python3.12", "python3 app.py", A{}), name(2, "/usr/bin/python3.12", "python3 other.py", A{}))
	same(name(1, "/usr/bin/python3.12", "python3 app.py --port 1", A{}), name(2, "/usr/bin/python3.12", "python3 app.py", A{}))
	differ(name(1, "/usr/bin/python3.12", "python3 -m a", A{Script: "a"}), name(2, "/usr/bin/python3.12", "python3 -m b", A{Script: "b"}))
	same(name(1, "/usr/bin/python3.12", "python3 app.py", A{Script: "app.py"}), name(2, "/usr/bin/python3.12", "python3 app.py", A{}))
	same(name(1, "/usr/bin/curl", "curl a", A{}), name(2, "/usr/bin/curl", "curl b", A{})) // arguments of a program are no script

	differ(name(1, "/x", "", A{Unit: "a.service"}), name(2, "/x", "", A{Unit: "b.service"}))
	same(name(1, "/x", "", A{Unit: "session-1.scope"}), name(2, "/x", "", A{Unit: "session-2.scope"}))
	same(name(1, "/x", "", A{Unit: "run-u12.service"}), name(2, "/x", "", A{}))
	differ(name(1, "/x", "", A{NetnsName: "a"}), name(2, "/x", "", A{NetnsName: "b"}))

	same(name(1, "/x", "", A{ContainerID: "1", ContainerName: "web", NetnsName: "cni-1"}), name(2, "/x", "", A{ContainerID: "2", ContainerName: "web", NetnsName: "cni-2"}))
	differ(name(1, "/x", "", A{ContainerID: "1", ContainerName: "web"}), name(2, "/x", "", A{ContainerID: "1", ContainerName: "db"}))
	same(name(1, "/x", "", A{ContainerID: "1", Image: "img"}), name(2, "/x", "", A{ContainerID: "2", Image: "img"}))
	differ(name(1, "/x", "", A{ContainerID: "1", Image: "img"}), name(2, "/x", "", A{ContainerID: "2", Image: "other"}))
	same(name(1, "/x", "", A{ContainerID: "1", Unit: "docker-1.scope"}), name(2, "/x", "", A{ContainerID: "2", Unit: "docker-2.scope"}))
	same(name(1, "/x", "", A{Namespace: "shop", PodName: "web-1", Deployment: "web"}), name(2, "/x", "", A{Namespace: "shop", PodName: "web-2", Deployment: "web"}))
	differ(name(1, "/x", "", A{Namespace: "shop", Deployment: "web"}), name(2, "/x", "", A{Namespace: "test", Deployment: "web"}))
	differ(name(1, "/x", "", A{Namespace: "shop", PodName: "web-0"}), name(2, "/x", "", A{Namespace: "shop", PodName: "web-1"}))
}

// TestAddressOfAPodIsItsWorkload: pods of one deployment come and go with their
// addresses.
func TestAddressOfAPodIsItsWorkload(t *testing.T) {
	pod := func(addr, pod, deployment string) string {
		n := topology.Node{ID: "address:" + addr, Kind: topology.KindAddress, Name: "shop/" + pod,
			Attributes: topology.Attributes{PeerAddress: addr, Namespace: "shop", PodName: pod, Deployment: deployment}}
		return n.Program()
	}
	if a, b := pod("10.0.0.1", "web-1", "web"), pod("10.0.0.2", "web-2", "web"); a != b {
		t.Errorf("%s and %s are two", a, b)
	}
	if a, b := pod("10.0.0.1", "web-1", ""), pod("10.0.0.2", "web-2", ""); a == b {
		t.Errorf("%s is one", a)
	}
}

// TestRestartIsNoDifference: other pids, workers and figures are the same map.
func TestRestartIsNoDifference(t *testing.T) {
	build := func(pid int, workers int, bytes uint64) *topology.Map {
		curl := started(pid, "/usr/bin/curl", "curl x", topology.Attributes{})
		nodes := []topology.Node{curl}
		var edges []topology.Edge
		for i := range workers {
			n := started(pid+1+i, "/usr/sbin/nginx", "nginx", topology.Attributes{Unit: "nginx.service"})
			e := between(curl, n, 80)
			e.Bytes = &topology.Bytes{ToServer: &bytes}
			e.Connections.Closed = bytes
			nodes, edges = append(nodes, n), append(edges, e)
		}
		return mapOf(nodes, edges...)
	}
	a, b := build(100, 2, 7), build(500, 5, 9000)
	d := topology.Diff(a, b)
	if !d.Empty() || len(d.Nodes) > 0 || d.Before.Edges != 1 || d.After.Edges != 1 {
		t.Errorf("difference %+v", d)
	}
	if d := cmp.Diff(build(100, 2, 7), a, cmpopts.IgnoreUnexported(topology.Edge{})); d != "" {
		t.Errorf("the argument was changed (-want +got):\n%s", d)
	}
}

// TestDiffTellsAddedRemovedAndChanged, each with the fields that changed, in
// both directions.
func TestDiffTellsAddedRemovedAndChanged(t *testing.T) {
	curl := started(1, "/usr/bin/curl", "", topology.Attributes{})
	web := started(2, "/usr/sbin/nginx", "", topology.Attributes{})
	db := started(3, "/usr/bin/postgres", "", topology.Attributes{})
	nodes := []topology.Node{curl, web, db}
	with := func(change func(*topology.Edge)) topology.Edge {
		e := between(curl, web, 80)
		change(&e)
		return e
	}
	plain := with(func(*topology.Edge) {})
	yes, no := true, false
	roleless := with(func(e *topology.Edge) {
		e.Client, e.Server, e.Ends, e.ServerPort, e.EndPorts = "", "", []string{curl.ID, web.ID}, 0, []uint16{40000, 80}
	})
	for name, c := range map[string]struct {
		a, b []topology.Edge
		want string
	}{
		"nothing":  {[]topology.Edge{plain}, []topology.Edge{plain}, "+0 -0 ~[]"},
		"added":    {[]topology.Edge{plain}, []topology.Edge{plain, between(web, db, 5432)}, "+1 -0 ~[]"},
		"removed":  {[]topology.Edge{plain, between(web, db, 5432)}, []topology.Edge{plain}, "+0 -1 ~[]"},
		"port":     {[]topology.Edge{between(web, db, 5432)}, []topology.Edge{between(web, db, 5433)}, "+1 -1 ~[]"},
		"dialed":   {[]topology.Edge{plain}, []topology.Edge{with(func(e *topology.Edge) { e.Dialed = []string{"10.0.0.1:80"} })}, "+0 -0 ~[dialed]"},
		"evidence": {[]topology.Edge{plain}, []topology.Edge{with(func(e *topology.Edge) { e.Evidence.Peer = map[string]uint64{"tuple": 9, "listener": 1} })}, "+0 -0 ~[evidence]"},
		"stronger": {[]topology.Edge{plain}, []topology.Edge{with(func(e *topology.Edge) { e.Evidence.Peer = map[string]uint64{"sequence": 9} })}, "+0 -0 ~[]"},
		"failing":  {[]topology.Edge{plain}, []topology.Edge{with(func(e *topology.Edge) { e.Connections.Failed = 2 })}, "+0 -0 ~[failing]"},
		"fails":    {[]topology.Edge{with(func(e *topology.Edge) { e.Connections.Failed = 1 })}, []topology.Edge{with(func(e *topology.Edge) { e.Connections.Failed = 2 })}, "+0 -0 ~[]"},
		"tls": {[]topology.Edge{with(func(e *topology.Edge) { e.Protocols = []topology.Protocol{{Name: "http", TLS: &no}} })},
			[]topology.Edge{with(func(e *topology.Edge) { e.Protocols = []topology.Protocol{{Name: "http", TLS: &yes}} })}, "+0 -0 ~[protocols]"},
		"protocol not known": {[]topology.Edge{with(func(e *topology.Edge) { e.Protocols = []topology.Protocol{{Connections: 1}} })},
			[]topology.Edge{with(func(e *topology.Edge) { e.Protocols = []topology.Protocol{{Name: "http"}} })}, "+0 -0 ~[]"},
		"roles":      {[]topology.Edge{roleless}, []topology.Edge{plain}, "+0 -0 ~[roles]"},
		"roles lost": {[]topology.Edge{plain}, []topology.Edge{roleless}, "+0 -0 ~[roles]"},
		"other port": {[]topology.Edge{roleless}, []topology.Edge{between(curl, web, 81)}, "+1 -1 ~[]"},
		"roleless": {[]topology.Edge{roleless}, []topology.Edge{with(func(e *topology.Edge) {
			*e = roleless
			e.EndPorts = []uint16{50000, 80}
		})}, "+0 -0 ~[]"},
		"server":  {[]topology.Edge{plain}, []topology.Edge{between(curl, db, 80)}, "+0 -0 ~[server]"},
		"servers": {[]topology.Edge{plain}, []topology.Edge{between(curl, db, 80), between(curl, curl, 80)}, "+2 -1 ~[]"},
		"server and more": {[]topology.Edge{plain}, []topology.Edge{func() topology.Edge {
			e := between(curl, db, 80)
			e.Connections.Failed = 1
			return e
		}()}, "+0 -0 ~[server failing]"},
	} {
		d := topology.Diff(mapOf(nodes, c.a...), mapOf(nodes, c.b...))
		var fields []string
		for _, ch := range d.Changed {
			fields = append(fields, ch.Fields...)
		}
		if got := fmt.Sprintf("+%d -%d ~%v", len(d.Added), len(d.Removed), fields); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		named := map[string]bool{}
		for _, n := range d.Nodes {
			named[n.ID] = true
		}
		for _, e := range append(append([]topology.Edge(nil), d.Added...), d.Removed...) {
			if len(e.Ends) == 0 && (!named[e.Client] || !named[e.Server]) {
				t.Errorf("%s: an end of %s is not among the nodes", name, e.ID)
			}
		}
	}
}

// big is a map of so many edges between a tenth as many processes, with pids
// that begin at base; of the edges whose number skip divides there are none.
func big(edges, base, skip int) *topology.Map {
	r := rand.New(rand.NewPCG(1, 2))
	m := mapOf(nil)
	for i := range edges / 10 {
		m.Nodes = append(m.Nodes, started(base+i, "/usr/bin/program-"+strconv.Itoa(i), "program --with=arguments", topology.Attributes{Unit: "unit.service"}))
	}
	for i := range edges {
		e := between(m.Nodes[r.IntN(len(m.Nodes))], m.Nodes[r.IntN(len(m.Nodes))], uint16(r.IntN(60000)))
		e.Bytes = &topology.Bytes{ToServer: new(uint64(i)), ToClient: new(uint64(i))}
		if skip == 0 || i%skip != 0 {
			m.Edges = append(m.Edges, e)
		}
	}
	return m
}

func TestDiffIsTheSameEachTime(t *testing.T) {
	a, b := big(3000, 1, 7), big(3000, 50_000, 11)
	first := topology.Diff(a, b)
	if len(first.Added) == 0 || len(first.Removed) == 0 {
		t.Fatalf("%d added, %d removed", len(first.Added), len(first.Removed))
	}
	for range 3 {
		if d := cmp.Diff(first, topology.Diff(a, b), cmpopts.IgnoreUnexported(topology.Edge{})); d != "" {
			t.Fatalf("(-first +again):\n%s", d)
		}
	}
}

// BenchmarkDiff compares two maps of 100,000 edges.
func BenchmarkDiff(b *testing.B) {
	x, y := big(100_000, 1, 100), big(100_000, 50_000, 99)
	b.ReportAllocs()
	for b.Loop() {
		topology.Diff(x, y)
	}
}
