package policy_test

import (
	"fmt"

	"peerscope/internal/topology"
)

const here, other = 4026531840, 4026532177

func process(id, name string, a topology.Attributes) topology.Node {
	if a.NetnsInode == 0 {
		a.NetnsInode = here
	}
	return topology.Node{ID: id, Kind: topology.KindProcess, Name: name, Attributes: a}
}

func unit(name string) topology.Attributes {
	return topology.Attributes{Unit: name, Cgroup: "/system.slice/" + name + "/sub"}
}

func pod(ns, pod, workload string, labels ...string) topology.Attributes {
	a := topology.Attributes{Namespace: ns, PodName: pod, Deployment: workload, NetnsInode: other}
	for i := 0; i < len(labels); i += 2 {
		if a.PodLabels == nil {
			a.PodLabels = map[string]string{"pod-template-hash": "7f9c"}
		}
		a.PodLabels[labels[i]] = labels[i+1]
	}
	return a
}

func address(addr string, local bool) topology.Node {
	return topology.Node{ID: addr, Kind: topology.KindAddress, Name: addr, Attributes: topology.Attributes{PeerAddress: addr, AddressLocal: local}}
}

func edge(client, server string, port uint16, peer string) topology.Edge {
	return topology.Edge{Client: client, Server: server, Transport: "tcp", ServerPort: port,
		Evidence: topology.Evidence{Peer: map[string]uint64{peer: 1}}, Connections: topology.Connections{Active: 1}}
}

func window(m *topology.Map) *topology.Map {
	m.Host.Name = "web-1"
	m.Window = topology.Window{Start: "2026-01-02T03:04:05.000Z", End: "2026-01-02T03:04:15.000Z"}
	m.Capture = topology.Capture{Degraded: []topology.Degraded{{Code: "udp_by_socket", Reason: "datagrams are not counted"}}, Lost: map[string]uint64{"late": 2, "ring_full": 0}}
	for i := range m.Edges {
		m.Edges[i].ID = fmt.Sprint("e:", i)
	}
	return m
}

// server is a host with a web server, what stands behind it, and of everything
// that must not become a rule an example.
func server() *topology.Map {
	refused := edge("203.0.113.9", "pg", 5433, "none")
	refused.Connections = topology.Connections{Failed: 3}
	udp := edge("198.51.100.1", "dns", 53, "none")
	udp.Transport = "udp"
	unix := edge("app", "pg", 0, "kernel")
	unix.Transport, unix.Path = "unix", "/run/x"
	mixed := edge("203.0.113.10", "nginx", 443, "none")
	mixed.Evidence.Peer["listener"] = 3
	return window(&topology.Map{
		Nodes: []topology.Node{
			process("nginx", "nginx", unit("nginx.service")), process("nginx2", "nginx", unit("nginx.service")), process("app", "app", unit("app.service")),
			process("pg", "postgres", unit("postgresql@15.service")), process("cron", "psql", unit("cron.service")), process("redis", "redis", topology.Attributes{}),
			process("evil", "x\"\n\t\taccept", topology.Attributes{Unit: "a\"b.service", Cgroup: "/a\"b.service"}), process("dns", "unbound", unit("unbound.service")),
			process("guest", "guest", topology.Attributes{NetnsInode: other, NetnsName: "tenant"}),
			address("203.0.113.9", false), address("203.0.113.10", false), address("198.51.100.1", false), address("2001:db8::7", false), address("127.0.0.1", true),
			{ID: "unknown", Kind: topology.KindAddress, Name: "unknown"},
		},
		Edges: []topology.Edge{
			edge("203.0.113.9", "nginx", 443, "none"), mixed, edge("2001:db8::7", "nginx2", 443, "none"), edge("203.0.113.9", "nginx2", 443, "none"),
			edge("nginx", "app", 8080, "tuple"), edge("app", "pg", 5432, "tuple"), edge("cron", "pg", 5432, "sequence"),
			edge("app", "redis", 6379, "tuple"), edge("redis", "redis", 6380, "tuple"), edge("127.0.0.1", "app", 8080, "none"), udp, unix,
			edge("evil", "evil", 7, "tuple"),
			edge("nginx", "203.0.113.9", 80, "none"), edge("app", "pg", 5434, "ambiguous"), edge("unknown", "pg", 5435, "none"),
			edge("127.0.0.1", "nginx", 81, "listener"), refused, edge("guest", "nginx", 82, "sequence"),
			edge("nginx", "guest", 83, "sequence"), edge("guest", "guest", 84, "tuple"), edge("app", "127.0.0.1", 85, "none"),
			{Ends: []string{"app", "pg"}, Transport: "tcp", Connections: topology.Connections{Active: 1}},
		},
	})
}

// cluster is a node of Kubernetes, likewise.
func cluster() *topology.Map {
	refused := edge("web", "db", 9999, "tuple")
	refused.Connections = topology.Connections{Failed: 3}
	dns := edge("web", "dns", 53, "sequence")
	dns.Transport = "udp"
	return window(&topology.Map{
		Nodes: []topology.Node{
			process("web", "nginx", pod("shop", "web-7f9c-x", "web", "app", "web", "tier", "front \"end\": x")),
			process("web2", "nginx", pod("shop", "web-7f9c-y", "web", "app", "web", "tier", "front \"end\": x")),
			process("db", "postgres", pod("shop", "db-0", "", "app", "db")),
			process("dns", "coredns", pod("kube-system", "coredns-1", "coredns", "k8s-app", "kube-dns")),
			process("bare", "job", pod("shop", "bare-1", "")), process("kubelet", "kubelet", topology.Attributes{}),
			process("sidecar", "envoy", pod("shop", "web-7f9c-x", "web", "app", "web", "tier", "front \"end\": x")),
			process("nons", "x", pod("", "nons", "", "app", "x")),
			address("203.0.113.9", false), address("2001:db8::7", false), address("127.0.0.1", true),
		},
		Edges: []topology.Edge{
			edge("203.0.113.9", "web", 80, "none"), edge("203.0.113.9", "web2", 80, "none"), edge("203.0.113.9", "web", 443, "none"), edge("2001:db8::7", "web", 80, "none"),
			edge("web", "db", 5432, "tuple"), edge("web2", "db", 5432, "tuple"), dns, edge("web", "dns", 53, "sequence"), edge("db", "203.0.113.9", 443, "none"),
			edge("kubelet", "web", 8080, "tuple"), edge("bare", "db", 5432, "tuple"), edge("nons", "db", 5432, "tuple"), refused,
			edge("127.0.0.1", "web", 80, "none"), edge("sidecar", "web", 80, "tuple"), edge("kubelet", "203.0.113.9", 443, "none"),
			edge("203.0.113.9", "db", 5432, "ambiguous"), {Ends: []string{"db", "web"}, Transport: "tcp", Connections: topology.Connections{Active: 1}},
		},
	})
}
