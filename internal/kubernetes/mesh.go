package kubernetes

// proxyPrograms are the programs of a container that take connections, if it is
// one that a service mesh puts beside applications, by the name they give it. The
// other programs of such a container only steer these.
func proxyPrograms(container string) []string {
	switch container {
	case "istio-proxy":
		return []string{"envoy", nodeProxy}
	case "linkerd-proxy":
		return []string{"linkerd2-proxy"}
	case "envoy", "envoy-sidecar", "kuma-sidecar", "consul-dataplane":
		return []string{"envoy"}
	}
	return nil
}

// nodeProxy is the program of Istio that takes the connections of the pods of a
// node. Its container has the name of a sidecar.
const nodeProxy = "ztunnel"

// mesh says what a container is in a mesh, as far as names tell: a hint, no more.
func mesh(p *Pod, c *Container) (programs []string, member bool) {
	if list := proxyPrograms(c.Name); list != nil {
		return list, false
	}
	if c.Setup || p.HostNetwork {
		return nil, false
	}
	for i := range p.Containers {
		if proxyPrograms(p.Containers[i].Name) != nil {
			return nil, true
		}
	}
	return nil, p.Ambient
}
