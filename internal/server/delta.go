package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"peerscope/internal/topology"
	"peerscope/internal/view"
)

// rendered is a graph in parts as they are sent, so that what is the same again
// is not sent again.
type rendered struct {
	window  topology.Window
	parts   map[string]json.RawMessage // members that are sent as a whole
	nodes   map[string]json.RawMessage // by id
	edges   map[string]json.RawMessage
	groups  map[string]json.RawMessage
	instant int64 // the window's end, Unix milliseconds
}

func render(g *view.Graph) (*rendered, error) {
	r := &rendered{window: g.Window, parts: map[string]json.RawMessage{}, nodes: make(map[string]json.RawMessage, len(g.Nodes)),
		edges: make(map[string]json.RawMessage, len(g.Edges)), groups: make(map[string]json.RawMessage, len(g.Groups))}
	_, end, err := g.Window.Bounds()
	if err != nil {
		return nil, err
	}
	r.instant = end.UnixMilli()
	truncated := any(g.Truncated)
	if g.Truncated == nil {
		truncated = nil
	}
	for name, v := range map[string]any{"host": g.Host, "capture": g.Capture, "levels": g.Levels, "total": g.Total, "matched": g.Matched,
		"truncated": truncated, "hidden": g.Hidden} {
		if r.parts[name], err = encode(v); err != nil {
			return nil, err
		}
	}
	for i := range g.Nodes {
		if r.nodes[g.Nodes[i].ID], err = encode(&g.Nodes[i]); err != nil {
			return nil, err
		}
	}
	for i := range g.Edges {
		if r.edges[g.Edges[i].ID], err = encode(&g.Edges[i]); err != nil {
			return nil, err
		}
	}
	for i := range g.Groups {
		if r.groups[g.Groups[i].ID], err = encode(&g.Groups[i]); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode the answer: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// delta is what makes one graph of another.
type delta struct {
	T         int64           `json:"t"`
	Window    topology.Window `json:"window"`
	Host      json.RawMessage `json:"host,omitempty"`
	Capture   json.RawMessage `json:"capture,omitempty"`
	Levels    json.RawMessage `json:"levels,omitempty"`
	Total     json.RawMessage `json:"total,omitempty"`
	Matched   json.RawMessage `json:"matched,omitempty"`
	Truncated json.RawMessage `json:"truncated,omitempty"`
	Hidden    json.RawMessage `json:"hidden,omitempty"`
	Upsert    upserts         `json:"upsert"`
	Remove    removals        `json:"remove"`
}

type upserts struct {
	Nodes  []json.RawMessage `json:"nodes"`
	Edges  []json.RawMessage `json:"edges"`
	Groups []json.RawMessage `json:"groups,omitempty"`
}

type removals struct {
	Nodes  []string `json:"nodes"`
	Edges  []string `json:"edges"`
	Groups []string `json:"groups,omitempty"`
}

func (r *rendered) since(before *rendered) *delta {
	d := &delta{T: r.instant, Window: r.window}
	for name, into := range map[string]*json.RawMessage{"host": &d.Host, "capture": &d.Capture, "levels": &d.Levels, "total": &d.Total,
		"matched": &d.Matched, "truncated": &d.Truncated, "hidden": &d.Hidden} {
		if now := r.parts[name]; !bytes.Equal(now, before.parts[name]) {
			*into = now
		}
	}
	d.Upsert.Nodes, d.Remove.Nodes = changes(before.nodes, r.nodes)
	d.Upsert.Edges, d.Remove.Edges = changes(before.edges, r.edges)
	d.Upsert.Groups, d.Remove.Groups = changes(before.groups, r.groups)
	return d
}

// changes are what is new or otherwise, and what is gone, by id.
func changes(before, now map[string]json.RawMessage) (upsert []json.RawMessage, remove []string) {
	changed := []string{}
	for id, b := range now {
		if !bytes.Equal(b, before[id]) {
			changed = append(changed, id)
		}
	}
	slices.Sort(changed)
	upsert, remove = make([]json.RawMessage, len(changed)), []string{}
	for i, id := range changed {
		upsert[i] = now[id]
	}
	for id := range before {
		if now[id] == nil {
			remove = append(remove, id)
		}
	}
	slices.Sort(remove)
	return upsert, remove
}
