package identity

import (
	"bytes"
	"strings"
)

// Cgroup is what the place of a process in the cgroup tree says about it.
type Cgroup struct {
	Path      string // below the cgroup root
	Unit      string // innermost systemd service or scope, as systemd writes it
	Container string // id, or the name where the runtime has names only
	Runtime   string // docker, containerd, cri-o, podman, lxc, systemd-nspawn; empty: not known
}

// ParseCgroup reads /proc/PID/cgroup (cgroups(7)): a line
// hierarchy:controllers:path for each hierarchy, the one of version 2 as
// 0::path.
//
// All of the result is of one line: the best one that names a container, else
// the best one below the root. On hosts with both versions the runtime often
// moves a process in version 1 only, and its 0:: line is that of the daemon
// that started it.
func ParseCgroup(b []byte) Cgroup {
	var best Cgroup
	bestRank := -1
	for line := range bytes.Lines(b) {
		_, rest, ok := bytes.Cut(bytes.TrimRight(line, "\n"), []byte{':'})
		controllers, path, ok2 := bytes.Cut(rest, []byte{':'})
		if !ok || !ok2 || len(path) == 0 {
			continue
		}
		c := cgroupOf(string(path))
		rank := cgroupRank(string(controllers))
		if c.Path != "/" {
			rank += 10
		}
		if c.Container != "" {
			rank += 10
		}
		if rank > bestRank {
			best, bestRank = c, rank
		}
	}
	return best
}

// cgroupRank orders the hierarchies: version 2, systemd's own, then the
// controllers that every runtime sets. Of equals the first line counts.
func cgroupRank(controllers string) int {
	switch {
	case controllers == "":
		return 3
	case controllers == "name=systemd":
		return 2
	}
	for c := range strings.SplitSeq(controllers, ",") {
		if c == "memory" || c == "pids" || c == "cpu" {
			return 1
		}
	}
	return 0
}

// cgroupOf reads one path.
func cgroupOf(path string) Cgroup {
	path = printable(strings.TrimSuffix(path, " (deleted)")) // a group that was removed
	c := Cgroup{Path: path}
	// Innermost first: a container inside a container is the inner one.
	for rest := path; rest != ""; {
		i := strings.LastIndexByte(rest, '/')
		segment := rest[i+1:]
		rest = rest[:max(i, 0)]
		if c.Unit == "" && isUnit(segment) {
			c.Unit = segment
		}
		if c.Container == "" {
			c.Container, c.Runtime = containerOf(segment, rest)
		}
	}
	return c
}

// isUnit reports whether a segment is a systemd service or scope.
func isUnit(segment string) bool {
	for _, suffix := range [...]string{".service", ".scope"} {
		if strings.HasSuffix(segment, suffix) && len(segment) > len(suffix) {
			return true
		}
	}
	return false
}

// runtimePrefixes are how the runtimes begin the name of a container's group.
// What they begin a monitor's with (crio-conmon-, libpod-conmon-) leaves no id
// after one of these, so it is no container.
var runtimePrefixes = [...]struct{ prefix, runtime string }{
	{"docker-", "docker"},
	{"cri-containerd-", "containerd"},
	{"containerd-", "containerd"},
	{"nerdctl-", "containerd"},
	{"crio-", "cri-o"},
	{"libpod-payload-", "podman"}, // below a service of systemd (cgroups=split)
	{"libpod-", "podman"},
}

// containerOf says which container a segment below the path parent stands for.
func containerOf(segment, parent string) (id, runtime string) {
	name := strings.TrimSuffix(segment, ".scope")
	for _, p := range runtimePrefixes {
		if id, ok := strings.CutPrefix(name, p.prefix); ok && isID(id) {
			return id, p.runtime
		}
	}
	// slice:prefix:id is what runc makes of a systemd path when it manages the
	// groups itself.
	if i := strings.LastIndexByte(name, ':'); i >= 0 && isID(name[i+1:]) {
		prefix := name[strings.LastIndexByte(name[:i], ':')+1 : i]
		return name[i+1:], runtimeOfPrefix(prefix)
	}
	if isID(name) {
		return name, runtimeOfParent(parent)
	}
	if id, ok := ecsTask(name, parent); ok {
		return id, ""
	}
	return machineOf(segment, parent)
}

// runtimeOfPrefix names the runtime by the middle part of slice:prefix:id.
func runtimeOfPrefix(prefix string) string {
	for _, p := range runtimePrefixes {
		if prefix == strings.TrimSuffix(p.prefix, "-") {
			return p.runtime
		}
	}
	return ""
}

// runtimeOfParent names the runtime of a group that is called by its id alone.
func runtimeOfParent(parent string) string {
	last := parent[strings.LastIndexByte(parent, '/')+1:]
	switch {
	case last == "docker", strings.HasPrefix(parent, "/ecs/"):
		return "docker"
	case last == "libpod_parent":
		return "podman"
	case last == "default", last == "k8s.io": // namespaces of containerd
		return "containerd"
	case strings.Contains(parent, "kubepods"):
		// Docker behind Kubernetes (before 1.24, or with cri-dockerd) writes the
		// same path; CRI-O and systemd-driven runtimes do not.
		return "containerd"
	}
	return ""
}

// isID reports whether s is a container id as all runtimes of the OCI family
// make it: 64 hexadecimal digits.
func isID(s string) bool { return len(s) == 64 && isHex(s) }

func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return s != ""
}

// ecsTask reads the groups of AWS Fargate: /ecs/TASK/TASK-NUMBER.
func ecsTask(name, parent string) (string, bool) {
	task, number, ok := strings.Cut(name, "-")
	if !ok || len(task) != 32 || !isHex(task) || !strings.HasSuffix(parent, "/"+task) {
		return "", false
	}
	_, valid := parseUint([]byte(number))
	return name, valid
}

// machineOf reads the groups of system containers, which have names.
func machineOf(segment, parent string) (name, runtime string) {
	last := parent[strings.LastIndexByte(parent, '/')+1:]
	if name, ok := strings.CutPrefix(segment, "lxc.payload."); ok && name != "" { // since LXC 4.0
		return name, "lxc"
	}
	if last == "lxc" || last == "lxc.payload" {
		return segment, "lxc"
	}
	if name, ok := strings.CutPrefix(segment, "systemd-nspawn@"); ok {
		if name, ok := strings.CutSuffix(name, ".service"); ok && name != "" {
			return unescape(name), "systemd-nspawn"
		}
	}
	if name, ok := strings.CutPrefix(segment, "machine-"); ok && last == "machine.slice" {
		name, ok := strings.CutSuffix(name, ".scope")
		name = unescape(name)
		switch {
		case !ok || name == "" || strings.HasPrefix(name, "qemu-"): // a virtual machine of libvirt
			return "", ""
		case strings.HasPrefix(name, "lxc-"): // libvirt's own: lxc-PID-NAME
			return name, "libvirt-lxc"
		}
		return name, "systemd-nspawn"
	}
	return "", ""
}

// unescape writes the \x2d of a systemd name as the dash it stands for. Other
// escapes stay: they may stand for what is not printable.
func unescape(s string) string { return strings.ReplaceAll(s, `\x2d`, "-") }
