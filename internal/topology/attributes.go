package topology

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"peerscope/internal/flow"
)

// Attributes are what is known of a node, under the names of OpenTelemetry's
// semantic conventions where they have one.
type Attributes struct {
	PeerAddress    string `json:"network.peer.address,omitempty"`
	AddressLocal   bool   `json:"peerscope.address.local,omitempty"` // an observed namespace owns it
	PID            int32  `json:"process.pid,omitempty"`
	VPID           int32  `json:"process.vpid,omitempty"`
	Created        string `json:"process.creation.time,omitempty"`
	ExecutableName string `json:"process.executable.name,omitempty"`
	ExecutablePath string `json:"process.executable.path,omitempty"`
	CommandLine    string `json:"process.command_line,omitempty"`
	Interpreter    string `json:"process.runtime.name,omitempty"`
	Script         string `json:"peerscope.process.script,omitempty"`
	Owner          string `json:"process.owner,omitempty"`
	ParentPID      int32  `json:"process.parent_pid,omitempty"`
	Cgroup         string `json:"process.linux.cgroup,omitempty"`

	ContainerID   string   `json:"container.id,omitempty"`
	ContainerName string   `json:"container.name,omitempty"`
	Image         string   `json:"container.image.name,omitempty"`
	ImageTags     []string `json:"container.image.tags,omitempty"`
	Runtime       string   `json:"container.runtime.name,omitempty"`

	Namespace    string   `json:"k8s.namespace.name,omitempty"`
	PodName      string   `json:"k8s.pod.name,omitempty"`
	PodUID       string   `json:"k8s.pod.uid,omitempty"`
	PodContainer string   `json:"k8s.container.name,omitempty"`
	NodeName     string   `json:"k8s.node.name,omitempty"`
	ReplicaSet   string   `json:"k8s.replicaset.name,omitempty"`
	Deployment   string   `json:"k8s.deployment.name,omitempty"`
	StatefulSet  string   `json:"k8s.statefulset.name,omitempty"`
	DaemonSet    string   `json:"k8s.daemonset.name,omitempty"`
	Job          string   `json:"k8s.job.name,omitempty"`
	CronJob      string   `json:"k8s.cronjob.name,omitempty"`
	KubeService  string   `json:"k8s.service.name,omitempty"`       // the first by name, where several select the pod
	KubeServices []string `json:"peerscope.k8s.services,omitempty"` // all of them, where they are several

	ServiceName      string        `json:"service.name,omitempty"`
	ServiceNamespace string        `json:"service.namespace,omitempty"`
	ServiceInstance  string        `json:"service.instance.id,omitempty"`
	Entities         []flow.Entity `json:"peerscope.entities,omitempty"`

	Unit       string   `json:"peerscope.systemd.unit,omitempty"`
	NetnsInode uint64   `json:"peerscope.netns.inode,omitempty"`
	NetnsName  string   `json:"peerscope.netns.name,omitempty"`
	Exited     bool     `json:"peerscope.process.exited,omitempty"`
	ExitTime   string   `json:"process.exit.time,omitempty"`
	ExitCode   *int     `json:"process.exit.code,omitempty"`             // of one that no signal ended
	ExitSignal int      `json:"peerscope.process.exit.signal,omitempty"` // its number
	Listens    []Listen `json:"peerscope.listens,omitempty"`

	Proxy         string `json:"peerscope.proxy,omitempty"`          // one of flow.GroundNames
	ProxyUnjoined uint64 `json:"peerscope.proxy.unjoined,omitempty"` // connections it took of which it is not known which it made

	Members   []string `json:"peerscope.members,omitempty"`   // of a group: its nodes' ids
	Processes int      `json:"peerscope.processes,omitempty"` // of a group: how many of them are processes

	// Labels have a key each in the JSON, container.label.KEY and
	// k8s.pod.label.KEY, after all others and sorted.
	ContainerLabels map[string]string `json:"-"`
	PodLabels       map[string]string `json:"-"`
}

