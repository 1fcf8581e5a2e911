package identity

// isDataPlane reports whether a program is one that takes the connections of
// others of its pod or node, by the name of its executable: the data planes of
// Istio, Linkerd, ambient Istio and Cilium. A name is a hint: what it allows is
// inferred from sockets, and called inferred.
func isDataPlane(name string) bool {
	switch name {
	case "envoy", "linkerd2-proxy", "ztunnel", "cilium-envoy":
		return true
	}
	return false
}
