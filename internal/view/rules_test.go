package view_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/topology"
	"peerscope/internal/view"
)

func TestNoise(t *testing.T) {
	type attributes = topology.Attributes
	app := process(1, "app", attributes{})
	other := process(2, "other", attributes{})
	pod := process(3, "web", attributes{PodName: "web-1", Namespace: "shop"})
	kubelet := process(4, "kubelet", attributes{})
	own := process(5, "peerscope", attributes{})
	stub := process(6, "systemd-resolved", attributes{})
	named := process(7, "named", attributes{})
	outside, local := address("203.0.113.9", false), address("10.0.0.9", true)
	tests := []struct {
		claim string
		edge  topology.Edge
		rule  string
	}{
		{"a call is shown", call(app, other, 80), ""},
		{"own traffic as client", call(own, outside, 443), "own"},
		{"own traffic as server", call(outside, own, 4180), "own"},
		{"a program that is called so by its arguments is not own", call(process(8, "peerscope", attributes{ExecutablePath: "/usr/bin/bash", ExecutableName: "bash"}), app, 1), ""},
		{"a probe of a pod", call(kubelet, pod, 8080), "probes"},
		{"the kubelet and the API server", call(kubelet, outside, 6443), ""},
		{"a lookup", call(app, outside, 53), "dns"},
		{"a lookup at an address without process", call(app, local, 53), "dns"},
		{"a lookup at a resolver of this host", call(app, stub, 53), "dns"},
		{"a resolver asks another", call(stub, outside, 53), "dns"},
		{"a lookup behind a translation", call(app, outside, 9953, func(e *topology.Edge) { e.Dialed = []string{"10.96.0.10:53"} }), "dns"},
		{"by a unix socket", call(app, stub, 0, unix("/run/systemd/resolve/io.systemd.Resolve")), "dns"},
		{"a name server of this host does its work", call(outside, named, 53), ""},
		{"also for a program of this host", call(app, named, 53), ""},
		{"a failing lookup is no noise", call(app, outside, 53, failed(2)), ""},
		{"a log", call(app, other, 0, unix("/run/systemd/journal/stdout")), "log"},
		{"another socket", call(app, other, 0, unix("/run/app.sock")), ""},
		{"the system's bus", call(app, other, 0, unix("/run/dbus/system_bus_socket")), "bus"},
		{"a user's bus", call(app, other, 0, unix("/run/user/1000/bus")), "bus"},
		{"a socket pair with itself", talk(app, app, "unix", 0, 0), "pairs"},
		{"a socket pair of two of one program", talk(app, process(9, "app", attributes{}), "unix", 0, 0), "pairs"},
		{"a socket pair of two programs", talk(app, other, "unix", 0, 0), ""},
		{"without roles over TCP", talk(app, app, "tcp", 5, 6), ""},
	}
	nodes := []topology.Node{app, other, pod, kubelet, own, stub, named, outside, local, process(8, "peerscope", attributes{ExecutablePath: "/usr/bin/bash", ExecutableName: "bash"}), process(9, "app", attributes{})}
	for _, tt := range tests {
		for _, level := range []string{view.LevelProcess, view.LevelHost} {
			g := view.Make(mapOf(nodes, tt.edge), view.Options{Level: level})
			rule := ""
			if len(g.Hidden) > 0 {
				rule = g.Hidden[0].Rule
			}
			if rule != tt.rule || (len(g.Edges) == 0) != (tt.rule != "") {
				t.Errorf("%s, level %s: hidden by %q, %d edges shown; want %q", tt.claim, level, rule, len(g.Edges), tt.rule)
			}
			if g := view.Make(mapOf(nodes, tt.edge), view.Options{Level: level, ShowNoise: true}); len(g.Edges) != 1 || len(g.Hidden) != 0 {
				t.Errorf("%s, level %s: with noise %d edges, hidden %v; want 1 and nothing", tt.claim, level, len(g.Edges), g.Hidden)
			}
		}
	}
}

