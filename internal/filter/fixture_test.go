package filter_test

import (
	"slices"
	"strings"
	"testing"

	"peerscope/internal/filter"
	"peerscope/internal/topology"
)

func process(id string, name string, a topology.Attributes) topology.Node {
	return topology.Node{ID: id, Kind: topology.KindProcess, Name: name, Attributes: a}
}

func address(addr string, local bool) topology.Node {
	return topology.Node{ID: "address:" + addr, Kind: topology.KindAddress, Name: addr,
		Attributes: topology.Attributes{PeerAddress: addr, AddressLocal: local}}
}

// shop is a map of ten seconds of which each edge has a name of its own as its
// id, so that a test can say which edges it wants.
func shop() *topology.Map {
	const here, there = 4026531840, 4026532177
	yes := true
	return &topology.Map{
		Host:   topology.Host{Name: "Web-1"},
		Window: topology.Window{Start: "2026-01-02T03:04:05.000Z", End: "2026-01-02T03:04:15.000Z"},
		Nodes: []topology.Node{
			process("nginx", "nginx", topology.Attributes{PID: 812, ExecutableName: "nginx", ExecutablePath: "/usr/sbin/nginx", Owner: "www-data",
				CommandLine: "nginx: worker process", Unit: "nginx.service", NetnsInode: here,
				Listens: []topology.Listen{{Transport: "tcp", Address: "0.0.0.0", Port: 443}}}),
			process("app", "python3", topology.Attributes{PID: 913, ExecutableName: "python3.12", ExecutablePath: "/usr/bin/python3.12", Script: "/opt/app.py",
				CommandLine: "python3 /opt/app.py --Queue default", ContainerID: "3f2a9c1b77de", ContainerName: "shop-app", Image: "registry.example/shop", ImageTags: []string{"1.2", "latest"}, KubeService: "a", KubeServices: []string{"a", "shop-api"},
				Namespace: "shop", PodName: "checkout-7f9c", Deployment: "checkout", ServiceName: "checkout", NodeName: "node-a", NetnsInode: there}),
			process("pg", "postgres", topology.Attributes{PID: 640, Owner: "postgres", Unit: "postgresql@15-main.service", NetnsInode: there,
				Listens: []topology.Listen{{Transport: "tcp", Address: "10.0.0.5", Port: 5432}}}),
			process("twin1", "redis-server", topology.Attributes{PID: 7001, NetnsName: "tenant-a"}),
			process("twin2", "redis-server", topology.Attributes{PID: 7002, NetnsName: "tenant-b"}),
			address("203.0.113.9", false), address("10.9.9.9", true), address("2001:db8::7", false),
		},
		Edges: []topology.Edge{
			{ID: "in", Client: "address:203.0.113.9", Server: "nginx", Transport: "tcp", ServerPort: 443, Connections: topology.Connections{Active: 3, Opened: 20, Closed: 17},
				Bytes: &topology.Bytes{ToServer: new(uint64(1_000_000)), ToClient: new(uint64(50_000_000))}, RTT: &topology.Stat{Count: 2, Sum: 50_000},
				Retransmits: &topology.Bytes{ToServer: new(uint64(0)), ToClient: new(uint64(4))},
				Protocols:   []topology.Protocol{{Name: "http", TLS: &yes, Connections: 20}}},
			{ID: "app", Client: "nginx", Server: "app", Transport: "tcp", ServerPort: 8080, Dialed: []string{"10.96.0.7:80"},
				Connections: topology.Connections{Active: 4, Opened: 2}, Bytes: &topology.Bytes{ToServer: new(uint64(5_000_000))}, RTT: &topology.Stat{Count: 1, Sum: 300}},
			{ID: "db", Client: "app", Server: "pg", Transport: "tcp", ServerPort: 5432, Connections: topology.Connections{Active: 1},
				Protocols: []topology.Protocol{{Name: "postgres", TLS: new(bool), Connections: 1}}},
			{ID: "refused", Client: "app", Server: "address:2001:db8::7", Transport: "tcp", ServerPort: 6379,
				Connections: topology.Connections{Failed: 9, Opened: 1, Closed: 1}},
			{ID: "sock", Client: "app", Server: "nginx", Transport: "unix", Path: "/run/App/x.sock", Connections: topology.Connections{Closed: 1}},
			{ID: "twins", Client: "app", Server: "address:10.9.9.9", Transport: "udp", ServerPort: 53,
				Candidates: map[string][]string{"server": {"twin1", "twin2"}}, Connections: topology.Connections{Active: 1}},
			{ID: "noroles", Ends: []string{"nginx", "pg"}, EndPorts: []uint16{0, 9000}, Transport: "tcp", Connections: topology.Connections{Active: 1},
				Bytes: &topology.Bytes{FirstToSecond: new(uint64(10)), SecondToFirst: new(uint64(20))}},
		},
	}
}

func parsed(t testing.TB, s string) *filter.Expr {
	t.Helper()
	e, err := filter.Parse(s)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return e
}

// matched are the ids of the edges that match, in the order of the map.
func matched(t testing.TB, m *topology.Map, s string) string {
	t.Helper()
	e, scene := parsed(t, s), filter.NewScene(m)
	var ids []string
	for i := range m.Edges {
		if e.Match(scene, &m.Edges[i]) {
			ids = append(ids, m.Edges[i].ID)
		}
	}
	return strings.Join(slices.Clip(ids), " ")
}
