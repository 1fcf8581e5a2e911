package policy

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode"

	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// Formats are the kinds of rules that can be written.
func Formats() []string { return []string{"nft", "k8s"} }

// Write writes the rules that allow the edges of a map, in one of Formats.
func Write(m *topology.Map, format string) ([]byte, error) {
	s := newScene(m)
	switch format {
	case "nft":
		return s.nft(), nil
	case "k8s":
		return s.kubernetes(), nil
	}
	return nil, fmt.Errorf("unknown format %q: it is one of %s", format, strings.Join(Formats(), ", "))
}

// scene is a map with its nodes by id.
type scene struct {
	m     *topology.Map
	nodes map[string]*topology.Node
}

func newScene(m *topology.Map) *scene {
	s := &scene{m, make(map[string]*topology.Node, len(m.Nodes))}
	for i := range m.Nodes {
		s.nodes[m.Nodes[i].ID] = &m.Nodes[i]
	}
	return s
}

// node is never nil: what the map does not have is an address that is not known.
func (s *scene) node(id string) *topology.Node {
	return cmp.Or(s.nodes[id], &topology.Node{ID: id, Kind: topology.KindAddress, Name: id})
}

// ends are the two ends of an edge: client and server, where that is known.
func (s *scene) ends(e *topology.Edge) (first, second *topology.Node) {
	if len(e.Ends) == 2 {
		return s.node(e.Ends[0]), s.node(e.Ends[1])
	}
	return s.node(e.Client), s.node(e.Server)
}

// doubt says why an edge is not certain enough for a rule, empty if it is. One
// connection that is certain is enough: it shows that the edge is used.
func doubt(e *topology.Edge) string {
	if len(e.Ends) == 2 {
		return "who called whom is not known"
	}
	if e.Connections.Active+e.Connections.Closed == 0 {
		if e.Connections.Failed > 0 {
			return "no connect succeeded"
		}
		return "no connection was established"
	}
	inferred := false
	for word, n := range e.Evidence.Peer {
		if n == 0 {
			continue
		}
		switch i := slices.Index(flow.PeerEvidenceNames[:], word); flow.PeerEvidence(i) {
		case flow.PeerSequence, flow.PeerKernel, flow.PeerTuple, flow.PeerNAT, flow.PeerNone: // an address is what it is
			return ""
		case flow.PeerListener, flow.PeerSidecar:
			inferred = true
		}
	}
	if inferred {
		return "an end of it is inferred, not seen"
	}
	return "several processes fit and none is picked"
}

// head is what every set of rules begins with: of what it is made, and what the
// map could not see, which no rule allows.
func (s *scene) head(warning ...string) string {
	var b strings.Builder
	host := cmp.Or(s.m.Host.Name, "an unnamed host")
	comment(&b, "", fmt.Sprintf("Suggested by peerscope from what was seen on %s from %s to %s: %s.", host, s.m.Window.Start, s.m.Window.End, edges(len(s.m.Edges))))
	for _, w := range warning {
		comment(&b, "", w)
	}
	for _, d := range s.m.Capture.Degraded {
		comment(&b, "", "Not seen: "+cmp.Or(d.Reason, d.Code))
	}
	lost := make([]string, 0, len(s.m.Capture.Lost))
	for reason, n := range s.m.Capture.Lost {
		if n > 0 {
			lost = append(lost, fmt.Sprintf("%s %d", reason, n))
		}
	}
	if slices.Sort(lost); len(lost) > 0 {
		comment(&b, "", "Lost: "+strings.Join(lost, ", "))
	}
	return b.String()
}

func edges(n int) string {
	if n == 1 {
		return "1 edge"
	}
	return fmt.Sprintf("%d edges", n)
}

// comment writes a line that nft and YAML leave out. Names come from processes:
// nothing in them may end the line.
func comment(b *strings.Builder, indent, text string) {
	b.WriteString(indent + "# " + printable(text) + "\n")
}

func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return '?'
		}
		return r
	}, s)
}

// name is what a person calls a node.
func name(n *topology.Node) string {
	a := &n.Attributes
	switch {
	case a.PodName != "":
		return fmt.Sprintf("%s (pod %s/%s)", n.Name, a.Namespace, a.PodName)
	case a.Container() != "":
		return fmt.Sprintf("%s (container %s)", n.Name, a.Container())
	case a.Unit != "":
		return fmt.Sprintf("%s (%s)", n.Name, a.Unit)
	}
	return n.Name
}

// sentence is an edge in words.
func (s *scene) sentence(e *topology.Edge) string {
	first, second := s.ends(e)
	arrow := "->"
	if len(e.Ends) == 2 {
		arrow = "<->"
	}
	text := fmt.Sprintf("%s %s %s, %s", name(first), arrow, name(second), e.Transport)
	switch {
	case e.ServerPort != 0:
		text += fmt.Sprintf(" %d", e.ServerPort)
	case e.Path != "":
		text += " " + e.Path
	}
	return text
}

// addressOf is the address of a node, invalid if it is not known.
func addressOf(n *topology.Node) netip.Addr {
	if n.Kind != topology.KindAddress || n.Attributes.PeerAddress == "" {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(n.Attributes.PeerAddress)
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

// byText sorts and leaves out what is there twice.
func byText(lines []string) []string {
	slices.Sort(lines)
	return slices.Compact(lines)
}
