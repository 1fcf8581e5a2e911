package view

import (
	"cmp"
	"fmt"
	"slices"

	"peerscope/internal/topology"
)

// mostReasons is how many of its lines' reasons a node repeats.
const mostReasons = 5

// node writes a node down as it is shown.
func (s *scene) node(n *topology.Node, t *around) Node {
	a := &n.Attributes
	out := Node{ID: n.ID, Kind: n.Kind, Name: clean(n.Name), Place: place(n), Processes: a.Processes, Listens: a.Listens,
		Unknown: isUnknown(n), Exited: a.Exited, Attributes: *a, Members: a.Members}
	out.Attributes.Members, out.Attributes.Processes, out.Attributes.Listens = nil, 0, nil // they stand beside
	out.Attributes.AddressLocal = a.AddressLocal && n.Kind == topology.KindAddress
	if n.Kind == topology.KindProcess {
		out.Processes = 1
	}
	out.PIDs = s.pids(n)
	out.Subtitle = subtitle(&out)
	s.account(&out, n, t)
	if n.Kind == KindBundle {
		out.Subtitle = s.bundled(n)
		out.Role, out.RoleReason = s.bundleRole(n), ""
	} else if t != nil {
		out.Role, out.RoleReason = role(n, t.in, t.out)
	}
	out.Sentence = s.nodeSentence(&out, t)
	return out
}

// account adds up the lines of a node: its bytes, and how it does.
func (s *scene) account(out *Node, n *topology.Node, t *around) {
	lines := t.all()
	v := verdict{health: Idle}
	var sum float64
	known := false
	for _, l := range lines {
		v.health = worse(v.health, l.health)
		if to, back := l.Bytes.Directions(); to != nil || back != nil {
			if r, ok := perSecond(l.volume(), l.length); ok {
				sum, known = sum+r, true
			}
		}
	}
	if known {
		out.BytesPerSecond = &sum
	}
	troubled := slices.DeleteFunc(slices.Clone(lines), func(l *line) bool { return !l.health.Problem() })
	slices.SortStableFunc(troubled, func(a, b *line) int {
		return cmp.Or(-cmp.Compare(a.health.severity(), b.health.severity()), cmp.Compare(a.ID, b.ID))
	})
	for i, l := range troubled {
		if i == mostReasons {
			v.reasons = append(v.reasons, many(len(troubled)-i, "more edge")+" with a problem")
			break
		}
		v.reasons = append(v.reasons, s.towards(n.ID, l)+": "+l.reasons[0])
	}
	v.backlog(out.Listens)
	out.Health, out.Reasons = v.health, v.reasons
}

// pids are those of a node's processes, the first of them.
func (s *scene) pids(n *topology.Node) []int32 {
	if n.Kind == topology.KindProcess {
		return []int32{n.Attributes.PID}
	}
	var out []int32
	for _, id := range n.Attributes.Members {
		if p := s.known[id]; p != nil && p.Attributes.PID != 0 {
			out = append(out, p.Attributes.PID)
		}
	}
	slices.Sort(out)
	return out[:min(len(out), MostPIDs)]
}

// place says where a node runs, in words, without what its name says.
func place(n *topology.Node) string {
	a := &n.Attributes
	where := ""
	switch n.Kind {
	case topology.KindProcess, KindProgram:
		switch {
		case a.PodName != "" || a.PodUID != "":
			where = join(a.Namespace, cmp.Or(a.PodName, a.Workload(), a.PodUID), a.PodContainer)
		case a.Workload() != "":
			where = join(a.Namespace, a.Workload(), a.PodContainer)
		case a.ContainerID != "" || a.ContainerName != "":
			where = cmp.Or(a.ContainerName, a.ContainerID[:min(12, len(a.ContainerID))])
		default:
			where = a.Unit
		}
	case KindContainer:
		where = join(a.Namespace, a.PodName)
	case KindPod, KindWorkload:
		where = a.Namespace
	case topology.KindAddress:
		where = a.NodeName
		if n.Name == where {
			where = ""
		}
	}
	if a.NetnsName != "" && a.PodName == "" && n.Kind != KindNamespace && n.Kind != KindHost {
		where += "@" + a.NetnsName
	}
	return clean(where)
}

// subtitle is the second line of a card.
func subtitle(n *Node) string {
	switch {
	case n.Kind == topology.KindAddress:
		switch addr := n.Attributes.PeerAddress; {
		case addr != "" && addr != n.Name:
			return clean(addr)
		case n.Attributes.AddressLocal:
			return "no process known"
		}
		return ""
	case n.Kind == topology.KindKernel || n.Kind == KindBundle:
		return ""
	case n.Processes == 1 && len(n.PIDs) == 1:
		return fmt.Sprintf("pid %d", n.PIDs[0])
	case n.Processes == 1:
		return "1 process"
	case n.Processes > 0:
		return words(countText(float64(n.Processes)), "processes")
	}
	return ""
}
