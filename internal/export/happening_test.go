package export_test

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"testing"

	"peerscope/internal/export"
	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// happenings are one of each kind.
func happenings() []topology.Happening {
	client := &topology.Node{ID: "process:4242@99", Kind: topology.KindProcess, Name: "worker\x1b[31m", Attributes: topology.Attributes{
		PID: 4242, ExecutableName: "worker", Created: "2026-01-02T03:00:00.000Z", ContainerID: "0123456789abcdef", ContainerName: "shop",
		Namespace: "shop", PodName: "worker-7f9c", ServiceName: "worker", NetnsInode: 4026532177}}
	server := &topology.Node{ID: "process:812@11", Kind: topology.KindProcess, Name: "redis-server", Attributes: topology.Attributes{
		PID: 812, ExecutableName: "redis-server", Unit: "redis.service"}}
	other := &topology.Node{ID: "address:203.0.113.9", Kind: topology.KindAddress, Name: "203.0.113.9", Attributes: topology.Attributes{PeerAddress: "203.0.113.9"}}
	tcp := &topology.Edge{ID: "e:1111111111111111", Client: client.ID, Server: server.ID, Transport: "tcp", ServerPort: 6379}
	out := &topology.Edge{ID: "e:2222222222222222", Client: client.ID, Server: other.ID, Transport: "tcp", ServerPort: 443}
	unix := &topology.Edge{ID: "e:3333333333333333", Client: client.ID, Server: server.ID, Transport: "unix", Path: "/run/redis.sock"}
	pair := &topology.Edge{ID: "e:4444444444444444", Ends: []string{client.ID, server.ID}, Transport: "udp", EndPorts: []uint16{5000, 5001}}
	known := func(n uint64) flow.Amount { return flow.Amount{Value: n, Known: true} }
	const at = flow.Time(1_767_323_045_250_000_000)
	conn := flow.Connection{A: netip.MustParseAddrPort("10.0.3.1:45516"), B: netip.MustParseAddrPort("10.0.3.7:6379"), Opened: at, Latest: at + 1_500_000_000, Exact: true, RTT: 180,
		Bytes: flow.Traffic{ToB: known(1234), ToA: flow.Amount{Value: 99, Known: true, Inexact: true}}}
	of := func(kind string, t flow.Time, e *topology.Edge, first, second *topology.Node, with func(*topology.Happening)) topology.Happening {
		h := topology.Happening{Kind: kind, Time: t, Host: "web-1", Edge: e, First: first, Second: second}
		if with != nil {
			with(&h)
		}
		return h
	}
	connection := func(h *topology.Happening) {
		h.Connection, h.Connect, h.Peer, h.Role, h.Dialed = conn, 310, "sequence", "handshake", "10.96.0.7:6379"
	}
	return []topology.Happening{
		of(topology.HappenedEdge, at, tcp, client, server, nil),
		of(topology.HappenedOpened, at, tcp, client, server, connection),
		of(topology.HappenedClosed, conn.Latest, tcp, client, server, connection),
		of(topology.HappenedFailed, at+1, out, client, other, func(h *topology.Happening) {
			h.Connection.A, h.Connection.B = netip.MustParseAddrPort("[fd00::1]:40000"), netip.MustParseAddrPort("[2001:db8::9]:443")
			h.Error, h.Peer, h.Role = "ECONNREFUSED", "none", "handshake"
		}),
		of(topology.HappenedFailed, at+1, out, client, other, func(h *topology.Happening) { h.Peer, h.Role = "none", "handshake" }),
		of(topology.HappenedOpened, at+2, unix, client, server, func(h *topology.Happening) { h.Peer, h.Role = "kernel", "kernel" }),
		of(topology.HappenedClosed, at+3, pair, client, server, func(h *topology.Happening) {
			h.Connection = flow.Connection{A: netip.MustParseAddrPort("10.0.3.1:5000"), B: netip.MustParseAddrPort("10.0.3.7:5001"), Bytes: flow.Traffic{ToB: known(0)}}
			h.Peer, h.Role = "tuple", "none"
		}),
		of(topology.HappenedFailing, at+3, out, client, other, func(h *topology.Happening) { h.Error = "ECONNREFUSED" }),
		of(topology.HappenedMended, at+3, pair, client, server, nil),
		{Kind: topology.HappenedLost, Time: at + 4, Host: "web-1", Reason: "ring_full", Count: 3},
	}
}

func TestGoldenHappenings(t *testing.T) {
	list := happenings()
	var lines, text, ascii, color bytes.Buffer
	for i := range list {
		line, err := export.HappeningJSON(&list[i])
		if err != nil {
			t.Fatal(err)
		}
		var flat map[string]any
		if err := json.Unmarshal(line, &flat); err != nil || bytes.Count(line, []byte("\n")) != 1 || flat["event"] != list[i].Kind {
			t.Errorf("%s: %v", line, err)
		}
		for key, v := range flat {
			if _, nested := v.(map[string]any); nested {
				t.Errorf("%s is an object", key)
			}
		}
		lines.Write(line)
		text.Write(export.HappeningText(&list[i], export.Style{}))
		ascii.Write(export.HappeningText(&list[i], export.Style{ASCII: true, Width: 80}))
		color.Write(export.HappeningText(&list[i], export.Style{Color: true}))
	}
	golden(t, "happenings.ndjson", lines.Bytes())
	golden(t, "happenings.txt", text.Bytes())
	golden(t, "happenings-80-ascii.txt", ascii.Bytes())
	golden(t, "happenings-color.txt", color.Bytes())
}