func TestHealth(t *testing.T) {
	app, db := process(1, "app", topology.Attributes{}), process(2, "db", topology.Attributes{})
	far, near := address("203.0.113.9", false), address("10.9.9.9", false)
	rtt := func(us uint64) func(*topology.Edge) {
		return func(e *topology.Edge) { e.RTT = &topology.Stat{Count: 2, Sum: 2 * us, Min: us, Max: us} }
	}
	tried := func(opened, failed uint64) func(*topology.Edge) {
		return func(e *topology.Edge) {
			e.Connections = topology.Connections{Opened: opened, Failed: failed}
			e.Errors = map[string]uint64{"ECONNREFUSED": failed}
		}
	}
	repeated := func(n uint64) func(*topology.Edge) {
		return func(e *topology.Edge) { e.Retransmits = &topology.Bytes{ToServer: &n, ToClient: new(uint64(0))} }
	}
	still := func(e *topology.Edge) { e.Connections.Opened = 0 }
	tests := []struct {
		claim   string
		edge    topology.Edge
		health  view.Health
		reasons string
	}{
		{"nothing wrong", call(app, db, 1), view.OK, ""},
		{"nothing moved", call(app, db, 1, moved(0, 0), still), view.Idle, ""},
		{"nothing moved, whatever the last round trip was", call(app, db, 1, moved(0, 0), still, rtt(500_000)), view.Idle, ""},
		{"of one direction it is not known", call(app, db, 1, still, func(e *topology.Edge) { e.Bytes = &topology.Bytes{ToServer: new(uint64(0))} }), view.OK, ""},
		{"of none it is known", call(app, db, 1, still, func(e *topology.Edge) { e.Bytes = nil }), view.OK, ""},
		{"opened and closed without a byte", call(app, db, 1, moved(0, 0)), view.OK, ""},
		{"10 ms here", call(app, db, 1, rtt(10_000)), view.OK, ""},
		{"more than 10 ms here", call(app, db, 1, rtt(10_001)), view.Warn, "round trips take 10.0 ms, more than 10.0 ms"},
		{"11 ms to a private address", call(app, near, 1, rtt(11_000)), view.Warn, "round trips take 11.0 ms, more than 10.0 ms"},
		{"99 ms to the internet", call(app, far, 1, rtt(99_000)), view.OK, ""},
		{"187 ms to the internet", call(app, far, 1, rtt(187_000)), view.Warn, "round trips take 187 ms, more than 100 ms"},
		{"187 ms from the internet", call(far, app, 1, rtt(187_000)), view.Warn, "round trips take 187 ms, more than 100 ms"},
		{"187 ms here", call(app, db, 1, rtt(187_000)), view.Bad, "round trips take 187 ms, more than 100 ms"},
		{"1.5 s to the internet", call(app, far, 1, rtt(1_500_000)), view.Bad, "round trips take 1.5 s, more than 1.0 s"},
		{"all connects fail", call(app, db, 1, tried(0, 140)), view.Error, "14 connects/s fail with ECONNREFUSED"},
		{"6 % fail", call(app, db, 1, tried(94, 6)), view.Error, "0.6 connects/s fail with ECONNREFUSED, 6.0 % of those tried"},
		{"2 % fail", call(app, db, 1, tried(98, 2)), view.Bad, "0.2 connects/s fail with ECONNREFUSED, 2.0 % of those tried"},
		{"1 % fail", call(app, db, 1, tried(99, 1)), view.Warn, "0.1 connects/s fail with ECONNREFUSED, 1.0 % of those tried"},
		{"one of many fails", call(app, db, 1, tried(9999, 1)), view.Warn, "0.1 connects/s fail with ECONNREFUSED, less than 0.1 % of those tried"},
		{"a connect waits", call(app, db, 1, func(e *topology.Edge) { e.Connections = topology.Connections{Pending: 2} }), view.Warn, "2 connects wait for an answer"},
		{"a connect waits while others are answered", call(app, db, 1, func(e *topology.Edge) { e.Connections.Pending = 2 }), view.OK, ""},
		{"few segments sent again", call(app, db, 1, repeated(4)), view.OK, ""},
		{"many segments sent again", call(app, db, 1, repeated(5)), view.Warn, "5 segments were sent again, of 9 at least"},
		{"many of very many", call(app, db, 1, repeated(5), moved(1e9, 0)), view.OK, ""},
		{"the worst reason is first", call(app, db, 1, tried(98, 2), rtt(200_000), repeated(90)), view.Bad,
			"0.2 connects/s fail with ECONNREFUSED, 2.0 % of those tried; round trips take 200 ms, more than 100 ms; 90 segments were sent again, of 288 at least"},
	}
	for _, tt := range tests {
		g := view.Make(mapOf([]topology.Node{app, db, far, near}, tt.edge), view.Options{})
		e := g.Edges[0]
		if e.Health != tt.health || strings.Join(e.Reasons, "; ") != tt.reasons {
			t.Errorf("%s: %s %q, want %s %q", tt.claim, e.Health, e.Reasons, tt.health, tt.reasons)
		}
		for _, n := range g.Nodes {
			if n.Health != tt.health || n.Health.Problem() != (len(n.Reasons) > 0) {
				t.Errorf("%s: node %s is %s %q, want %s as its edge", tt.claim, n.Name, n.Health, n.Reasons, tt.health)
			}
		}
	}
}

