package attribution

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"

	"peerscope/internal/flow"
)

// Describe puts one connection into words, from the socket with that cookie:
// (layer)service:instance:process(ip:port)(pid) -> the same of the other end,
// and on what evidence. Empty if the socket is not known.
func (e *Engine) Describe(cookie flow.SocketCookie) string {
	e.flush()
	slot, _ := e.byCookie.slot(cookie, 0)
	if *slot == 0 {
		return ""
	}
	n := *slot
	h := e.half(n)
	f := e.findPeer(n, h)
	var o *half
	if m := cmp.Or(f.partner, f.shared); m != 0 {
		o = e.half(m)
	}
	role, by, _ := e.roleOf(h, o)
	c := Change{Peer: f.evidence}
	var other flow.NodeRef
	if o != nil {
		other = e.endNode(o, role.Reverse(), &c)
	} else {
		other, role = e.unobserved(&c, h, role)
	}
	me := e.endNode(h, role, &c)
	local := netip.AddrPortFrom(e.addrs.list[h.local], h.localPort)
	peer := netip.AddrPortFrom(e.addrs.list[h.peer], h.peerPort)
	return fmt.Sprintf("%s -> %s: %v, peer by %v, role by %v", e.describeNode(me, local), e.describeNode(other, peer), role, c.Peer, by)
}

func (e *Engine) describeNode(ref flow.NodeRef, at netip.AddrPort) string {
	n := e.Node(ref)
	if n.Kind != flow.NodeProcess {
		return fmt.Sprintf("(%v)", at)
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
	fmt.Fprintf(&b, "%s(%v)(pid %d)", name, at, n.Process.Key.PID)
	return b.String()
}
