package export_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"peerscope/internal/export"
	"peerscope/internal/topology"
)

func TestJSONRoundTrip(t *testing.T) {
	for name, m := range map[string]*topology.Map{"rich": rich(), "moment": withLists(moment()), "random": withLists(valid(random(7, 200)))} {
		out := render(t, "json", m, export.Style{})
		var got topology.Map
		dec := json.NewDecoder(strings.NewReader(out))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m, &got, cmpopts.IgnoreUnexported(topology.Edge{})); diff != "" {
			t.Errorf("%s (-written +read):\n%s", name, diff)
		}
	}
}

// withLists sets what is always a list, as the topology does.
func withLists(m *topology.Map) *topology.Map {
	if m.Capture.Degraded == nil {
		m.Capture.Degraded = []topology.Degraded{}
	}
	if m.Capture.Lost == nil {
		m.Capture.Lost = map[string]uint64{}
	}
	return m
}

// valid replaces bytes that are no UTF-8, which JSON cannot carry.
func valid(m *topology.Map) *topology.Map {
	b, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	var v topology.Map
	if err := json.Unmarshal(b, &v); err != nil {
		panic(err)
	}
	return &v
}

func TestJSONHasNoNullAndNothingInvisible(t *testing.T) {
	for name, m := range map[string]*topology.Map{"zero": {}, "empty": empty(), "rich": rich(), "random": random(3, 100)} {
		out := render(t, "json", m, export.Style{})
		if strings.Contains(out, "null") {
			t.Errorf("%s has a null:\n%s", name, out)
		}
		for _, want := range []string{`"nodes": [`, `"edges": [`, `"degraded": [`, `"lost": {`} {
			if !strings.Contains(out, want) {
				t.Errorf("%s lacks %s", name, want)
			}
		}
		for _, r := range out {
			if r != '\n' && !unicode.IsPrint(r) {
				t.Errorf("%s: character %U in the output", name, r)
				break
			}
		}
	}
	if out := render(t, "json", rich(), export.Style{}); !strings.Contains(out, "<b>&amp;") {
		t.Error("HTML characters are escaped")
	}
}

func TestWritersLeaveTheMapAlone(t *testing.T) {
	for _, format := range export.Formats() {
		m := empty()
		m.Nodes, m.Capture.Degraded = nil, nil
		render(t, format, m, export.Style{Width: 80})
		if m.Nodes != nil || m.Edges != nil || m.Capture.Degraded != nil || m.Capture.Lost != nil {
			t.Errorf("%s changes the lists of the map", format)
		}
		r := rich()
		render(t, format, r, export.Style{Width: 80})
		if diff := cmp.Diff(rich(), r, cmpopts.IgnoreUnexported(topology.Edge{})); diff != "" {
			t.Errorf("%s changes the map:\n%s", format, diff)
		}
	}
}

// rows reads CSV back as one map a row.
func rows(t *testing.T, out string) []map[string]string {
	t.Helper()
	records, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var all []map[string]string
	for _, record := range records[1:] {
		row := map[string]string{}
		for i, title := range records[0] {
			row[title] = record[i]
		}
		if len(row) != len(records[0]) {
			t.Fatalf("titles are not unique: %q", records[0])
		}
		all = append(all, row)
	}
	return all
}