func TestQueueOfListener(t *testing.T) {
	web := func(backlog uint32) topology.Node {
		return process(2, "web", topology.Attributes{Listens: []topology.Listen{{Transport: "tcp", Port: 80, Backlog: backlog, BacklogLimit: 16}}})
	}
	app := process(1, "app", topology.Attributes{})
	for _, tt := range []struct {
		backlog uint32
		health  view.Health
		reasons []string
	}{
		{7, view.OK, nil},
		{8, view.Warn, []string{"8 connections wait to be accepted on port 80, which holds 16"}},
		{16, view.Error, []string{"the queue of port 80 is full: 16 connections wait to be accepted"}},
	} {
		g := view.Make(mapOf([]topology.Node{app, web(tt.backlog)}, call(app, web(0), 80)), view.Options{Level: view.LevelProcess})
		n := g.Nodes[1]
		if diff := cmp.Diff(tt.reasons, n.Reasons); n.Health != tt.health || diff != "" {
			t.Errorf("%d of 16 wait: %s, want %s (-want +got):\n%s", tt.backlog, n.Health, tt.health, diff)
		}
	}
}

func TestQuality(t *testing.T) {
	app, db := process(1, "app", topology.Attributes{}), process(2, "db", topology.Attributes{})
	far := address("203.0.113.9", false)
	by := func(words ...string) func(*topology.Edge) {
		return func(e *topology.Edge) {
			e.Evidence.Peer = map[string]uint64{}
			for _, w := range words {
				e.Evidence.Peer[w] = 1
			}
		}
	}
	tests := []struct {
		claim string
		edge  topology.Edge
		want  view.Quality
	}{
		{"exact", call(app, db, 1, by("sequence", "kernel", "tuple", "nat")), view.Quality{Client: "exact", Server: "exact"}},
		{"inferred", call(app, db, 1, by("tuple", "listener")), view.Quality{Client: "exact", Server: "inferred"}},
		{"by a proxy", call(app, db, 1, by("sidecar")), view.Quality{Client: "exact", Server: "inferred"}},
		{"an address is called", call(app, far, 1, by("none")), view.Quality{Client: "exact", Server: "unknown"}},
		{"an address calls", call(far, db, 1, by("none")), view.Quality{Client: "unknown", Server: "exact"}},
		{"one of several", call(app, db, 1, by("ambiguous"), func(e *topology.Edge) { e.Candidates = map[string][]string{"server": {db.ID, app.ID}} }), view.Quality{Client: "exact", Server: "unknown"}},
		{"bytes alone claim nothing", call(app, db, 1, by()), view.Quality{}},
	}
	for _, tt := range tests {
		g := view.Make(mapOf([]topology.Node{app, db, far}, tt.edge), view.Options{})
		if diff := cmp.Diff(tt.want, g.Edges[0].Quality); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.claim, diff)
		}
	}
	e := talk(app, far, "udp", 5, 6)
	e.Evidence.Peer = map[string]uint64{"none": 1}
	g := view.Make(mapOf([]topology.Node{app, far}, e), view.Options{Level: view.LevelProcess})
	if diff := cmp.Diff(view.Quality{First: "unknown", Second: "exact"}, g.Edges[0].Quality); diff != "" {
		t.Errorf("two ends (-want +got):\n%s", diff)
	}
}

