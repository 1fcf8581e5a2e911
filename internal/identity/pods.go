package identity

import "peerscope/internal/flow"

// Pods is what Kubernetes tells of pods. It answers from memory, at once, and
// may learn of a pod only after it was asked. It is safe for concurrent use.
type Pods interface {
	// ByContainer finds the pod that a container of that id belongs to, with what
	// is declared for that container; false: not known, or not yet.
	ByContainer(id string) (Pod, bool)
	// ByUID finds a pod by its uid, for a container that is too young to be listed
	// in its pod. The fields of a container are those of the one named; if none
	// has that name, zero.
	ByUID(uid, container string) (Pod, bool)
	// Changed is a number that is another one after what is known has changed.
	Changed() uint64
}

// Pod is a pod and what it declares for one of its containers. Its slices are
// shared and never changed afterwards.
type Pod struct {
	flow.Pod
	Addrs     []string // of the pod itself, sorted; none of a pod in the host's network
	Ports     []uint16 // that the container declares, sorted
	Image     string   // of the container, without tag and digest
	ImageTags []string
}
