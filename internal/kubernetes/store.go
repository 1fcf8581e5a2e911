package kubernetes

import (
	"runtime/debug"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// largeList is how many objects make it worth to give memory back at once.
const largeList = 1000

// store takes what a reflector read of one kind into the directory. The
// reflector calls it from one goroutine.
type store struct {
	d    *Directory
	kind *kind
	live map[string]bool // uids
	put  func(any) string
	drop func(uid string)
}

// Add takes an object in.
func (s *store) Add(o any) error {
	s.d.change(func() { s.add(o) })
	return nil
}

func (s *store) add(o any) {
	if uid := s.put(o); uid != "" {
		s.live[uid] = true
	}
}

// Update takes the newer state of an object.
func (s *store) Update(o any) error { return s.Add(o) }

// Delete takes an object out.
func (s *store) Delete(o any) error {
	m, ok := o.(metav1.Object)
	if !ok {
		return nil
	}
	s.d.change(func() {
		delete(s.live, string(m.GetUID()))
		s.drop(string(m.GetUID()))
	})
	return nil
}

// Replace takes a whole list: what is not in it is no more.
func (s *store) Replace(list []any, _ string) error {
	s.d.change(func() {
		before := s.live
		s.live = make(map[string]bool, len(list))
		for _, o := range list {
			s.add(o)
		}
		for uid := range before {
			if !s.live[uid] {
				s.drop(uid)
			}
		}
		s.d.servicesRead = s.d.servicesRead || s.kind.name == "services"
	})
	first := false
	s.kind.note(func() {
		first = !s.kind.synced
		s.kind.synced, s.kind.err = true, nil
	})
	if first && len(list) > largeList {
		// It took many times what is kept of it, and such a list comes once.
		debug.FreeOSMemory()
	}
	return nil
}

// Resync is never asked for.
func (s *store) Resync() error { return nil }

func (c *Cluster) putPod(o any, text *texts) string {
	in, ok := o.(*corev1.Pod)
	if !ok {
		return ""
	}
	c.setPod(podOf(in, text), now())
	return string(in.UID)
}

func (c *Cluster) putService(o any, text *texts) string {
	in, ok := o.(*corev1.Service)
	if !ok {
		return ""
	}
	c.setService(serviceOf(in, text))
	return string(in.UID)
}

func (c *Cluster) putNode(o any, text *texts) string {
	in, ok := o.(*corev1.Node)
	if !ok {
		return ""
	}
	c.setNode(nodeOf(in, text))
	return string(in.UID)
}

// putOwner remembers who owns an owner. One that nobody owns is not kept.
func (c *Cluster) putOwner(o any, text *texts) string {
	in, ok := o.(*metav1.PartialObjectMetadata)
	if !ok {
		return ""
	}
	r := ownerOf(in.OwnerReferences, text)
	if r.Kind == "" {
		return ""
	}
	c.owners[text.one(string(in.UID))] = r
	return string(in.UID)
}

// trim drops from a page what is not kept anyway, so that the whole list, which
// is collected before any of it is taken in, stays small.
func trim(list runtime.Object) {
	switch l := list.(type) {
	case *corev1.PodList:
		for i := range l.Items {
			trimPod(&l.Items[i])
		}
	case *corev1.NodeList:
		for i := range l.Items {
			n := &l.Items[i]
			l.Items[i] = corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: n.Name, UID: n.UID}, Status: corev1.NodeStatus{Addresses: n.Status.Addresses}}
		}
	case *corev1.ServiceList:
		for i := range l.Items {
			l.Items[i].ManagedFields, l.Items[i].Annotations = nil, nil
		}
	}
}

// trimPod keeps what podOf reads.
func trimPod(p *corev1.Pod) {
	out := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: p.Name, Namespace: p.Namespace, UID: p.UID, Labels: p.Labels, OwnerReferences: p.OwnerReferences}}
	for _, k := range [...]string{configHash, redirection} {
		if v, ok := p.Annotations[k]; ok {
			metav1.SetMetaDataAnnotation(&out.ObjectMeta, k, v)
		}
	}
	out.Spec.NodeName, out.Spec.HostNetwork = p.Spec.NodeName, p.Spec.HostNetwork
	bare := func(c *corev1.Container) corev1.Container {
		return corev1.Container{Name: c.Name, Ports: c.Ports, RestartPolicy: c.RestartPolicy}
	}
	for i := range p.Spec.Containers {
		out.Spec.Containers = append(out.Spec.Containers, bare(&p.Spec.Containers[i]))
	}
	for i := range p.Spec.InitContainers {
		out.Spec.InitContainers = append(out.Spec.InitContainers, bare(&p.Spec.InitContainers[i]))
	}
	for i := range p.Spec.EphemeralContainers {
		c := corev1.Container(p.Spec.EphemeralContainers[i].EphemeralContainerCommon)
		out.Spec.EphemeralContainers = append(out.Spec.EphemeralContainers,
			corev1.EphemeralContainer{EphemeralContainerCommon: corev1.EphemeralContainerCommon(bare(&c))})
	}
	ids := func(list []corev1.ContainerStatus) (out []corev1.ContainerStatus) {
		for i := range list {
			out = append(out, corev1.ContainerStatus{Name: list[i].Name, ContainerID: list[i].ContainerID})
		}
		return out
	}
	s := &p.Status
	out.Status = corev1.PodStatus{Phase: s.Phase, PodIP: s.PodIP, PodIPs: s.PodIPs, ContainerStatuses: ids(s.ContainerStatuses),
		InitContainerStatuses: ids(s.InitContainerStatuses), EphemeralContainerStatuses: ids(s.EphemeralContainerStatuses)}
	*p = out
}