func TestRoles(t *testing.T) {
	type attributes = topology.Attributes
	app, mid, db := process(1, "app", attributes{}), process(2, "mid", attributes{}), process(3, "postgres", attributes{})
	far, stored, podAddress := address("203.0.113.9", false), address("10.0.0.5", false), address("10.1.1.1", false)
	podAddress.Attributes.PodName = "p"
	odd, cache := process(4, "odd", attributes{}), process(5, "redis-server", attributes{})
	g := view.Make(mapOf([]topology.Node{cache, app, mid, db, far, stored, podAddress, odd}, call(app, mid, 80), call(mid, db, 5432), call(far, mid, 80),
		call(mid, stored, 6379), call(mid, podAddress, 80), call(app, odd, 6379), call(cache, far, 443)), view.Options{})
	got := map[string]string{}
	for _, n := range g.Nodes {
		got[n.Name] = n.Role + ": " + n.RoleReason
	}
	want := map[string]string{
		"app": "client: ", "mid": "both: ", "postgres": "datastore: runs postgres", "203.0.113.9": "external: is an address of no namespace that is observed",
		"10.0.0.5": "datastore: is called on the port of Redis", "10.1.1.1": "server: ", "odd": "server: ", "redis-server": "client: ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("roles (-want +got):\n%s", diff)
	}
}

func TestRatesNeedALength(t *testing.T) {
	a, b := process(1, "a", topology.Attributes{}), process(2, "b", topology.Attributes{})
	m := mapOf([]topology.Node{a, b}, call(a, b, 80, moved(1000, 0)))
	e := view.Make(m, view.Options{}).Edges[0]
	if e.Tx == nil || *e.Tx != 100 || e.Rx == nil || *e.Rx != 0 || e.Opened == nil || *e.Opened != 0.1 {
		t.Errorf("rates over 10 s are %s, want 100, 0 and 0.1", mustJSON(t, e))
	}
	if e := view.Make(m, view.Options{Length: 2 * time.Second}).Edges[0]; e.Tx == nil || *e.Tx != 500 {
		t.Errorf("rates over 2 s are %s, want 500", mustJSON(t, e))
	}
	m.Window.End = m.Window.Start
	e = view.Make(m, view.Options{}).Edges[0]
	if e.Tx != nil || e.Opened != nil || e.Bytes == nil || *e.Bytes.Tx != 1000 {
		t.Errorf("rates of one look are %s, want none, and the bytes", mustJSON(t, e))
	}
}

func TestUnknownDirectionIsAbsent(t *testing.T) {
	a, b := process(1, "a", topology.Attributes{}), process(2, "b", topology.Attributes{})
	e := view.Make(mapOf([]topology.Node{a, b}, call(a, b, 80, func(e *topology.Edge) { e.Bytes.ToClient = nil })), view.Options{}).Edges[0]
	if e.Rx != nil || e.Bytes.Rx != nil || e.Tx == nil {
		t.Errorf("rx %v, bytes back %v, want them absent", e.Rx, e.Bytes.Rx)
	}
	if want := "a calls b on tcp port 80: 100 B/s there, round trip 200 µs, 1 connection open. Healthy."; e.Sentence != want {
		t.Errorf("sentence %q, want %q", e.Sentence, want)
	}
}

func TestEncrypted(t *testing.T) {
	yes, no := true, false
	a, b := process(1, "a", topology.Attributes{}), process(2, "b", topology.Attributes{})
	for _, tt := range []struct {
		rows []topology.Protocol
		want string
	}{
		{nil, "<nil>"},
		{[]topology.Protocol{{Connections: 1}}, "<nil>"},
		{[]topology.Protocol{{TLS: &yes, Connections: 1}}, "true"},
		{[]topology.Protocol{{TLS: &yes, Connections: 1}, {Connections: 1}}, "<nil>"},
		{[]topology.Protocol{{TLS: &yes, Connections: 1}, {TLS: &no, Connections: 1}}, "false"},
	} {
		e := view.Make(mapOf([]topology.Node{a, b}, call(a, b, 80, func(e *topology.Edge) { e.Protocols = tt.rows })), view.Options{}).Edges[0]
		got := "<nil>"
		if e.TLS != nil {
			got = fmt.Sprint(*e.TLS)
		}
		if got != tt.want {
			t.Errorf("rows %s: tls %s, want %s", mustJSON(t, tt.rows), got, tt.want)
		}
	}
}
