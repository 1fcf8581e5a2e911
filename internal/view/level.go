package view

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"peerscope/internal/topology"
)

// levels says what a node of the map is at each level.
type levels struct{ host string }

// chain is what a level falls back to, one after the other, for what it does
// not name.
func chain(level string) []string {
	all := Levels()
	i := slices.Index(all, level)
	if level == LevelNamespace { // a host is no part of a namespace, but the next best
		return []string{LevelNamespace, LevelHost}
	}
	out := slices.Clone(all[1 : i+1])
	slices.Reverse(out)
	return out
}

// at is the node that n belongs to at a level; false: it stays itself.
func (l levels) at(n *topology.Node, chain []string) (topology.Node, bool) {
	for _, level := range chain {
		id, name := l.name(n, level)
		if id == "" {
			continue
		}
		g := topology.Node{ID: clean(id), Kind: level, Name: name, Attributes: shared(&n.Attributes)}
		if g.Kind == LevelProgram {
			g.Kind = KindProgram
		}
		return g, true
	}
	return topology.Node{}, false
}

// id is only the id of what n is at a level.
func (l levels) id(n *topology.Node, chain []string) string {
	for _, level := range chain {
		if id, _ := l.name(n, level); id != "" {
			return clean(id)
		}
	}
	return n.ID
}

// name is the id and name of what a node belongs to at one level; empty: nothing.
func (l levels) name(n *topology.Node, level string) (id, name string) {
	a := &n.Attributes
	switch level {
	case LevelProgram:
		if n.Kind == topology.KindProcess {
			return n.Program(), n.Name
		}
	case LevelContainer:
		return container(n)
	case LevelPod:
		if name := cmp.Or(a.PodName, a.PodUID); name != "" {
			return "pod:" + join(a.Namespace, name), name
		}
	case LevelWorkload:
		if name := a.Workload(); name != "" {
			return "workload:" + join(a.Namespace, name), name
		}
	case LevelNamespace:
		switch {
		case a.Namespace != "":
			return "namespace:" + a.Namespace, a.Namespace
		case a.NetnsName != "":
			return "netns:" + a.NetnsName, a.NetnsName
		}
	case LevelHost:
		if name := l.hostOf(n); name != "" {
			return "host:" + name, name
		}
	}
	return "", ""
}

// container is the container of a process, else its systemd unit. Of a
// container in a pod the name is unique in that pod only.
func container(n *topology.Node) (id, name string) {
	a := &n.Attributes
	switch {
	case n.Kind != topology.KindProcess && n.Kind != KindProgram:
		return "", ""
	case a.PodName != "" && a.PodContainer != "":
		return "container:" + join(a.Namespace, a.PodName, a.PodContainer), a.PodContainer
	case a.PodName == "" && a.PodUID == "" && a.ContainerName != "":
		return "container:" + a.ContainerName, a.ContainerName
	case a.ContainerID != "":
		return "container:" + a.ContainerID, cmp.Or(a.ContainerName, a.PodContainer, a.ContainerID[:min(12, len(a.ContainerID))])
	case a.Unit != "" && a.NetnsName != "":
		return "unit:" + a.Unit + "@" + a.NetnsName, a.Unit
	case a.Unit != "":
		return "unit:" + a.Unit, a.Unit
	}
	return "", ""
}

// hostOf is the host that a node is on; empty: not known, or outside. What has a
// process is on the observed host, whatever Kubernetes calls that.
func (l levels) hostOf(n *topology.Node) string {
	if ours(n) {
		return l.host
	}
	return n.Attributes.NodeName
}

// ours: the node is on the observed host. A group of pods of which only the
// addresses are known is not.
func ours(n *topology.Node) bool {
	switch n.Kind {
	case topology.KindAddress:
		return n.Attributes.AddressLocal
	case topology.KindProcess, topology.KindKernel, KindProgram:
		return true
	}
	return n.Attributes.Processes > 0 || n.Attributes.AddressLocal
}

// shared are the attributes that several processes of one node can have in
// common. What they do not agree on is taken out when they become one.
func shared(a *topology.Attributes) topology.Attributes {
	s := *a
	s.PeerAddress, s.PID, s.VPID, s.Created, s.CommandLine, s.ParentPID, s.Cgroup = "", 0, 0, "", "", 0, ""
	s.KubeServices, s.ServiceInstance, s.Entities, s.Listens = nil, "", nil, nil
	s.Proxy, s.ProxyUnjoined, s.Members, s.Processes = "", 0, nil, 0
	return s
}

func join(parts ...string) string {
	parts = slices.DeleteFunc(parts, func(p string) bool { return p == "" })
	return strings.Join(parts, "/")
}

// program is the name of the executable that a node runs, for rules that know
// some by name.
func program(n *topology.Node) string {
	return cmp.Or(n.Attributes.ExecutableName, path.Base(n.Attributes.ExecutablePath))
}
