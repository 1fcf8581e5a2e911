package attribution

import (
	"fmt"
	"net/netip"
	"strings"

	"peerscope/internal/flow"
)

// line puts one connection into one line: (layer)service:instance:process
// (ip:port)(pid) -> the same of the other end, and on what evidence.
func (e *Engine) line(k EdgeKey, at [2]netip.AddrPort, role flow.Role, peer, by string) string {
	return fmt.Sprintf("%s -> %s: %v, peer by %s, role by %s", e.describeNode(k.A, at[0]), e.describeNode(k.B, at[1]), role, peer, by)
}

// addresses are the addresses of both ends as each calls itself, else as the
// other one calls it.
func (x *explainer) addresses() [2]netip.AddrPort {
	var out [2]netip.AddrPort
	for i, h := range x.ends {
		switch o := x.ends[1-i]; {
		case h != nil && h.local != 0:
			out[i] = x.e.addrPort(h.local, h.localPort)
		case o != nil:
			out[i] = x.e.addrPort(o.peer, o.peerPort)
		}
	}
	return out
}

func (e *Engine) describeNode(ref flow.NodeRef, at netip.AddrPort) string {
	where := written(at)
	if where == "" {
		where = "unknown"
	}
	n := e.Node(ref)
	if n.Kind != flow.NodeProcess {
		return fmt.Sprintf("(%s)", where)
	}
	var b strings.Builder
	name := n.Process.Name
	if len(n.Process.Entities) > 0 {
		entity := n.Process.Entities[0]
		fmt.Fprintf(&b, "(%s)%s:%s:", entity.Layer, entity.Service, entity.Instance)
		if entity.Process != "" {
			name = entity.Process
		}
	}
	fmt.Fprintf(&b, "%s(%s)(pid %d)", name, where, n.Process.Key.PID)
	return b.String()
}
