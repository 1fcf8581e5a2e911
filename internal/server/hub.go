package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/flate"
)

const (
	// queued is how many events wait for a client. One that reads slower gets a
	// whole graph in their place.
	queued = 8
	// mostResumed bounds the deltas that are kept for clients that come back, in
	// number and bytes.
	mostResumed, mostResumedBytes = 60, 1 << 20
	// idleTopics is how many ways to look are kept of which nobody looks now, and
	// idleFor for how long: for clients that come back.
	idleTopics, idleFor = 16, 30 * time.Second
	// topicCost is what a topic takes for each byte of its snapshot: the text, the
	// graph, and what of it is compared with the next one.
	topicCost = 5
	// watchedFor is how long somebody counts as looking who is gone.
	watchedFor = 10 * time.Second
)

// hub tells streams what changed. What several look at in the same way is a
// topic, and made once.
type hub struct {
	s    *Server
	boot string // tells sequence numbers of different runs apart

	mu     sync.Mutex
	topics map[string]*topic
	open   int
	left   time.Time // when the last stream ended
	closed string    // why no stream is opened any more
}

// topic is one way to look at the live graph.
type topic struct {
	look look
	mark string // of its ids
	cost atomic.Int64

	mu       sync.Mutex // held while it is brought up to date, and while clients come and go
	seq      uint64
	key      string    // of the span that was told last
	now      *rendered // nil: nothing was told yet
	snapshot *message
	past     []*message // deltas, ascending
	bytes    int
	clients  map[*client]bool
	idle     time.Time // since when nobody looks
	gone     bool      // it is forgotten
}

// message is an event as it is written, to however many clients.
type message struct {
	seq  uint64
	text []byte

	once   sync.Once
	packed []byte
}

// pack compresses the message by itself, so that it follows whatever a client was
// told before.
func (m *message) pack() []byte {
	m.once.Do(func() {
		var b bytes.Buffer
		_ = flate.StatelessDeflate(&b, m.text, false, nil) // a buffer takes everything
		m.packed = b.Bytes()
	})
	return m.packed
}

// client is one stream. Only its own goroutine writes.
type client struct {
	queue chan *message
	// behind: the queue was full, and what was missed is a snapshot.
	behind chan struct{}
	done   chan struct{} // closed by the hub: it must end
	why    string
}

func newHub(s *Server) *hub {
	return &hub{s: s, boot: secret()[:6], topics: map[string]*topic{}}
}

func (h *hub) watched(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.open > 0 || now.Sub(h.left) < watchedFor
}

func (h *hub) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.open
}

// join opens a stream. last is the id that the client saw last.
func (h *hub) join(ctx context.Context, l look, last string) (*topic, *client, error) {
	h.mu.Lock()
	switch {
	case h.closed != "":
		h.mu.Unlock()
		return nil, nil, busy(codeBusy, h.closed, 5)
	case h.open >= h.s.c.Streams:
		h.mu.Unlock()
		h.s.counters.streamsRefused.Add(1)
		return nil, nil, busy(codeTooMany, fmt.Sprintf("%d streams are open, and no more are allowed: close one", h.s.c.Streams), 5)
	}
	h.open++
	h.mu.Unlock()
	entered := false
	defer func() {
		if !entered {
			h.ended()
		}
	}()
	t, c, err := h.enter(ctx, l, last)
	entered = err == nil
	return t, c, err
}

// enter makes a client of a topic. To make the topic's graph is work like any.
func (h *hub) enter(ctx context.Context, l look, last string) (*topic, *client, error) {
	leave, p := h.s.enter(ctx)
	if p != nil {
		return nil, nil, p
	}
	defer leave()
	c := &client{queue: make(chan *message, queued), behind: make(chan struct{}, 1), done: make(chan struct{})}
	t, err := h.topic(l)
	if err != nil {
		return nil, nil, err
	}
	defer t.mu.Unlock()
	if err := t.update(ctx, h.s); err != nil {
		if len(t.clients) == 0 {
			t.idle = h.s.now()
		}
		return nil, nil, err
	}
	if !t.resume(c, last) {
		c.queue <- t.snapshot
	}
	t.clients[c] = true
	return t, c, nil
}

// topic finds or makes the topic of a way to look, and locks it.
func (h *hub) topic(l look) (*topic, error) {
	key := l.key() + " " + l.length.String()
	for {
		h.mu.Lock()
		t := h.topics[key]
		if t == nil {
			if h.prune() > h.s.c.Memory {
				h.mu.Unlock()
				h.s.counters.streamsRefused.Add(1)
				return nil, busy(codeTooMany, "streams look at the graph in so many ways that there is no memory for another: close one, or look with a smaller limit", 5)
			}
			t = h.newTopic(key, l)
		}
		h.mu.Unlock()
		t.mu.Lock()
		if !t.gone { // it may have been forgotten in between
			return t, nil
		}
		t.mu.Unlock()
	}
}

// newTopic makes one. h is locked.
func (h *hub) newTopic(key string, l look) *topic {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(h.boot + key))
	t := &topic{look: l, mark: fmt.Sprintf("%08x", sum.Sum32()), clients: map[*client]bool{}}
	h.topics[key] = t
	return t
}

