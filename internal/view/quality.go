package view

import (
	"slices"

	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// The words for how well an end is known. Joined is for ends that another
// host's agent told of.
const (
	Exact    = "exact"
	Joined   = "joined"
	Inferred = "inferred"
	Unknown  = "unknown"
)

// quality tells how well the ends of an edge are known, the weakest of its
// connections. An end without a process, or with several that fit, is unknown;
// what evidence infers is who is called, as a client is found by its own socket.
func quality(e *topology.Edge, a, b *topology.Node) Quality {
	grounds := Exact
	for word, n := range e.Evidence.Peer {
		i := slices.Index(flow.PeerEvidenceNames[:], word)
		if n > 0 && (i == int(flow.PeerListener) || i == int(flow.PeerSidecar)) {
			grounds = Inferred
		}
	}
	if len(e.Evidence.Peer) == 0 {
		grounds = "" // bytes of connections that others have now: nothing is claimed
	}
	of := func(n *topology.Node, candidates []string, grounds string) string {
		if n == nil || n.Kind == topology.KindAddress || len(candidates) > 0 {
			return Unknown
		}
		return grounds
	}
	own := grounds
	if own == Inferred {
		own = Exact
	}
	if len(e.Ends) == 2 {
		return Quality{First: of(a, e.Candidates["first"], grounds), Second: of(b, e.Candidates["second"], grounds)}
	}
	return Quality{Client: of(a, e.Candidates["client"], own), Server: of(b, e.Candidates["server"], grounds)}
}

// weakest is the weaker of both ends.
func (q *Quality) weakest() string {
	ladder := []string{"", Exact, Joined, Inferred, Unknown}
	w := 0
	for _, word := range [...]string{q.Client, q.Server, q.First, q.Second} {
		w = max(w, slices.Index(ladder, word))
	}
	return ladder[w]
}

// encrypted: whether all connections of an edge are known to use TLS; false if
// some are known not to; nil if that is not known.
func encrypted(e *topology.Edge) *bool {
	all := len(e.Protocols) > 0
	for _, p := range e.Protocols {
		switch {
		case p.TLS == nil:
			all = false
		case !*p.TLS:
			return new(false)
		}
	}
	if all {
		return new(true)
	}
	return nil
}
