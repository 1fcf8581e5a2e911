package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// mapCount is what a map says of TCP connections, added up over its edges.
type mapCount struct {
	opened, closed, active, failed, pending uint64
	named                                   uint64 // of all of them: those on edges with a process at both ends
	source, rung                            string
	intervalMS                              int64
	lost                                    map[string]uint64 // what the tool says it lost, without zeros
}

// all is every connection that was there in the window.
func (c mapCount) all() uint64 { return c.closed + c.active }

// losses is what the tool itself says it lost, in one line.
func (c mapCount) losses() string {
	var words []string
	for _, reason := range slices.Sorted(maps.Keys(c.lost)) {
		words = append(words, fmt.Sprintf("%s %d", reason, c.lost[reason]))
	}
	return strings.Join(words, ", ")
}

// countMap reads a map in JSON.
func countMap(r io.Reader) (c mapCount, err error) {
	var m struct {
		Schema  string
		Capture struct {
			Source, Rung string
			IntervalMS   int64 `json:"interval_ms"`
			Lost         map[string]uint64
		}
		Nodes []struct{ ID, Kind string }
		Edges []struct {
			Client, Server string
			Ends           []string
			Transport      string
			Connections    struct{ Opened, Closed, Active, Failed, Pending uint64 }
		}
	}
	if err := json.NewDecoder(r).Decode(&m); err != nil {
		return c, fmt.Errorf("read the map: %w", err)
	}
	if m.Schema != "peerscope.map/v1" {
		return c, fmt.Errorf("read the map: schema %q, want peerscope.map/v1", m.Schema)
	}
	process := map[string]bool{}
	for _, n := range m.Nodes {
		process[n.ID] = n.Kind == "process"
	}
	for _, e := range m.Edges {
		if e.Transport != "tcp" {
			continue
		}
		c.opened += e.Connections.Opened
		c.closed += e.Connections.Closed
		c.active += e.Connections.Active
		c.failed += e.Connections.Failed
		c.pending += e.Connections.Pending
		both := process[e.Client] && process[e.Server]
		if len(e.Ends) == 2 {
			both = process[e.Ends[0]] && process[e.Ends[1]]
		}
		if both {
			c.named += e.Connections.Closed + e.Connections.Active
		}
	}
	c.source, c.rung, c.intervalMS = m.Capture.Source, m.Capture.Rung, m.Capture.IntervalMS
	c.lost = map[string]uint64{}
	for reason, n := range m.Capture.Lost {
		if n > 0 {
			c.lost[reason] = n
		}
	}
	return c, nil
}

// checkMap holds a map against how many connections there truly were. Every one
// must be in it once; that a failed connect is one too makes no difference here,
// where none fails.
func checkMap(r *report, what string, c mapCount, truth uint64) {
	got := c.all() + c.failed + c.pending
	text := fmt.Sprintf("%s: %d connections, in the map %d (closed %d, active %d, failed %d, pending %d; both processes named %d)",
		what, truth, got, c.closed, c.active, c.failed, c.pending, c.named)
	if lost := c.losses(); lost != "" {
		text += "; the tool says it lost: " + lost
	}
	switch {
	case got < truth:
		r.problem("%s: THE MAP MISSES %d", text, truth-got)
	case got > truth:
		r.problem("%s: THE MAP HAS %d TOO MANY", text, got-truth)
	default:
		r.say("%s", text)
	}
}