func TestCSVCells(t *testing.T) {
	byID := map[string]map[string]string{}
	for _, row := range rows(t, render(t, "csv", rich(), export.Style{})) {
		byID[row["id"]] = row
	}
	if got, want := len(byID), len(rich().Edges); got != want {
		t.Fatalf("%d rows, want %d", got, want)
	}
	tests := []struct{ claim, id, column, want string }{
		{"known figures are written in full", "e:01", "bytes_to_client", "98000000"},
		{"a zero that is known is written", "e:13", "bytes_to_server", "0"},
		{"unknown bytes are empty", "e:11", "bytes_to_server", ""},
		{"one unknown direction is empty", "e:12", "bytes_to_client", ""},
		{"an unknown rtt is empty", "e:11", "rtt_us_avg", ""},
		{"the average is in microseconds", "e:05", "rtt_us_avg", "1100"},
		{"the address of a unix edge is a path", "e:06", "path", deep},
		{"a unix edge has no port", "e:06", "server_port", ""},
		{"an abstract path is no formula", "e:13", "path", `'@/tmp/\x1b]0;owned\x07.sock`},
		{"controls are escaped", "e:13", "client", "a\"b]\\;\\x1b[31mred\\n<b>&amp;`%%{init}%%"},
		{"evidence is in the order of the ladder", "e:03", "peer_evidence", "sequence=3;nat=1"},
		{"role evidence too", "e:01", "role_evidence", "handshake=8;syn-byte=4"},
		{"errors are counted", "e:07", "errors", "ECONNREFUSED=140;ETIMEDOUT=2"},
		{"candidates are node ids", "e:09", "candidates", "server=" + twin1 + ";server=" + twin2},
		{"an address has no pid", "e:07", "server_pid", ""},
		{"the container is in full", "e:05", "client_container", "3f2a9c1b77de0c5a4b8e9d7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c1d0e9f8a7b"},
		{"an edge without roles has no client", "e:10", "client", ""},
		{"and no server", "e:10", "server_id", ""},
		{"but two ends", "e:10", "second_id", jobs},
		{"with their ports", "e:10", "second_port", "40112"},
		{"and bytes by their order", "e:10", "bytes_first_to_second", "10"},
		{"and none by role", "e:10", "bytes_to_server", ""},
		{"the window is in every row", "e:14", "window_end", "2026-01-02T03:04:15.000Z"},
	}
	for _, tt := range tests {
		got, ok := byID[tt.id][tt.column]
		if !ok || got != tt.want {
			t.Errorf("%s: %s of %s is %q, want %q", tt.claim, tt.column, tt.id, got, tt.want)
		}
	}
}

func TestCSVParsesBackWhateverTheNames(t *testing.T) {
	for seed := range uint64(50) {
		m := random(seed, 30)
		out := render(t, "csv", m, export.Style{})
		got := rows(t, out)
		if len(got) != len(m.Edges) {
			t.Fatalf("seed %d: %d rows, want %d", seed, len(got), len(m.Edges))
		}
		for _, row := range got {
			for title, cell := range row {
				if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") {
					t.Errorf("seed %d: %s begins like a formula: %q", seed, title, cell)
				}
				if i := strings.IndexFunc(cell, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
					t.Errorf("seed %d: %s has a character that does not print: %q", seed, title, cell)
				}
			}
		}
		if strings.Count(out, "\r\n") != len(m.Edges)+1 || strings.Count(out, "\n") != len(m.Edges)+1 {
			t.Errorf("seed %d: lines do not all end in CR LF, or a cell has a line end", seed)
		}
	}
}

func TestProgramFormatsAreDeterministic(t *testing.T) {
	for _, format := range []string{"json", "csv", "dot", "mermaid"} {
		for seed := range uint64(10) {
			if a, b := render(t, format, random(seed, 50), export.Style{}), render(t, format, random(seed, 50), export.Style{Width: 30}); a != b {
				t.Errorf("%s of the same map differs:\n%s", format, cmp.Diff(a, b))
			}
		}
	}
}

func TestUnknownFormat(t *testing.T) {
	tests := []struct{ format, want string }{
		{"jsn", `unknown output format "jsn", did you mean "json"? known formats: tree, table, json, csv, dot, mermaid, svg`},
		{"JSON", `unknown output format "JSON", did you mean "json"? known formats: tree, table, json, csv, dot, mermaid, svg`},
		{"tabel", `unknown output format "tabel", did you mean "table"? known formats: tree, table, json, csv, dot, mermaid, svg`},
		{"mer", `unknown output format "mer", did you mean "mermaid"? known formats: tree, table, json, csv, dot, mermaid, svg`},
		{"t", `unknown output format "t", did you mean "tree"? known formats: tree, table, json, csv, dot, mermaid, svg`},
		{"xyz", `unknown output format "xyz", known formats: tree, table, json, csv, dot, mermaid, svg`},
		{"", `unknown output format "", known formats: tree, table, json, csv, dot, mermaid, svg`},
		{"\x1b[2J", `unknown output format "\x1b[2J", known formats: tree, table, json, csv, dot, mermaid, svg`},
	}
	for _, tt := range tests {
		var b bytes.Buffer
		err := export.Render(&b, tt.format, rich(), export.Style{})
		if err == nil || err.Error() != tt.want || b.Len() != 0 {
			t.Errorf("Render %q: %v, want %s", tt.format, err, tt.want)
		}
		if err := export.Check(tt.format); err == nil || err.Error() != tt.want {
			t.Errorf("Check %q: %v, want %s", tt.format, err, tt.want)
		}
	}
	for _, format := range export.Formats() {
		if err := export.Check(format); err != nil {
			t.Error(err)
		}
	}
}
