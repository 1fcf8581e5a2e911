package flow

import (
	"cmp"
	"fmt"
)

// ProcessKey names a process and is never reused: its pid in the host's pid
// namespace and its start time in clock ticks since boot (field 22 of
// /proc/PID/stat). A pid alone is never a key.
type ProcessKey struct {
	PID   int32  `json:"pid"`
	Start uint64 `json:"start"`
}

// IsZero reports whether k names no process.
func (k ProcessKey) IsZero() bool { return k == ProcessKey{} }

func (k ProcessKey) String() string { return fmt.Sprintf("%d@%d", k.PID, k.Start) }

// Compare orders the older process first, then the smaller pid.
func (k ProcessKey) Compare(o ProcessKey) int {
	if c := cmp.Compare(k.Start, o.Start); c != 0 {
		return c
	}
	return cmp.Compare(k.PID, o.PID)
}

// Process is what is known of a process at one moment. Fields that are not
// known are zero. Command lines are redacted before they get here.
type Process struct {
	Time Time       `json:"time"`
	Key  ProcessKey `json:"key"`

	VPID        int32  `json:"vpid,omitempty"`         // pid in its own pid namespace, if that is another
	Parent      int32  `json:"parent,omitempty"`       // pid of the parent
	Created     Time   `json:"created,omitempty"`      // wall clock of the start
	Name        string `json:"name,omitempty"`         // what people call it: of an interpreter its script, else the program
	Executable  string `json:"executable,omitempty"`   // path of /proc/PID/exe, as the process's own root sees it
	CommandLine string `json:"command_line,omitempty"` // arguments joined by a space, secrets redacted
	Interpreter string `json:"interpreter,omitempty"`  // what runs the script: python, java, nodejs
	Script      string `json:"script,omitempty"`       // file, module or class that it runs, as its arguments say
	UID         uint32 `json:"uid,omitempty"`          // effective user id
	Owner       string `json:"owner,omitempty"`        // user name of UID, else its number
	Cgroup      string `json:"cgroup,omitempty"`       // path below the cgroup root
	Unit        string `json:"unit,omitempty"`         // systemd unit
	NetnsInode  uint64 `json:"netns_inode,omitempty"`  // of /proc/PID/ns/net

	Container       string   `json:"container,omitempty"`        // container id, 64 hex digits where the runtime gives them
	Runtime         string   `json:"runtime,omitempty"`          // of the container: docker, containerd, cri-o, podman
	ContainerName   string   `json:"container_name,omitempty"`   // as its runtime lists it
	Image           string   `json:"image,omitempty"`            // name of the container's image, without its tags
	ImageTags       []string `json:"image_tags,omitempty"`       // sorted
	ContainerLabels []Label  `json:"container_labels,omitempty"` // sorted by key
	Pod             Pod      `json:"pod,omitzero"`

	ExposedPorts  []uint16 `json:"exposed_ports,omitempty"`  // declared by its container or pod
	ServiceProxy  bool     `json:"service_proxy,omitempty"`  // takes the connections of another program of its instance (a sidecar)
	MeshMember    bool     `json:"mesh_member,omitempty"`    // an application whose traffic a proxy of its instance takes
	InstanceID    string   `json:"instance_id,omitempty"`    // what belongs together: a pod, a container group
	Entities      []Entity `json:"entities,omitempty"`       // as which services it is known, possibly several
	InstanceAddrs []string `json:"instance_addrs,omitempty"` // addresses that belong to its instance
}

// Entity is a service identity of a process, in SkyWalking's words.
type Entity struct {
	Layer    string   `json:"layer,omitempty"`
	Service  string   `json:"service,omitempty"`
	Instance string   `json:"instance,omitempty"`
	Process  string   `json:"process,omitempty"`
	Labels   []string `json:"labels,omitempty"`
}
