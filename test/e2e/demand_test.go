package e2e

import (
	"strings"
	"testing"

	"peerscope/internal/topology"
)

// What a source is told of everything is not forgiven, although the same map
// would be right for one that looks.
func TestScoreOfSourceThatKnowsAll(t *testing.T) {
	three := [3]uint64{3, 3, 0}
	brief := with(open(), func(c *Conn) { short(c); c.Server = workerEnd; c.N = 3 })
	refused := with(open(), func(c *Conn) {
		short(c)
		c.State, c.Errno, c.Server, c.ToServer, c.ToClient = Failed, "ECONNREFUSED", End{Addrs: []string{"10.0.0.2"}}, 0, 0
	})
	gaveUp := *refused
	gaveUp.Errno, gaveUp.Soft = "", "ENETUNREACH"
	failed := edit(drawn(client, webAddr, 80, [3]uint64{}), func(e *topology.Edge) { e.Connections.Failed = 1 })
	virtual := with(open(), func(c *Conn) {
		c.Limits.Split, c.Dialed, c.DialedPort = true, "10.9.9.9:81", 81
		c.Server.Addrs = []string{"10.0.0.2", "10.9.9.9"}
	})
	one := [3]uint64{1, 0, 1}
	flow := with(open(), func(c *Conn) { c.Transport, c.N = "udp", 2 })
	asUDP := func(e topology.Edge) topology.Edge { e.Transport = "udp"; return e }
	// The first 60 bytes were read by web, then a worker took over.
	passed := with(open(), func(c *Conn) {
		c.Server = workerEnd
		c.Server.AlsoHeld = []Proc{webEnd.Proc}
		c.Parts = []Part{{Client: clientEnd, Server: webEnd, ToServer: 60}}
	})
	sides := func(toServer uint64) func(*topology.Edge) {
		toClient := uint64(200)
		return func(e *topology.Edge) {
			e.Sides = &topology.Sides{Server: &topology.Bytes{ToServer: &toServer, ToClient: &toClient}}
		}
	}
	tests := []struct {
		name  string
		truth *Conn
		edges []topology.Edge
		want  string // the beginning of the first problem; empty: none
	}{
		{"named", brief, []topology.Edge{drawn(client, worker, 80, three, 100, 200)}, ""},
		{"client unnamed", brief, []topology.Edge{drawn(clientAddr, worker, 80, three, 100, 200)}, "not named: 3 of 3"},
		{"listener's maker", brief, []topology.Edge{drawn(client, web, 80, three, 100, 200)}, "wrong edge"},
		{"a byte too many, and said so", open(), []topology.Edge{edit(drawn(client, web, 80, one, 100, 201),
			func(e *topology.Edge) { e.Inexact = []string{"bytes.to_client"} })}, "bytes to client: got 201"},
		{"an error that is not told", refused, []topology.Edge{failed}, "0 connects failed with ECONNREFUSED, 1 did"},
		{"the error", refused, []topology.Edge{edit(failed, func(e *topology.Edge) { e.Errors = map[string]uint64{"ECONNREFUSED": 1} })}, ""},
		{"a soft error that is told", &gaveUp, []topology.Edge{edit(failed, func(e *topology.Edge) { e.Errors = map[string]uint64{"ENETUNREACH": 1} })}, ""},
		{"a soft error that is not told", &gaveUp, []topology.Edge{failed}, ""},
		{"halves of a translated one", virtual, []topology.Edge{drawn(client, webAddr, 80, one, 100, 200), drawn(clientAddr, web, 80, one, 100, 200)},
			"not named: 1 of 1"},
		{"what was dialled is not told", virtual, []topology.Edge{drawn(client, web, 80, one, 100, 200)}, "10.9.9.9:81 was dialled and is not shown"},
		{"what was dialled", virtual, []topology.Edge{edit(drawn(client, web, 80, one, 100, 200),
			func(e *topology.Edge) { e.Dialed = []string{"10.9.9.9:81"} })}, ""},
		{"one datagram flow of two", flow, []topology.Edge{asUDP(drawn(client, web, 80, one, 100, 200))}, "not named: 1 of 2"},
		{"both flows", flow, []topology.Edge{asUDP(drawn(client, web, 80, [3]uint64{2, 0, 2}, 100, 200))}, ""},
		{"each holder's own", passed, []topology.Edge{drawn(client, worker, 80, one, 40, 200), drawn(client, web, 80, [3]uint64{}, 60, 0)}, ""},
		{"all put to the last holder", passed, []topology.Edge{drawn(client, worker, 80, one, 100, 200)}, "bytes to server: got 0, want 60"},
		{"all put to the first holder", passed, []topology.Edge{edit(drawn(client, web, 80, one, 100, 200),
			func(e *topology.Edge) { e.Holders = map[string][]string{"server": {worker}} })}, "opened: got 1, want 0"},
		{"the server's own count", open(), []topology.Edge{edit(drawn(client, web, 80, one, 100, 200), sides(100))}, ""},
		{"the server's own count is off", open(), []topology.Edge{edit(drawn(client, web, 80, one, 100, 200), sides(101))},
			"the server's sockets, bytes to server: got 101, want 100"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := judge(&Lab{Truth: []*Conn{tt.truth}}, mapOf(tt.edges...), sees{source: SourceEBPF})
			if len(got.Problems) == 0 && tt.want == "" {
				return
			}
			if len(got.Problems) == 0 || tt.want == "" || !strings.HasPrefix(got.Problems[0], tt.want) {
				t.Errorf("problems:\n%s\nwant %q", strings.Join(got.Problems, "\n"), tt.want)
			}
		})
	}
}

