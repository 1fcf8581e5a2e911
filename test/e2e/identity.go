package e2e

import (
	"strings"

	"peerscope/internal/topology"
)

// judgeProcesses checks what the nodes of true processes are called, however
// short those lived. A source that looks can say it of what a look met; a
// process that is missing altogether is said by judgeNames.
func (s *Score) judgeProcesses(m *topology.Map, truth []*Conn, see sees) {
	nodes := map[string]topology.Node{}
	for _, n := range m.Nodes {
		nodes[n.ID] = n
	}
	done := map[Proc]bool{}
	for _, c := range truth {
		if see.looks() && !see.looked(c) {
			continue
		}
		k := see.known(c)
		for side, known := range [2]bool{k.Client, k.Server} {
			end := c.end(Side(side))
			n, ok := nodes["process:"+end.Proc.String()]
			if !known || !ok || done[end.Proc] {
				continue
			}
			done[end.Proc] = true
			s.judgeProcess(n, end)
		}
	}
}

// judgeProcess compares one node with the process that it stands for.
func (s *Score) judgeProcess(n topology.Node, is *End) {
	switch exe := n.Attributes.ExecutableName; {
	case n.Name == "" || strings.HasPrefix(n.Name, "pid "):
		s.problem("process %v has no name, want %s: %s", is.Proc, is.Name, n.Name)
	case is.Exe != "" && exe != is.Exe:
		s.problem("executable of process %v (%s): got %q, want %q", is.Proc, n.Name, exe, is.Exe)
	case is.Actor && n.Name != is.Name:
		s.problem("name of process %v: got %q, want %q", is.Proc, n.Name, is.Name)
	}
}
