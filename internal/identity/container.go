package identity

import (
	"maps"
	"slices"
	"strings"

	"peerscope/internal/flow"
	"peerscope/internal/redact"
)

// containerRef is what the cgroup of a process tells of its container.
type containerRef struct {
	id      string
	runtime string // a first guess
	user    string // uid of the user whose service manager it is below; empty: the host's
}

// refOf is the container of a process; ok is false if it is in none of which a
// runtime may know more.
func refOf(p *flow.Process) (ref containerRef, ok bool) {
	if !isID(p.Container) {
		return containerRef{}, false
	}
	ref = containerRef{id: p.Container, runtime: p.Runtime}
	for part := range strings.SplitSeq(p.Cgroup, "/") {
		if name, ok := strings.CutPrefix(part, "user-"); ok {
			if uid, ok := strings.CutSuffix(name, ".slice"); ok && uid != "" && strings.Trim(uid, "0123456789") == "" {
				ref.user = uid
			}
		}
	}
	return ref, true
}

// container is what its runtime keeps of a container.
type container struct {
	runtime string
	name    string
	image   string
	tags    []string
	labels  []flow.Label
	pod     flow.Pod
}

const (
	maxContainerText = 256 // bytes that are kept of a name or a value
	maxLabels        = 64  // that are kept of a container
)

// text makes a text of a state file fit to be shown.
func text(s string) string { return cut(printable(s), maxContainerText) }

// setImage takes a reference like registry:5000/shop/web:1.4@sha256:... apart.
// An image that is only known by its digest has no name.
func (c *container) setImage(reference string) {
	name, _, _ := strings.Cut(reference, "@")
	tag := ""
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name, tag = name[:i], name[i+1:]
	}
	if name == "" || name == "sha256" || len(name) >= 12 && isHex(name) {
		return
	}
	c.image = text(name)
	if tag != "" {
		c.tags = []string{text(tag)}
	}
}

// setLabels keeps the labels of a container, sorted, secrets redacted, without
// those of Kubernetes, which say what the pod says.
func (c *container) setLabels(labels map[string]string) {
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		if k == "" || strings.HasPrefix(k, "io.kubernetes.") || strings.HasPrefix(k, "annotation.") {
			continue
		}
		if len(c.labels) == maxLabels {
			return
		}
		c.labels = append(c.labels, flow.Label{Key: text(k), Value: text(labelValue(k, labels[k]))})
	}
	// What is escaped may come to stand elsewhere, or twice.
	slices.SortStableFunc(c.labels, func(a, b flow.Label) int { return strings.Compare(a.Key, b.Key) })
	c.labels = slices.CompactFunc(c.labels, func(a, b flow.Label) bool { return a.Key == b.Key })
}

// withoutSecrets are labels with their secrets redacted.
func withoutSecrets(labels []flow.Label) []flow.Label {
	out := slices.Clone(labels)
	for i := range out {
		out[i].Value = labelValue(out[i].Key, out[i].Value)
	}
	return out
}

// labelValue is a label's value without the secret that it is or holds, not
// longer than is kept.
func labelValue(key, value string) string {
	if len(value) > 4*maxContainerText && redact.Label(key, "x") != redact.Mark {
		value = cut(value, 4*maxContainerText)
	}
	return redact.Label(key, value)
}

// podOf reads the labels that the kubelet gives to the containers it starts, or
// the annotations of a runtime that has the same under other names. A sandbox
// holds the pod together and is no container of it.
func podOf(values map[string]string, uid, name, namespace, container, kind string) flow.Pod {
	p := flow.Pod{UID: text(values[uid]), Name: text(values[name]), Namespace: text(values[namespace])}
	if k := values[kind]; k != "sandbox" && k != "podsandbox" && values[container] != "POD" { // the last is an old name
		p.Container = text(values[container])
	}
	return p
}

// kubeletPod is podOf for the labels of the kubelet.
func kubeletPod(labels map[string]string, kind string) flow.Pod {
	return podOf(labels, "io.kubernetes.pod.uid", "io.kubernetes.pod.name", "io.kubernetes.pod.namespace", "io.kubernetes.container.name", kind)
}

// describe adds to a process what is known of its container. What is not known
// leaves the process as it was.
func (c *container) describe(p *flow.Process) {
	if c.runtime != "" {
		p.Runtime = c.runtime
	}
	p.ContainerName, p.Image, p.ImageTags, p.ContainerLabels = c.name, c.image, c.tags, c.labels
	if !c.pod.IsZero() {
		p.Pod = c.pod
	}
}
