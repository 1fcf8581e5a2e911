package kubernetes

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"peerscope/internal/flow"
)

// files is what the kubelet's files on this host say of the pods on it. Of those
// it keeps, these are read:
//
//	/var/log/pods/NAMESPACE_POD_UID/CONTAINER/         a folder for the logs of each container
//	/var/log/containers/POD_NAMESPACE_CONTAINER-ID.log a link to the log of each container
//	/var/lib/kubelet/pods/UID/etc-hosts                the pod's addresses, as it sees them
//
// The uid of a static pod is the kubelet's own here, and not that of the API.
type files struct {
	pods       map[string]*filed         // by uid
	containers map[string]filedContainer // by container id
}

// filed is a pod with a folder for its logs.
type filed struct {
	namespace, name, uid string
	addrs                []netip.Addr
	containers           []string
}

type filedContainer struct {
	pod  *filed
	name string
}

func (f *filed) answer(container string) Answer {
	a := Answer{Pod: flow.Pod{UID: f.uid, Name: f.name, Namespace: f.namespace}}
	for _, addr := range f.addrs {
		a.Addrs = append(a.Addrs, addr.String())
	}
	if slices.Contains(f.containers, container) {
		a.Container = container
		p := Pod{HostNetwork: len(f.addrs) == 0}
		for _, name := range f.containers {
			p.Containers = append(p.Containers, Container{Name: name})
		}
		a.Proxies, a.Member = mesh(&p, &Container{Name: container})
	}
	slices.Sort(a.Addrs)
	return a
}

// mostFiled bounds how many entries of a folder are read. A node has some
// hundred pods.
const mostFiled = 16 << 10

// readFiles reads them below a root; "" is this host's. A folder that is not
// there is empty. The error is of the first one that may not be read.
func readFiles(root string) (files, error) {
	f := files{pods: map[string]*filed{}, containers: map[string]filedContainer{}}
	logs := filepath.Join(root, "/var/log/pods")
	names, err := list(logs)
	for _, name := range names {
		p, ok := parseLogFolder(name)
		if !ok {
			continue
		}
		p.containers, _ = list(filepath.Join(logs, name))
		p.addrs = readHosts(filepath.Join(root, "/var/lib/kubelet/pods", p.uid, "etc-hosts"))
		f.pods[p.uid] = p
	}
	links := filepath.Join(root, "/var/log/containers")
	names, err2 := list(links)
	for _, name := range names {
		pod, namespace, container, id, ok := parseLogLink(name)
		if !ok {
			continue
		}
		target, err := os.Readlink(filepath.Join(links, name))
		if err != nil {
			continue
		}
		// .../NAMESPACE_POD_UID/CONTAINER/0.log, on some systems below another folder.
		folder, ok := parseLogFolder(filepath.Base(filepath.Dir(filepath.Dir(target))))
		if !ok || folder.name != pod || folder.namespace != namespace {
			continue
		}
		p := f.pods[folder.uid]
		if p == nil {
			p = folder
			f.pods[p.uid] = p
		}
		f.containers[id] = filedContainer{pod: p, name: container}
	}
	return f, errors.Join(err, err2)
}

// list are the names in a folder, none if it is not there.
func list(folder string) ([]string, error) {
	d, err := os.Open(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the kubelet's files: %w", err)
	}
	defer d.Close()
	names, err := d.Readdirnames(mostFiled)
	if err != nil && !errors.Is(err, io.EOF) {
		return names, fmt.Errorf("read the kubelet's files: %w", err)
	}
	return names, nil
}

// parseLogFolder reads NAMESPACE_POD_UID. None of the three has an underscore.
func parseLogFolder(name string) (*filed, bool) {
	parts := strings.Split(name, "_")
	if len(parts) != 3 || !isName(parts[0]) || !isName(parts[1]) || !isUID(parts[2]) {
		return nil, false
	}
	return &filed{namespace: parts[0], name: parts[1], uid: parts[2]}, true
}

// parseLogLink reads POD_NAMESPACE_CONTAINER-ID.log. Where that would be longer
// than 255 bytes the kubelet cuts the id, which then names nothing.
func parseLogLink(name string) (pod, namespace, container, id string, ok bool) {
	name, ok = strings.CutSuffix(name, ".log")
	parts := strings.Split(name, "_")
	if !ok || len(parts) != 3 {
		return "", "", "", "", false
	}
	i := strings.LastIndexByte(parts[2], '-')
	if i < 0 {
		return "", "", "", "", false
	}
	container, id = parts[2][:i], parts[2][i+1:]
	return parts[0], parts[1], container, id, isName(parts[0]) && isName(parts[1]) && isName(container) && isContainerID(id)
}

// isContainerID: 64 hexadecimal digits, as runtimes of Kubernetes make them.
func isContainerID(s string) bool { return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == "" }

// isUID: 32 hexadecimal digits, with dashes between them or, of a static pod,
// without.
func isUID(s string) bool {
	digits := strings.ReplaceAll(s, "-", "")
	return len(digits) == 32 && len(s) <= 36 && strings.Trim(digits, "0123456789abcdef") == ""
}

// isName: as names of pods, namespaces and containers are made (RFC 1123).
func isName(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' {
			return false
		}
	}
	return s != "" && len(s) <= 253
}

// readHosts reads the addresses of a pod from the file that the kubelet mounts
// into it as /etc/hosts.
func readHosts(name string) []netip.Addr {
	f, err := os.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	return parseHosts(io.LimitReader(f, 64<<10))
}

// parseHosts takes the lines of the pod's own addresses: they stand after those of
// localhost and before an empty line, behind which are those that somebody wished
// for. A pod in its node's network has the node's file below another first line.
func parseHosts(r io.Reader) []netip.Addr {
	lines := bufio.NewScanner(r)
	if !lines.Scan() || lines.Text() != "# Kubernetes-managed hosts file." {
		return nil
	}
	var out []netip.Addr
	for lines.Scan() && lines.Text() != "" {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 || fields[1] == "localhost" || strings.HasPrefix(fields[1], "ip6-") {
			continue
		}
		out = addresses(out, fields[0])
	}
	return out
}
