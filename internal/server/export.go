package server

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"peerscope/internal/spelling"
	"peerscope/internal/topology"
	"peerscope/internal/view"
)

// The formats that the server makes itself, beside those of Config.Render.
const (
	formatNodeGraph = "nodegraph"
	formatGraphML   = "graphml"
)

// GraphFormats are the formats of graphs, which others than the server write too.
func GraphFormats() []string { return []string{formatGraphML, formatNodeGraph} }

// WriteGraph writes a graph in one of GraphFormats.
func WriteGraph(w io.Writer, format string, g *view.Graph) error {
	var b bytes.Buffer
	var err error
	if format == formatGraphML {
		err = writeGraphML(&b, g)
	} else {
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		err = enc.Encode(grafanaGraph(g))
	}
	if err == nil {
		_, err = w.Write(b.Bytes())
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", format, err)
	}
	return nil
}

// grouping is what topology.Group calls the levels that an export has.
func grouping() map[string]string {
	return map[string]string{view.LevelProcess: "process", view.LevelProgram: "exe", view.LevelContainer: "container",
		view.LevelPod: "pod", view.LevelWorkload: "workload", view.LevelHost: "host"}
}

// formats are all that can be exported.
func (s *Server) formats() []string {
	out := []string{formatNodeGraph, formatGraphML}
	if s.c.Render != nil {
		out = append(out, s.c.Formats...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// mediaType is that of a format, and how the name of its file ends.
func mediaType(format string) (media, ending string) {
	switch format {
	case "json", formatNodeGraph:
		return "application/json", "json"
	case "csv":
		return "text/csv; charset=utf-8", "csv"
	case "dot":
		return "text/vnd.graphviz; charset=utf-8", "dot"
	case "mermaid":
		return "text/vnd.mermaid; charset=utf-8", "mmd"
	case "svg":
		return "image/svg+xml", "svg"
	case formatGraphML:
		return "application/graphml+xml; charset=utf-8", "graphml"
	}
	return "text/plain; charset=utf-8", "txt"
}

// export answers with a file.
func (s *Server) export(c *call) error {
	format := c.r.PathValue("format")
	past, f := c.past(), c.p.filter("filter")
	levels := []string{view.LevelProcess, view.LevelProgram, view.LevelContainer, view.LevelPod, view.LevelWorkload, view.LevelHost}
	level := c.p.word("level", view.LevelProcess, levels)
	if c.p.wrong != nil {
		return c.p.wrong
	}
	if known := s.formats(); !slices.Contains(known, format) {
		p := notFound(fmt.Sprintf("there is no export format %.40q: it is one of %s", format, strings.Join(known, ", ")))
		p.Nearest = spelling.Nearest(format, known)
		return p
	}
	x, err := s.span(c.r.Context(), past)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	switch format {
	case formatNodeGraph, formatGraphML:
		g := view.Make(x.m, view.Options{Level: level, Filter: f, ShowNoise: true, Length: x.observed, Group: view.GroupNone})
		if format == formatGraphML {
			err = writeGraphML(&b, g)
			break
		}
		return c.sendJSON(grafanaGraph(g))
	default:
		m := x.m
		if f != nil {
			m = f.Select(m)
		}
		err = s.c.Render(&b, format, listed(topology.Group(m, grouping()[level])))
	}
	if err != nil {
		return fmt.Errorf("export as %s: %w", format, err)
	}
	media, ending := mediaType(format)
	a := newAnswer(b.Bytes(), media)
	_, end, err := x.m.Window.Bounds()
	if err != nil {
		return fmt.Errorf("export as %s: %w", format, err)
	}
	a.name = "peerscope-" + end.UTC().Format("20060102T150405Z") + "." + ending
	a.send(c.w, c.r)
	return nil
}

// The parts of GraphML, as far as they are used.
type graphML struct {
	XMLName xml.Name     `xml:"http://graphml.graphdrawing.org/xmlns graphml"`
	Keys    []graphMLKey `xml:"key"`
	Graph   graphMLGraph `xml:"graph"`
}

type graphMLKey struct {
	ID   string `xml:"id,attr"`
	For  string `xml:"for,attr"`
	Name string `xml:"attr.name,attr"`
	Type string `xml:"attr.type,attr"`
}

type graphMLGraph struct {
	ID       string        `xml:"id,attr"`
	Directed string        `xml:"edgedefault,attr"`
	Nodes    []graphMLNode `xml:"node"`
	Edges    []graphMLEdge `xml:"edge"`
}

type graphMLNode struct {
	ID   string        `xml:"id,attr"`
	Data []graphMLData `xml:"data"`
}

type graphMLEdge struct {
	ID       string        `xml:"id,attr"`
	Source   string        `xml:"source,attr"`
	Target   string        `xml:"target,attr"`
	Directed string        `xml:"directed,attr,omitempty"`
	Data     []graphMLData `xml:"data"`
}

type graphMLData struct {
	Key   string `xml:"key,attr"`
	Value string `xml:",chardata"`
}

// writeGraphML writes a graph for yEd, Gephi and their like. What is not known
// has no element.
func writeGraphML(b *bytes.Buffer, g *view.Graph) error {
	out := graphML{Graph: graphMLGraph{ID: "peerscope", Directed: "directed"}}
	for _, k := range []string{"kind", "name", "place", "role", "health"} {
		out.Keys = append(out.Keys, graphMLKey{"n_" + k, "node", k, "string"})
	}
	for _, k := range []string{"transport", "label", "path", "health"} {
		out.Keys = append(out.Keys, graphMLKey{"e_" + k, "edge", k, "string"})
	}
	for _, k := range []string{"server_port", "active", "tx", "rx", "rtt"} {
		out.Keys = append(out.Keys, graphMLKey{"e_" + k, "edge", k, "double"})
	}
	data := func(into *[]graphMLData, key, value string) {
		if value != "" {
			*into = append(*into, graphMLData{key, strings.ToValidUTF8(value, "\ufffd")})
		}
	}
	number := func(f *float64) string {
		if f == nil {
			return ""
		}
		return strconv.FormatFloat(*f, 'g', -1, 64)
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		x := graphMLNode{ID: n.ID}
		for _, kv := range [][2]string{{"n_kind", n.Kind}, {"n_name", n.Name}, {"n_place", n.Place}, {"n_role", n.Role}, {"n_health", string(n.Health)}} {
			data(&x.Data, kv[0], kv[1])
		}
		out.Graph.Nodes = append(out.Graph.Nodes, x)
	}
	for i := range g.Edges {
		e := &g.Edges[i]
		x := graphMLEdge{ID: e.ID}
		x.Source, x.Target = endsOf(e)
		if len(e.Ends) == 2 {
			x.Directed = "false"
		}
		for _, kv := range [][2]string{{"e_transport", e.Transport}, {"e_label", e.Label}, {"e_path", e.Path}, {"e_health", string(e.Health)},
			{"e_server_port", number(portOf(e))}, {"e_active", strconv.FormatUint(e.Active, 10)}, {"e_tx", number(e.Tx)}, {"e_rx", number(e.Rx)}} {
			data(&x.Data, kv[0], kv[1])
		}
		if e.RTT != nil {
			data(&x.Data, "e_rtt", number(&e.RTT.Mean))
		}
		out.Graph.Edges = append(out.Graph.Edges, x)
	}
	b.WriteString(xml.Header)
	enc := xml.NewEncoder(b)
	enc.Indent("", " ")
	if err := enc.Encode(out); err != nil {
		return err
	}
	b.WriteByte('\n')
	return nil
}
