package metrics

import (
	"maps"
	"slices"
	"time"

	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// Self is what the program knows of itself and the maps do not say. What is not
// known is left out.
type Self struct {
	Version, Revision string
	Exports           map[string]Exported // by exporter
	History           *History
	BPF               map[string]time.Duration // processor time by program, if the kernel counts it
}

// Exported counts what an exporter did since it began.
type Exported struct {
	Sent, Failed uint64 // batches
	Dropped      uint64 // windows
}

// History is what is kept on disk.
type History struct {
	Bytes   uint64
	Oldest  time.Time // zero: there is nothing
	Dropped uint64    // windows that are missing from it
}

// hostTotals are what the maps say beside their edges.
type hostTotals struct {
	windows           uint64
	began, end        time.Time // of the first window, of the last one
	edges, nodes      int
	lost              map[string]uint64
	degraded          []string // codes of the last window, sorted
	completeness      *float64
	quality           map[string]float64 // shares, nil without connections
	unattributedBytes uint64
}

func newHostTotals() hostTotals { return hostTotals{lost: map[string]uint64{}} }

// add replaces what it does not add to, so that copies stay as they are.
func (h *hostTotals) add(m *topology.Map, start, end time.Time) {
	if h.windows == 0 {
		h.began = start
	}
	h.windows++
	h.end, h.edges, h.nodes = end, len(m.Edges), len(m.Nodes)
	h.lost = maps.Clone(h.lost)
	for reason, n := range m.Capture.Lost {
		h.lost[reason] += n
	}
	h.degraded = nil
	for _, d := range m.Capture.Degraded {
		h.degraded = append(h.degraded, d.Code)
	}
	slices.Sort(h.degraded)
	h.degraded = slices.Compact(h.degraded)
	h.completeness = m.Capture.Completeness
	h.unattributedBytes += m.Capture.Unattributed.Bytes
	h.quality = qualityOf(m)
}

// The words of quality.
var qualityNames = [...]string{"exact", "inferred", "unknown"}

// qualityOf is which share of a map's connections has its other end named how
// well.
func qualityOf(m *topology.Map) map[string]float64 {
	var counts [len(qualityNames)]uint64
	var all uint64
	for i := range m.Edges {
		for word, n := range m.Edges[i].Evidence.Peer {
			of := 2 // a word of a later version too
			switch e := slices.Index(flow.PeerEvidenceNames[:], word); {
			case e < 0:
			case flow.PeerEvidence(e) <= flow.PeerNAT:
				of = 0
			case flow.PeerEvidence(e) <= flow.PeerSidecar:
				of = 1
			}
			counts[of] += n
			all += n
		}
	}
	if all == 0 {
		return nil
	}
	out := map[string]float64{}
	for i, name := range qualityNames {
		out[name] = float64(counts[i]) / float64(all)
	}
	return out
}
