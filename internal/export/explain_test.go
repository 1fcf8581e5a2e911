package export_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/export"
	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// explanations are of edges of rich: one that fails, one that is ambiguous, one
// whose names are hostile, one that was handed on.
func explanations(m *topology.Map) []*topology.Explanation {
	edge := func(id string) *topology.Explanation {
		x := &topology.Explanation{Schema: topology.ExplainSchema, Window: m.Window, Source: m.Capture.Source}
		for i := range m.Edges {
			if m.Edges[i].ID == id {
				x.Edge = m.Edges[i]
			}
		}
		return x
	}
	fails := edge("e:07")
	fails.Began = &topology.Began{Earliest: "2026-01-02T03:04:06.000Z", Latest: "2026-01-02T03:04:14.900Z"}
	fails.Decision = topology.Decision{Alike: 142, Connection: &flow.Account{State: "failed", Error: "ECONNREFUSED", Peer: "none", Role: "handshake",
		Client: &flow.Endpoint{Cookie: 7, Local: "10.0.3.1:4000", Peer: "10.0.3.7:6379", Netns: flow.Place{Inode: 4026531840}, Holders: []string{jobs}, Since: "2026-01-02T03:04:06.000Z", Exact: true}},
		Steps: []flow.Step{
			{About: "peer", Rule: "tuple", Result: flow.NothingFound, Facts: flow.Facts{Why: "no socket that was told of has the mirrored addresses"}},
			{About: "peer", Rule: "listener", Result: flow.Rejected, Facts: flow.Facts{Why: "no listener there could take this connection", LookedFor: "10.0.3.7:6379",
				Listeners: []flow.Listens{{Address: "10.0.3.7:6379", Netns: flow.Place{Inode: 4026532177, Name: "tenant-a"}, Made: redis, Until: "2026-01-02T03:04:05.500Z", Exited: true, Verdict: "it was closed before this connection began"}}}},
			{About: "client", Rule: "holder", Result: flow.Matched, Facts: flow.Facts{Why: "it holds the socket open", Processes: []string{jobs}}},
			{About: "role", Rule: "handshake", Result: flow.Matched, Facts: flow.Facts{Votes: []flow.Vote{{End: "client", Says: "client", By: "its connect failed"}}}},
		}}
	fails.Others = []topology.Decision{{Alike: 1, Connection: &flow.Account{State: "pending", Peer: "none", Role: "handshake",
		Client: &flow.Endpoint{Cookie: 8, Local: "10.0.3.1:4001", Peer: "10.0.3.7:6379", Holders: []string{jobs}}}}}
	ambiguous := edge("e:09")
	ambiguous.LeftOut = 1
	ambiguous.Began = &topology.Began{BeforeStart: 1}
	ambiguous.Decision = topology.Decision{Alike: 1, Connection: &flow.Account{State: "open", Peer: "ambiguous", Role: "syn-byte",
		Client: &flow.Endpoint{Cookie: 9, Local: "127.0.0.1:4000", Peer: "127.0.0.1:6379", Holders: []string{jobs}, BeforeStart: true}},
		Steps: []flow.Step{
			{About: "peer", Rule: "tuple", Result: flow.Ambiguous, Facts: flow.Facts{Why: "sockets with the mirrored addresses are in several namespaces",
				Unread: []flow.Place{{Inode: 4026532999}}, Sockets: []flow.Considered{
					{Endpoint: flow.Endpoint{Local: "127.0.0.1:6379", Peer: "127.0.0.1:4000", Netns: flow.Place{Name: "tenant-a"}, Holders: []string{twin1}}, Verdict: "fits"},
					{Endpoint: flow.Endpoint{Local: "127.0.0.1:6379", Peer: "127.0.0.1:4000", Netns: flow.Place{Inode: 4026532255}, Holders: []string{twin2}}, Verdict: "it counted other bytes"}}}},
			{About: "role", Rule: "syn-byte", Result: flow.Matched, Facts: flow.Facts{Votes: []flow.Vote{{End: "client", Says: "client", By: "a SYN of its own was acknowledged"}}}},
			{About: "role", Rule: "listener", Result: flow.Contradicts, Facts: flow.Facts{Why: "a stronger one says the reverse", Votes: []flow.Vote{{End: "client", Says: "server", By: "the port it talks from is listened on"}}}},
		}}
	hostile := edge("e:13")
	hostile.Named = []topology.Node{process(1, 1, "\x1b[2Jname\u202e", topology.Attributes{})}
	hostile.Decision = topology.Decision{Alike: 1, Connection: &flow.Account{Line: "\x1b[31m", State: "closed", Peer: "kernel", Role: "kernel",
		Client: &flow.Endpoint{Inode: 5}, Server: &flow.Endpoint{Inode: 6, Path: "@/tmp/\x1b]0;owned\x07.sock", Holders: []string{"process:1@1", evil}}},
		Steps: []flow.Step{{About: "server", Rule: "holder", Result: flow.Matched, Facts: flow.Facts{Why: "several hold the socket open; the first stands for it", Processes: []string{"process:1@1", evil}}}}}
	return []*topology.Explanation{fails, ambiguous, hostile, edge("e:10")}
}

func TestExplainGolden(t *testing.T) {
	m := rich()
	for file, render := range map[string]func(*bytes.Buffer) error{
		"explain.txt": func(b *bytes.Buffer) error {
			return export.Explain(b, m, explanations(m), []*topology.Edge{&m.Edges[0], &m.Edges[1]}, export.Style{})
		},
		"explain-80-ascii.txt": func(b *bytes.Buffer) error {
			return export.Explain(b, m, explanations(m), nil, export.Style{Width: 80, ASCII: true})
		},
		"explain-100-color.txt": func(b *bytes.Buffer) error {
			return export.Explain(b, m, explanations(m)[:1], nil, export.Style{Width: 100, Color: true})
		},
		"explain.json": func(b *bytes.Buffer) error { return export.ExplainJSON(b, m, explanations(m)) },
	} {
		t.Run(file, func(t *testing.T) {
			var got bytes.Buffer
			if err := render(&got); err != nil {
				t.Fatal(err)
			}
			golden(t, file, got.Bytes())
			if bad := strings.ContainsAny(got.String(), "\x07\u202e\u009b"); bad || !strings.Contains(file, "color") && strings.Contains(got.String(), "\x1b") {
				t.Errorf("%s has characters that act on a terminal", file)
			}
		})
	}
}

func TestExplainingChangesNoMap(t *testing.T) {
	m := rich()
	var b bytes.Buffer
	if err := export.Explain(&b, m, explanations(m), pointersTo(m), export.Style{}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(rich().Nodes, m.Nodes); d != "" {
		t.Errorf("nodes (-before +after):\n%s", d)
	}
}

func pointersTo(m *topology.Map) []*topology.Edge {
	var out []*topology.Edge
	for i := range m.Edges {
		out = append(out, &m.Edges[i])
	}
	return out
}
