package tui

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"peerscope/internal/topology"
)

// begin is when the ticks of all tests begin.
var begin = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// world makes the ticks of a small host.
type world struct {
	nodes []topology.Node
	edges func(tick int) []topology.Edge
	lost  map[string]uint64
	gaps  []topology.Degraded
}

// at is the map of one tick; the first is of what is open already, in no time.
func (w *world) at(tick int) *topology.Map {
	from, to := begin.Add(time.Duration(tick-2)*time.Second), begin.Add(time.Duration(tick-1)*time.Second)
	if tick == 1 {
		from = to
	}
	const layout = "2006-01-02T15:04:05.000Z07:00"
	m := &topology.Map{Schema: topology.Schema, Host: topology.Host{Name: "web-1"},
		Window:  topology.Window{Start: from.Format(layout), End: to.Format(layout)},
		Capture: topology.Capture{Source: "ebpf", Rung: "1", Lost: map[string]uint64{"late": 0}, Degraded: w.gaps},
		Nodes:   slices.Clone(w.nodes), Edges: w.edges(tick)}
	if w.lost != nil {
		m.Capture.Lost = w.lost
	}
	slices.SortFunc(m.Nodes, func(a, b topology.Node) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(m.Edges, func(a, b topology.Edge) int { return strings.Compare(a.ID, b.ID) })
	return m
}

func process(pid int, name string, a topology.Attributes) topology.Node {
	a.PID, a.ExecutableName = int32(pid), name
	if a.ExecutablePath == "" {
		a.ExecutablePath = "/usr/bin/" + name
	}
	return topology.Node{ID: fmt.Sprintf("process:%d@%d", pid, pid*10), Kind: topology.KindProcess, Name: name, Attributes: a}
}

func address(a string) topology.Node {
	return topology.Node{ID: "address:" + a, Kind: topology.KindAddress, Name: a, Attributes: topology.Attributes{PeerAddress: a}}
}

func call(client, server *topology.Node, port uint16, up, down uint64, rtt uint64) topology.Edge {
	e := topology.Edge{Client: client.ID, Server: server.ID, Transport: "tcp", ServerPort: port,
		Connections: topology.Connections{Active: 3},
		Evidence:    topology.Evidence{Peer: map[string]uint64{"sequence": 3}, Role: map[string]uint64{"handshake": 3}},
		Bytes:       &topology.Bytes{ToServer: &up, ToClient: &down}}
	if server.Kind == topology.KindAddress {
		e.Evidence.Peer = map[string]uint64{"none": 3}
	}
	if rtt > 0 {
		e.RTT = &topology.Stat{Count: 10, Sum: 10 * rtt, Min: rtt / 2, Max: 3 * rtt, Buckets: buckets(rtt, 8, 3*rtt, 2)}
	}
	e.ID = topology.EdgeID(e.Client, e.Server, e.Transport, fmt.Sprint(port))
	return e
}

// buckets are those of n samples of one value and m of a greater one.
func buckets(a, n, b, m uint64) topology.Buckets {
	bound := func(us uint64) uint64 {
		if i := topology.BucketOf(us); i < len(topology.BucketBounds) {
			return topology.BucketBounds[i]
		}
		return topology.Unbounded
	}
	if bound(a) == bound(b) {
		return topology.Buckets{{UpTo: bound(a), Count: n + m}}
	}
	return topology.Buckets{{UpTo: bound(a), Count: n}, {UpTo: bound(b), Count: m}}
}

// shop is the host of the pictures: some of everything.
func shop() *world {
	nginx1 := process(812, "nginx", topology.Attributes{Unit: "nginx.service", CommandLine: "nginx: worker process", Owner: "www-data"})
	nginx2 := process(813, "nginx", topology.Attributes{Unit: "nginx.service", CommandLine: "nginx: worker process", Owner: "www-data"})
	checkout := process(4471, "checkout", topology.Attributes{Namespace: "shop", PodName: "checkout-7f9c", PodContainer: "app", ContainerID: strings.Repeat("ab12", 16),
		CommandLine: "/app/checkout --port 8080", Listens: []topology.Listen{{Transport: "tcp", Address: "0.0.0.0", Port: 8080, BacklogLimit: 128}}})
	postgres := process(640, "postgres", topology.Attributes{Unit: "postgresql@15-main.service", Owner: "postgres"})
	worker := process(990, "worker", topology.Attributes{Unit: "worker.service", CommandLine: "/opt/app/worker --queue default"})
	redis := process(601, "redis-server", topology.Attributes{Unit: "redis.service"})
	cjk := process(5150, "資料收集器", topology.Attributes{Unit: "收集.service"})
	evil := process(6666, "a\x1b[31mred\n\u202egnp", topology.Attributes{CommandLine: "\x1b]0;owned\x07"})
	curls := []topology.Node{process(7001, "curl", topology.Attributes{}), process(7002, "curl", topology.Attributes{}), process(7003, "curl", topology.Attributes{})}
	pay, gone, client := address("203.0.113.9"), address("10.0.3.7"), address("198.51.100.4")
	w := &world{nodes: append([]topology.Node{nginx1, nginx2, checkout, postgres, worker, redis, cjk, evil, pay, gone, client}, curls...),
		gaps: []topology.Degraded{{Code: "no_conntrack", Reason: "the kernel has no conntrack table here", Fix: "Load it: modprobe nf_conntrack_netlink"}}}
	w.edges = func(tick int) []topology.Edge {
		t := uint64(tick)
		edges := []topology.Edge{
			call(&client, &nginx1, 443, 1_200_000+40_000*(t%7), 9_800_000, 31_000),
			call(&client, &nginx2, 443, 120_000, 980_000+90_000*(t%5), 28_000),
			call(&nginx1, &checkout, 8080, 640_000, 4_100_000+300_000*(t%11), 400),
			call(&nginx2, &checkout, 8080, 64_000, 410_000, 410),
			call(&checkout, &postgres, 5432, 22_000, 118_000+t*1000, 1_100),
			call(&checkout, &pay, 443, 22_000, 18_000, 187_000),
			call(&cjk, &redis, 6379, 900, 45_000, 50),
			call(&evil, &redis, 6379, 10, 20, 60),
		}
		edges[2].Evidence.Peer = map[string]uint64{"sequence": 2, "nat": 1}
		edges[2].Dialed = []string{"10.96.0.7:80"}
		edges[4].Evidence.Peer = map[string]uint64{"listener": 3}
		refused := topology.Edge{Client: worker.ID, Server: gone.ID, Transport: "tcp", ServerPort: 6379,
			Connections: topology.Connections{Failed: 14}, Errors: map[string]uint64{"ECONNREFUSED": 14},
			Evidence: topology.Evidence{Peer: map[string]uint64{"none": 14}, Role: map[string]uint64{"handshake": 14}}}
		refused.ID = topology.EdgeID(worker.ID, gone.ID, "tcp", "6379")
		socket := topology.Edge{Client: worker.ID, Server: redis.ID, Transport: "unix", Path: "/run/redis/redis-server.sock",
			Connections: topology.Connections{Active: 1}, Evidence: topology.Evidence{Peer: map[string]uint64{"kernel": 1}, Role: map[string]uint64{"kernel": 1}}}
		socket.ID = topology.EdgeID(worker.ID, redis.ID, "unix", socket.Path)
		two := topology.Edge{Ends: []string{cjk.ID, worker.ID}, EndPorts: []uint16{9125, 40112}, Transport: "udp",
			Connections: topology.Connections{Active: 1}, Evidence: topology.Evidence{Peer: map[string]uint64{"tuple": 1}, Role: map[string]uint64{"none": 1}}}
		slices.Sort(two.Ends)
		two.ID = topology.EdgeID(two.Ends[0], two.Ends[1], "udp", "9125-40112")
		edges = append(edges, refused, socket, two)
		if tick <= 20 {
			for i := range curls {
				e := call(&curls[i], &nginx1, 443, 4_000, 120_000, 90)
				e.Connections = topology.Connections{Opened: 1, Closed: 1}
				edges = append(edges, e)
			}
		}
		if tick >= 22 {
			edges = append(edges, call(&worker, &postgres, 5432, 500, 700, 900))
		}
		return edges
	}
	return w
}

// crowd is a host with that many edges between programs of all names.
func crowd(seed uint64, n int) *world {
	r := rand.New(rand.NewPCG(seed, 7))
	w := &world{}
	for i := range n/3 + 2 {
		node := process(i+1, randomName(r), topology.Attributes{ExecutablePath: fmt.Sprintf("/opt/%d/bin", i), CommandLine: randomName(r)})
		switch r.IntN(6) {
		case 0:
			node = address(fmt.Sprintf("10.0.%d.%d", i/250, i%250))
		case 1:
			node.Attributes.Unit = randomName(r) + ".service"
		case 2:
			node.Attributes.NetnsInode, node.Attributes.NetnsName = 4026532000+uint64(r.IntN(3)), "tenant"
		}
		w.nodes = append(w.nodes, node)
	}
	type joined struct{ a, b, port int }
	var pairs []joined
	for range n {
		pairs = append(pairs, joined{r.IntN(len(w.nodes)), r.IntN(len(w.nodes)), 1 + r.IntN(60000)})
	}
	w.edges = func(tick int) []topology.Edge {
		r := rand.New(rand.NewPCG(seed, uint64(tick)))
		out := make([]topology.Edge, 0, n)
		seen := map[string]bool{}
		for _, p := range pairs {
			if tick > 1 && r.IntN(20) == 0 {
				continue // it is not there now
			}
			e := call(&w.nodes[p.a], &w.nodes[p.b], uint16(p.port), r.Uint64N(1<<r.IntN(30)+1), r.Uint64N(1<<r.IntN(30)+1), r.Uint64N(1<<r.IntN(20)+1))
			switch r.IntN(16) {
			case 0:
				e.Connections.Failed, e.Errors = 3, map[string]uint64{randomName(r): 2, "ECONNREFUSED": 1}
			case 1:
				e.Bytes, e.RTT = nil, nil
			case 2:
				e.Candidates = map[string][]string{"server": {w.nodes[0].ID, w.nodes[1].ID}}
			}
			if !seen[e.ID] {
				seen[e.ID] = true
				out = append(out, e)
			}
		}
		return out
	}
	return w
}

// randomName has letters, wide characters, emoji, marks and what must never reach
// a terminal.
func randomName(r *rand.Rand) string {
	alphabet := []string{"a", "nginx", "-", "worker", "資", "é", "e\u0301", "\u0301", "👩‍💻", "🇩🇪", "🚀", "한", "\x1b[31m", "\n", "\r",
		"\x00", "\u009b", "\u202e", "\u200b", "\x80", "\xff", "\"", "\\", "]", "\t", " ", "ำ", "क्ष", "#️⃣", "\U000e0041", "|", "\u0d4e"}
	var b strings.Builder
	for range 1 + r.IntN(10) {
		b.WriteString(alphabet[r.IntN(len(alphabet))])
	}
	return b.String()
}

// player drives a model as Bubble Tea does, with commands run at once.
type player struct {
	*model
	tick     int
	world    *world
	clipping []tea.Msg // what commands gave that the model does not take
}

func play(cfg Config, w *world, width, height int) *player {
	p := &player{model: newModel(cfg), world: w}
	p.clock = begin
	p.send(tea.WindowSizeMsg{Width: width, Height: height})
	return p
}

// send gives a message to the model, and the results of its commands too.
func (p *player) send(msg tea.Msg) {
	for cmd := p.update(msg); cmd != nil; {
		out := cmd()
		switch out.(type) {
		case *shot, webMsg:
			cmd = p.update(out)
		default:
			p.clipping = append(p.clipping, out)
			return
		}
	}
}

// ticks lets that many seconds go by.
func (p *player) ticks(n int) *player {
	for range n {
		p.tick++
		p.send(clockMsg(begin.Add(time.Duration(p.tick-1) * time.Second)))
		p.send(mapMsg{p.world.at(p.tick)})
	}
	return p
}

// keys presses keys by their names; others are typed letter by letter.
func (p *player) keys(names ...string) *player {
	special := map[string]tea.Key{"enter": {Code: tea.KeyEnter}, "esc": {Code: tea.KeyEscape}, "tab": {Code: tea.KeyTab}, "up": {Code: tea.KeyUp},
		"down": {Code: tea.KeyDown}, "left": {Code: tea.KeyLeft}, "right": {Code: tea.KeyRight}, "pgdown": {Code: tea.KeyPgDown}, "pgup": {Code: tea.KeyPgUp},
		"home": {Code: tea.KeyHome}, "end": {Code: tea.KeyEnd}, "space": {Code: tea.KeySpace, Text: " "}, "backspace": {Code: tea.KeyBackspace},
		"shift+tab": {Code: tea.KeyTab, Mod: tea.ModShift}, "ctrl+c": {Code: 'c', Mod: tea.ModCtrl}, "ctrl+u": {Code: 'u', Mod: tea.ModCtrl}}
	for _, name := range names {
		if k, ok := special[name]; ok {
			p.send(tea.KeyPressMsg(k))
			continue
		}
		for _, c := range name {
			p.send(tea.KeyPressMsg{Code: c, Text: string(c)})
		}
	}
	return p
}
