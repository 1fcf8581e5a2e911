package server

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net/http"
	"time"

	"peerscope/internal/accept"
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
	h.Set("Vary", "Accept-Encoding")
	w := &eventWriter{w: c.w, control: http.NewResponseController(c.w)}
	if accept.Gzip(c.r.Header.Get("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		w.zip = true
	}
	if w.write(&message{text: []byte("retry: 2000\n\n")}) {
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
			if w.event("bye", map[string]string{"reason": client.why}) {
				w.end()
			}
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
				ok, told = w.write(m), m.seq
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
	return w.write(m), m.seq
}

// eventWriter writes to one client, each event within its time. As gzip it is one
// member without an end: what follows its header was compressed for all clients
// at once, which costs no memory for each of them.
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	slow    bool

	zip   bool
	begun bool
	sum   uint32 // CRC-32 and size of what was written, before compression
	size  uint32
}

// gzipHeader is that of RFC 1952: deflate, no flags, no time, a system that is not
// known.
const gzipHeader = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"

func (e *eventWriter) write(m *message) bool {
	if !e.zip {
		return e.send(m.text)
	}
	e.sum = crc32.Update(e.sum, crc32.IEEETable, m.text)
	e.size += uint32(len(m.text))
	packed := m.pack()
	if !e.begun {
		e.begun = true
		packed = append([]byte(gzipHeader), packed...)
	}
	return e.send(packed)
}

// end writes what a gzip stream ends with.
func (e *eventWriter) end() {
	if e.zip {
		last := []byte{0x03, 0x00} // an empty last block
		last = binary.LittleEndian.AppendUint32(last, e.sum)
		e.send(binary.LittleEndian.AppendUint32(last, e.size))
	}
}

func (e *eventWriter) send(b []byte) bool {
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
	return err == nil && e.write(&message{text: fmt.Appendf(nil, "event: %s\ndata: %s\n\n", kind, b)})
}
