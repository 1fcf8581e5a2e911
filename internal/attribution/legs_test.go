package attribution_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/attribution"
	"peerscope/internal/flow"
	proxies "peerscope/internal/mesh"
	"peerscope/internal/topology"
)

// legLines writes legs as "app > envoy 15001 asked 10.0.0.2:80 at 127.0.0.1:15001
// near | 10/20 | opened active", sorted.
func legLines(e *attribution.Engine) []string {
	name := func(n flow.NodeRef) string {
		node := e.Node(n)
		if node.Kind == flow.NodeProcess {
			return node.Process.Name
		}
		return node.Addr.String()
	}
	var out []string
	for _, h := range e.Legs() {
		line := fmt.Sprintf("%s > %s %d asked %v at %v", name(h.Client), name(h.Server), h.ServerPort, h.Asked, h.At)
		for _, f := range []struct {
			is   bool
			word string
		}{{h.Foreign, "foreign"}, {h.Home, "home"}, {h.Near, "near"}} {
			if f.is {
				line += " " + f.word
			}
		}
		line += fmt.Sprintf(" | %d/%d |", h.ToServer.Value, h.ToClient.Value)
		for _, f := range []struct {
			is   bool
			word string
		}{{h.Opened, "opened"}, {h.Closed, "closed"}, {h.Active, "active"}} {
			if f.is {
				line += " " + f.word
			}
		}
		out = append(out, line)
	}
	slices.Sort(out)
	return out
}

// sidecarWorld is an app whose calls a proxy takes, and one that calls by itself.
func sidecarWorld() *world {
	var w world
	a, b := w.netns(1, "10.0.0.1"), w.netns(2, "10.0.0.2")
	app, envoy, web, other := w.process(10, "app"), w.process(20, "envoy"), w.process(30, "web"), w.process(40, "other")
	w.socket(a, "10.0.0.1:4000 > 10.0.0.2:80", held(app), sequence(99, 500), asClient(5, 6))
	w.socket(a, "127.0.0.1:15001 > 10.0.0.1:4000", held(envoy), sequence(500, 100), asServer(6, 5))
	w.connection(a, envoy, b, web, "10.0.0.1:5000 > 10.0.0.2:80")
	w.connection(a, other, b, web, "10.0.0.1:5001 > 10.0.0.2:80")
	return &w
}

func TestLegsAreThoseOfProcessesThatAreCalledAndCall(t *testing.T) {
	w := sidecarWorld()
	e := attribution.New(attribution.Config{Legs: true})
	l := topology.NewLedger()
	window := func(tell func()) []string {
		w.obs = nil
		tell()
		for _, o := range w.obs {
			e.Apply(o)
		}
		e.Close(l.Add)
		return legLines(e)
	}
	first := w.obs
	steps := []struct {
		tell func()
		want []string
	}{
		{func() { w.obs = first }, []string{
			"app > envoy 15001 asked 10.0.0.2:80 at 127.0.0.1:15001 near | 5/6 | opened active",
			"envoy > web 80 asked 10.0.0.2:80 at 10.0.0.2:80 home | 10/20 | opened active",
		}},
		{func() {}, []string{ // what did not change is kept
			"app > envoy 15001 asked 10.0.0.2:80 at 127.0.0.1:15001 near | 5/6 | active",
			"envoy > web 80 asked 10.0.0.2:80 at 10.0.0.2:80 home | 10/20 | active",
		}},
		{func() { // payload is that of the whole life
			w.socket(1, "10.0.0.1:4000 > 10.0.0.2:80", cookie(1), at(3*second), sequence(99, 500), asClient(50, 60))
			w.socket(1, "127.0.0.1:15001 > 10.0.0.1:4000", cookie(2), at(3*second), sequence(500, 100), asServer(60, 50))
		}, []string{
			"app > envoy 15001 asked 10.0.0.2:80 at 127.0.0.1:15001 near | 50/60 | active",
			"envoy > web 80 asked 10.0.0.2:80 at 10.0.0.2:80 home | 10/20 | active",
		}},
		{func() {
			w.socket(1, "10.0.0.1:5000 > 10.0.0.2:80", cookie(3), at(4*second), died, asClient(10, 20))
			w.socket(2, "10.0.0.2:80 > 10.0.0.1:5000", cookie(4), at(4*second), died, asServer(20, 10))
		}, []string{
			"app > envoy 15001 asked 10.0.0.2:80 at 127.0.0.1:15001 near | 50/60 | active",
			"envoy > web 80 asked 10.0.0.2:80 at 10.0.0.2:80 home | 10/20 | closed",
		}},
		{func() {}, nil}, // it calls nobody any more
	}
	for i, s := range steps {
		if diff := cmp.Diff(s.want, window(s.tell)); diff != "" {
			t.Errorf("window %d (-want +got):\n%s", i, diff)
		}
	}
}

func TestLegsOfATransparentProxy(t *testing.T) {
	var w world
	c, r, s := throughRouter(&w)
	app, proxy, web := w.process(10, "app"), w.process(20, "proxy"), w.process(30, "web")
	w.socket(c, "10.0.1.2:4000 > 10.0.2.2:80", held(app), sequence(99, 500), asClient(1, 2))
	w.socket(r, "10.0.2.2:80 > 10.0.1.2:4000", held(proxy), sequence(500, 100), asServer(2, 1))
	w.connection(r, proxy, s, web, "10.0.2.1:5000 > 10.0.2.2:80")
	e := attribution.New(attribution.Config{Legs: true})
	for _, o := range w.obs {
		e.Apply(o)
	}
	e.Close(func(*flow.Change) {})
	want := []string{
		"app > proxy 80 asked 10.0.2.2:80 at 10.0.2.2:80 foreign | 1/2 | opened active",
		"proxy > web 80 asked 10.0.2.2:80 at 10.0.2.2:80 home | 10/20 | opened active",
	}
	if diff := cmp.Diff(want, legLines(e)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestLegsChangeNoEdge: what is inferred stands beside the edges, whatever the
// world, and the order of the observations matters to neither.
func TestLegsChangeNoEdge(t *testing.T) {
	for seed := range uint64(30) {
		w := randomWorld(seed, 60)
		play := func(legs bool, obs []flow.Observation) ([]string, []string, uint64) {
			e, l := attribution.New(attribution.Config{Legs: legs}), topology.NewLedger()
			for _, o := range obs {
				e.Apply(o)
			}
			e.Close(l.Add)
			f := topology.Facts{}
			if legs {
				logical := proxies.Collapse(e.Legs(), func(flow.NodeRef) bool { return true })
				f.Logical = &logical
			}
			m := l.Map(e, f)
			var beside []string
			for _, x := range m.Logical {
				beside = append(beside, fmt.Sprintf("%+v", x))
			}
			return edgesOf(m), beside, m.Capture.Unattributed.Connections
		}
		want, _, lost := play(false, w.obs)
		got, beside, gotLost := play(true, w.obs)
		if diff := cmp.Diff(want, got); diff != "" || lost != gotLost {
			t.Fatalf("seed %d (-without +with):\n%s", seed, diff)
		}
		rand.Shuffle(len(w.obs), func(i, j int) { w.obs[i], w.obs[j] = w.obs[j], w.obs[i] })
		_, again, _ := play(true, w.obs)
		if diff := cmp.Diff(beside, again); diff != "" {
			t.Fatalf("seed %d, in another order (-first +second):\n%s", seed, diff)
		}
	}
}
