package mesh

// Known reports whether that is the name of a program which mainly passes on what
// it takes, and makes few connections of its own. A name is a hint: it lets weaker
// signs do, and joins nothing by itself.
func Known(name string) bool {
	switch name {
	case "envoy", "cilium-envoy", "linkerd2-proxy", "ztunnel", // data planes of meshes
		"docker-proxy", "rootlessport", "rootlesskit", // ports of containers
		"haproxy", "nginx", "traefik", "varnishd", "squid", "stunnel", "stunnel4", "socat", "pgbouncer":
		return true
	}
	return false
}
