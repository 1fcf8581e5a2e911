package export

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"peerscope/internal/flow"
	"peerscope/internal/screen"
	"peerscope/internal/topology"
)

// CSV writes m as RFC 4180 (lines end in CR LF), one edge a row in the map's
// order. The columns are always the same; later versions add theirs at the end.
// A cell is empty where the value is not known. Lists within a cell are
// separated by ";", their counts follow "=".
//
// An edge whose roles are not known leaves the client and server columns empty
// and has first and second, at the end of the row.
func CSV(w io.Writer, m *topology.Map) error {
	columns := csvColumns()
	r := record{m: m, names: newNames(m, Style{})}
	row := make([]string, len(columns))
	for i, c := range columns {
		row[i] = c.title
	}
	var buf bytes.Buffer
	out := csv.NewWriter(&buf)
	out.UseCRLF = true
	if err := out.Write(row); err != nil {
		return fmt.Errorf("encode the map as csv: %w", err)
	}
	for i := range m.Edges {
		r.of(&m.Edges[i])
		for i, c := range columns {
			row[i] = unformula(screen.Clean(c.value(&r), false))
		}
		if err := out.Write(row); err != nil {
			return fmt.Errorf("encode the map as csv: %w", err)
		}
	}
	out.Flush()
	return write(w, "csv", buf.Bytes())
}

// unformula keeps a spreadsheet from running a cell that a process named: one
// that begins like a formula gets an apostrophe, which spreadsheets take for
// "this is text". Numbers of ours are never negative, so that none is touched.
func unformula(s string) string {
	for _, start := range []string{"=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"} {
		if strings.HasPrefix(s, start) {
			return "'" + s
		}
	}
	return s
}

// record is the edge of one row with its ends; a nil end is not known.
type record struct {
	m                             *topology.Map
	names                         *names
	edge                          *topology.Edge
	client, server, first, second *topology.Node
}

// of sets the edge of the record, so that one record serves all rows.
func (r *record) of(e *topology.Edge) {
	r.edge = e
	r.client, r.server, r.first, r.second = nil, nil, nil, nil
	a, b, roles := ends(e)
	if roles {
		r.client, r.server = r.node(a), r.node(b)
	} else {
		r.first, r.second = r.node(a), r.node(b)
	}
}

// node is the node of an id; a map that lacks it still has the id to show.
func (r *record) node(id string) *topology.Node {
	if id == "" {
		return nil
	}
	if d := r.names.nodes[id]; d != nil {
		return d
	}
	return &topology.Node{ID: id}
}

// csvColumn is one column: its title and how a row gets its value.
type csvColumn struct {
	title string
	value func(r *record) string
}

// csvColumns are the columns, in an order that never changes.
func csvColumns() []csvColumn {
	columns := []csvColumn{{"id", func(r *record) string { return r.edge.ID }}}
	client := func(r *record) *topology.Node { return r.client }
	server := func(r *record) *topology.Node { return r.server }
	first := func(r *record) *topology.Node { return r.first }
	second := func(r *record) *topology.Node { return r.second }
	columns = append(columns, endColumns("client", client)...)
	columns = append(columns, endColumns("server", server)...)
	columns = append(columns, edgeColumns()...)
	columns = append(columns, figureColumns()...)
	columns = append(columns,
		csvColumn{"window_start", func(r *record) string { return r.m.Window.Start }},
		csvColumn{"window_end", func(r *record) string { return r.m.Window.End }},
		csvColumn{"host", func(r *record) string { return r.m.Host.Name }},
	)
	columns = append(columns, endColumns("first", first)...)
	columns = append(columns, endColumns("second", second)...)
	columns = append(columns, rolelessColumns()...)
	return slices.Concat(columns, nameColumns("client", client), nameColumns("server", server), nameColumns("first", first), nameColumns("second", second))
}

