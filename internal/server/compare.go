package server

import (
	"fmt"
	"time"

	"peerscope/internal/topology"
)

// rawMap answers with the map of processes.
func (s *Server) rawMap(c *call) error {
	past, f := c.past(), c.p.filter("filter")
	if c.p.wrong != nil {
		return c.p.wrong
	}
	x, err := s.span(c.r.Context(), past)
	if err != nil {
		return err
	}
	m := x.m
	if f != nil {
		m = f.Select(m)
	}
	return c.sendJSON(listed(m))
}

// listed is a map whose lists are there, too, where they are empty.
func listed(m *topology.Map) *topology.Map {
	out := *m
	if out.Nodes == nil {
		out.Nodes = []topology.Node{}
	}
	if out.Edges == nil {
		out.Edges = []topology.Edge{}
	}
	if out.Capture.Degraded == nil {
		out.Capture.Degraded = []topology.Degraded{}
	}
	if out.Capture.Lost == nil {
		out.Capture.Lost = map[string]uint64{}
	}
	return &out
}

// diff answers with what is not the same at two times.
func (s *Server) diff(c *call) error {
	length, f := c.p.length("window", defaultLength, maxWindow), c.p.filter("filter")
	a, b := c.p.need("a", "a time, as -1h, or a range, as -2h..-1h", 128), c.p.text("b", "now", 128)
	first, second := c.timeRange("a", a, length), c.timeRange("b", b, length)
	if c.p.wrong != nil {
		return c.p.wrong
	}
	before, err := s.span(c.r.Context(), first)
	if err != nil {
		return err
	}
	after, err := s.span(c.r.Context(), second)
	if err != nil {
		return err
	}
	x, y := before.m, after.m
	if f != nil {
		x, y = f.Select(x), f.Select(y)
	}
	return c.sendJSON(topology.Diff(x, y))
}

// timeRange reads a time or a range as the time it stands for.
func (c *call) timeRange(name, text string, length time.Duration) past {
	from, to, err := timeRange(text, length, c.p.now)
	if err == nil && to.Sub(from) > maxWindow {
		err = fmt.Errorf("it is %s long, at most %s are looked at", to.Sub(from), maxWindow)
	}
	if err != nil && text != "" {
		c.p.fail(badParameter(name, err.Error()))
	}
	return past{until: to, length: to.Sub(from)}
}
