package kubernetes

import (
	"slices"

	"peerscope/internal/flow"
)

// Answer is what is known of a pod, and of one of its containers. Its slices are
// shared and never changed.
type Answer struct {
	flow.Pod
	Addrs []string // its own, sorted; none if it lives in its node's network
	Ports []uint16 // that the container declares, sorted
	// Proxies are the names of the programs of this container that take the
	// connections of others, where it is a known proxy of a mesh.
	Proxies []string
	// Member: a known proxy takes the connections of this container.
	Member bool
}

// ByContainer finds a pod by the id of one of its containers; false: not known,
// or not yet.
func (d *Directory) ByContainer(id string) (Answer, bool) {
	if id == "" {
		return Answer{}, false
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	if p := d.byContainer[id]; p != nil {
		for i := range p.Containers {
			if p.Containers[i].ID == id {
				return d.answer(p, &p.Containers[i]), true
			}
		}
	}
	if f, ok := d.files.containers[id]; ok {
		if p := d.pods[f.pod.uid]; p != nil { // the API does not know of the container yet
			return d.answer(p, p.container(f.name)), true
		}
		return f.pod.answer(f.name), true
	}
	return Answer{}, false
}

// ByUID finds a pod by its uid, or by the one that the kubelet has for it. If
// it has no container of that name, what is a container's is zero.
func (d *Directory) ByUID(uid, container string) (Answer, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if p := d.pods[uid]; p != nil && uid != "" {
		return d.answer(p, p.container(container)), true
	}
	if f := d.files.pods[uid]; f != nil {
		return f.answer(container), true
	}
	return Answer{}, false
}

// container of that name, or nil.
func (p *Pod) container(name string) *Container {
	i := slices.IndexFunc(p.Containers, func(c Container) bool { return c.Name == name && name != "" })
	if i < 0 {
		return nil
	}
	return &p.Containers[i]
}

func (d *Directory) answer(p *Pod, c *Container) Answer {
	a := Answer{Pod: flow.Pod{UID: p.UID, Name: p.Name, Namespace: p.Namespace, Node: p.Node, Labels: p.Labels,
		Owners: d.ownersOf(p), Services: d.servicesOf(p)}}
	if !p.HostNetwork {
		for _, addr := range p.Addrs {
			a.Addrs = append(a.Addrs, addr.String())
		}
		slices.Sort(a.Addrs)
	}
	if c != nil {
		a.Container, a.Ports = c.Name, c.Ports
		a.Proxies, a.Member = mesh(p, c)
	}
	return a
}

// ownersOf is the chain of those that made a pod, nearest first. A static pod is
// owned by its node, which made nothing that people know as a workload.
func (d *Directory) ownersOf(p *Pod) []flow.Owner {
	var out []flow.Owner
	const longest = 4 // the chains of Kubernetes' own controllers have two
	for r := p.Owner; r.Kind != "" && r.Kind != "Node" && len(out) < longest; r = d.owners[r.UID] {
		out = append(out, flow.Owner{Kind: r.Kind, Name: r.Name})
	}
	return out
}

// servicesOf are the names of the services that select a pod, sorted.
func (d *Directory) servicesOf(p *Pod) []string {
	var out []string
	for _, s := range d.byNamespace[p.Namespace] {
		if s.selects(p) {
			out = append(out, s.Name)
		}
	}
	slices.Sort(out)
	return out
}

// selects: each label of the selector is one of the pod's. Both are sorted.
func (s *Service) selects(p *Pod) bool {
	i := 0
	for _, want := range s.Selector {
		for i < len(p.Labels) && p.Labels[i].Key < want.Key {
			i++
		}
		if i == len(p.Labels) || p.Labels[i] != want {
			return false
		}
	}
	return true
}
