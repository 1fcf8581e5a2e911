package view_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"peerscope/internal/filter"
	"peerscope/internal/topology"
)

func process(pid int32, name string, a topology.Attributes) topology.Node {
	a.PID = pid
	if a.ExecutablePath == "" {
		a.ExecutablePath, a.ExecutableName = "/usr/bin/"+name, name
	}
	return topology.Node{ID: fmt.Sprintf("process:%d@1", pid), Kind: topology.KindProcess, Name: name, Attributes: a}
}

func address(addr string, local bool) topology.Node {
	return topology.Node{ID: "address:" + addr, Kind: topology.KindAddress, Name: addr, Attributes: topology.Attributes{PeerAddress: addr, AddressLocal: local}}
}

// call is an edge over TCP with a round trip of 0.2 ms and 1,000 bytes there and
// 2,000 back; with changes it.
func call(client, server topology.Node, port uint16, with ...func(*topology.Edge)) topology.Edge {
	e := topology.Edge{Client: client.ID, Server: server.ID, Transport: "tcp", ServerPort: port,
		Connections: topology.Connections{Active: 1, Opened: 1},
		Bytes:       &topology.Bytes{ToServer: new(uint64(1000)), ToClient: new(uint64(2000))},
		RTT:         &topology.Stat{Count: 1, Sum: 200, Min: 200, Max: 200},
		Evidence:    topology.Evidence{Peer: map[string]uint64{"tuple": 1}, Role: map[string]uint64{"handshake": 1}}}
	for _, f := range with {
		f(&e)
	}
	at := e.Path
	if e.ServerPort != 0 {
		at = fmt.Sprint(e.ServerPort)
	}
	e.ID = topology.EdgeID(e.Client, e.Server, e.Transport, at)
	return e
}

func moved(to, back uint64) func(*topology.Edge) {
	return func(e *topology.Edge) { e.Bytes = &topology.Bytes{ToServer: &to, ToClient: &back} }
}

func failed(n uint64) func(*topology.Edge) {
	return func(e *topology.Edge) {
		e.Connections = topology.Connections{Failed: n}
		e.Errors, e.Bytes, e.RTT = map[string]uint64{"ECONNREFUSED": n}, nil, nil
	}
}

func unix(path string) func(*topology.Edge) {
	return func(e *topology.Edge) { e.Transport, e.ServerPort, e.Path, e.RTT = "unix", 0, path, nil }
}

// talk is an edge without roles.
func talk(a, b topology.Node, transport string, portA, portB uint16) topology.Edge {
	if b.ID < a.ID {
		a, b, portA, portB = b, a, portB, portA
	}
	e := topology.Edge{Ends: []string{a.ID, b.ID}, Transport: transport, Connections: topology.Connections{Active: 1},
		Bytes: &topology.Bytes{FirstToSecond: new(uint64(10)), SecondToFirst: new(uint64(20))}}
	if portA+portB > 0 {
		e.EndPorts = []uint16{portA, portB}
	}
	e.ID = topology.EdgeID(a.ID, b.ID, transport, fmt.Sprint(portA, "-", portB))
	return e
}

// mapOf is a map of ten seconds.
func mapOf(nodes []topology.Node, edges ...topology.Edge) *topology.Map {
	return &topology.Map{Schema: topology.Schema, Host: topology.Host{Name: "web-1"},
		Window: topology.Window{Start: "2026-01-02T03:04:00.000Z", End: "2026-01-02T03:04:10.000Z"}, Nodes: nodes, Edges: edges}
}

// random is a map of many processes of few programs, in pods, containers and
// units, with addresses outside, edges without roles, unknown directions and
// failing connects.
func random(seed uint64, processes, edges int) *topology.Map {
	r := rand.New(rand.NewPCG(seed, 1))
	var nodes []topology.Node
	for i := range processes {
		a := topology.Attributes{NetnsName: []string{"", "", "blue"}[r.IntN(3)]}
		switch r.IntN(4) {
		case 0:
			a.Namespace, a.PodName, a.PodContainer = "shop", fmt.Sprint("pod-", r.IntN(8)), "app"
			a.Deployment = []string{"", "web"}[r.IntN(2)]
		case 1:
			a.ContainerID, a.ContainerName = fmt.Sprintf("%064x", r.IntN(5)), fmt.Sprint("box-", r.IntN(5))
		case 2:
			a.Unit = fmt.Sprint("unit-", r.IntN(6), ".service")
		}
		if r.IntN(3) == 0 {
			a.Listens = []topology.Listen{{Transport: "tcp", Port: uint16(1000 + i)}}
		}
		nodes = append(nodes, process(int32(i+1), fmt.Sprint("prog-", r.IntN(processes/4+1)), a))
	}
	for i := range processes/3 + 2 {
		n := address(fmt.Sprintf("203.0.%d.%d", i/250, i%250+1), i%7 == 0)
		nodes = append(nodes, n)
	}
	seen := map[string]bool{}
	var out []topology.Edge
	for range edges {
		a, b := nodes[r.IntN(len(nodes))], nodes[r.IntN(len(nodes))]
		e := call(a, b, uint16(r.IntN(5)+50), moved(r.Uint64N(1e6), r.Uint64N(1e6)))
		switch r.IntN(12) {
		case 0:
			e = call(a, b, 80, failed(r.Uint64N(9)+1))
		case 1:
			e = talk(a, b, "tcp", uint16(r.IntN(3)), uint16(r.IntN(3)))
		case 2:
			e = call(a, b, 0, unix("/run/x.sock"))
			e.Bytes.ToClient = nil
		case 3:
			e = call(a, b, 9, func(e *topology.Edge) { e.Bytes = nil })
		}
		if !seen[e.ID] {
			seen[e.ID] = true
			out = append(out, e)
		}
	}
	return mapOf(nodes, out...)
}

func shuffled(m *topology.Map, seed uint64) *topology.Map {
	r := rand.New(rand.NewPCG(seed, 2))
	out := *m
	out.Nodes, out.Edges = slices.Clone(m.Nodes), slices.Clone(m.Edges)
	r.Shuffle(len(out.Nodes), func(i, j int) { out.Nodes[i], out.Nodes[j] = out.Nodes[j], out.Nodes[i] })
	r.Shuffle(len(out.Edges), func(i, j int) { out.Edges[i], out.Edges[j] = out.Edges[j], out.Edges[i] })
	return &out
}

// worlds are the maps of testdata.
func worlds(t *testing.T) map[string]*topology.Map {
	t.Helper()
	files, err := filepath.Glob("../../testdata/worlds/*.map.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no worlds: %v", err)
	}
	out := map[string]*topology.Map{}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		m, err := topology.Read(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(name)] = m
	}
	return out
}

func parsed(t testing.TB, s string) *filter.Expr {
	t.Helper()
	e, err := filter.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return e
}
