package identity

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// Podman, Buildah and CRI-O share a storage, with one list of the containers
// that each driver has.

// storedContainer is an entry of a list. Metadata is JSON in itself.
type storedContainer struct {
	ID       string   `json:"id"`
	Names    []string `json:"names"`
	Metadata string   `json:"metadata"`
}

// storedMetadata is what is used of it; those of CRI-O have the fields from pod-id on.
type storedMetadata struct {
	ImageName string `json:"image-name"`
	Name      string `json:"name"`
	PodID     string `json:"pod-id"`
	PodName   string `json:"pod-name"`
	CRIName   string `json:"metadata-name"`
}

// storageList is a list as it was read last.
type storageList struct {
	stamp stamp
	byID  map[string]storedContainer
}

// stored finds a container in the lists of a storage.
func (r *runtimes) stored(ref containerRef, before stamp) (container, stamp, error) {
	failed := error(fs.ErrNotExist)
	for _, p := range r.storages(ref) {
		for _, driver := range r.dirs.in(p) {
			if !strings.HasSuffix(driver, "-containers") {
				continue
			}
			for _, list := range [...]string{"containers.json", "volatile-containers.json"} { // those of `podman run --rm`
				byID, err := r.list(p, driver+"/"+list)
				if err != nil {
					failed = worse(failed, err)
					continue
				}
				if s, ok := byID[ref.id]; ok {
					return storedIn(p, driver, ref, &s, before)
				}
			}
		}
	}
	return container{}, stamp{}, failed
}

// list reads a list if it has changed since.
func (r *runtimes) list(p place, name string) (map[string]storedContainer, error) {
	key := p.path(name)
	l := r.lists[key]
	var all []storedContainer
	now, err := p.decode(name, l.stamp, &all)
	if errors.Is(err, errUnchanged) {
		return l.byID, nil
	}
	if err != nil {
		delete(r.lists, key)
		return nil, err
	}
	l = storageList{stamp: now, byID: make(map[string]storedContainer, len(all))}
	for _, c := range all {
		l.byID[c.ID] = c
	}
	r.lists[key] = l
	return l.byID, nil
}

// storedIn tells CRI-O's containers, whose pod is in the annotations of their
// config.json, from Podman's, which has all in the list.
func storedIn(p place, driver string, ref containerRef, s *storedContainer, before stamp) (container, stamp, error) {
	var m storedMetadata
	if json.Unmarshal([]byte(s.Metadata), &m) != nil {
		m = storedMetadata{} // Podman's own helpers have none
	}
	if ref.runtime == "cri-o" || m.PodID != "" || m.PodName != "" || m.CRIName != "" {
		var oci ociState
		now, err := p.decode(driver+"/"+ref.id+"/userdata/config.json", before, &oci)
		if err != nil {
			return container{}, now, err
		}
		return crioContainer(oci.Annotations), now, nil
	}
	c := container{runtime: "podman", name: text(m.Name)}
	if len(s.Names) > 0 {
		c.name = text(s.Names[0])
	}
	c.setImage(m.ImageName)
	return c, stamp{}, nil
}

// crioContainer reads the annotations of CRI-O. Labels are those that the
// kubelet gave, as JSON.
func crioContainer(a map[string]string) container {
	const crio = "io.kubernetes.cri-o."
	c := container{runtime: "cri-o"}
	var labels map[string]string
	if json.Unmarshal([]byte(a[crio+"Labels"]), &labels) != nil {
		labels = nil
	}
	c.setLabels(labels)
	c.pod = kubeletPod(labels, "")
	if c.pod.Name == "" {
		c.pod.Name, c.pod.Namespace = text(a[crio+"KubeName"]), text(a[crio+"Namespace"])
	}
	if a[crio+"ContainerType"] == "sandbox" {
		c.pod.Container = ""
		return c
	}
	c.name = c.pod.Container
	c.setImage(cmp.Or(a[crio+"ImageName"], a[crio+"Image"]))
	return c
}

// storages are where a storage may be: for the host, where its configuration
// says; for a user without root, below the home.
func (r *runtimes) storages(ref containerRef) []place {
	if ref.user != "" {
		return r.below(ref.user, ".local/share/containers/storage")
	}
	places := []place{{base: r.root + "/var/lib/containers/storage"}, {base: r.root + "/run/containers/storage"}}
	if b, _, err := (place{base: r.root + "/etc/containers"}).read("storage.conf", stamp{}); err == nil {
		if root := graphRoot(b); root != "" {
			places = slices.Insert(places, 0, place{base: r.root + root})
		}
	}
	return places
}

// graphRoot is the place that a storage.conf (TOML) names, empty if it names none.
func graphRoot(b []byte) string {
	lines := bufio.NewScanner(bytes.NewReader(b))
	for lines.Scan() {
		key, value, ok := strings.Cut(lines.Text(), "=")
		if !ok || strings.TrimSpace(key) != "graphroot" {
			continue
		}
		value, _, _ = strings.Cut(value, "#")
		if root := strings.Trim(strings.TrimSpace(value), `"'`); filepath.IsAbs(root) {
			return filepath.Clean(root)
		}
	}
	return ""
}
