package kubernetes

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"peerscope/internal/flow"
)

// Directory is what is known of the cluster, found by what a host sees of it. It
// answers from memory and is safe for concurrent use.
type Directory struct {
	mu sync.RWMutex

	pods         map[string]*Pod // by uid; a static pod also by the kubelet's
	byContainer  map[string]*Pod // by container id
	byAddr       map[netip.Addr][]tenant
	gone         []departed // pods that are no more, oldest first
	services     map[string]*Service
	byNamespace  map[string][]*Service // those with a selector
	virtual      map[netip.Addr][]*Service
	nodePorts    map[nodePort][]*Service
	nodes        map[string]*Node
	nodeByAddr   map[netip.Addr][]*Node
	owners       map[string]Ref // what owns the owner of that uid
	files        files
	changed      atomic.Uint64
	expected     bool // an API server is asked, or may be
	servicesRead bool // they were listed
}

// tenant is a pod that has, or had until some time, an address.
type tenant struct {
	pod   *Pod
	until flow.Time // 0: it still has it
}

// departed is a pod that was deleted. Its containers are known for a while, for
// the processes that ran in it and are still to be named.
type departed struct {
	pod *Pod
	at  flow.Time
}

// Of departed pods so many are kept, and so long (nanoseconds).
const (
	mostGone    = 4096
	longestGone = flow.Time(3600e9)
)

type nodePort struct {
	transport flow.Transport
	port      uint16
}

// NewDirectory knows nothing.
func NewDirectory() *Directory {
	return &Directory{
		pods: map[string]*Pod{}, byContainer: map[string]*Pod{}, byAddr: map[netip.Addr][]tenant{},
		services: map[string]*Service{}, byNamespace: map[string][]*Service{}, virtual: map[netip.Addr][]*Service{},
		nodePorts: map[nodePort][]*Service{}, nodes: map[string]*Node{}, nodeByAddr: map[netip.Addr][]*Node{}, owners: map[string]Ref{},
	}
}

// Changed is a number that is another one after something new was learnt.
func (d *Directory) Changed() uint64 { return d.changed.Load() }

func (d *Directory) change(f func()) {
	d.mu.Lock()
	f()
	d.mu.Unlock()
	d.changed.Add(1)
}

// setPod adds a pod or takes its newer state.
func (d *Directory) setPod(p *Pod, now flow.Time) {
	old := d.pods[p.UID]
	if old != nil {
		d.leaveAddrs(old, p, now)
		d.forgetContainers(old, p)
	}
	d.pods[p.UID] = p
	if p.ConfigUID != "" {
		d.pods[p.ConfigUID] = p
	}
	for _, c := range p.Containers {
		if c.ID != "" {
			d.byContainer[c.ID] = p
		}
	}
	if !p.named() {
		return
	}
	for _, a := range p.Addrs {
		list := d.byAddr[a]
		i := slices.IndexFunc(list, func(t tenant) bool { return t.pod.UID == p.UID })
		if i < 0 {
			d.byAddr[a] = append(list, tenant{pod: p})
		} else {
			list[i] = tenant{pod: p}
		}
	}
}

// named: its addresses are its own.
func (p *Pod) named() bool { return !p.HostNetwork && !p.Ended }

// leaveAddrs ends the tenancy of addresses that the newer state has no more.
func (d *Directory) leaveAddrs(old, next *Pod, now flow.Time) {
	if !old.named() {
		return
	}
	for _, a := range old.Addrs {
		if next != nil && next.named() && slices.Contains(next.Addrs, a) {
			continue
		}
		for i := range d.byAddr[a] {
			if t := &d.byAddr[a][i]; t.pod.UID == old.UID && t.until == 0 {
				t.until = now
			}
		}
		if next != nil {
			d.gone = append(d.gone, departed{pod: old, at: now})
		}
	}
}

// forgetContainers drops containers that were started anew under another id. A
// process that is left of one is still found by its pod's uid.
func (d *Directory) forgetContainers(old, next *Pod) {
	for _, c := range old.Containers {
		stays := slices.ContainsFunc(next.Containers, func(n Container) bool { return n.ID == c.ID })
		if c.ID != "" && !stays {
			delete(d.byContainer, c.ID)
		}
	}
}

// dropPod takes a pod that was deleted out, but for what is remembered a while.
func (d *Directory) dropPod(uid string, now flow.Time) {
	p := d.pods[uid]
	if p == nil {
		return
	}
	d.leaveAddrs(p, nil, now)
	d.gone = append(d.gone, departed{pod: p, at: now})
	d.expire(now)
}

// expire forgets those that have been gone for too long.
func (d *Directory) expire(now flow.Time) {
	n := 0
	for n < len(d.gone) && (len(d.gone)-n > mostGone || now-d.gone[n].at > longestGone) {
		d.forget(d.gone[n].pod)
		n++
	}
	d.gone = slices.Delete(d.gone, 0, n)
}

func (d *Directory) forget(p *Pod) {
	for _, uid := range [...]string{p.UID, p.ConfigUID} {
		if d.pods[uid] == p {
			delete(d.pods, uid)
		}
	}
	for _, c := range p.Containers {
		if d.byContainer[c.ID] == p {
			delete(d.byContainer, c.ID)
		}
	}
	for _, a := range p.Addrs {
		list := slices.DeleteFunc(d.byAddr[a], func(t tenant) bool { return t.pod.UID == p.UID && t.until != 0 })
		if len(list) == 0 {
			delete(d.byAddr, a)
		} else {
			d.byAddr[a] = list
		}
	}
}

// setService adds a service or takes its newer state.
func (d *Directory) setService(s *Service) {
	d.dropService(s.UID)
	d.services[s.UID] = s
	if len(s.Selector) > 0 {
		d.byNamespace[s.Namespace] = append(d.byNamespace[s.Namespace], s)
	}
	for _, a := range s.Addrs {
		d.virtual[a] = append(d.virtual[a], s)
	}
	for _, p := range s.Ports {
		if p.Node != 0 {
			k := nodePort{p.Transport, p.Node}
			d.nodePorts[k] = append(d.nodePorts[k], s)
		}
	}
}

func (d *Directory) dropService(uid string) {
	s := d.services[uid]
	if s == nil {
		return
	}
	delete(d.services, uid)
	without(d.byNamespace, s.Namespace, s)
	for _, a := range s.Addrs {
		without(d.virtual, a, s)
	}
	for _, p := range s.Ports {
		if p.Node != 0 {
			without(d.nodePorts, nodePort{p.Transport, p.Node}, s)
		}
	}
}

func (d *Directory) setNode(n *Node) {
	d.dropNode(n.UID)
	d.nodes[n.UID] = n
	for _, a := range n.Addrs {
		d.nodeByAddr[a] = append(d.nodeByAddr[a], n)
	}
}

func (d *Directory) dropNode(uid string) {
	n := d.nodes[uid]
	if n == nil {
		return
	}
	delete(d.nodes, uid)
	for _, a := range n.Addrs {
		without(d.nodeByAddr, a, n)
	}
}

// without takes v off the list of a key, and the key with the last one.
func without[K, V comparable](m map[K][]V, k K, v V) {
	list := slices.DeleteFunc(m[k], func(have V) bool { return have == v })
	if len(list) == 0 {
		delete(m, k)
		return
	}
	m[k] = list
}