func TestScoreOfNames(t *testing.T) {
	actor := with(open(), func(c *Conn) { c.Client.Exe, c.Client.Actor = "client", true; c.Server.Exe = "nginx" })
	for _, tt := range []struct {
		name                 string
		source               string
		life                 func(*Conn)
		clientName, exe, web string
		want                 string
	}{
		{"right", SourceEBPF, short, "client", "client", "nginx", ""},
		{"no name", SourceEBPF, short, "pid 10", "client", "nginx", "process 10@100 has no name"},
		{"another program", SourceEBPF, short, "client", "sh", "nginx", `executable of process 10@100 (client): got "sh", want "client"`},
		{"no program", SourceEBPF, short, "client", "client", "", `executable of process 20@200 (web): got "", want "nginx"`},
		{"another name", SourceEBPF, short, "sh", "client", "nginx", `name of process 10@100: got "sh", want "client"`},
		{"no name, and a look met it", SourceNetlink, func(*Conn) {}, "pid 10", "client", "nginx", "process 10@100 has no name"},
		{"no name, and no look met it", SourceNetlink, short, "pid 10", "", "", ""},
	} {
		c := *actor
		tt.life(&c)
		m := mapOf(drawn(client, web, 80, [3]uint64{}))
		m.Nodes[0].Name, m.Nodes[0].Attributes.ExecutableName = tt.clientName, tt.exe
		m.Nodes[1].Name, m.Nodes[1].Attributes.ExecutableName = "web", tt.web
		var s Score
		s.judgeProcesses(m, []*Conn{&c}, sees{source: tt.source})
		if got := strings.Join(s.Problems, "\n"); !strings.HasPrefix(got, tt.want) || (got == "") != (tt.want == "") {
			t.Errorf("%s: problems %q, want %q", tt.name, got, tt.want)
		}
	}
}

// For a source that looks a connection is one, whoever had it when.
func TestTruthOfParts(t *testing.T) {
	c := with(open(), func(c *Conn) { c.Parts = []Part{{Client: clientEnd, Server: workerEnd, ToServer: 30, ToClient: 200}} })
	if got := (sees{source: SourceNetlink}).truth([]*Conn{c}); len(got) != 1 || got[0] != c {
		t.Errorf("netlink: %v", got)
	}
	got := (sees{source: SourceEBPF}).truth([]*Conn{c})
	if len(got) != 2 {
		t.Fatalf("ebpf: %d, want the part and the rest", len(got))
	}
	part, rest := got[0], got[1]
	if part.N != 0 || part.Server.Proc != workerEnd.Proc || part.ToServer != 30 || part.ToClient != 200 {
		t.Errorf("part: %+v", part)
	}
	if rest.N != 1 || rest.ToServer != 70 || rest.ToClient != 0 || c.ToServer != 100 {
		t.Errorf("rest: %+v of %+v", rest, c)
	}
}
