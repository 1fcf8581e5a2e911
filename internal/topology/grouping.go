package topology

import (
	"cmp"
	"maps"
	"path"
	"slices"
)

// groupName is what a node is grouped by at a level; empty: it stays itself.
func groupName(n *Node, level, host string) string {
	if n.Kind != KindProcess {
		return ""
	}
	a := &n.Attributes
	switch level {
	case "exe":
		name := cmp.Or(a.ExecutablePath, n.Name)
		if a.Script != "" {
			name += " " + a.Script
		}
		return name
	case "unit":
		return a.Unit
	case "container":
		switch {
		case a.PodName != "" && a.PodContainer != "": // whose names are unique in a pod only
			return within(a.Namespace, a.PodName+"/"+a.PodContainer)
		case a.PodName != "" || a.PodUID != "":
			return a.ContainerID
		}
		return cmp.Or(a.ContainerName, a.ContainerID)
	case "pod":
		if a.PodName == "" {
			return a.PodUID
		}
		return within(a.Namespace, a.PodName)
	case "workload":
		if kind, name := a.workload(); name != "" {
			return within(a.Namespace, kind+"/"+name)
		}
	case "service":
		if a.ServiceName != "" {
			return within(a.ServiceNamespace, a.ServiceName)
		}
		if a.KubeService != "" {
			return within(a.Namespace, a.KubeService)
		}
	case "host":
		return host
	}
	return ""
}

// within qualifies a name that is unique within a namespace only.
func within(namespace, name string) string {
	if namespace == "" {
		return name
	}
	return namespace + "/" + name
}

// workload is the outermost owner of a pod: what people made, and not what was
// made of it.
func (a *Attributes) workload() (kind, name string) {
	for _, w := range [...][2]string{{"deployment", a.Deployment}, {"statefulset", a.StatefulSet}, {"daemonset", a.DaemonSet},
		{"cronjob", a.CronJob}, {"job", a.Job}, {"replicaset", a.ReplicaSet}} {
		if w[1] != "" {
			return w[0], w[1]
		}
	}
	return "", ""
}

// groupLabel is what people call the group that a node belongs to.
func groupLabel(n *Node, level, name string) string {
	a := &n.Attributes
	switch level {
	case "exe":
		if a.Script != "" {
			return n.Name
		}
		return path.Base(name)
	case "container":
		if label := cmp.Or(a.ContainerName, a.PodContainer); label != "" {
			return label
		}
		return name[:min(12, len(name))]
	case "pod":
		return cmp.Or(a.PodName, a.PodUID)
	case "workload":
		_, label := a.workload()
		return label
	case "service":
		return cmp.Or(a.ServiceName, a.KubeService)
	}
	return name
}

// groupAttributes are those that the members of a group may share because of
// what the group is.
func groupAttributes(n *Node, level string) Attributes {
	a := &n.Attributes
	switch level {
	case "exe":
		return Attributes{ExecutableName: a.ExecutableName, ExecutablePath: a.ExecutablePath, Interpreter: a.Interpreter, Script: a.Script}
	case "unit":
		return Attributes{Unit: a.Unit}
	case "container":
		g := podAttributes(a)
		g.ContainerID, g.Runtime, g.PodContainer = a.ContainerID, a.Runtime, a.PodContainer
		g.ContainerName, g.Image, g.ImageTags, g.ContainerLabels = a.ContainerName, a.Image, slices.Clone(a.ImageTags), a.ContainerLabels
		return g
	case "pod":
		return podAttributes(a)
	case "workload":
		return Attributes{Namespace: a.Namespace, ReplicaSet: a.ReplicaSet, Deployment: a.Deployment, StatefulSet: a.StatefulSet,
			DaemonSet: a.DaemonSet, Job: a.Job, CronJob: a.CronJob}
	case "service":
		return Attributes{ServiceName: a.ServiceName, ServiceNamespace: a.ServiceNamespace, Namespace: a.Namespace, KubeService: a.KubeService}
	}
	return Attributes{}
}

func podAttributes(a *Attributes) Attributes {
	return Attributes{Namespace: a.Namespace, PodName: a.PodName, PodUID: a.PodUID, NodeName: a.NodeName, ReplicaSet: a.ReplicaSet,
		Deployment: a.Deployment, StatefulSet: a.StatefulSet, DaemonSet: a.DaemonSet, Job: a.Job, CronJob: a.CronJob,
		KubeService: a.KubeService, PodLabels: a.PodLabels}
}

// agree takes out what another member has otherwise: containers of one name
// follow each other, pods of one deployment have several replica sets.
func (a *Attributes) agree(b *Attributes) {
	for _, p := range [...]struct{ mine, other *string }{
		{&a.ExecutableName, &b.ExecutableName}, {&a.ExecutablePath, &b.ExecutablePath}, {&a.Interpreter, &b.Interpreter}, {&a.Script, &b.Script},
		{&a.Owner, &b.Owner}, {&a.NetnsName, &b.NetnsName}, {&a.Unit, &b.Unit}, {&a.ContainerID, &b.ContainerID}, {&a.Runtime, &b.Runtime}, {&a.ContainerName, &b.ContainerName}, {&a.Image, &b.Image},
		{&a.Namespace, &b.Namespace}, {&a.PodName, &b.PodName}, {&a.PodUID, &b.PodUID}, {&a.PodContainer, &b.PodContainer}, {&a.NodeName, &b.NodeName},
		{&a.ReplicaSet, &b.ReplicaSet}, {&a.Deployment, &b.Deployment}, {&a.StatefulSet, &b.StatefulSet}, {&a.DaemonSet, &b.DaemonSet},
		{&a.Job, &b.Job}, {&a.CronJob, &b.CronJob}, {&a.KubeService, &b.KubeService},
		{&a.ServiceName, &b.ServiceName}, {&a.ServiceNamespace, &b.ServiceNamespace},
	} {
		if *p.mine != *p.other {
			*p.mine = ""
		}
	}
	if a.NetnsInode != b.NetnsInode {
		a.NetnsInode = 0
	}
	a.Exited = a.Exited && b.Exited
	a.ExitTime, a.ExitCode, a.ExitSignal = "", nil, 0 // each has its own
	a.AddressLocal = a.AddressLocal || b.AddressLocal
	if !slices.Equal(a.ImageTags, b.ImageTags) {
		a.ImageTags = nil
	}
	if !maps.Equal(a.ContainerLabels, b.ContainerLabels) {
		a.ContainerLabels = nil
	}
	if !maps.Equal(a.PodLabels, b.PodLabels) {
		a.PodLabels = nil
	}
}
