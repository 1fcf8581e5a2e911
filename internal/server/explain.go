package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"peerscope/internal/flow"
	"peerscope/internal/topology"
	"peerscope/internal/view"
)

// mostExplained is how many of the edges between processes are explained.
const mostExplained = 10

// explainTime is how long an explanation is waited for: a window may be long.
const explainTime = 20 * time.Second

// explanation is why an edge stands as it does.
type explanation struct {
	Schema       string                  `json:"schema"`
	Level        string                  `json:"level"`
	Window       topology.Window         `json:"window"`
	Edge         view.Edge               `json:"edge"`
	Evidence     []ground                `json:"evidence"`
	Text         string                  `json:"text,omitempty"`
	Explanations []*topology.Explanation `json:"explanations,omitempty"`
	Limited      string                  `json:"limited,omitempty"`
}

// ground is one of the words that connections stand on.
type ground struct {
	About       string `json:"about"`
	Word        string `json:"word"`
	Connections uint64 `json:"connections"`
	Text        string `json:"text"`
}

// explain answers with the evidence of an edge, and of a live one with the whole
// story.
func (s *Server) explain(c *call) error {
	id := c.p.need("edge", "the id of an edge", 256)
	past, level := c.past(), c.anyLevel()
	if c.p.wrong != nil {
		return c.p.wrong
	}
	leave, busy := s.enter(c.r.Context())
	if busy != nil {
		return busy
	}
	x, w, e, err := s.explained(c.r.Context(), past, level, id)
	leave() // who decides is asked when a window ends: nobody else must wait for that
	if err != nil {
		return err
	}
	parts := w.parts[e.ID]
	out := explanation{Schema: "peerscope.explanations/v1", Level: w.graph.Level, Window: w.m.Window, Edge: *e, Evidence: grounds(parts)}
	ctx, stop := context.WithTimeout(c.r.Context(), explainTime)
	defer stop()
	switch {
	case s.c.Explain == nil:
		out.Limited = "this server tells the evidence only"
	case !x.live:
		out.Limited = "the steps of a decision are known of the live graph only, not of the past"
	default:
		told, err := s.c.Explain(ctx, worst(parts))
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			out.Limited = fmt.Sprintf("no window ended within %s", explainTime)
		case err != nil:
			out.Limited = err.Error()
		case told == nil:
			out.Limited = "nothing of the edge happened in the window that ended just now, and none of its connections is open"
		default:
			out.Text, out.Explanations = told.Text, s.redacted.explanations(told.Explanations)
		}
	}
	c.w.Header().Set("Cache-Control", "no-store")
	return c.sendJSON(out)
}

// explained finds the edge.
func (s *Server) explained(ctx context.Context, p past, level, id string) (*span, *whole, *view.Edge, error) {
	x, err := s.span(ctx, p)
	if err != nil {
		return nil, nil, nil, err
	}
	w, e, err := s.findEdge(ctx, x, level, id)
	return x, w, e, err
}

// worst are the ids of some edges, those that fail first, then those with the
// most connections.
func worst(parts []*topology.Edge) []string {
	parts = slices.Clone(parts)
	weight := func(e *topology.Edge) uint64 { return e.Connections.Active + e.Connections.Closed }
	slices.SortStableFunc(parts, func(a, b *topology.Edge) int {
		switch fa, fb := a.Connections.Failed > 0, b.Connections.Failed > 0; {
		case fa != fb && fa:
			return -1
		case fa != fb:
			return 1
		case weight(a) != weight(b) && weight(a) > weight(b):
			return -1
		case weight(a) != weight(b):
			return 1
		}
		return 0
	})
	var ids []string
	for _, e := range parts[:min(len(parts), mostExplained)] {
		ids = append(ids, e.ID)
	}
	return ids
}

// grounds adds up the evidence of edges, the strongest word first.
func grounds(parts []*topology.Edge) []ground {
	peer, role := map[string]uint64{}, map[string]uint64{}
	for _, e := range parts {
		for word, n := range e.Evidence.Peer {
			peer[word] += n
		}
		for word, n := range e.Evidence.Role {
			role[word] += n
		}
	}
	out := []ground{}
	for _, word := range flow.PeerEvidenceNames {
		if n := peer[word]; n > 0 {
			out = append(out, ground{"peer", word, n, peerWords()[word]})
		}
	}
	for _, word := range flow.RoleEvidenceNames {
		if n := role[word]; n > 0 {
			out = append(out, ground{"role", word, n, roleWords()[word]})
		}
	}
	return out
}

// peerWords say what each word of peer evidence means.
func peerWords() map[string]string {
	return map[string]string{
		"sequence":  "the other end is the socket with the same TCP sequence identity",
		"kernel":    "the kernel itself names the other end",
		"tuple":     "the other end is the only socket with the mirrored addresses, where those addresses live",
		"nat":       "the other end is the only socket with the mirrored addresses after an address translation that was told",
		"listener":  "the other end was not seen itself; it is the process that made the listener there",
		"sidecar":   "the other end is the proxy or the application of the same mesh instance",
		"ambiguous": "several fit equally well: all are named, none is picked",
		"none":      "the other end is an address outside of what is observed",
	}
}

// roleWords say what each word of role evidence means.
func roleWords() map[string]string {
	return map[string]string{
		"handshake":      "who called was seen in the middle of the handshake, or the connect failed",
		"sequence":       "who called is told by the two sequence identities, which differ by the client's SYN",
		"kernel":         "who called is told by the kernel: an accepted unix socket carries the path of its listener, and nobody sends from a multicast group",
		"syn-byte":       "who called is told by the client's SYN, which the kernel counts among the acknowledged bytes",
		"peer":           "who called is the reverse of the other end's role",
		"listener":       "who was called talks from a port that is listened on there",
		"exposed-port":   "who was called declared the port, or was a server on it before",
		"first-datagram": "who called sent the first datagram",
		"bound":          "who was called is bound to its port and not connected",
		"none":           "nothing tells who called, or two things contradict each other",
	}
}
