package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/topology"
)

// The processes and namespaces of the hand-written maps.
var (
	nsA, nsB  = &Netns{Name: "a", Inode: 1}, &Netns{Name: "b", Inode: 2}
	clientEnd = End{Name: "client", Proc: Proc{10, 100}, NS: nsA, Addrs: []string{"10.0.0.1"}}
	webEnd    = End{Name: "web", Proc: Proc{20, 200}, NS: nsB, Addrs: []string{"10.0.0.2"}}
	workerEnd = End{Name: "worker", Proc: Proc{30, 300}, NS: nsB, Addrs: []string{"10.0.0.2"}}
)

// open is a connection of client to web that the last look met.
func open() *Conn {
	return &Conn{Transport: "tcp", Client: clientEnd, Server: webEnd, Port: 80, DialedPort: 80, N: 1, ToServer: 100, ToClient: 200,
		Listener: &Listener{Maker: webEnd}}
}

func with(c *Conn, change func(*Conn)) *Conn {
	change(c)
	return c
}

// short makes a connection one that no look met.
func short(c *Conn) { c.State, c.Born, c.Died = Closed, 1, 2 }

// drawn is one edge of a hand-written map: "client > server tcp:80" with
// counts opened, closed, active.
func drawn(client, server string, port uint16, counts [3]uint64, bytes ...uint64) topology.Edge {
	e := topology.Edge{Client: client, Server: server, Transport: "tcp", ServerPort: port,
		Connections: topology.Connections{Opened: counts[0], Closed: counts[1], Active: counts[2]}}
	if len(bytes) == 2 {
		e.Bytes = &topology.Bytes{ToServer: &bytes[0], ToClient: &bytes[1]}
	}
	return e
}

func edit(e topology.Edge, change func(*topology.Edge)) topology.Edge {
	change(&e)
	return e
}

// mapOf is a map of edges whose nodes are told by their ids.
func mapOf(edges ...topology.Edge) *topology.Map {
	m := &topology.Map{Edges: edges}
	for _, e := range edges {
		for _, id := range append([]string{e.Client, e.Server}, e.Ends...) {
			m.Nodes = append(m.Nodes, topology.Node{ID: id, Name: id})
		}
	}
	return m
}

const (
	client, web, worker = "process:10@100", "process:20@200", "process:30@300"
	clientAddr, webAddr = "address:10.0.0.1", "address:10.0.0.2"
)

