package flow

// Pod is what Kubernetes says of the pod a process runs in: from the
// annotations of its container, from the API, or both. Fields that are not known
// are zero.
type Pod struct {
	UID       string   `json:"uid,omitempty"`
	Name      string   `json:"name,omitempty"`
	Namespace string   `json:"namespace,omitempty"`
	Container string   `json:"container,omitempty"` // name of the container in the pod
	Node      string   `json:"node,omitempty"`      // name of the node it is on
	Owners    []Owner  `json:"owners,omitempty"`    // nearest first: a replica set, its deployment
	Services  []string `json:"services,omitempty"`  // names of the services that select it, sorted
	Labels    []Label  `json:"labels,omitempty"`    // sorted by key
}

// IsZero reports whether nothing is known of a pod.
func (p *Pod) IsZero() bool {
	return p.UID == "" && p.Name == "" && p.Namespace == "" && p.Container == "" && p.Node == "" &&
		len(p.Owners) == 0 && len(p.Services) == 0 && len(p.Labels) == 0
}

// Workload is the outermost of the owners that is known, the one people made;
// zero if none is.
func (p *Pod) Workload() Owner {
	if len(p.Owners) == 0 {
		return Owner{}
	}
	return p.Owners[len(p.Owners)-1]
}

// Owner is an object that made a pod, or made one that did.
type Owner struct {
	Kind string `json:"kind,omitempty"` // as Kubernetes writes it: Deployment, StatefulSet
	Name string `json:"name,omitempty"`
}

// Label is a name that somebody gave to a container or a pod.
type Label struct {
	Key   string `json:"key,omitempty"`
	Value string `json:"value,omitempty"`
}
