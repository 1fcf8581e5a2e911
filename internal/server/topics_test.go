package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"
)

// joins has a client look in the nth way.
func joins(s *Server, ctx context.Context, n int) (*topic, *client, error) {
	c := &call{p: &parameters{now: noon, values: map[string][]string{"limit": {fmt.Sprint(n + 1)}}}}
	return s.hub.join(ctx, c.look(), "")
}

// TestIdleTopicsAreForgotten: as many ways to look as there are, few are kept, and
// those for half a minute.
func TestIdleTopicsAreForgotten(t *testing.T) {
	s, _, tick := running(t, nil)
	for i := range 100 {
		topic, client, err := joins(s, t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		s.hub.leave(topic, client)
		if i%30 == 0 {
			tick(nil)
		}
		if n := len(s.hub.topics); n > idleTopics+1 {
			t.Fatalf("%d topics are kept, want at most %d", n, idleTopics+1)
		}
	}
	if n := len(s.pictures.by); n > mostPictures {
		t.Errorf("places of %d ways to look are kept, want at most %d", n, mostPictures)
	}
	looking, client, err := joins(s, t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	now := s.now()
	s.now = func() time.Time { return now.Add(idleFor) }
	s.hub.tell()
	if n := len(s.hub.topics); n != 1 {
		t.Errorf("after %v %d topics are kept, want the one that somebody looks at", idleFor, n)
	}
	s.hub.leave(looking, client)
}

// TestTopicsOfClientsThatGaveUp: one whose only client went before its graph was made
// is forgotten like others.
func TestTopicsOfClientsThatGaveUp(t *testing.T) {
	s, _, _ := running(t, nil)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for i := range 10 {
		for len(s.hub.topics) <= i { // the place to work in is not always had
			if top, c, err := joins(s, gone, i); err == nil {
				s.hub.leave(top, c) // the graph was there already
			}
		}
	}
	if n := s.hub.count(); n != 0 {
		t.Errorf("%d streams are open", n)
	}
	now := s.now()
	s.now = func() time.Time { return now.Add(idleFor) }
	s.hub.tell()
	if n := len(s.hub.topics); n != 0 {
		t.Errorf("%d topics are kept that nobody ever looked at", n)
	}
}

// TestTopicsHaveABound: what streams look at takes no more memory than it may; who
// looks as somebody else does costs nothing.
func TestTopicsHaveABound(t *testing.T) {
	s, _, _ := running(t, func(c *Config) { c.Memory = 100 << 10 })
	n := 0
	var refused error
	for ; n < 100 && refused == nil; n++ {
		_, _, refused = joins(s, t.Context(), n)
	}
	var p *problem
	if !errors.As(refused, &p) || p.Status != http.StatusServiceUnavailable || n < 3 {
		t.Fatalf("after %d: %v", n, refused)
	}
	if _, _, err := joins(s, t.Context(), 0); err != nil {
		t.Errorf("another one at the same: %v", err)
	}
	if got := s.Counters()["streams_refused"]; got != 1 {
		t.Errorf("%d are counted as refused", got)
	}
}