func TestScore(t *testing.T) {
	one, gone := [3]uint64{1, 0, 1}, [3]uint64{1, 1, 0}
	split := func(c *Conn) { c.Limits.Split = true }
	tests := []struct {
		name  string
		truth []*Conn
		edges []topology.Edge
		want  string // the beginning of the first problem; empty: none
	}{
		{"the truth itself", []*Conn{open()}, []topology.Edge{drawn(client, web, 80, one, 100, 200)}, ""},
		{"roles swapped", []*Conn{open()}, []topology.Edge{drawn(web, client, 80, one, 100, 200)}, "wrong edge: process:20@200 -> process:10@100"},
		{"another process", []*Conn{open()}, []topology.Edge{drawn(client, worker, 80, one, 100, 200)}, "wrong edge"},
		{"another start time", []*Conn{open()}, []topology.Edge{drawn("process:10@101", web, 80, one, 100, 200)}, "wrong edge"},
		{"another port", []*Conn{open()}, []topology.Edge{drawn(client, web, 81, one, 100, 200)}, "wrong edge"},
		{"nothing", []*Conn{open()}, nil, "not named: 1 of 1"},
		{"one too many", []*Conn{open()}, []topology.Edge{drawn(client, web, 80, [3]uint64{2, 0, 1}, 100, 200)}, "opened: got 2, want 1"},
		{"one closed that is open", []*Conn{open()}, []topology.Edge{drawn(client, web, 80, gone, 100, 200)}, "closed: got 1, want 0"},
		{"a byte too many", []*Conn{open()}, []topology.Edge{drawn(client, web, 80, one, 100, 201)}, "bytes to client: got 201, want 200"},
		{"a byte too many, and said so", []*Conn{open()}, []topology.Edge{edit(drawn(client, web, 80, one, 100, 201),
			func(e *topology.Edge) { e.Inexact = []string{"bytes.to_client"} })}, ""},
		{"two bytes too many, and said so", []*Conn{open()}, []topology.Edge{edit(drawn(client, web, 80, one, 100, 202),
			func(e *topology.Edge) { e.Inexact = []string{"bytes.to_client"} })}, "bytes to client"},
		{"role not known", []*Conn{open()}, []topology.Edge{edit(drawn("", "", 0, one), func(e *topology.Edge) {
			e.Client, e.Server, e.Ends = "", "", []string{client, web}
			first, second := uint64(100), uint64(200)
			e.Bytes = &topology.Bytes{FirstToSecond: &first, SecondToFirst: &second}
		})}, "roles not known"},
		{"client unnamed though a look met it", []*Conn{open()}, []topology.Edge{drawn(clientAddr, web, 80, one, 100, 200)}, "not named: 1 of 1"},
		{"client unnamed, no look", []*Conn{with(open(), short)}, []topology.Edge{drawn(clientAddr, web, 80, gone, 100, 200)}, ""},
		{"client named by luck", []*Conn{with(open(), short)}, []topology.Edge{drawn(client, web, 80, gone, 100, 200)}, ""},
		{"server unnamed, no look", []*Conn{with(open(), short)}, []topology.Edge{drawn(clientAddr, webAddr, 80, gone, 100, 200)}, "not named: the server"},
		{"shown twice", []*Conn{open()}, []topology.Edge{drawn(client, web, 80, one, 100, 200), drawn(clientAddr, web, 80, one, 100, 200)}, "opened: got 2"},
		{"halves that could be joined", []*Conn{open()}, []topology.Edge{drawn(client, webAddr, 80, one, 100, 200), drawn(clientAddr, web, 80, one, 100, 200)}, "not named: 1 of 1"},
		{"halves that could not", []*Conn{with(open(), split)}, []topology.Edge{drawn(client, webAddr, 80, one, 100, 200), drawn(clientAddr, web, 80, one, 100, 200)}, ""},
		{"one half only", []*Conn{with(open(), split)}, []topology.Edge{drawn(client, webAddr, 80, one, 100, 200)}, "not named: the server"},
		{"joined though it could not be asked for", []*Conn{with(open(), split)}, []topology.Edge{drawn(client, web, 80, one, 100, 200)}, ""},
		{"address nobody has", []*Conn{open()}, []topology.Edge{drawn(client, web, 80, one, 100, 200), drawn("address:10.0.0.9", web, 80, one)}, "edge of nothing"},
		{"address of another namespace", []*Conn{with(open(), short)}, []topology.Edge{drawn(clientAddr+"@netns:3", web, 80, gone, 100, 200)}, "edge of nothing"},
		{"address of the right namespace", []*Conn{with(open(), short)}, []topology.Edge{drawn(clientAddr+"@netns:1", web, 80, gone, 100, 200)}, ""},
		{"candidates with the truth", []*Conn{with(open(), split)}, []topology.Edge{drawn(clientAddr, web, 80, one, 100, 200),
			edit(drawn(client, webAddr, 80, one, 100, 200), func(e *topology.Edge) { e.Candidates = map[string][]string{"server": {worker, web}} })}, ""},
		{"candidates without the truth", []*Conn{with(open(), split)}, []topology.Edge{drawn(clientAddr, web, 80, one, 100, 200),
			edit(drawn(client, webAddr, 80, one, 100, 200), func(e *topology.Edge) { e.Candidates = map[string][]string{"server": {worker}} })}, "candidates of"},
		{"a worker by its listener's maker, no look", []*Conn{with(open(), func(c *Conn) { short(c); c.Server = workerEnd })},
			[]topology.Edge{drawn(clientAddr, web, 80, gone, 100, 200)}, ""},
		{"a worker by its listener's maker, though a look met it", []*Conn{with(open(), func(c *Conn) { c.Server = workerEnd })},
			[]topology.Edge{drawn(client, web, 80, one, 100, 200)}, "wrong edge"},
		{"a blocking connect that left no trace", []*Conn{with(open(), func(c *Conn) {
			short(c)
			c.State, c.Server, c.Limits.NoCounts = Failed, End{Addrs: []string{"10.0.0.2"}}, true
		})}, nil, ""},
		{"an error nobody had", []*Conn{open()}, []topology.Edge{edit(drawn(client, web, 80, one, 100, 200),
			func(e *topology.Edge) { e.Errors = map[string]uint64{"ECONNREFUSED": 1} })}, "1 connects failed with ECONNREFUSED, at most 0 did"},
		{"an address nobody dialled", []*Conn{open()}, []topology.Edge{edit(drawn(client, web, 80, one, 100, 200),
			func(e *topology.Edge) { e.Dialed = []string{"10.9.9.9:80"} })}, "nobody dialled"},
		{"the address that was dialled", []*Conn{open()}, []topology.Edge{edit(drawn(client, web, 80, one, 100, 200),
			func(e *topology.Edge) { e.Dialed = []string{"10.0.0.2:80"} })}, ""},
		{"a holder that never held", []*Conn{open()}, []topology.Edge{edit(drawn(client, web, 80, one, 100, 200),
			func(e *topology.Edge) { e.Holders = map[string][]string{"server": {worker}} })}, "30@300 never held"},
		{"one holder for another", []*Conn{with(open(), func(c *Conn) { c.Server.AlsoHeld = []Proc{workerEnd.Proc} })},
			[]topology.Edge{edit(drawn(client, worker, 80, one, 100, 200), func(e *topology.Edge) { e.Holders = map[string][]string{"server": {web}} })}, ""},
		{"one holder for another it hides", []*Conn{with(open(), func(c *Conn) { c.Server.AlsoHeld = []Proc{workerEnd.Proc} })},
			[]topology.Edge{drawn(client, worker, 80, one, 100, 200)}, "30@300 stands for 20@200"},
		{"a role where there is none", []*Conn{with(open(), func(c *Conn) { c.NoRole = true })}, []topology.Edge{drawn(client, web, 80, one, 100, 200)}, "wrong edge"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := &Lab{Truth: tt.truth}
			got := judge(l, mapOf(tt.edges...), sees{source: SourceNetlink, interval: time.Second})
			if len(got.Problems) == 0 {
				if tt.want != "" {
					t.Errorf("no problem found, want %q", tt.want)
				}
				return
			}
			if tt.want == "" || !strings.HasPrefix(got.Problems[0], tt.want) {
				t.Errorf("problems:\n%s\nwant %q", strings.Join(got.Problems, "\n"), tt.want)
			}
		})
	}
}