// endColumns describe the node of one end: what it is called, the id to join it
// with the nodes of the JSON, and what programs group by.
func endColumns(end string, of func(*record) *topology.Node) []csvColumn {
	column := func(name string, value func(*topology.Node) string) csvColumn {
		return csvColumn{end + name, func(r *record) string {
			if d := of(r); d != nil {
				return value(d)
			}
			return ""
		}}
	}
	return []csvColumn{
		column("", func(d *topology.Node) string { return cmp.Or(d.Name, d.ID) }),
		column("_id", func(d *topology.Node) string { return d.ID }),
		column("_pid", func(d *topology.Node) string { return number(uint64(d.Attributes.PID)) }),
		column("_executable", func(d *topology.Node) string { return d.Attributes.ExecutablePath }),
		column("_unit", func(d *topology.Node) string { return d.Attributes.Unit }),
		column("_container", func(d *topology.Node) string { return d.Attributes.ContainerID }),
		column("_netns", func(d *topology.Node) string { return number(d.Attributes.NetnsInode) }),
	}
}

// nameColumns say what people call what the process of one end runs in.
func nameColumns(end string, of func(*record) *topology.Node) []csvColumn {
	column := func(name string, value func(*topology.Attributes) string) csvColumn {
		return csvColumn{end + name, func(r *record) string {
			if d := of(r); d != nil {
				return value(&d.Attributes)
			}
			return ""
		}}
	}
	return []csvColumn{
		column("_script", func(a *topology.Attributes) string { return a.Script }),
		column("_container_name", func(a *topology.Attributes) string { return a.ContainerName }),
		column("_image", func(a *topology.Attributes) string { return a.Image }),
		column("_namespace", func(a *topology.Attributes) string { return a.Namespace }),
		column("_pod", func(a *topology.Attributes) string { return a.PodName }),
		column("_workload", func(a *topology.Attributes) string { return workload(a) }),
		column("_service", func(a *topology.Attributes) string { return cmp.Or(a.ServiceName, a.KubeService) }),
	}
}

// workload is the name of what people made, of which a pod came.
func workload(a *topology.Attributes) string {
	return cmp.Or(a.Deployment, a.StatefulSet, a.DaemonSet, a.CronJob, a.Job, a.ReplicaSet)
}

// edgeColumns say over what, and on what grounds.
func edgeColumns() []csvColumn {
	return []csvColumn{
		{"transport", func(r *record) string { return r.edge.Transport }},
		{"server_port", func(r *record) string { return number(uint64(r.edge.ServerPort)) }},
		{"path", func(r *record) string { return r.edge.Path }},
		{"dialed", func(r *record) string { return strings.Join(r.edge.Dialed, ";") }},
		{"protocols", func(r *record) string { return strings.ReplaceAll(r.names.protocols(r.edge), ",", ";") }},
		{"role_evidence", func(r *record) string { return counted(r.edge.Evidence.Role, flow.RoleEvidenceNames[:]) }},
		{"peer_evidence", func(r *record) string { return counted(r.edge.Evidence.Peer, flow.PeerEvidenceNames[:]) }},
		{"candidates", func(r *record) string { return listedBy(r.edge.Candidates) }},
		{"holders", func(r *record) string { return listedBy(r.edge.Holders) }},
	}
}

// figureColumns are numbers, in bytes, segments, microseconds and connections.
// A direction that could not be counted is empty, not 0.
func figureColumns() []csvColumn {
	columns := []csvColumn{
		{"active", func(r *record) string { return decimal(r.edge.Connections.Active) }},
		{"opened", func(r *record) string { return decimal(r.edge.Connections.Opened) }},
		{"closed", func(r *record) string { return decimal(r.edge.Connections.Closed) }},
		{"failed", func(r *record) string { return decimal(r.edge.Connections.Failed) }},
		{"pending", func(r *record) string { return decimal(r.edge.Connections.Pending) }},
		{"errors", func(r *record) string { return counted(r.edge.Errors, nil) }},
		countColumn("bytes_to_server", trafficOf, func(b *topology.Bytes) *uint64 { return b.ToServer }),
		countColumn("bytes_to_client", trafficOf, func(b *topology.Bytes) *uint64 { return b.ToClient }),
		{"inexact", func(r *record) string { return strings.Join(r.edge.Inexact, ";") }},
		countColumn("retransmits_to_server", retransmitsOf, func(b *topology.Bytes) *uint64 { return b.ToServer }),
		countColumn("retransmits_to_client", retransmitsOf, func(b *topology.Bytes) *uint64 { return b.ToClient }),
	}
	columns = append(columns, statColumns("rtt_us", func(e *topology.Edge) *topology.Stat { return e.RTT })...)
	return append(columns, statColumns("connect_us", func(e *topology.Edge) *topology.Stat { return e.Connect })...)
}

