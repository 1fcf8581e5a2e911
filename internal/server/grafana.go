package server

import (
	"fmt"
	"strings"

	"peerscope/internal/view"
)

// grafanaField is a field of Grafana's node graph panel. Its names are given by
// the panel: mainStat, arc__ (shares of the ring around a node), detail__.
type grafanaField struct {
	Name  string `json:"field_name"`
	Type  string `json:"type"`
	Color string `json:"color,omitempty"`
	Label string `json:"displayName,omitempty"`
}

type grafanaNode struct {
	ID        string  `json:"id"`
	Title     string  `json:"title"`
	Subtitle  string  `json:"subTitle,omitempty"`
	Main      string  `json:"mainStat,omitempty"`
	Secondary string  `json:"secondaryStat,omitempty"`
	OK        float64 `json:"arc__ok"`
	Warn      float64 `json:"arc__warn"`
	Bad       float64 `json:"arc__bad"`
	Error     float64 `json:"arc__error"`
	Idle      float64 `json:"arc__idle"`
	Kind      string  `json:"detail__kind,omitempty"`
	Place     string  `json:"detail__place,omitempty"`
	Processes string  `json:"detail__processes,omitempty"`
}

type grafanaEdge struct {
	ID        string `json:"id"`
	Source    string `json:"source"`
	Target    string `json:"target"`
	Main      string `json:"mainStat,omitempty"`
	Secondary string `json:"secondaryStat,omitempty"`
	Transport string `json:"detail__transport,omitempty"`
	Port      string `json:"detail__port,omitempty"`
	Health    string `json:"detail__health,omitempty"`
	Reasons   string `json:"detail__reasons,omitempty"`
}

// grafanaFields answers with the fields of nodes and edges.
func (s *Server) grafanaFields(c *call) error {
	text := func(name, label string) grafanaField { return grafanaField{Name: name, Type: "string", Label: label} }
	arc := func(name, color, label string) grafanaField {
		return grafanaField{Name: "arc__" + name, Type: "number", Color: color, Label: label}
	}
	return c.sendJSON(map[string][]grafanaField{
		"nodes_fields": {text("id", ""), text("title", "Name"), text("subTitle", "Place"), text("mainStat", "Traffic"), text("secondaryStat", "Role"),
			arc("ok", "#0072B2", "ok"), arc("warn", "#E69F00", "warn"), arc("bad", "#F0703A", "bad"), arc("error", "#C1272D", "error"), arc("idle", "#7a8693", "idle"),
			text("detail__kind", "Kind"), text("detail__place", "Place"), text("detail__processes", "Processes")},
		"edges_fields": {text("id", ""), text("source", ""), text("target", ""), text("mainStat", "Traffic"), text("secondaryStat", "Port"),
			text("detail__transport", "Transport"), text("detail__port", "Port"), text("detail__health", "Health"), text("detail__reasons", "Why")},
	})
}

// grafanaData answers with the graph for the panel.
func (s *Server) grafanaData(c *call) error {
	l := c.look()
	l.group = view.GroupNone
	if c.p.wrong != nil {
		return c.p.wrong
	}
	x, err := s.span(c.r.Context(), l.past)
	if err != nil {
		return err
	}
	p, err := s.picture(c.r.Context(), x, nil, l)
	if err != nil {
		return err
	}
	return c.sendJSON(grafanaGraph(p.graph))
}

// grafanaHealth is asked when the datasource is saved.
func (s *Server) grafanaHealth(c *call) error {
	return c.sendText("ok\n")
}

type grafanaData struct {
	Nodes []grafanaNode `json:"nodes"`
	Edges []grafanaEdge `json:"edges"`
}

func grafanaGraph(g *view.Graph) grafanaData {
	out := grafanaData{Nodes: make([]grafanaNode, len(g.Nodes)), Edges: make([]grafanaEdge, len(g.Edges))}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		x := grafanaNode{ID: n.ID, Title: n.Name, Subtitle: n.Place, Secondary: n.Role, Kind: n.Kind, Place: n.Place}
		if n.BytesPerSecond != nil {
			x.Main = rateText(*n.BytesPerSecond)
		}
		if n.Processes > 0 {
			x.Processes = fmt.Sprint(n.Processes)
		}
		*map[view.Health]*float64{view.OK: &x.OK, view.Warn: &x.Warn, view.Bad: &x.Bad, view.Error: &x.Error, view.Idle: &x.Idle}[n.Health] = 1
		out.Nodes[i] = x
	}
	for i := range g.Edges {
		e := &g.Edges[i]
		x := grafanaEdge{ID: e.ID, Secondary: e.Label, Transport: e.Transport, Health: string(e.Health), Reasons: strings.Join(e.Reasons, "; ")}
		x.Source, x.Target = endsOf(e)
		if e.ServerPort != 0 {
			x.Port = fmt.Sprint(e.ServerPort)
		}
		switch {
		case e.Tx != nil && e.Rx != nil:
			x.Main = rateText(*e.Tx + *e.Rx)
		case e.Tx != nil:
			x.Main = "≥ " + rateText(*e.Tx)
		case e.Rx != nil:
			x.Main = "≥ " + rateText(*e.Rx)
		}
		out.Edges[i] = x
	}
	return out
}

// rateText is bytes a second for people.
func rateText(n float64) string {
	for _, unit := range []string{"B/s", "kB/s", "MB/s", "GB/s"} {
		if n < 999.5 {
			if n < 9.95 && unit != "B/s" {
				return fmt.Sprintf("%.1f %s", n, unit)
			}
			return fmt.Sprintf("%.0f %s", n, unit)
		}
		n /= 1000
	}
	return fmt.Sprintf("%.1f TB/s", n)
}
