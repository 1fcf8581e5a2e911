package web_test

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"path"
	"slices"
	"strings"
	"time"

	"peerscope/internal/topology"
)

// world is a small shop as the ledger would tell it, tick by tick: what is there
// depends on the tick alone.
type world struct {
	nodes map[string]topology.Node
	m     *topology.Map
	long  float64 // seconds of a tick
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// shop is the map of [from, to). n is the number of the tick; more is how many
// services there are beside the shop's own.
func shop(n int, from, to time.Time, more int) *topology.Map {
	w := &world{nodes: map[string]topology.Node{}, long: to.Sub(from).Seconds(), m: &topology.Map{
		Schema: topology.Schema, Host: topology.Host{Name: "web-1"}, Window: topology.Window{Start: stamp(from), End: stamp(to)},
		Capture: topology.Capture{Source: "ebpf", Rung: "1", Degraded: []topology.Degraded{}, Lost: map[string]uint64{"late": 0, "ring_full": 0}},
	}}
	for i := range 3 {
		w.edge(w.process(100+i, "nginx", "nginx.service"), w.process(200, "/srv/checkout.py", "shop.service"), "tcp", 8080, 40e3, 300e3)
	}
	w.edge(w.address("203.0.113.9"), w.process(100, "nginx", "nginx.service"), "tcp", 443, 20e3, 900e3)
	w.edge(w.process(300, "wrk", "bench.service"), w.process(101, "nginx", "nginx.service"), "tcp", 80, 1.2e6, 9.8e6)
	w.edge(w.process(100, "nginx", "nginx.service"), w.process(201, "/srv/catalog.py", "shop.service"), "tcp", 8081, 9e3, 30e3)
	w.edge(w.process(200, "/srv/checkout.py", "shop.service"), w.process(400, "postgres", "postgresql.service"), "tcp", 5432, 64e3, 410e3)
	w.edge(w.process(201, "/srv/catalog.py", "shop.service"), w.process(400, "postgres", "postgresql.service"), "tcp", 5432, 3e3, 80e3)
	w.edge(w.process(200, "/srv/checkout.py", "shop.service"), w.process(401, "redis-server", "redis.service"), "unix", 0, 5e3, 7e3)
	w.edge(w.process(202, "/srv/worker.py", "worker.service"), w.process(402, "statsd.py", "statsd.service"), "udp", 8125, 800, 0)
	w.edge(w.process(200, "/srv/checkout.py", "shop.service"), w.named("198.51.100.4", "pay.example.com"), "tcp", 443, 2e3, 5e3)
	failing := w.edge(w.process(202, "/srv/worker.py", "worker.service"), w.address("10.0.3.7"), "tcp", 6379, 0, 0)
	failing.Connections, failing.Errors = topology.Connections{Failed: uint64(14 * max(1, w.long))}, map[string]uint64{"ECONNREFUSED": uint64(14 * max(1, w.long))}
	failing.Bytes, failing.RTT = nil, nil
	// What comes and goes.
	if n%28 < 12 {
		w.edge(w.process(500+n/28, "backup.sh", "backup.service"), w.process(400, "postgres", "postgresql.service"), "tcp", 5432, 100, 90e3)
	}
	if n%20 < 8 {
		name := []string{"curl", "wget", "probe.py"}[n/20%3]
		w.edge(w.process(1000+n/20, name, "user.service"), w.process(102, "nginx", "nginx.service"), "tcp", 80, 80, 900)
	}
	for i := range more {
		w.edge(w.service(i), w.service((i*7+3)%more), "tcp", uint16(7000+i%50), float64(1000*(i%97)), float64(3000*(i%89)))
		w.edge(w.service(i), w.service((i*13+5)%more), "tcp", 9090, float64(100*(i%53)), float64(500*(i%41)))
		if more >= 1000 { // four calls each: 5,000 nodes have 20,000 edges
			w.edge(w.service(i), w.service((i*29+11)%more), "tcp", 8443, float64(10*(i%31)), float64(50*(i%37)))
			w.edge(w.service(i), w.service(i%50), "tcp", 5432, float64(30*(i%23)), float64(20*(i%19)))
		}
	}
	for _, node := range w.nodes {
		w.m.Nodes = append(w.m.Nodes, node)
	}
	slices.SortFunc(w.m.Nodes, func(a, b topology.Node) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(w.m.Edges, func(a, b topology.Edge) int { return cmp.Compare(a.ID, b.ID) })
	return w.m
}

func (w *world) service(i int) string {
	return w.process(5000+i, fmt.Sprintf("service-%d", i), fmt.Sprintf("service-%d.service", i))
}

func (w *world) process(pid int, name, unit string) string {
	id := fmt.Sprintf("process:%d@77", pid)
	a := topology.Attributes{PID: int32(pid), ExecutableName: name, ExecutablePath: "/usr/bin/" + name, CommandLine: "/usr/bin/" + name + " --serve", Owner: "www-data", Unit: unit,
		Created: "2026-01-01T00:00:00.000Z", Listens: []topology.Listen{{Transport: "tcp", Address: "0.0.0.0", Port: 8080}}}
	if strings.HasSuffix(name, ".py") {
		a.ExecutableName, a.ExecutablePath, a.Script, a.Interpreter = "python3", "/usr/bin/python3", name, "python"
		a.CommandLine = "/usr/bin/python3 " + name
		name = path.Base(name)
	}
	w.nodes[id] = topology.Node{ID: id, Kind: topology.KindProcess, Name: name, Attributes: a}
	return id
}

func (w *world) address(ip string) string {
	id := "address:" + ip
	w.nodes[id] = topology.Node{ID: id, Kind: topology.KindAddress, Name: ip, Attributes: topology.Attributes{PeerAddress: ip}}
	return id
}

// named is an address of which the name is known.
func (w *world) named(ip, name string) string {
	id := w.address(ip)
	n := w.nodes[id]
	n.Name = name
	w.nodes[id] = n
	return id
}

// edge adds one; bytes are a second.
func (w *world) edge(client, server, transport string, port uint16, to, back float64) *topology.Edge {
	e := topology.Edge{Client: client, Server: server, Transport: transport, ServerPort: port,
		Evidence:    topology.Evidence{Peer: map[string]uint64{"sequence": 3}, Role: map[string]uint64{"handshake": 2, "syn-byte": 1}},
		Connections: topology.Connections{Active: 2, Opened: 1, Closed: 1}, Retransmits: &topology.Bytes{ToServer: new(uint64(0))}}
	where := fmt.Sprint(port)
	if transport == "unix" {
		e.Path = "/run/redis.sock"
		where = e.Path
	}
	if transport == "tcp" {
		e.RTT = &topology.Stat{Count: 4, Sum: 1600, Min: 200, Max: 900}
	}
	e.ID = topology.EdgeID(client, server, transport, where)
	h := fnv.New32a()
	fmt.Fprint(h, e.ID, w.m.Window.End)
	wobble := 0.8 + 0.4*float64(h.Sum32()%1000)/1000 // no two ticks are alike
	e.Bytes = &topology.Bytes{ToServer: new(uint64(to * wobble * w.long)), ToClient: new(uint64(back * wobble * w.long))}
	w.m.Edges = append(w.m.Edges, e)
	return &w.m.Edges[len(w.m.Edges)-1]
}
