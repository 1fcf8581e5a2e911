package export_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/export"
	"peerscope/internal/topology"
)

// differing is a difference with an example of all that its text can say.
func differing() *topology.Difference {
	program := func(id, name string) topology.Node {
		return topology.Node{ID: id, Kind: topology.KindGroup, Name: name}
	}
	tcp := func(client, server string, port uint16) topology.Edge {
		return topology.Edge{ID: client + server, Client: client, Server: server, Transport: "tcp", ServerPort: port,
			Evidence: topology.Evidence{Peer: map[string]uint64{"tuple": 1}}}
	}
	const nginx, app, other = "program:/usr/sbin/nginx in unit nginx.service", "program:/usr/bin/python3 /srv/a/app.py", "program:/usr/bin/python3 /srv/b/app.py"
	roleless := topology.Edge{Ends: []string{app, nginx}, Transport: "unix", Path: "/run/x\n.sock"}
	before, after := tcp(nginx, app, 8080), tcp(nginx, other, 8080)
	before.Protocols = []topology.Protocol{{Name: "http", TLS: no()}}
	after.Protocols = []topology.Protocol{{Name: "http", TLS: yes()}}
	after.Dialed = []string{"10.96.0.7:80"}
	after.Evidence.Peer = map[string]uint64{"listener": 1}
	after.Connections.Failed = 3
	known := roleless
	known.Ends, known.Client, known.Server = nil, app, nginx
	return &topology.Difference{Schema: topology.DiffSchema,
		Before:  topology.Side{Host: topology.Host{Name: "web-1"}, Window: topology.Window{Start: "2026-01-02T03:04:05.000Z", End: "2026-01-02T03:04:15.000Z"}, Edges: 3},
		After:   topology.Side{Host: topology.Host{Name: "evil\x1b[31m"}, Edges: 1},
		Added:   []topology.Edge{tcp(nginx, "address:203.0.113.9", 443)},
		Removed: []topology.Edge{tcp("program:/usr/bin/curl in @tenant-a", nginx, 80)},
		Changed: []topology.EdgeChange{
			{ID: "1", Before: before, After: after, Fields: []string{"server", "dialed", "evidence", "failing", "protocols"}},
			{ID: "2", Before: roleless, After: known, Fields: []string{"roles"}},
		},
		Nodes: []topology.Node{program(nginx, "nginx"), program(app, "app.py"), program(other, "app.py"), program("program:/usr/bin/curl in @tenant-a", "curl"), address("203.0.113.9")},
	}
}

func TestDiffText(t *testing.T) {
	for _, c := range []struct {
		d     *topology.Difference
		style export.Style
		want  string
	}{
		{differing(), export.Style{ASCII: true}, `
+ nginx [unit nginx.service] -> 203.0.113.9  443 tcp
- curl@tenant-a -> nginx [unit nginx.service]  80 tcp
~ /usr/bin/python3 /srv/a/app.py -> nginx [unit nginx.service]  /run/x\n.sock unix   roles: unknown -> client /usr/bin/python3 /srv/a/app.py
~ nginx [unit nginx.service] -> /usr/bin/python3 /srv/b/app.py  8080 http+tls   server: /usr/bin/python3 /srv/a/app.py -> /usr/bin/python3 /srv/b/app.py; dialed: as the server has it -> 10.96.0.7:80; evidence: exact -> inferred; failing: no -> yes; protocols: http -> http+tls
1 added, 1 gone, 2 changed: 3 edges of web-1 in 10 s from 2026-01-02 03:04:05 UTC, then 1 edge of evil\x1b[31m
`},
		{&topology.Difference{}, export.Style{}, "\nno difference: 0 edges of an unnamed host, then 0 edges of an unnamed host\n"},
	} {
		var got bytes.Buffer
		if err := export.DiffText(&got, c.d, c.style); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(strings.TrimPrefix(c.want, "\n"), got.String()); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
}

func TestDiffJSONIsSafeForATerminal(t *testing.T) {
	var got bytes.Buffer
	if err := export.DiffJSON(&got, differing()); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(got.String(), "{\n  \"schema\": \"peerscope.diff/v1\",\n") || strings.Contains(got.String(), "\x1b") {
		t.Errorf("%.80q", got.String())
	}
}