// rolelessColumns are what an edge without roles has instead: figures by the
// order of its ends, not by who is the client.
func rolelessColumns() []csvColumn {
	port := func(title string, i int) csvColumn {
		return csvColumn{title, func(r *record) string {
			if len(r.edge.EndPorts) != 2 {
				return ""
			}
			return number(uint64(r.edge.EndPorts[i]))
		}}
	}
	return []csvColumn{
		port("first_port", 0),
		port("second_port", 1),
		countColumn("bytes_first_to_second", trafficOf, func(b *topology.Bytes) *uint64 { return b.FirstToSecond }),
		countColumn("bytes_second_to_first", trafficOf, func(b *topology.Bytes) *uint64 { return b.SecondToFirst }),
		countColumn("retransmits_first_to_second", retransmitsOf, func(b *topology.Bytes) *uint64 { return b.FirstToSecond }),
		countColumn("retransmits_second_to_first", retransmitsOf, func(b *topology.Bytes) *uint64 { return b.SecondToFirst }),
	}
}

func trafficOf(e *topology.Edge) *topology.Bytes     { return e.Bytes }
func retransmitsOf(e *topology.Edge) *topology.Bytes { return e.Retransmits }

// countColumn is one direction of a pair of counts.
func countColumn(title string, of func(*topology.Edge) *topology.Bytes, direction func(*topology.Bytes) *uint64) csvColumn {
	return csvColumn{title, func(r *record) string {
		b := of(r.edge)
		if b == nil || direction(b) == nil {
			return ""
		}
		return decimal(*direction(b))
	}}
}

// statColumns are a summary in microseconds; the average is rounded to one. A
// summary of no samples is not known.
func statColumns(title string, of func(*topology.Edge) *topology.Stat) []csvColumn {
	column := func(name string, value func(*topology.Stat) uint64) csvColumn {
		return csvColumn{title + name, func(r *record) string {
			if s := of(r.edge); s != nil && s.Count > 0 {
				return decimal(value(s))
			}
			return ""
		}}
	}
	return []csvColumn{
		column("_avg", func(s *topology.Stat) uint64 { return (s.Sum + s.Count/2) / s.Count }),
		column("_min", func(s *topology.Stat) uint64 { return s.Min }),
		column("_max", func(s *topology.Stat) uint64 { return s.Max }),
	}
}

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }

// number writes what is never 0: 0 stands for not known.
func number(n uint64) string {
	if n == 0 {
		return ""
	}
	return decimal(n)
}

// counted writes words and their counts, in the order of the ladder they belong
// to; words that are not on it, as a later version may have, follow in
// alphabetical order.
func counted(counts map[string]uint64, ladder []string) string {
	rank := func(word string) int {
		if i := slices.Index(ladder, word); i >= 0 {
			return i
		}
		return len(ladder)
	}
	words := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
	})
	for i, w := range words {
		words[i] = w + "=" + decimal(counts[w])
	}
	return strings.Join(words, ";")
}

// listedBy writes node ids by the end they are about: "server=id;server=id".
func listedBy(ids map[string][]string) string {
	var parts []string
	for _, end := range slices.Sorted(maps.Keys(ids)) {
		for _, id := range ids[end] {
			parts = append(parts, end+"="+id)
		}
	}
	return strings.Join(parts, ";")
}