func TestScoreFigures(t *testing.T) {
	truth := []*Conn{open(), with(open(), func(c *Conn) { short(c); c.N = 3 })}
	m := mapOf(drawn(client, web, 80, [3]uint64{1, 0, 1}, 100, 200), drawn(clientAddr, web, 80, [3]uint64{3, 3, 0}, 100, 200))
	got := judge(&Lab{Truth: truth, Scenario: Scenario{Name: "x"}}, m, sees{source: SourceNetlink, interval: time.Second})
	want := Score{Scenario: "x", Edges: 1, Connections: 4, Named: 1, Shown: 1, Knowable: 5, Known: 5, Roles: 1, RolesRight: 1,
		Evidence: map[string]uint64{}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("score (-want +got):\n%s", diff)
	}
	if got.Recall() != 0.25 || got.KnowableRecall() != 1 || got.Precision() != 1 {
		t.Errorf("recall %v, knowable %v, precision %v", got.Recall(), got.KnowableRecall(), got.Precision())
	}
}

func TestParseMapRefuses(t *testing.T) {
	const head = `{"schema":"peerscope.map/v1","nodes":[{"id":"address:1.2.3.4"},{"id":"process:1@2"}],"edges":[`
	for _, tt := range []struct{ name, text, want string }{
		{"another schema", `{"schema":"x"}`, "schema"},
		{"an end that is no node", head + `{"id":"e:1","client":"process:1@2","server":"address:9.9.9.9"}]}`, "two known nodes"},
		{"an order", head + `{"id":"e:2","client":"process:1@2","server":"address:1.2.3.4"},{"id":"e:1","client":"process:1@2","server":"address:1.2.3.4"}]}`, "after"},
		{"half a map", head, "unexpected EOF"},
	} {
		if _, err := parseMap(strings.NewReader(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", tt.name, err, tt.want)
		}
	}
}

func TestReadEnd(t *testing.T) {
	for _, tt := range []struct {
		id   string
		want shownEnd
	}{
		{"process:42@77", shownEnd{proc: Proc{42, 77}}},
		{"address:203.0.113.9", shownEnd{addr: "203.0.113.9"}},
		{"address:127.0.0.1@netns:4026532177", shownEnd{addr: "127.0.0.1", netns: 4026532177}},
		{"address:fe80::1%3@netns:9", shownEnd{addr: "fe80::1", netns: 9}},
	} {
		tt.want.id = tt.id
		if diff := cmp.Diff(tt.want, readEnd(topology.Node{ID: tt.id}), cmp.AllowUnexported(shownEnd{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.id, diff)
		}
	}
}

func TestParseStartTime(t *testing.T) {
	fields := slices.Repeat([]string{"7"}, 52)
	fields[19] = "8812345"
	got, err := parseStartTime("42 (a) b (c)) " + strings.Join(fields, " "))
	if err != nil || got != 8812345 {
		t.Errorf("got %d, %v", got, err)
	}
	if _, err := parseStartTime("42 (cut"); err == nil {
		t.Error("a line cut off is no error")
	}
}