const (
	containerLabel = "container.label."
	podLabel       = "k8s.pod.label."
)

// named are the attributes whose names are fixed.
type named Attributes

// MarshalJSON writes the attributes with fixed names in their order, then the
// labels.
func (a Attributes) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // whoever encodes the map decides
	if err := enc.Encode((*named)(&a)); err != nil {
		return nil, err
	}
	if len(a.ContainerLabels)+len(a.PodLabels) == 0 {
		return b.Bytes(), nil
	}
	b.Truncate(b.Len() - len("}\n"))
	for _, l := range [...]struct {
		prefix string
		labels map[string]string
	}{{containerLabel, a.ContainerLabels}, {podLabel, a.PodLabels}} {
		for _, k := range slices.Sorted(maps.Keys(l.labels)) {
			if b.Len() > 1 {
				b.WriteByte(',')
			}
			if err := enc.Encode(l.prefix + k); err != nil {
				return nil, err
			}
			b.WriteByte(':')
			if err := enc.Encode(l.labels[k]); err != nil {
				return nil, err
			}
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// UnmarshalJSON reads what MarshalJSON writes. Names that it does not know are
// left out: a newer program may have written them.
func (a *Attributes) UnmarshalJSON(b []byte) error {
	if err := json.Unmarshal(b, (*named)(a)); err != nil {
		return err
	}
	if !bytes.Contains(b, []byte(`"`+containerLabel)) && !bytes.Contains(b, []byte(`"`+podLabel)) {
		return nil
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		return err
	}
	for k, v := range all {
		for _, l := range [...]struct {
			prefix string
			into   *map[string]string
		}{{containerLabel, &a.ContainerLabels}, {podLabel, &a.PodLabels}} {
			key, ok := strings.CutPrefix(k, l.prefix)
			if !ok {
				continue
			}
			var value string
			if err := json.Unmarshal(v, &value); err != nil {
				return fmt.Errorf("read attribute %s: %w", k, err)
			}
			if *l.into == nil {
				*l.into = map[string]string{}
			}
			(*l.into)[key] = value
		}
	}
	return nil
}

// setOwner writes down one of the owners of a pod. Of kinds without a name in
// the conventions nothing is.
func (a *Attributes) setOwner(o flow.Owner) {
	switch o.Kind {
	case "ReplicaSet":
		a.ReplicaSet = o.Name
	case "Deployment":
		a.Deployment = o.Name
	case "StatefulSet":
		a.StatefulSet = o.Name
	case "DaemonSet":
		a.DaemonSet = o.Name
	case "Job":
		a.Job = o.Name
	case "CronJob":
		a.CronJob = o.Name
	}
}

// setPod writes down what is known of a process's pod.
func (a *Attributes) setPod(p *flow.Pod) {
	a.PodName, a.PodUID, a.Namespace, a.PodContainer, a.NodeName = p.Name, p.UID, p.Namespace, p.Container, p.Node
	for _, o := range p.Owners {
		a.setOwner(o)
	}
	if len(p.Services) > 0 {
		a.KubeService = p.Services[0]
	}
	if len(p.Services) > 1 {
		a.KubeServices = p.Services
	}
	a.PodLabels = labelMap(p.Labels)
}

// hostLayer is SkyWalking's layer of processes without a service of their own:
// the host is the service there.
const hostLayer = "OS_LINUX"

// setEntities writes down as which services a process is known. The first of
// them that is not just the host is its service.
func (a *Attributes) setEntities(entities []flow.Entity) {
	a.Entities = entities
	for _, e := range entities {
		if e.Service != "" && !(e.Layer == hostLayer && e.Service == e.Instance) {
			a.ServiceName, a.ServiceInstance, a.ServiceNamespace = e.Service, e.Instance, a.Namespace
			return
		}
	}
}

func labelMap(labels []flow.Label) map[string]string {
	if len(labels) == 0 {
		return nil
	}
	m := make(map[string]string, len(labels))
	for _, l := range labels {
		m[l.Key] = l.Value
	}
	return m
}
