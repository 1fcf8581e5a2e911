package topology

import (
	"slices"

	"peerscope/internal/flow"
)

// Certainty is how well the other end of an edge is known, in the words shown to
// people: exact, inferred or unknown, the weakest of its connections; empty if
// it has none.
func (e *Edge) Certainty() string {
	words := [...]string{"", "exact", "inferred", "unknown"}
	weakest := 0
	for word, n := range e.Evidence.Peer {
		if n == 0 {
			continue
		}
		of := 3 // a word of a later version too
		switch i := slices.Index(flow.PeerEvidenceNames[:], word); {
		case i < 0:
		case flow.PeerEvidence(i) <= flow.PeerNAT:
			of = 1
		case flow.PeerEvidence(i) <= flow.PeerSidecar:
			of = 2
		}
		weakest = max(weakest, of)
	}
	return words[weakest]
}
