package export_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"peerscope/internal/topology"
)

func u64(n uint64) *uint64 { return &n }
func yes() *bool           { t := true; return &t }
func no() *bool            { f := false; return &f }

func toServer(up, down uint64) *topology.Bytes {
	return &topology.Bytes{ToServer: &up, ToClient: &down}
}

func average(count, us uint64) *topology.Stat {
	s := &topology.Stat{Count: count, Sum: count * us, Min: us / 2, Max: us * 3}
	if us == 1_100 { // of others nobody counted them
		s.Buckets = topology.Buckets{{UpTo: 1000, Count: 1}, {UpTo: 5000, Count: count - 1}}
	}
	return s
}

func process(pid int, start uint64, name string, a topology.Attributes) topology.Node {
	a.PID = int32(pid)
	if a.NetnsInode == 0 {
		a.NetnsInode = 4026531840
	}
	return topology.Node{ID: fmt.Sprintf("process:%d@%d", pid, start), Kind: topology.KindProcess, Name: name, Attributes: a}
}

func address(addr string) topology.Node {
	return topology.Node{ID: "address:" + addr, Kind: topology.KindAddress, Name: addr,
		Attributes: topology.Attributes{PeerAddress: addr}}
}

func peer(word string, n uint64) map[string]uint64 { return map[string]uint64{word: n} }

const (
	master  = "process:800@1000"
	worker1 = "process:812@1010"
	worker2 = "process:813@1011"
	shop    = "process:4471@9100"
	jobs    = "process:990@5000"
	redis   = "process:601@400"
	pg      = "process:640@420"
	php     = "process:901@1200"
	twin1   = "process:7001@9300"
	twin2   = "process:7002@9301"
	evil    = "process:6666@9990"
	cjk     = "process:5150@9400"
	probe   = "process:1204812@99120"
	nfs     = "kernel:4026531840"
	client  = "address:203.0.113.9"
	gone    = "address:10.0.3.7"
	local   = "address:127.0.0.1@netns:4026532177"
	six     = "address:2001:db8:85a3::8a2e:370:7334"
	mcast   = "address:224.0.0.251"
	deep    = "/var/lib/kubelet/pods/6f1c9b1e-1f1b-4d0c-9a53-0d2f6b7c8e9a/volumes/kubernetes.io~empty-dir/sockets/redis.sock"
)

