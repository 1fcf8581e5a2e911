package kubernetes

import (
	"net/netip"

	"peerscope/internal/flow"
)

// Pod is what is kept of a pod.
type Pod struct {
	UID       string
	ConfigUID string // of a static pod: what the kubelet calls it in cgroups and files
	Name      string
	Namespace string
	Node      string
	Owner     Ref // who made it; zero: nobody
	// HostNetwork: it has the addresses of its node, which name nobody else.
	HostNetwork bool
	// Ended: all its containers have ended for good. Its addresses may be another's.
	Ended      bool
	Ambient    bool // its traffic is taken by the mesh's proxy of the node
	Addrs      []netip.Addr
	Labels     []flow.Label // sorted by key
	Containers []Container
}

// Container is what is kept of a container of a pod.
type Container struct {
	Name  string
	ID    string // as the runtime and the cgroup have it; empty: not started yet
	Setup bool   // it prepares the pod and has ended before the others begin
	Ports []uint16
}

// Ref names an object that owns another.
type Ref struct {
	UID  string
	Kind string
	Name string
}

// Service is what is kept of a service.
type Service struct {
	UID       string
	Name      string
	Namespace string
	Selector  []flow.Label // empty: it selects no pods
	// Addrs are its virtual addresses, where it is reached on Ports: of the cluster,
	// external ones, and those of its load balancers.
	Addrs []netip.Addr
	Ports []Port
}

// Port is one port of a service.
type Port struct {
	Transport flow.Transport
	Port      uint16 // at the virtual addresses
	Node      uint16 // at the addresses of every node; 0: none
}

// Node is what is kept of a node.
type Node struct {
	UID   string
	Name  string
	Addrs []netip.Addr
}
