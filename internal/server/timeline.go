package server

import (
	"context"
	"fmt"
	"time"

	"peerscope/internal/topology"
)

// timeline is the strip below all views.
type timeline struct {
	Schema  string           `json:"schema"`
	From    int64            `json:"from"`
	To      int64            `json:"to"`
	Bounds  *bounds          `json:"bounds,omitempty"`
	Series  *topology.Series `json:"series"`
	Events  []topology.Event `json:"events"`
	LeftOut int              `json:"events_left_out,omitempty"`
}

// timeline answers with totals over time, gaps and events.
func (s *Server) timeline(c *call) error {
	x, most := c.strip(s), c.p.number("limit", 500, 0, 5000)
	if c.p.wrong != nil {
		return c.p.wrong
	}
	series, err := s.series(c.r.Context(), x, nil)
	if err != nil {
		return err
	}
	events, err := s.eventsOf(c.r.Context(), x.from, x.to)
	if err != nil {
		return err
	}
	t := timeline{Schema: "peerscope.timeline/v1", From: x.from, To: x.to, Series: series, LeftOut: max(0, len(events)-most)}
	t.Events = events[t.LeftOut:]
	if b, ok := s.bounds(); ok {
		t.Bounds = &b
	}
	return c.sendJSON(t)
}

// eventsOf are those of the history up to where memory begins, then those that
// were observed since.
func (s *Server) eventsOf(ctx context.Context, from, to int64) ([]topology.Event, error) {
	begin, ok := s.recent.begin()
	if s.c.History == nil || ok && from >= begin {
		return s.events.between(from, to), nil
	}
	cut := to
	if ok {
		cut = min(max(begin, from), to)
	}
	out, err := s.c.History.Events(ctx, time.UnixMilli(from).UTC(), time.UnixMilli(cut).UTC())
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	return append(append([]topology.Event{}, out...), s.events.between(cut, to)...), nil
}