// rich is a map with an example of everything that a renderer must show.
func rich() *topology.Map {
	m := &topology.Map{
		Schema: topology.Schema,
		Host:   topology.Host{Name: "web-1", ID: "5b1f0a2c9d3e4f60", BootID: "0c6f7a3e-8f58-4a8b-9d4a-2f0d6f0f9b11", Kernel: "6.18.5"},
		Window: topology.Window{Start: "2026-01-02T03:04:05.000Z", End: "2026-01-02T03:04:15.000Z"},
		Capture: topology.Capture{
			Source: "netlink", Rung: "4", IntervalMS: 250,
			Degraded: []topology.Degraded{
				{Code: "no_conntrack", Reason: "the kernel has no conntrack table here, so translated addresses are joined by sequence only",
					Fix: "Load it: modprobe nf_conntrack_netlink"},
				{Code: "no_unix_bytes", Reason: "netlink does not count the bytes of unix sockets"},
			},
			Lost:         map[string]uint64{"ring_full": 0, "map_full": 0, "netlink_overrun": 3, "late": 0, "contradiction": 1},
			Unattributed: topology.Unattributed{Connections: 2, Bytes: 1420},
		},
		Nodes: richNodes(),
		Edges: richEdges(),
	}
	slices.SortFunc(m.Nodes, func(a, b topology.Node) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(m.Edges, func(a, b topology.Edge) int { return strings.Compare(a.ID, b.ID) })
	return m
}

func richNodes() []topology.Node {
	nginx := topology.Attributes{ExecutableName: "nginx", ExecutablePath: "/usr/sbin/nginx", Owner: "www-data",
		Unit: "nginx.service", Cgroup: "/system.slice/nginx.service",
		Listens: []topology.Listen{{Transport: "tcp", Address: "0.0.0.0", Port: 443, BacklogLimit: 511}, {Transport: "tcp", Address: "0.0.0.0", Port: 80, BacklogLimit: 511}}}
	with := func(a topology.Attributes, command string) topology.Attributes { a.CommandLine = command; return a }
	id := "3f2a9c1b77de0c5a4b8e9d7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c1d0e9f8a7b"
	tenant := topology.Attributes{ExecutablePath: "/usr/bin/redis-server", NetnsInode: 4026532177, NetnsName: "tenant-a"}
	other := tenant
	other.NetnsInode, other.NetnsName = 4026532255, ""
	nodes := []topology.Node{
		process(800, 1000, "nginx", with(nginx, "nginx: master process /usr/sbin/nginx -g daemon off;")),
		process(812, 1010, "nginx", with(nginx, "nginx: worker process")),
		process(813, 1011, "nginx", with(nginx, "nginx: worker process")),
		process(4471, 9100, "node", topology.Attributes{ExecutablePath: "/usr/local/bin/node", CommandLine: "node /app/server.js --port 8080",
			ContainerID: id, Runtime: "docker", Owner: "node", VPID: 1}),
		process(990, 5000, "python3", topology.Attributes{ExecutablePath: "/usr/bin/python3.12",
			CommandLine: "/usr/bin/python3 /opt/app/worker.py --queue default --password=***", Unit: "worker.service"}),
		process(601, 400, "redis-server", topology.Attributes{ExecutablePath: "/usr/bin/redis-server", CommandLine: "/usr/bin/redis-server 127.0.0.1:6379",
			Unit: "redis-server.service", Listens: []topology.Listen{{Transport: "unix", Path: deep, BacklogLimit: 511}, {Transport: "tcp", Address: "127.0.0.1", Port: 6379, BacklogLimit: 511}}}),
		process(640, 420, "postgres", topology.Attributes{CommandLine: "postgres: 15/main: shop shop 127.0.0.1(40112) idle", Unit: "postgresql@15-main.service"}),
		process(901, 1200, "php-fpm8.2", topology.Attributes{Unit: "php8.2-fpm.service", CommandLine: "php-fpm: pool www"}),
		process(7001, 9300, "redis-server", tenant),
		process(7002, 9301, "redis-server", other),
		process(6666, 9990, "a\"b]\\;\x1b[31mred\n<b>&amp;`%%{init}%%", topology.Attributes{
			CommandLine: "\u202egnp.exe\u0000--style:x#y\u009b2J", Exited: true}),
		process(5150, 9400, "資料收集器", topology.Attributes{CommandLine: "資料收集器 --間隔 10s 🚀", Unit: "收集.service"}),
		process(1204812, 99120, "prometheus-blackbox-exporter-with-a-long-name", topology.Attributes{}),
		{ID: nfs, Kind: topology.KindKernel, Name: "kernel", Attributes: topology.Attributes{NetnsInode: 4026531840}},
		address("203.0.113.9"), address("10.0.3.7"), address("2001:db8:85a3::8a2e:370:7334"), address("224.0.0.251"),
		{ID: local, Kind: topology.KindAddress, Name: "127.0.0.1", Attributes: topology.Attributes{
			PeerAddress: "127.0.0.1", AddressLocal: true, NetnsInode: 4026532177, NetnsName: "tenant-a"}},
		process(700, 800, "sshd", topology.Attributes{Listens: []topology.Listen{{Transport: "tcp", Address: "::", Port: 22, BacklogLimit: 128}}}),
	}
	return nodes
}

func richEdges() []topology.Edge {
	return append(webEdges(), oddEdges()...)
}

// webEdges are those of an ordinary web host.
func webEdges() []topology.Edge {
	return []topology.Edge{
		{ID: "e:01", Client: client, Server: worker1, Transport: "tcp", ServerPort: 443,
			Evidence:    topology.Evidence{Peer: peer("none", 12), Role: map[string]uint64{"handshake": 8, "syn-byte": 4}},
			Connections: topology.Connections{Active: 12, Opened: 8, Closed: 3}, Bytes: toServer(12_000_000, 98_000_000), RTT: average(12, 31_000),
			Retransmits: toServer(0, 14), Protocols: []topology.Protocol{{Name: "http", TLS: yes(), Connections: 12}},
			Sides: &topology.Sides{Server: toServer(12_000_000, 98_000_000)}},
		{ID: "e:02", Client: client, Server: worker2, Transport: "tcp", ServerPort: 443,
			Evidence:    topology.Evidence{Peer: peer("none", 2), Role: peer("handshake", 2)},
			Connections: topology.Connections{Opened: 2, Closed: 2}, Bytes: toServer(812, 20_480), RTT: average(2, 28_500),
			Protocols: []topology.Protocol{{Name: "http", TLS: yes(), Connections: 1}, {Connections: 1}}},
		{ID: "e:03", Client: worker1, Server: shop, Transport: "tcp", ServerPort: 8080, Dialed: []string{"10.96.0.7:80"},
			Evidence:    topology.Evidence{Peer: map[string]uint64{"sequence": 3, "nat": 1}, Role: peer("sequence", 4)},
			Connections: topology.Connections{Active: 3, Opened: 1, Closed: 1}, Bytes: toServer(9_400_000, 41_000_000), RTT: average(4, 400),
			Inexact: []string{"bytes.to_client"}, Protocols: []topology.Protocol{{Name: "http", TLS: no(), Connections: 4}},
			Sides: &topology.Sides{Client: toServer(9_400_000, 41_000_000), Server: toServer(9_400_000, 41_000_000)}},
		{ID: "e:04", Client: worker1, Server: php, Transport: "unix", Path: "/run/php/php8.2-fpm.sock",
			Evidence:    topology.Evidence{Peer: peer("kernel", 33), Role: peer("kernel", 33)},
			Connections: topology.Connections{Opened: 33, Closed: 33}, Protocols: []topology.Protocol{{Name: "fastcgi", Connections: 33}},
			Holders: map[string][]string{"client": {worker2, master}}},
		{ID: "e:05", Client: shop, Server: pg, Transport: "tcp", ServerPort: 5432,
			Evidence:    topology.Evidence{Peer: peer("listener", 10), Role: peer("syn-byte", 10)},
			Connections: topology.Connections{Active: 10}, Bytes: toServer(640_000, 4_100_000), RTT: average(10, 1_100),
			Protocols: []topology.Protocol{{Name: "postgres", TLS: no(), Connections: 10}},
			Sides:     &topology.Sides{Client: toServer(640_000, 4_100_000)}},
		{ID: "e:06", Client: jobs, Server: redis, Transport: "unix", Path: deep,
			Evidence:    topology.Evidence{Peer: peer("kernel", 1), Role: peer("kernel", 1)},
			Connections: topology.Connections{Active: 1}, Bytes: toServer(1_000_000, 999_949)},
		{ID: "e:07", Client: jobs, Server: gone, Transport: "tcp", ServerPort: 6379,
			Evidence:    topology.Evidence{Peer: peer("none", 143), Role: peer("handshake", 143)},
			Connections: topology.Connections{Failed: 142, Pending: 1}, Errors: map[string]uint64{"ECONNREFUSED": 140, "ETIMEDOUT": 2}},
		{ID: "e:08", Client: shop, Server: six, Transport: "tcp", ServerPort: 443,
			Evidence:    topology.Evidence{Peer: peer("none", 6), Role: peer("handshake", 6)},
			Connections: topology.Connections{Active: 6, Pending: 2}, Bytes: toServer(22_000, 18_000), RTT: average(6, 187_000),
			Protocols: []topology.Protocol{{TLS: yes(), Connections: 6}}},
	}
}

// oddEdges are those whose facts are incomplete, or whose names are hostile.
func oddEdges() []topology.Edge {
	return []topology.Edge{
		{ID: "e:09", Client: jobs, Server: local, Transport: "tcp", ServerPort: 6379,
			Evidence:   topology.Evidence{Peer: peer("ambiguous", 2), Role: peer("syn-byte", 2)},
			Candidates: map[string][]string{"server": {twin1, twin2}}, Connections: topology.Connections{Active: 2}, Bytes: toServer(5_000, 7_000)},
		{ID: "e:10", Ends: []string{cjk, jobs}, Transport: "tcp", EndPorts: []uint16{9125, 40112},
			Evidence:    topology.Evidence{Peer: peer("tuple", 1), Role: peer("none", 1)},
			Connections: topology.Connections{Active: 1}, Bytes: &topology.Bytes{FirstToSecond: u64(10), SecondToFirst: u64(0)}},
		{ID: "e:11", Client: cjk, Server: mcast, Transport: "udp", ServerPort: 5353,
			Evidence:    topology.Evidence{Peer: peer("none", 1), Role: peer("first-datagram", 1)},
			Connections: topology.Connections{Active: 1, Opened: 1}},
		{ID: "e:12", Client: nfs, Server: gone, Transport: "tcp", ServerPort: 2049,
			Evidence:    topology.Evidence{Peer: peer("none", 1), Role: peer("syn-byte", 1)},
			Connections: topology.Connections{Active: 1}, Bytes: &topology.Bytes{ToServer: u64(88_000)}, RTT: average(1, 640)},
		{ID: "e:13", Client: evil, Server: probe, Transport: "unix", Path: "@/tmp/\x1b]0;owned\x07.sock",
			Evidence:    topology.Evidence{Peer: peer("kernel", 1), Role: peer("kernel", 1)},
			Connections: topology.Connections{Opened: 1, Closed: 1}, Bytes: toServer(0, 0)},
		{ID: "e:14", Client: twin1, Server: twin2, Transport: "tcp", ServerPort: 6379,
			Evidence:    topology.Evidence{Peer: peer("sidecar", 1), Role: peer("handshake", 1)},
			Connections: topology.Connections{Active: 1, Opened: 1}, Bytes: toServer(100, 200), RTT: average(1, 45)},
	}
}

// empty is a map in which nothing was seen.
func empty() *topology.Map {
	m := rich()
	m.Edges = nil
	m.Capture.Lost = nil
	m.Capture.Unattributed = topology.Unattributed{}
	return m
}

// random is a map of n edges with names, places and figures of all kinds; the
// same seed gives the same map.
func random(seed uint64, n int) *topology.Map {
	r := rand.New(rand.NewPCG(seed, 1))
	m := &topology.Map{Schema: topology.Schema, Host: topology.Host{Name: randomName(r)},
		Window:  topology.Window{Start: "2026-01-02T03:04:05Z", End: "2026-01-02T03:04:15Z"},
		Capture: topology.Capture{Source: "ebpf", Rung: "1", Degraded: []topology.Degraded{{Code: randomName(r), Reason: randomName(r), Fix: randomName(r)}}}}
	for i := range n/4 + 2 {
		node := process(i+1, uint64(i), randomName(r), topology.Attributes{CommandLine: randomName(r)})
		switch r.IntN(8) {
		case 0:
			node = address(fmt.Sprintf("10.0.%d.%d", i/256, i%256))
		case 1:
			node.Attributes.Unit = randomName(r)
		case 2:
			node.Attributes.Unit = "many.service"
		case 3:
			node.Kind, node.Attributes.Processes = topology.KindGroup, 3
		case 4:
			node.Attributes.NetnsInode = 4026532000 + uint64(r.IntN(3))
		}
		m.Nodes = append(m.Nodes, node)
	}
	for i := range n {
		m.Edges = append(m.Edges, randomEdge(r, m.Nodes, i))
	}
	return m
}

func randomEdge(r *rand.Rand, nodes []topology.Node, i int) topology.Edge {
	some := func() string { return nodes[r.IntN(len(nodes))].ID }
	words := []string{"sequence", "kernel", "tuple", "nat", "listener", "sidecar", "ambiguous", "none", "new-word"}
	e := topology.Edge{ID: fmt.Sprintf("e:%06d", i), Client: some(), Server: some(), Transport: "tcp", ServerPort: uint16(r.Uint32()),
		Evidence:    topology.Evidence{Peer: peer(words[r.IntN(len(words))], 1)},
		Connections: topology.Connections{Active: r.Uint64N(4), Opened: r.Uint64N(1 << r.IntN(40))}}
	if r.IntN(3) > 0 {
		e.Bytes = toServer(r.Uint64N(1<<r.IntN(63)+1), r.Uint64N(1<<r.IntN(63)+1))
		e.RTT = average(1, r.Uint64N(1<<r.IntN(30)+1))
	}
	switch r.IntN(12) {
	case 0:
		e.Ends, e.Client, e.Server = []string{e.Client, e.Server}, "", ""
		e.EndPorts, e.ServerPort = []uint16{uint16(r.Uint32()), 0}, 0
	case 1:
		e.Transport, e.ServerPort, e.Path = "unix", 0, "/"+strings.Repeat(randomName(r)+"/", r.IntN(8))
	case 2:
		e.Connections.Failed, e.Errors = 7, map[string]uint64{"ECONNREFUSED": 7}
	case 3:
		e.Candidates = map[string][]string{"server": {some(), some(), some(), some(), some(), some()}}
	case 4:
		e.Holders = map[string][]string{"client": {some()}}
		e.Dialed = []string{randomName(r)}
	case 5:
		e.Protocols = []topology.Protocol{{Name: randomName(r), TLS: yes(), Connections: 1}, {Connections: 2}}
		e.Server = "process:nobody@" + randomName(r)
	}
	return e
}

// randomName is made of letters, wide characters, emoji, marks and what must
// never reach a terminal.
func randomName(r *rand.Rand) string {
	alphabet := []string{"a", "nginx", "-", "worker", "資", "é", "e\u0301", "\u0301", "👩‍💻", "🇩🇪", "🚀", "한", "ﬀ", "\x1b[31m", "\n", "\r",
		"\x00", "\u009b", "\u202e", "\u200b", "\x80", "\xff", "\"", "\\", "]", "#", ";", "=", "\t", " ", "ำ", "क्ष", "#️⃣", "style:", "classDef x:", "end", "\U000e0041", "|", "ﬂ°", "&lt;", "\u0d4e"}
	var b strings.Builder
	for range r.IntN(14) {
		b.WriteString(alphabet[r.IntN(len(alphabet))])
	}
	return b.String()
}
