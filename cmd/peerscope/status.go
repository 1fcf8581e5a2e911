package main

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"peerscope/internal/metrics"
)

// agentStatus is what the agent says of itself at /api/v1/status.
type agentStatus struct {
	Build    build       `json:"build"`
	Started  string      `json:"started"` // RFC 3339
	From     string      `json:"from,omitempty"`
	Ticks    uint64      `json:"ticks"`
	BadTicks uint64      `json:"bad_ticks,omitempty"` // that could not be added up
	Window   string      `json:"window"`              // that is remembered
	Filter   string      `json:"filter,omitempty"`
	Restart  []string    `json:"restart,omitempty"` // keys of which the value that was read on SIGHUP takes a restart
	Sinks    []sinkStats `json:"sinks"`
	Memory   uint64      `json:"memory"` // bytes that the Go runtime has of the system
}

func (a *agent) self() any {
	l := a.cfg.Load()
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	s := agentStatus{Build: readBuild(), Started: a.started.UTC().Format(time.RFC3339), From: a.from, Ticks: a.ticks.Load(),
		BadTicks: a.badTick.Load(), Window: l.Window.String(), Filter: l.Filter, Restart: l.Restart, Sinks: []sinkStats{}, Memory: mem.Sys}
	if a.remind != nil {
		s.Sinks = append(s.Sinks, a.remind.stats())
	}
	if p := a.push.Load(); p != nil {
		x := p.Stats()
		one := sinkStats{Name: "otlp", Taken: x.Sent, Failed: x.Failed, Dropped: x.Dropped}
		if err := p.Err(); err != nil {
			one.Error = oneLine(err)
		}
		s.Sinks = append(s.Sinks, one)
	}
	return s
}

// metricsOfSelf are the same figures for exporters.
func (a *agent) metricsOfSelf() metrics.Self {
	b := readBuild()
	s := metrics.Self{Version: b.Version, Revision: b.Revision, Exports: map[string]metrics.Exported{}}
	if p := a.push.Load(); p != nil {
		s.Exports["otlp"] = p.Stats()
	}
	if a.remind != nil {
		r := a.remind.stats()
		s.Exports["history"] = metrics.Exported{Sent: r.Taken, Failed: r.Failed, Dropped: r.Dropped}
		h := a.store.Stats()
		s.History = &metrics.History{Bytes: uint64(h.Bytes), Oldest: h.Oldest, Dropped: r.Dropped}
		for _, n := range h.Lost {
			s.History.Dropped += n
		}
	}
	return s
}

// health is an error while the loop closes no windows.
func (a *agent) health() error {
	if a.from != "" {
		return nil
	}
	m := a.latest.Load()
	if m == nil {
		if time.Since(a.started) > 3*time.Duration(a.cfg.Load().Window) {
			return errors.New("no window was closed yet")
		}
		return nil
	}
	_, end, err := m.Window.Bounds()
	if err != nil {
		return err
	}
	if late := time.Since(end); late > 3*time.Duration(a.cfg.Load().Window) {
		return fmt.Errorf("the last window ended %v ago", late.Round(time.Second))
	}
	return nil
}
