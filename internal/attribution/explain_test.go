package attribution_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"peerscope/internal/attribution"
	"peerscope/internal/flow"
	"peerscope/internal/topology"
)

// accountsOf are all accounts of a closed window, by edge.
func accountsOf(e *attribution.Engine) map[flow.EdgeRef][]*flow.Account {
	out := map[flow.EdgeRef][]*flow.Account{}
	for c := range e.Connections(func(flow.EdgeRef) bool { return true }) {
		out[c.Edge] = append(out[c.Edge], e.Explain(c, func(n flow.NodeRef) string { return fmt.Sprint(n) }))
	}
	return out
}

// emitted counts what Close emits: by edge, evidence and state.
type emitted map[string]int

func (m emitted) add(edge flow.EdgeRef, peer, role, state string, n int) {
	k := fmt.Sprintf("edge %d peer %s role %s %s", edge, peer, role, state)
	if m[k] += n; m[k] == 0 {
		delete(m, k)
	}
}

func (m emitted) change(c *flow.Change) {
	peer, role := c.Peer.String(), c.Role.String()
	m.add(c.Edge, peer, role, "open", int(c.Active))
	m.add(c.Edge, peer, role, "pending", int(c.Pending))
	if c.Closed {
		m.add(c.Edge, peer, role, "closed", 1)
	}
	if c.Failed {
		m.add(c.Edge, peer, role, "failed", 1)
	}
}

// check demands that accounts say what was emitted, and that the steps lead there.
func (m emitted) check(t *testing.T, e *attribution.Engine) {
	t.Helper()
	said := emitted{}
	for edge, list := range accountsOf(e) {
		for _, a := range list {
			said.add(edge, a.Peer, a.Role, a.State, 1)
			if why := unproven(a); why != "" {
				t.Errorf("%s (%s): %s\n%s", a.Line, a.State, why, steps(a))
			}
		}
	}
	if d := cmp.Diff(m, said); d != "" {
		t.Errorf("(-emitted +explained):\n%s", d)
	}
}

// unproven is what the conclusion of an account lacks in its steps.
func unproven(a *flow.Account) string {
	var peers, ambiguous, roles []string
	for _, s := range a.Steps {
		switch {
		case s.Rule == "earlier":
			return s.Facts.Why
		case s.About == flow.AboutRole && s.Result == flow.Matched:
			roles = append(roles, s.Rule)
		case s.About == flow.AboutRole || s.Rule == flow.RuleHolder:
		case s.Result == flow.Matched:
			peers = append(peers, s.Rule)
		case s.Result == flow.Ambiguous:
			ambiguous = append(ambiguous, s.Rule)
		}
	}
	switch {
	case a.Role == "none" && len(roles) > 0 || a.Role != "none" && !slices.Equal(roles, []string{a.Role}):
		return fmt.Sprintf("steps decide the role by %v, it is %s", roles, a.Role)
	case a.Peer == "ambiguous" && ambiguous == nil:
		return "no step is ambiguous"
	case a.Peer == "none" && len(slices.DeleteFunc(peers, func(r string) bool { return r == "listener" })) > 0:
		return fmt.Sprintf("steps find a peer by %v, there is none", peers)
	case a.Peer != "none" && a.Peer != "ambiguous" && !slices.Contains(peers, a.Peer):
		return fmt.Sprintf("steps find a peer by %v, it is %s", peers, a.Peer)
	}
	return ""
}

func steps(a *flow.Account) string {
	var b strings.Builder
	for _, s := range a.Steps {
		fmt.Fprintf(&b, "  %s %s: %s: %s %v\n", s.About, s.Rule, s.Result, s.Facts.Why, s.Facts.Votes)
	}
	return b.String()
}

// explained checks the accounts of a world.
func (w *world) explained(t *testing.T) {
	t.Helper()
	e, m := attribution.New(attribution.Config{}), emitted{}
	for _, o := range w.obs {
		e.Apply(o)
	}
	e.Close(m.change)
	m.check(t, e)
}

// The account is the truth: what it concludes is what Close emitted, and its own
// steps lead there.
func TestAccountsSayWhatWasDecided(t *testing.T) {
	for seed := range uint64(150) {
		randomWorld(seed, 30).explained(t)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// Asking changes nothing: a run that is asked at every window gives the maps of
// one that is not.
func TestExplainingChangesNothing(t *testing.T) {
	for seed := range uint64(40) {
		w := randomWorld(seed, 30)
		run := func(ask bool) [][]string {
			e, l := attribution.New(attribution.Config{}), topology.NewLedger()
			var out [][]string
			for i := range 3 {
				for _, o := range w.obs[len(w.obs)*i/3 : len(w.obs)*(i+1)/3] {
					e.Apply(o)
				}
				e.Close(l.Add)
				if ask {
					accountsOf(e)
				}
				out = append(out, edgesOf(factsOf(e, l)))
				l.Reset()
			}
			return out
		}
		if d := cmp.Diff(run(false), run(true)); d != "" {
			t.Fatalf("seed %d (-not asked +asked):\n%s", seed, d)
		}
	}
}

// Over several windows every connection is listed in those in which it counts.
func TestConnectionsOfEachWindow(t *testing.T) {
	for seed := range uint64(40) {
		w := steadyWorld(seed)
		e := attribution.New(attribution.Config{})
		open := emitted{}
		for i := range 4 {
			for _, o := range w.obs[len(w.obs)*i/4 : len(w.obs)*(i+1)/4] {
				e.Apply(o)
			}
			ended := emitted{}
			e.Close(func(c *flow.Change) {
				open.add(c.Edge, c.Peer.String(), c.Role.String(), "open", int(c.Active))
				c.Active = 0
				ended.change(c)
			})
			said, want := emitted{}, emitted{}
			for k, n := range open {
				want[k] = n
			}
			for k, n := range ended {
				want[k] = n
			}
			for edge, list := range accountsOf(e) {
				for _, a := range list {
					said.add(edge, a.Peer, a.Role, a.State, 1)
				}
			}
			if d := cmp.Diff(want, said); d != "" {
				t.Fatalf("seed %d window %d (-emitted +explained):\n%s", seed, i, d)
			}
		}
	}
}
