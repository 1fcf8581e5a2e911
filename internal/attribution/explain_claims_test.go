package attribution_test

import (
	"strings"
	"testing"

	"peerscope/internal/flow"
)

// TestStepsSayWhy: what a rung claims is what the world is. The first connection
// of each world is asked.
func TestStepsSayWhy(t *testing.T) {
	two := func(w *world) (ns, other flow.NetnsID, a, b flow.ProcessKey) {
		return w.netns(1, "10.0.0.1"), w.netns(2, "10.0.0.2"), w.process(10, "a"), w.process(20, "b")
	}
	ends := func(at flow.Time) opt {
		return func(s *flow.Socket) { s.Time, s.Final = start+at, true }
	}
	tests := []struct {
		name        string
		tell        func(w *world)
		about, rule string
		result      flow.Result
		why         string
	}{
		{"a listener whose socket was not told of", func(w *world) {
			ns, other, a, b := two(w)
			w.listener(other, "10.0.0.2:80", b)
			w.socket(ns, "10.0.0.1:4000 > 10.0.0.2:80", held(a), asClient(1, 2))
		}, "peer", "listener", flow.Rejected, "something else was reached"},
		{"a pending connect", func(w *world) {
			ns, other, a, b := two(w)
			w.listener(other, "10.0.0.2:80", b)
			w.socket(ns, "10.0.0.1:4000 > 10.0.0.2:80", held(a), state(flow.SynSent))
		}, "peer", "listener", flow.Matched, "the connect is pending"},
		{"a look that came last", func(w *world) {
			ns, other, a, b := two(w)
			w.listener(other, "10.0.0.2:80", b)
			w.socket(ns, "10.0.0.1:4000 > 10.0.0.2:80", held(a), lastLook, asClient(1, 2))
		}, "peer", "listener", flow.Matched, "first seen by the last look"},
		{"deaths that were missed", func(w *world) {
			ns, other, a, b := two(w)
			w.listener(other, "10.0.0.2:80", b)
			w.tell(&flow.Loss{Reason: flow.LossNetlinkOverrun, Count: 1, Netns: other})
			w.socket(ns, "10.0.0.1:4000 > 10.0.0.2:80", held(a), asClient(1, 2))
		}, "peer", "listener", flow.Matched, "may have been missed in this window"},
		{"a listener that was closed before", func(w *world) {
			ns, other, a, b := two(w)
			w.listener(other, "10.0.0.2:80", b)
			w.socket(other, "10.0.0.2:80", cookie(1), state(flow.Listen), ends(2*second))
			w.socket(ns, "10.0.0.1:4000 > 10.0.0.2:80", held(a), func(s *flow.Socket) {
				s.Time, s.State, s.Final, s.After, s.Errno = start+5*second, flow.Close, true, start+4*second, "ECONNREFUSED"
			})
		}, "peer", "listener", flow.Rejected, "no listener there could take this connection"},
		{"nobody there", func(w *world) {
			ns, _, a, _ := two(w)
			w.socket(ns, "10.0.0.1:4000 > 10.0.0.2:80", held(a), state(flow.SynSent))
		}, "peer", "listener", flow.NothingFound, "nothing listens there"},
		{"an address of nobody", func(w *world) {
			ns, _, a, _ := two(w)
			w.socket(ns, "10.0.0.1:4000 > 203.0.113.9:80", held(a), asClient(1, 2))
		}, "peer", "listener", flow.NothingFound, "lives in no namespace that is known"},
		{"a namespace that is not read", func(w *world) {
			ns, other, a, b := two(w)
			w.tell(&flow.Namespace{ID: 3, Inode: 4026530003, Local: prefixes([]string{"10.0.0.2"})})
			w.connection(ns, a, other, b, "10.0.0.1:4000 > 10.0.0.2:80")
		}, "peer", "tuple", flow.Ambiguous, "whose sockets are not read"},
		{"an address that lives elsewhere", func(w *world) {
			ns, _, a, b := two(w)
			w.socket(ns, "10.0.0.1:4000 > 10.0.0.2:80", held(a), asClient(1, 2))
			w.socket(w.netns(3, "10.0.0.3"), "10.0.0.2:80 > 10.0.0.1:4000", held(b), asServer(2, 1))
		}, "peer", "tuple", flow.Rejected, "none can be the other end"},
		{"several holders", func(w *world) {
			ns, _, a, b := two(w)
			w.socket(ns, "10.0.0.1:4000 > 203.0.113.9:80", held(a, b), asClient(1, 2))
		}, "client", "holder", flow.Matched, "the first stands for it"},
		{"a socket of the kernel", func(w *world) {
			ns, _, _, _ := two(w)
			w.socket(ns, "10.0.0.1:4000 > 203.0.113.9:80", func(s *flow.Socket) { s.Kernel = true }, asClient(1, 2))
		}, "client", "holder", flow.Matched, "the kernel itself"},
		{"a SYN byte that lies", func(w *world) {
			ns, _, a, b := two(w)
			w.listener(ns, "127.0.0.1:80", b)
			w.socket(ns, "127.0.0.1:4000 > 127.0.0.1:80", held(a), asServer(1, 2))
			w.socket(ns, "127.0.0.1:80 > 127.0.0.1:4000", held(b), asServer(2, 1))
		}, "role", "syn-byte", flow.Contradicts, "it says both"},
		{"both ports listened on", func(w *world) {
			ns, _, a, b := two(w)
			w.listener(ns, "127.0.0.1:80", b)
			w.listener(ns, "127.0.0.1:4000", a)
			w.socket(ns, "127.0.0.1:4000 > 127.0.0.1:80", held(a))
			w.socket(ns, "127.0.0.1:80 > 127.0.0.1:4000", held(b))
		}, "role", "listener", flow.Rejected, "both ends talk from a port that is listened on"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var w world
			tt.tell(&w)
			w.explained(t)
			e, _ := engineOf(w.obs)
			for c := range e.Connections(func(flow.EdgeRef) bool { return true }) {
				a := e.Explain(c, func(flow.NodeRef) string { return "" })
				for _, s := range a.Steps {
					if s.About == tt.about && s.Rule == tt.rule {
						if s.Result != tt.result || !strings.Contains(s.Facts.Why, tt.why) {
							t.Errorf("%s %s: %s: %q, want %s: %q\n%s", s.About, s.Rule, s.Result, s.Facts.Why, tt.result, tt.why, steps(a))
						}
						return
					}
				}
				t.Fatalf("no step %s %s:\n%s", tt.about, tt.rule, steps(a))
			}
			t.Fatal("no connection")
		})
	}
}
