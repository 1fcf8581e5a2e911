package identity

import (
	"errors"
	"io/fs"
	"strings"
)

// ociState is what is used of the config.json that a container is started from
// (OCI runtime specification). Everything runtimes know themselves by is in its
// annotations; its environment is not read.
type ociState struct {
	Annotations map[string]string `json:"annotations"`
}

// containerdStates are where containerd and those that bring their own keep
// what runs; below it are a directory for each namespace, and in it one for
// each container.
var containerdStates = [...]string{
	"/run/containerd", "/run/k3s/containerd", "/run/k0s/containerd", "/var/snap/microk8s/common/run/containerd",
}

const containerdTasks = "io.containerd.runtime.v2.task"

// containerd reads the state of a container. Its own database, where the names
// of images are, is locked by the daemon and not read.
func (r *runtimes) containerd(ref containerRef, before stamp) (container, stamp, error) {
	failed := error(fs.ErrNotExist)
	for _, state := range containerdStates {
		p := place{base: r.root + state, dir: containerdTasks}
		for _, namespace := range r.dirs.in(p) {
			if namespace == "moby" { // Docker's: it knows more
				continue
			}
			var s ociState
			now, err := p.decode(namespace+"/"+ref.id+"/config.json", before, &s)
			switch {
			case err == nil:
				return containerdContainer(s.Annotations), now, nil
			case errors.Is(err, errUnchanged):
				return container{}, now, err
			}
			failed = worse(failed, err)
		}
	}
	return container{}, stamp{}, failed
}

// containerdContainer reads the annotations of its CRI plugin, which serves the
// kubelet, or those of nerdctl.
func containerdContainer(a map[string]string) container {
	const cri = "io.kubernetes.cri."
	c := container{runtime: "containerd"}
	if a[cri+"sandbox-id"] == "" {
		c.name = text(a["nerdctl/name"])
		return c
	}
	c.pod = podOf(a, cri+"sandbox-uid", cri+"sandbox-name", cri+"sandbox-namespace", cri+"container-name", cri+"container-type")
	c.name = c.pod.Container
	c.setImage(strings.TrimPrefix(a[cri+"image-name"], "docker-pullable://"))
	return c
}
