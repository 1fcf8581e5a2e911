package attribution_test

import (
	"testing"

	"peerscope/internal/attribution"
	"peerscope/internal/flow"
)

// sidecarOf is a proxy by its name, in a namespace.
func sidecarOf(ns flow.NetnsID) func(*flow.Process) {
	return func(p *flow.Process) { p.ServiceProxy, p.NetnsInode = true, 4026530000+uint64(ns) }
}

// TestProxyTookWhatHasTheClientsAddressForItsPeer: a redirect leaves the client's
// address and port, and that is enough where nothing tells the translation.
func TestProxyTookWhatHasTheClientsAddressForItsPeer(t *testing.T) {
	var w world
	a, b := w.netns(1, "10.0.0.1"), w.netns(2, "10.0.0.2")
	app, left := w.process(10, "app"), w.process(20, "envoy-a", sidecarOf(a))
	right, web := w.process(30, "envoy-b", sidecarOf(b)), w.process(40, "web")
	w.socket(a, "10.0.0.1:4000 > 10.0.0.2:80", held(app), asClient(1, 2))
	w.socket(a, "127.0.0.1:15001 > 10.0.0.1:4000", held(left), asServer(2, 1))
	w.socket(a, "10.0.0.1:5000 > 10.0.0.2:80", held(left), asClient(1, 2))
	w.socket(b, "10.0.0.2:15006 > 10.0.0.1:5000", held(right), asServer(2, 1))
	w.connection(b, right, b, web, "127.0.0.1:6000 > 127.0.0.1:80")
	w.expect(t,
		"app > envoy-a tcp 15001 | sidecar 1 | syn-byte 1 | active 1 opened 1 | 1/2 dialed 10.0.0.2:80",
		"envoy-b > web tcp 80 | tuple 1 | syn-byte 1 | active 1 opened 1 | 10/20",
		"envoy-a > envoy-b tcp 15006 | sidecar 1 | syn-byte 1 | active 1 opened 1 | 1/2 dialed 10.0.0.2:80")
}

func TestInboundProxyTookWhatWasSentToAnotherPort(t *testing.T) {
	var w world
	a, b := w.netns(1, "10.0.0.1"), w.netns(2, "10.0.0.2")
	app, envoy := w.process(10, "app"), w.process(20, "envoy", sidecarOf(b))
	w.socket(a, "10.0.0.1:4000 > 10.0.0.2:80", held(app), asClient(1, 2))
	w.socket(b, "10.0.0.2:15006 > 10.0.0.1:4000", held(envoy), asServer(2, 1))
	w.expect(t, "app > envoy tcp 15006 | sidecar 1 | syn-byte 1 | active 1 opened 1 | 1/2 dialed 10.0.0.2:80")
}

func TestProxyTookNothing(t *testing.T) {
	const mine, theirs = "10.0.0.1:4000 > 10.0.0.2:80", "127.0.0.1:15001 > 10.0.0.1:4000"
	for name, tell := range map[string]func(w *world, a flow.NetnsID, app, envoy flow.ProcessKey){
		"without the name of a proxy": func(w *world, a flow.NetnsID, app, envoy flow.ProcessKey) {
			w.socket(a, mine, held(app), asClient(1, 2))
			w.socket(a, theirs, held(app), asServer(2, 1))
		},
		"two that fit": func(w *world, a flow.NetnsID, app, envoy flow.ProcessKey) {
			w.socket(a, mine, held(app), asClient(1, 2))
			w.socket(a, theirs, held(envoy), asServer(2, 1))
			w.socket(a, "127.0.0.1:15002 > 10.0.0.1:4000", held(envoy), asServer(2, 1))
		},
		"what ended moved other bytes": func(w *world, a flow.NetnsID, app, envoy flow.ProcessKey) {
			w.socket(a, mine, held(app), died, asClient(100, 200))
			w.socket(a, theirs, held(envoy), died, asServer(20, 10))
		},
		"in another namespace": func(w *world, a flow.NetnsID, app, envoy flow.ProcessKey) {
			w.socket(a, mine, held(app), asClient(1, 2))
			w.socket(2, theirs, held(envoy), asServer(2, 1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			var w world
			a := w.netns(1, "10.0.0.1")
			w.netns(2, "10.0.0.2")
			app, envoy := w.process(10, "app"), w.process(20, "envoy", sidecarOf(a))
			tell(&w, a, app, envoy)
			for _, e := range mapOf(w.obs).Edges {
				if e.Evidence.Peer["sidecar"] > 0 {
					t.Errorf("joined: %+v", e)
				}
			}
		})
	}
}

// TestAppOfAPodReachesItsProxy: what nobody said of an app follows from a proxy in
// its pod, unless that proxy's sockets are seen and none of them is the other end.
func TestAppOfAPodReachesItsProxy(t *testing.T) {
	pod := func(p *flow.Process) { p.InstanceID = "pod-1" }
	for _, tt := range []struct {
		name  string
		where flow.NetnsID // of the proxy
		want  string
	}{
		{"in a namespace that is not read", 7, "app > envoy tcp 443 | sidecar 1 | syn-byte 1 | active 1 opened 1 | 5/6"},
		{"in one that is", 1, "app > 203.0.113.9 tcp 443 | none 1 | syn-byte 1 | active 1 opened 1 | 5/6"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var w world
			ns := w.netns(1, "10.0.0.1")
			app := w.process(10, "app", pod)
			w.process(20, "envoy", pod, sidecarOf(tt.where))
			w.socket(ns, "10.0.0.1:4000 > 203.0.113.9:443", held(app), asClient(5, 6))
			w.expect(t, tt.want)
		})
	}
}

// TestWhatAProxyTookIsExplained: the account of such a connection leads to what the
// map says.
func TestWhatAProxyTookIsExplained(t *testing.T) {
	var w world
	a := w.netns(1, "10.0.0.1")
	app, envoy := w.process(10, "app"), w.process(20, "envoy", sidecarOf(a))
	w.listener(a, "127.0.0.1:15001", envoy)
	w.socket(a, "10.0.0.1:4000 > 10.0.0.2:80", held(app), asClient(1, 2))
	w.socket(a, "127.0.0.1:15001 > 10.0.0.1:4000", held(envoy), asServer(2, 1))
	e, said := attribution.New(attribution.Config{}), emitted{}
	for _, o := range w.obs {
		e.Apply(o)
	}
	e.Close(said.change)
	said.check(t, e)
	for _, list := range accountsOf(e) {
		if list[0].Peer != "sidecar" || len(list) != 1 {
			t.Errorf("explained %+v", list)
		}
	}
}