// leave ends a stream.
func (h *hub) leave(t *topic, c *client) {
	t.mu.Lock()
	delete(t.clients, c)
	if len(t.clients) == 0 {
		t.idle = h.s.now()
	}
	t.mu.Unlock()
	h.ended()
}

func (h *hub) ended() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open--
	h.left = h.s.now()
}

// tell brings all topics with clients up to date, and forgets some of the
// others.
func (h *hub) tell() {
	for _, t := range h.looked() {
		t.mu.Lock()
		if len(t.clients) > 0 {
			if err := t.update(context.Background(), h.s); err != nil {
				h.s.counters.failed.Add(1)
				h.s.c.Log.Warn("cannot tell streams", "error", err)
			}
		}
		t.mu.Unlock()
	}
}

// looked are the topics that there are, without those that are forgotten.
func (h *hub) looked() []*topic {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.prune()
	return slices.Collect(maps.Values(h.topics))
}

// prune forgets the topics that nobody has looked at for a while, and of the others
// that nobody looks at those that are too many or take too much, the longest idle
// first. It gives what is left takes, in bytes. h is locked.
func (h *hub) prune() (cost int64) {
	type resting struct {
		key string
		t   *topic
		at  time.Time
	}
	var idle []resting
	for key, t := range h.topics {
		cost += t.cost.Load()
		if !t.mu.TryLock() {
			continue // it is at work
		}
		if len(t.clients) == 0 && !t.idle.IsZero() {
			idle = append(idle, resting{key, t, t.idle})
		}
		t.mu.Unlock()
	}
	slices.SortFunc(idle, func(a, b resting) int { return a.at.Compare(b.at) })
	now := h.s.now()
	for i, r := range idle {
		if now.Sub(r.at) < idleFor && len(idle)-i <= idleTopics && cost <= h.s.c.Memory/2 {
			break
		}
		if !r.t.mu.TryLock() {
			continue
		}
		if len(r.t.clients) == 0 {
			r.t.gone = true
			delete(h.topics, r.key)
			cost -= r.t.cost.Load()
		}
		r.t.mu.Unlock()
	}
	return cost
}

// close ends all streams and opens no more.
func (h *hub) close(why string) {
	h.mu.Lock()
	h.closed = why
	h.mu.Unlock()
	for _, t := range h.looked() {
		t.mu.Lock()
		for c := range t.clients {
			c.end(why)
			delete(t.clients, c)
		}
		t.mu.Unlock()
	}
}

// end tells a client to go. The topic is locked.
func (c *client) end(why string) {
	c.why = why
	close(c.done)
}

// update makes the graph of the last tick and tells it to all clients. The topic
// is locked.
func (t *topic) update(ctx context.Context, s *Server) error {
	x, err := s.span(ctx, t.look.past)
	if err != nil {
		return err
	}
	if t.now != nil && x.key == t.key {
		return nil
	}
	p, err := s.picture(ctx, x, nil, t.look)
	if err != nil {
		return err
	}
	now, err := render(p.graph)
	if err != nil {
		return err
	}
	before := t.now
	t.now, t.key = now, x.key
	t.seq++
	t.snapshot = t.message("snapshot", p.answer.body)
	t.cost.Store(topicCost * int64(len(t.snapshot.text)))
	if before == nil {
		return nil
	}
	body, err := json.Marshal(now.since(before))
	if err != nil {
		return err
	}
	t.tellAll(t.message("delta", body))
	return nil
}

func (t *topic) tellAll(m *message) {
	t.past, t.bytes = append(t.past, m), t.bytes+len(m.text)
	for len(t.past) > mostResumed || t.bytes > mostResumedBytes && len(t.past) > 0 {
		t.bytes -= len(t.past[0].text)
		t.past = t.past[1:]
	}
	for c := range t.clients {
		select {
		case c.queue <- m:
		default:
			select {
			case c.behind <- struct{}{}:
			default:
			}
		}
	}
}

// message is one event. Its data is one line: JSON has no other.
func (t *topic) message(kind string, data []byte) *message {
	id := strconv.FormatUint(t.seq, 10) + "-" + t.mark
	return &message{seq: t.seq, text: fmt.Appendf(nil, "id: %s\nevent: %s\ndata: %s\n\n", id, kind, strings.TrimRight(string(data), "\n"))}
}

// resume queues what a client missed that was here before; false: that is not
// known any more.
func (t *topic) resume(c *client, last string) bool {
	number, mark, _ := strings.Cut(last, "-")
	seq, err := strconv.ParseUint(number, 10, 64)
	if err != nil || mark != t.mark || seq > t.seq {
		return false
	}
	missed := t.seq - seq
	if missed > uint64(len(t.past)) || missed > queued {
		return false
	}
	for _, m := range t.past[uint64(len(t.past))-missed:] {
		c.queue <- m
	}
	return true
}

// fresh is the whole graph for a client that fell behind.
func (t *topic) fresh() *message {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.snapshot
}
