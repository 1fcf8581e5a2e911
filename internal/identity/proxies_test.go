package identity

import (
	"testing"

	"peerscope/internal/flow"
)

// TestDataPlanes: the program that a process runs tells, and not what it calls
// itself or is an argument of.
func TestDataPlanes(t *testing.T) {
	f := func(executable, cmdline string, want bool) {
		t.Helper()
		var p flow.Process
		b := []byte(cmdline)
		setProgram(&p, "comm", executable, b, readArguments(b, false))
		if p.ServiceProxy != want {
			t.Errorf("%s %q: service proxy %v, want %v", executable, cmdline, p.ServiceProxy, want)
		}
	}
	f("/usr/local/bin/envoy", "/usr/local/bin/envoy\x00-c\x00etc/istio/proxy/envoy-rev.json\x00", true)
	f("/usr/lib/linkerd/linkerd2-proxy", "/usr/lib/linkerd/linkerd2-proxy\x00", true)
	f("/usr/local/bin/ztunnel", "/usr/local/bin/ztunnel\x00proxy\x00ztunnel\x00", true)
	f("/usr/bin/cilium-envoy", "", true)
	f("/usr/local/bin/pilot-agent", "/usr/local/bin/pilot-agent\x00proxy\x00sidecar\x00", false) // it starts an Envoy
	f("/usr/bin/vi", "vi\x00envoy\x00", false)
	f("/usr/bin/python3", "envoy\x00", false)
	f("", "", false)
}
