package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"

	"peerscope/internal/export"
	"peerscope/internal/server"
	"peerscope/internal/topology"
)

// questions are what others ask the goroutine that observes. It answers when it
// closes a window, since only then all is decided.
type questions struct {
	mu   sync.Mutex
	open []question
}

type question struct {
	edges  []string
	answer chan *server.Told
}

// mostQuestions bounds how many may wait; mostAsked, edges in one.
const (
	mostQuestions = 16
	mostAsked     = 50
)

func (q *questions) waiting() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.open) > 0
}

// explain asks why edges stand as they do, and waits for the next window. Of a
// recording nothing is told: what it was decided from is gone when people look.
func (a *agent) explain(ctx context.Context, edges []string) (*server.Told, error) {
	if a.from != "" {
		return nil, nil
	}
	return a.asked.ask(ctx, edges)
}

func (q *questions) ask(ctx context.Context, edges []string) (*server.Told, error) {
	if len(edges) > mostAsked {
		edges = edges[:mostAsked]
	}
	one := question{edges: edges, answer: make(chan *server.Told, 1)}
	q.mu.Lock()
	if len(q.open) >= mostQuestions {
		q.mu.Unlock()
		return nil, fmt.Errorf("too many explanations are being asked for; try again in a second")
	}
	q.open = append(q.open, one)
	q.mu.Unlock()
	select {
	case told := <-one.answer:
		return told, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// answer is called between the closing of a window and its end.
func (q *questions) answer(p *pipeline, m *topology.Map) {
	q.mu.Lock()
	open := q.open
	q.open = nil
	q.mu.Unlock()
	if len(open) == 0 {
		return
	}
	// All that is asked is explained in one go through the connections.
	wanted := map[string]bool{}
	for _, one := range open {
		for _, id := range one.edges {
			wanted[id] = true
		}
	}
	var edges []*topology.Edge
	for i := range m.Edges {
		if wanted[m.Edges[i].ID] {
			edges = append(edges, &m.Edges[i])
		}
	}
	export.Worst(edges)
	explained := p.explain(m, edges)
	for _, one := range open {
		one.answer <- tell(m, explained, one.edges)
	}
}

// tell answers with the explanations of those of the edges that the window has; nil:
// it has none of them.
func tell(m *topology.Map, explained []*topology.Explanation, ids []string) *server.Told {
	told := &server.Told{}
	for _, x := range explained {
		if x != nil && slices.Contains(ids, x.Edge.ID) {
			told.Explanations = append(told.Explanations, x)
		}
	}
	if told.Explanations == nil {
		return nil
	}
	var text bytes.Buffer
	if err := export.Explain(&text, m, told.Explanations, nil, export.Style{}); err == nil {
		told.Text = text.String()
	}
	return told
}
