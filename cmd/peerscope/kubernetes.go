package main

import (
	"context"
	"net/netip"
	"slices"

	"peerscope/internal/flow"
	"peerscope/internal/identity"
	"peerscope/internal/kubernetes"
)

// naming stands behind a source and adds what Kubernetes tells: the names of
// the addresses that were seen, when the window ends, and hints at proxies. It
// asks nobody and waits for nobody: what is not known by then is a gap. It
// serves one goroutine.
type naming struct {
	cluster *kubernetes.Cluster
	emit    func(flow.Observation)

	start  flow.Time          // of the window
	number int                // of the window
	seen   map[netip.Addr]int // in which window it was seen last
	last   netip.Addr         // of those seen
	ports  map[peer]int       // that may be ports of nodes, likewise
	told   []flow.AddressName // for the end of the window
}

// peer is a port of an address that a socket talked to.
type peer struct {
	transport flow.Transport
	at        netip.AddrPort
}

// How many addresses and ports are remembered beyond the window in which they were
// seen: connections that are idle are not told again, and stay on the map.
const (
	mostAddresses = 1 << 16
	mostPorts     = 1 << 16
)

func newNaming(c *kubernetes.Cluster, emit func(flow.Observation)) *naming {
	return &naming{cluster: c, emit: emit, seen: map[netip.Addr]int{}, ports: map[peer]int{}}
}

// startKubernetes begins to learn of the cluster this host is part of, in the
// background, until ctx ends.
func startKubernetes(ctx context.Context, access *kubernetes.Access) *kubernetes.Cluster {
	c := kubernetes.New(kubernetes.Config{Access: access, Root: identity.HostRoot()})
	go c.Run(ctx)
	return c
}

// pods answers who a container's pod is. That it was asked at all says that a
// pod runs here.
type pods struct{ cluster *kubernetes.Cluster }

func (p pods) Changed() uint64 { return p.cluster.Changed() }

func (p pods) ByContainer(id string) (identity.Pod, bool) {
	a, ok := p.cluster.ByContainer(id)
	if ok {
		p.cluster.PodSeen()
	}
	return podOf(a), ok
}

// ByUID is asked for containers in the cgroup of a pod.
func (p pods) ByUID(uid, container string) (identity.Pod, bool) {
	p.cluster.PodSeen()
	a, ok := p.cluster.ByUID(uid, container)
	return podOf(a), ok
}

func podOf(a kubernetes.Answer) identity.Pod {
	return identity.Pod{Pod: a.Pod, Addrs: a.Addrs, Ports: a.Ports}
}

// take is where observations pass.
func (n *naming) take(o flow.Observation) {
	switch o := o.(type) {
	case *flow.Socket:
		n.see(o.Local.Addr())
		n.see(o.Peer.Addr())
		n.seePort(peer{o.Transport, o.Peer})
	case *flow.Translation:
		n.see(o.Original.Peer.Addr())
		n.see(o.Reply.Local.Addr())
		n.seePort(peer{o.Transport, o.Original.Peer})
	case *flow.Process:
		n.hint(o)
	case *flow.Window:
		if o.Start != 0 && n.start == 0 {
			n.start = o.Start
		}
		if o.End != 0 {
			n.tell(o.End)
		}
	}
	n.emit(o)
}

func (n *naming) see(a netip.Addr) {
	if a == n.last || !a.IsValid() || a.IsUnspecified() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() {
		return
	}
	n.last = a
	n.seen[a] = n.number
}

// seePort remembers a port that is, or may turn out to be, one of a node's.
func (n *naming) seePort(p peer) {
	if len(n.ports) < mostPorts && n.cluster.MayBeNodePort(p.transport, p.at.Port()) {
		n.ports[p] = n.number
	}
}

// hint says of a process what a mesh is known to run it for.
func (n *naming) hint(p *flow.Process) {
	if p.Pod.UID == "" {
		return
	}
	a, ok := n.cluster.ByUID(p.Pod.UID, p.Pod.Container)
	if !ok || p.Pod.Container == "" {
		return
	}
	p.MeshMember = p.MeshMember || a.Member
	p.ServiceProxy = p.ServiceProxy || slices.Contains(a.Proxies, p.Name)
}

// tell names the addresses of a window that ends, and those of windows before that
// may be on its map. All are asked for anew, as an address may be another's now.
func (n *naming) tell(end flow.Time) {
	n.told = n.told[:0]
	for a := range n.seen {
		n.told = append(n.told, n.cluster.Names(a, n.start)...)
	}
	for p := range n.ports {
		n.told = append(n.told, n.cluster.NodePort(p.transport, p.at)...)
	}
	slices.SortFunc(n.told, flow.AddressName.Compare)
	for i := range n.told {
		n.told[i].Time = end
		n.emit(&n.told[i])
	}
	for _, g := range n.cluster.Gaps() {
		n.emit(&g)
	}
	forget(n.seen, n.number, mostAddresses)
	forget(n.ports, n.number, mostPorts/2)
	n.number++
	n.start, n.last = end, netip.Addr{}
}

// forget lets go of what was not seen in this window if there is more than that,
// half of which are then left at most.
func forget[K comparable](seen map[K]int, now, most int) {
	if len(seen) <= most {
		return
	}
	for k, window := range seen {
		if window < now {
			if delete(seen, k); len(seen) <= most/2 {
				return
			}
		}
	}
}
