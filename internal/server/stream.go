package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

const (
	pingEvery = 15 * time.Second
	// eventTime is how long one event may take to be written: who takes longer is
	// dropped, and comes back.
	eventTime = 10 * time.Second
)

// stream tells the live graph until the client goes.
func (s *Server) stream(c *call) error {
	l := c.look()
	if c.p.wrong != nil {
		return c.p.wrong
	}
	t, client, err := s.hub.join(c.r.Context(), l, c.r.Header.Get("Last-Event-ID"))
	if err != nil {
		return err
	}
	defer s.hub.leave(t, client)
	h := c.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // of nginx as a proxy
	w := &eventWriter{w: c.w, control: http.NewResponseController(c.w)}
	if w.write([]byte("retry: 2000\n\n")) {
		s.tellClient(c, t, client, w)
	}
	if w.slow {
		s.counters.streamsDropped.Add(1)
	}
	return nil
}

// tellClient writes events until one cannot be written.
func (s *Server) tellClient(c *call, t *topic, client *client, w *eventWriter) {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	var told uint64
	for {
		ok := true
		select {
		case <-c.r.Context().Done():
			return
		case <-client.done:
			w.event("bye", map[string]string{"reason": client.why})
			return
		case <-client.behind:
			ok, told = s.resend(t, client, w)
			ping.Reset(pingEvery)
		case m := <-client.queue:
			switch {
			case told > 0 && m.seq <= told:
				continue // the snapshot has it
			case told > 0 && m.seq > told+1: // the one between did not fit into the queue
				ok, told = s.resend(t, client, w)
			default:
				ok, told = w.write(m.text), m.seq
			}
			ping.Reset(pingEvery)
		case <-ping.C:
			ok = w.event("ping", map[string]int64{"t": s.now().UnixMilli()})
		}
		if !ok {
			return
		}
	}
}

// resend writes the whole graph in place of what is queued, which is older.
func (s *Server) resend(t *topic, client *client, w *eventWriter) (ok bool, told uint64) {
	for range len(client.queue) {
		<-client.queue
	}
	m := t.fresh()
	s.counters.resent.Add(1)
	return w.write(m.text), m.seq
}

// eventWriter writes to one client, each event within its time.
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	slow    bool
}

func (e *eventWriter) write(b []byte) bool {
	start := time.Now()
	_ = e.control.SetWriteDeadline(start.Add(eventTime)) // not there in tests without a connection
	_, err := e.w.Write(b)
	if err == nil {
		err = e.control.Flush()
	}
	e.slow = err != nil && time.Since(start) >= eventTime
	return err == nil
}

func (e *eventWriter) event(kind string, v any) bool {
	b, err := json.Marshal(v)
	return err == nil && e.write(fmt.Appendf(nil, "event: %s\ndata: %s\n\n", kind, b))
}
