package server

import (
	"net/http"
	"strconv"

	"peerscope/internal/topology"
)

// status is how the agent is.
type status struct {
	Schema   string            `json:"schema"`
	Version  string            `json:"version"`
	Now      int64             `json:"now"`
	Started  int64             `json:"started"`
	Uptime   float64           `json:"uptime"`
	Ready    bool              `json:"ready"`
	Host     *topology.Host    `json:"host,omitempty"`
	Capture  *topology.Capture `json:"capture,omitempty"`
	Live     liveStatus        `json:"live"`
	History  *bounds           `json:"history,omitempty"`
	Streams  streamStatus      `json:"streams"`
	Auth     []string          `json:"authentication"`
	Formats  []string          `json:"formats"`
	Counters map[string]uint64 `json:"counters"`
	Self     any               `json:"self,omitempty"`
}

type liveStatus struct {
	Ticks  int     `json:"ticks"`
	Bytes  int64   `json:"bytes"`
	Bounds *bounds `json:"bounds,omitempty"`
	Tick   float64 `json:"tick,omitempty"` // seconds
}

type streamStatus struct {
	Open int `json:"open"`
	Most int `json:"most"`
}

// status answers with how the agent is.
func (s *Server) status(c *call) error {
	now := s.now()
	out := status{Schema: "peerscope.status/v1", Version: s.c.Version, Now: now.UnixMilli(), Started: s.started.UnixMilli(),
		Uptime: now.Sub(s.started).Seconds(), Streams: streamStatus{s.hub.count(), s.c.Streams},
		Auth: s.door.words(), Formats: s.formats(), Counters: s.Counters()}
	held := s.recent.ticks()
	out.Live = liveStatus{Ticks: len(held), Bytes: costOf(held)}
	if len(held) > 0 {
		last := held[len(held)-1]
		m := listed(last.m)
		out.Ready, out.Host, out.Capture = true, &m.Host, &m.Capture
		out.Live.Bounds = &bounds{held[0].from, last.to}
		out.Live.Tick = float64(last.to-last.from) / 1000
	}
	if s.c.History != nil {
		if oldest, newest := s.c.History.Bounds(); !newest.IsZero() {
			out.History = &bounds{oldest.UnixMilli(), newest.UnixMilli()}
		}
	}
	if s.c.Self != nil {
		out.Self = s.c.Self()
	}
	c.w.Header().Set("Cache-Control", "no-store")
	return c.sendJSON(out)
}

// Counters are what went wrong so far and how much was asked, zeros present.
func (s *Server) Counters() map[string]uint64 {
	n := &s.counters
	return map[string]uint64{
		"requests": n.requests.Load(), "refused": n.refused.Load(), "unauthorized": n.unauthorized.Load(), "busy": n.busy.Load(),
		"failed": n.failed.Load(), "panics": n.panics.Load(), "bad_ticks": n.badTicks.Load(), "history_unanswered": n.unanswered.Load(),
		"overlapping_ticks": s.recent.overlapped.Load(), "dropped_ticks": s.recent.dropped.Load(),
		"streams_refused": n.streamsRefused.Load(), "streams_dropped": n.streamsDropped.Load(), "snapshots_resent": n.resent.Load(),
		"events_dropped": s.events.lost(),
	}
}

func (c *call) sendText(text string) error {
	h := c.w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	_, _ = c.w.Write([]byte(text)) // who asked is gone, if it fails
	return nil
}

// healthy answers whether the agent works.
func (s *Server) healthy(c *call) error {
	if s.c.Health != nil {
		if err := s.c.Health(); err != nil {
			return newProblem(http.StatusServiceUnavailable, codeNotHealthy, err.Error())
		}
	}
	return c.sendText("ok\n")
}

// ready answers whether there is a first map.
func (s *Server) ready(c *call) error {
	if s.recent.last() == nil {
		return busy(codeNotReady, "there is no first map yet", 1)
	}
	return c.sendText("ok\n")
}

// contract answers with what the endpoints promise.
func (s *Server) contract(c *call) error {
	newAnswer(contract, "application/yaml").send(c.w, c.r)
	return nil
}
